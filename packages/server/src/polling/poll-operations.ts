/** Triggers that ask a service, as people see them: how they fare, paused and let go on, asked at once, and tried from a draft. */
import {
  type StoredPoll,
  type WorkspaceTransaction,
  findPoll,
  getDraft,
  hastenPoll,
  listPolls,
  setPollState,
  uuidv7,
} from '@plugboard/persistence';
import type { PollHost } from '@plugboard/plugin-host';
import { z } from 'zod';
import type { Resource } from '../access/access.ts';
import { demandCredentialScope } from '../credentials/draft-scope.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, page, pageOf, text } from '../operation/shapes.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { triggerListInput, triggersAsked, triggerState } from '../schedules/trigger-list.ts';
import { resourceOf, workflowResource } from '../workflows/workflow-access.ts';
import { type PollReach, pollCall, pollSink } from './poll-sink.ts';

export interface PollOperationsOptions {
  readonly host: PollHost;
  readonly reach: PollReach;
  readonly plans: PlanStore;
  readonly definitions: Definitions;
  readonly onHastened: () => void;
}

/** Items a trial shows. */
const MOST_SHOWN = 10;

const poll = z
  .object({
    id,
    workflowId: id,
    workflowName: z.string(),
    nodeId: z.string(),
    nodeName: z.string(),
    state: triggerState,
    isWorkflowPaused: z.boolean(),
    everySeconds: z.number(),
    nextAt: z.iso.datetime(),
    /** In a row; 0 when the last answer was good. */
    failures: z.int(),
    /** What went wrong the last time. */
    problem: z.string().optional(),
    failedAt: z.iso.datetime().optional(),
    /** The last good answer. */
    answeredAt: z.iso.datetime().optional(),
    /** The last time something new was found, and the run it started. */
    foundAt: z.iso.datetime().optional(),
    lastRunId: id.optional(),
  })
  .meta({ id: 'Poll' });

