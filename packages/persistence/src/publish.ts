/**
 * Publishing: the version, what is live, its hooks and the generation change together or not at all. The outside world is
 * brought in line afterwards, by whoever polls the generation.
 */
import type { WorkflowDefinition } from '@plugboard/engine';
import type { JsonObject } from '@plugboard/sdk';
import type { Database } from './database.ts';
import type { TypePins } from './entities/rows.ts';
import { raiseGeneration } from './generations.ts';
import { hookPrefix, normalizeHookPattern } from './hook-pattern.ts';
import { uuidv7 } from './ids.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { releaseHeldTurns } from './journal/flow-turns.ts';
import { type PollRowSpec, replacePolls } from './polls.ts';
import { type ScheduleSpec, replaceSchedules } from './schedules.ts';
import { ENVIRONMENT } from './seed.ts';
import { lockWorkflow } from './workflows.ts';

/** How the reply of a webhook is made. */
export type HookReply = 'immediate' | 'last-step' | 'respond';

export interface HookSpec {
  readonly nodeId: string;
  /** Upper case. */
  readonly method: string;
  /** Path below the prefix of webhooks, or of the workspace's; a segment `:name` takes any one segment, a last `*name` all that follow. */
  readonly pattern: string;
  readonly reply: HookReply;
  /** What else the route needs, as the server wrote it. */
  readonly settings: JsonObject;
  /** How callers prove who they are; absent for anybody. Secrets are in credentials, never here. */
  readonly auth?: JsonObject;
  /** What browsers of other origins may do; absent for nothing. */
  readonly cors?: JsonObject;
}

export interface PublishInput {
  readonly workflowId: string;
  readonly definition: WorkflowDefinition;
  readonly semanticHash: string;
  readonly typePins: TypePins;
  readonly hooks: readonly HookSpec[];
  /** @default none */
  readonly schedules?: readonly ScheduleSpec[];
  /** @default none */
  readonly polls?: readonly PollRowSpec[];
  readonly note?: string;
  /** The draft's revision that was validated; absent to publish whatever the caller holds (import does). */
  readonly expectedRev?: number;
}

export interface HookClash {
  readonly method: string;
  readonly pattern: string;
  /** Who has the path; absent when that is a workflow of another workspace. */
  readonly workflow?: { readonly id: string; readonly name: string };
}

export type PublishResult =
  | { readonly kind: 'published'; readonly version: number; readonly generation: number }
  /** The live version says the same already; nothing was written. */
  | { readonly kind: 'unchanged'; readonly version: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'conflict'; readonly rev: number }
  | { readonly kind: 'hook-path-taken'; readonly code: 'HOOK_PATH_TAKEN'; readonly clashes: readonly HookClash[] };

/** Runs inside the caller's transaction. A result other than `published` leaves nothing behind in it. */
export async function publish(tx: WorkspaceTransaction, input: PublishInput): Promise<PublishResult> {
  const { workflowId } = input;
  if (!(await lockWorkflow(tx, workflowId))) return { kind: 'not-found' };

  const state = await readState(tx, workflowId);
  if (input.expectedRev !== undefined && state.draftRev !== input.expectedRev) return { kind: 'conflict', rev: state.draftRev };
  if (state.live !== undefined && state.liveHash === input.semanticHash) return { kind: 'unchanged', version: state.live };

  const version = state.newest + 1;
  await tx.manager.query('savepoint publish');
  await insertVersion(tx, input, version);
  const clashes = await replaceHooks(tx, input, version);
  if (clashes.length > 0) {
    await tx.manager.query('rollback to savepoint publish');
    return { kind: 'hook-path-taken', code: 'HOOK_PATH_TAKEN', clashes };
  }
  await deploy(tx, workflowId, version, input.semanticHash);
  await replaceSchedules(tx, { workflowId, version, schedules: input.schedules ?? [] });
  await replacePolls(tx, { workflowId, version, polls: input.polls ?? [] });
  return { kind: 'published', version, generation: await raiseGeneration(tx, 'deployments') };
}

