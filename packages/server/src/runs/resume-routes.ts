/** Calls to the addresses at which steps wait: each becomes a row in the inbox of its run, once. */
import Router from '@koa/router';
import { findStep, isStopped } from '@plugboard/engine';
import { type Database, type LeasedOwnership, inWorkspace, isUuid } from '@plugboard/persistence';
import { type Runner, signalOf } from '@plugboard/runner';
import type { Json, JsonObject } from '@plugboard/sdk';
import type { Context } from 'koa';
import { parseBody, readBody } from '../edge/read-body.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { ProblemCode } from '../operation/problems.ts';
import { RESUME_PREFIX, type ResumeAddress } from './resume-address.ts';
import type { StoredRuns } from './stored-runs.ts';

export interface ResumeRoutesOptions {
  readonly database: Database;
  readonly addresses: ResumeAddress;
  readonly stored: StoredRuns;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly runner: Pick<Runner, 'wake'>;
  readonly systemPrincipalId: string;
  /** Bytes. */
  readonly bodyLimit: () => number;
}

export function resumeRoutes(options: ResumeRoutesOptions): Router {
  const { database, addresses, stored, ownership, runner, systemPrincipalId } = options;
  const router = new Router({ prefix: RESUME_PREFIX, sensitive: true, strict: true });

  router.post('/:run/:place/:token', async (ctx) => {
    const { run: runId = '', place = '', token = '' } = ctx['params'] as { run?: string; place?: string; token?: string };
    // What the address is worth is asked before anything else: a guess learns nothing.
    if (!isUuid(runId) || !addresses.isToken(runId, place, token)) throw unknownAddress();
    const [live] = await database.query<{ workspace_id: string }>('select workspace_id from run where id = $1', [runId]);
    if (!live) throw unknownAddress();
    const workspaceId = live.workspace_id;
    const scope = { workspaceId, principalId: systemPrincipalId };
    const { state } = await stored.open((use) => inWorkspace(database, scope, use), workspaceId, runId);
    const [nodeId = '', rounds] = place.split('@');
    const planned = state.plan.byId.get(nodeId);
    if (!planned) throw unknownAddress();
    if (state.ended || isStopped(state)) throw over('The run has ended meanwhile');
    const step = findStep(state, planned, rounds ? rounds.split(',').map(Number) : []);
    if (!step) throw over('The round of the loop this belongs to is over');
    if (step.phase === 'succeeded' || step.phase === 'skipped' || step.early) throw over('The step does not wait for this any more');
    const item = { json: await signalJson(ctx, options.bodyLimit()) };
    const wait = signalOf(place);
    const isFirst = await ownership.putInbox({
      runId,
      workspaceId,
      sourceKey: `signal:${wait}`,
      kind: 'signal',
      payload: { wait, item },
      once: true,
    });
    if (!isFirst) throw over('This was answered already');
    runner.wake();
    ctx.status = 202;
    ctx.body = { runId };
  });
  return router.use(router.allowedMethods());
}

async function signalJson(ctx: Context, limit: number): Promise<JsonObject> {
  const body = await new Promise<Json>((resolve, reject) => {
    readBody(ctx.req, limit, (problem, bytes) => {
      const parsed = problem ? { ok: false as const, problem } : parseBody(bytes, ctx.req.headers['content-type']);
      if (parsed.ok) resolve(parsed.value);
      else reject(new OperationProblem(BODY_PROBLEMS[parsed.problem.status], parsed.problem.message));
    });
  });
  const { authorization: _, cookie: __, ...headers } = ctx.headers;
  return { body, query: { ...ctx.query } as JsonObject, headers: headers as JsonObject, method: ctx.method };
}

const BODY_PROBLEMS: { readonly [Status in 400 | 408 | 413 | 415]: ProblemCode } = {
  400: 'BODY_INVALID',
  408: 'BODY_INVALID',
  413: 'BODY_TOO_LARGE',
  415: 'BODY_UNSUPPORTED',
};

function unknownAddress(): OperationProblem {
  return new OperationProblem('NOT_FOUND', 'No run waits at this address');
}

function over(message: string): OperationProblem {
  return new OperationProblem('ALREADY_DONE', message);
}