export function pollOperations({ host, reach, plans, definitions, onHastened }: PollOperationsOptions): readonly Operation[] {
  const onPoll = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => {
      const found = await findPoll(tx, input.id);
      return found && resourceOf({ id: found.workflowId, projectId: found.projectId });
    });
  const setState = (ctx: OperationContext, pollId: string, state: 'active' | 'paused') =>
    ctx.inTransaction(async (tx) => {
      if (await setPollState(tx, pollId, state)) ctx.audit({ kind: 'poll', id: pollId });
      else ctx.noAudit();
      return view(await demandPoll(tx, pollId));
    });

  return [
    operation({
      name: 'poll.list',
      field: 'polls',
      kind: 'query',
      summary: 'Triggers of published workflows that ask a service on a timetable, newest first, and how they fare.',
      permission: { member: 'The list shows what each may see.' },
      input: triggerListInput,
      output: pageOf(poll).meta({ id: 'Polls' }),
      problems: [],
      rest: { method: 'GET', path: '/polls' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const found = await listPolls(tx, triggersAsked(ctx, input));
          return page(found.polls.map(view), found.nextCursor);
        }),
    }),
    operation({
      name: 'poll.pause',
      field: 'pausePoll',
      kind: 'mutation',
      summary: 'Ask no more until it is resumed; how far it has come is kept.',
      permission: { action: 'workflow.publish', on: onPoll },
      input: z.strictObject({ id }),
      output: poll,
      problems: [],
      rest: { method: 'POST', path: '/polls/{id}/pause' },
      handler: (ctx, input) => setState(ctx, input.id, 'paused'),
    }),
    operation({
      name: 'poll.resume',
      field: 'resumePoll',
      kind: 'mutation',
      summary: 'Go on asking from where it had come, also after a restore.',
      permission: { action: 'workflow.publish', on: onPoll },
      input: z.strictObject({ id }),
      output: poll,
      problems: [],
      rest: { method: 'POST', path: '/polls/{id}/resume' },
      handler: (ctx, input) => setState(ctx, input.id, 'active'),
    }),
    operation({
      name: 'poll.now',
      field: 'pollNow',
      kind: 'mutation',
      summary: 'Ask now instead of when it is due; the pace after that is as before.',
      permission: { action: 'workflow.run', on: onPoll },
      input: z.strictObject({ id }),
      output: poll,
      problems: [],
      rest: { method: 'POST', path: '/polls/{id}/now' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          await hastenPoll(tx, input.id);
          ctx.audit({ kind: 'poll', id: input.id });
          ctx.afterCommit(onHastened);
          return view(await demandPoll(tx, input.id));
        }),
    }),
    operation({
      name: 'poll.test',
      field: 'testPoll',
      kind: 'mutation',
      summary: 'Ask the service as the draft says, and show a few of the newest items. Nothing is kept, and no run is started.',
      permission: { action: 'workflow.run', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.workflowId)) },
      input: z.strictObject({ workflowId: id, nodeId: text(200, 1) }),
      output: z.object({ items: z.array(json) }).meta({ id: 'PollTest' }),
      problems: ['DEFINITION_INVALID', 'NO_TRIGGER', 'POLL_FAILED'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/nodes/{nodeId}/test-poll' },
      transactional: false,
      async handler(ctx, { workflowId, nodeId }) {
        const draft = await ctx.inTransaction((tx) => getDraft(tx, workflowId));
        if (!draft) throw notFound('The workflow has no draft');
        const { definition } = definitions.demandSound(draft.definition, 'started');
        const loaded = plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId });
        demandCredentialScope(ctx.actor, loaded);
        const node = loaded.plan.byId.get(nodeId);
        if (node?.type.kind !== 'trigger' || node.type.trigger !== 'poll')
          throw new OperationProblem('NO_TRIGGER', 'The draft has no such trigger that asks', { hint: 'Name one by the id of its node.' });
        const owner = { loaded, node, runId: uuidv7(), initiator: ctx.actor.principalId };
        ctx.audit({ kind: 'workflow', id: workflowId, payload: { nodeId } });
        try {
          const pages = host.poll(
            { spec: pollCall(owner), cursor: undefined, isTest: true },
            pollSink(reach, owner),
            AbortSignal.timeout(TEST_MS),
          );
          for await (const { items } of pages) if (items.length > 0) return { items: items.slice(0, MOST_SHOWN) };
          return { items: [] };
        } catch (error) {
          const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
          throw new OperationProblem(
            'POLL_FAILED',
            typeof message === 'string' ? message.slice(0, 1000) : 'The service could not be asked',
            {
              hint: 'Look at the parameters of the trigger and at its credential.',
              params: { code: typeof code === 'string' ? code : 'POLL_FAILED' },
            },
          );
        }
      },
    }),
  ];
}

const TEST_MS = 30_000;

async function demandPoll(tx: WorkspaceTransaction, pollId: string): Promise<StoredPoll> {
  const found = await findPoll(tx, pollId);
  if (!found) throw notFound('There is no such trigger', 'It goes with its workflow: look whether that is published.');
  return found;
}

function view(row: StoredPoll): z.input<typeof poll> {
  return {
    id: row.id,
    workflowId: row.workflowId,
    workflowName: row.workflowName,
    nodeId: row.nodeId,
    nodeName: row.nodeName,
    state: row.state,
    isWorkflowPaused: row.isWorkflowPaused,
    everySeconds: row.everyMs / 1000,
    nextAt: row.nextAt.toISOString(),
    failures: row.failures,
    ...(row.problem === null ? {} : { problem: row.problem }),
    ...(row.failedAt ? { failedAt: row.failedAt.toISOString() } : {}),
    ...(row.seenAt ? { answeredAt: row.seenAt.toISOString() } : {}),
    ...(row.foundAt ? { foundAt: row.foundAt.toISOString() } : {}),
    ...(row.lastRunId ? { lastRunId: row.lastRunId } : {}),
  };
}