/** Takes the workflow out of service: its hooks answer no more. False when nothing was live. */
export async function unpublish(tx: WorkspaceTransaction, workflowId: string): Promise<boolean> {
  if (!(await lockWorkflow(tx, workflowId))) return false;
  const [, changed] = await tx.manager.query<[unknown, number]>(
    `update deployment set state = 'off', deployed_by = $3, deployed_at = now() where workflow_id = $1 and environment = $2 and state in ('active', 'paused')`,
    [workflowId, ENVIRONMENT.live, tx.context.principalId],
  );
  if (changed === 0) return false;
  await releaseHeldTurns(tx, workflowId, ENVIRONMENT.live);
  for (const table of ['hook', 'schedule', 'poll'])
    await tx.manager.query(`delete from ${table} where workflow_id = $1 and environment = $2`, [workflowId, ENVIRONMENT.live]);
  await raiseGeneration(tx, 'deployments');
  return true;
}

/** One route of a live webhook; its pattern is the whole one, with the workspace's prefix. */
export interface LiveHook extends HookSpec {
  readonly id: string;
  readonly workspaceId: string;
  /** Absent for a hook that is made for a test. */
  readonly projectId?: string;
  readonly workflowId: string;
  readonly version: number;
  readonly patternNorm: string;
  /** Set while its workflow is paused: what comes is stored and begins when that goes on, or it is refused. */
  readonly whilePaused?: 'hold' | 'refuse';
}

const LIVE_HOOKS = `
  select hook.id, hook.workspace_id as "workspaceId", (select w.project_id from workflow w where w.id = hook.workflow_id) as "projectId",
         hook.workflow_id as "workflowId", node_id as "nodeId", hook.version, method, pattern, pattern_norm as "patternNorm", reply, settings, auth, cors,
         case when d.state = 'paused' then case when d.holds then 'hold' else 'refuse' end end as "whilePaused"
    from hook join deployment d on d.workflow_id = hook.workflow_id and d.environment = hook.environment
   where hook.environment = ${ENVIRONMENT.live} and d.state in ('active', 'paused')`;

/** Every live webhook of the instance, for the route table of this process. */
export async function loadLiveHooks(database: Database): Promise<LiveHook[]> {
  const rows = await database.query<LiveHookRow>(LIVE_HOOKS);
  return rows.map(({ auth, cors, whilePaused, ...hook }) => ({
    ...hook,
    ...(auth ? { auth } : {}),
    ...(cors ? { cors } : {}),
    ...(whilePaused ? { whilePaused } : {}),
  }));
}

type LiveHookRow = Omit<LiveHook, 'auth' | 'cors' | 'whilePaused'> & {
  readonly auth: JsonObject | null;
  readonly cors: JsonObject | null;
  readonly whilePaused: LiveHook['whilePaused'] | null;
};

/** The live version of a workflow, for the process that runs it; outside any workspace. */
export async function loadVersion(
  database: Database,
  workflowId: string,
  n: number,
): Promise<{ readonly workspaceId: string; readonly definition: WorkflowDefinition; readonly typePins: TypePins } | undefined> {
  const [row] = await database.query<{ workspaceId: string; definition: WorkflowDefinition; typePins: TypePins }>(
    `select workspace_id as "workspaceId", definition, type_pins as "typePins" from version where workflow_id = $1 and n = $2`,
    [workflowId, n],
  );
  return row;
}

interface PublishState {
  readonly newest: number;
  readonly live?: number;
  readonly liveHash?: string;
  readonly draftRev: number;
}

async function readState(tx: WorkspaceTransaction, workflowId: string): Promise<PublishState> {
  const [row] = await tx.manager.query<{ newest: number; live: number | null; live_hash: string | null; draft_rev: number | null }[]>(
    `select coalesce((select max(n) from version where workflow_id = $1), 0) as newest, d.version as live, v.semantic_hash as live_hash,
            (select rev from draft where workflow_id = $1) as draft_rev
       from (select 1) one
       left join deployment d on d.workflow_id = $1 and d.environment = $2 and d.state in ('active', 'paused')
       left join version v on v.workflow_id = d.workflow_id and v.n = d.version`,
    [workflowId, ENVIRONMENT.live],
  );
  return {
    newest: row?.newest ?? 0,
    ...(typeof row?.live === 'number' ? { live: row.live } : {}),
    ...(typeof row?.live_hash === 'string' ? { liveHash: row.live_hash } : {}),
    draftRev: row?.draft_rev ?? 0,
  };
}

async function insertVersion(tx: WorkspaceTransaction, input: PublishInput, n: number): Promise<void> {
  await tx.manager.query(
    `insert into version (workflow_id, n, workspace_id, definition, semantic_hash, type_pins, note, published_by) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      input.workflowId,
      n,
      tx.context.workspaceId,
      JSON.stringify(input.definition),
      input.semanticHash,
      JSON.stringify(input.typePins),
      input.note ?? null,
      tx.context.principalId,
    ],
  );
}

async function replaceHooks(tx: WorkspaceTransaction, input: PublishInput, version: number): Promise<HookClash[]> {
  await tx.manager.query('delete from hook where workflow_id = $1 and environment = $2', [input.workflowId, ENVIRONMENT.live]);
  const clashes: HookClash[] = [];
  const prefix = await hookPrefix(tx, tx.context.workspaceId);
  // Always in one order: two publishes that want each other's paths then wait for each other instead of dying in a deadlock.
  const hooks = input.hooks
    .map((hook) => ({ ...hook, pattern: `${prefix}${hook.pattern}`, patternNorm: normalizeHookPattern(`${prefix}${hook.pattern}`) }))
    .toSorted((a, b) => compareText(a.method, b.method) || compareText(a.patternNorm, b.patternNorm));
  for (const hook of hooks) {
    const inserted = await tx.manager.query<unknown[]>(
      `insert into hook (id, workspace_id, workflow_id, environment, node_id, version, method, pattern, pattern_norm, reply, settings, auth, cors)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (method, pattern_norm) where environment = 1 do nothing returning id`,
      [
        uuidv7(),
        tx.context.workspaceId,
        input.workflowId,
        ENVIRONMENT.live,
        hook.nodeId,
        version,
        hook.method,
        hook.pattern,
        hook.patternNorm,
        hook.reply,
        JSON.stringify(hook.settings),
        hook.auth === undefined ? null : JSON.stringify(hook.auth),
        hook.cors === undefined ? null : JSON.stringify(hook.cors),
      ],
    );
    if (inserted.length === 0) clashes.push(await describeClash(tx, hook));
  }
  return clashes;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function describeClash(tx: WorkspaceTransaction, hook: HookSpec & { readonly patternNorm: string }): Promise<HookClash> {
  const [workflow] = await tx.manager.query<{ id: string; name: string }[]>(
    `select w.id, w.name from hook h join workflow w on w.id = h.workflow_id
      where h.method = $1 and h.pattern_norm = $2 and h.environment = $3 and h.workspace_id = $4`,
    [hook.method, hook.patternNorm, ENVIRONMENT.live, tx.context.workspaceId],
  );
  return { method: hook.method, pattern: hook.pattern, ...(workflow ? { workflow } : {}) };
}

async function deploy(tx: WorkspaceTransaction, workflowId: string, version: number, semanticHash: string): Promise<void> {
  const { workspaceId, principalId } = tx.context;
  await tx.manager.query(
    `insert into deployment (workflow_id, environment, workspace_id, version, state, deployed_by) values ($1, $2, $3, $4, 'active', $5)
       on conflict (workflow_id, environment) do update
       set version = excluded.version, state = 'active', deployed_by = excluded.deployed_by, deployed_at = now()`,
    [workflowId, ENVIRONMENT.live, workspaceId, version, principalId],
  );
  await releaseHeldTurns(tx, workflowId, ENVIRONMENT.live);
  await tx.manager.query('update draft set base_version = $2 where workflow_id = $1 and semantic_hash = $3', [
    workflowId,
    version,
    semanticHash,
  ]);
}
