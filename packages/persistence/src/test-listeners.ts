/**
 * Test addresses of webhooks: somebody looks at a draft and waits for a request. Rows, so that any process can serve it. A listener has a row
 * for each of its methods, and is taken by one request, whichever of them it uses; what came of it stays until its time is over.
 */
import type { Json } from '@plugboard/sdk';
import { hookPrefix, normalizeHookPattern } from './hook-pattern.ts';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

/** `run`: the request starts a run of the draft. `capture`: it is only kept, so that it can be pinned. */
export type TestListenerMode = 'run' | 'capture';

export interface TestListener {
  readonly id: string;
  /** Upper case. */
  readonly method: string;
  /** In normal form, below the prefix of test webhooks. */
  readonly path: string;
  /** As it was written, with the names of its parameters. */
  readonly pattern: string;
  readonly mode: TestListenerMode;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly nodeId: string;
  /** As whom the draft runs. */
  readonly principalId: string;
  readonly expiresAt: Date;
}

/** A listener as whoever opened it looks at it. */
export interface TestListenerView {
  readonly id: string;
  readonly methods: readonly string[];
  readonly pattern: string;
  readonly mode: TestListenerMode;
  readonly nodeId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** When a request came; nothing listens from then on. */
  readonly takenAt: Date | null;
  readonly runId: string | null;
  /** The request as an item, where it was only kept. */
  readonly captured: Json | null;
  /** Code of what was wrong with the request or the draft. */
  readonly problem: string | null;
}

export interface OpenTestListener {
  /** Upper case; at least one. */
  readonly methods: readonly string[];
  /** As the webhook has it, without the workspace's prefix. */
  readonly pattern: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly validMs: number;
  readonly mode: TestListenerMode;
}

export type OpenTestListenerResult =
  | { readonly kind: 'opened'; readonly id: string; readonly pattern: string }
  | { readonly kind: 'path-taken' }
  | { readonly kind: 'not-found' };

/** Opening takes the place of one's own on the same workflow. A path somebody else listens on is refused. */
export async function openTestListener(tx: WorkspaceTransaction, input: OpenTestListener): Promise<OpenTestListenerResult> {
  const { workspaceId, principalId } = tx.context;
  const { workflowId } = input;
  const [workflow] = await tx.query('select from workflow where workspace_id = $1 and id = $2 and deleted_at is null for key share', [
    workspaceId,
    workflowId,
  ]);
  if (!workflow) return { kind: 'not-found' };
  const pattern = `${await hookPrefix(tx, workspaceId)}${input.pattern}`;
  const path = normalizeHookPattern(pattern);
  await tx.query(
    `delete from test_listener where workspace_id = $1
        and ((principal_id = $2 and workflow_id = $3) or (path = $4 and (expires_at <= now() or taken_at is not null)))`,
    [workspaceId, principalId, workflowId, path],
  );
  const id = uuidv7();
  const rows = await tx.query(
    `insert into test_listener (id, method, path, pattern, mode, workspace_id, workflow_id, node_id, principal_id, expires_at)
       select $1, m, $3, $4, $5, $6, $7, $8, $9, now() + $10::float8 * interval '1 ms' from unnest($2::text[]) m order by m
       on conflict (method, path) do nothing returning 1`,
    [id, [...input.methods], path, pattern, input.mode, workspaceId, workflowId, input.nodeId, principalId, input.validMs],
  );
  if (rows.length === input.methods.length) return { kind: 'opened', id, pattern };
  await tx.query('delete from test_listener where workspace_id = $1 and id = $2', [workspaceId, id]);
  return { kind: 'path-taken' };
}

const LISTENER = `id, method, path, pattern, mode, workspace_id as "workspaceId", workflow_id as "workflowId", node_id as "nodeId",
  principal_id as "principalId", expires_at as "expiresAt"`;
const WAITING = 'expires_at > now() and taken_at is null';
/** Patterns looked at for one request. */
const MAX_PATTERNS = 1000;

/** Who may wait for a request with this path, in whatever workspace: the exact path, and all patterns with parameters. */
export function findTestListeners(statements: InstanceStatements, path: string): Promise<TestListener[]> {
  return statements.query<TestListener>(
    `select ${LISTENER} from test_listener where ${WAITING} and (path = $1 or path like '%*%') order by id limit ${MAX_PATTERNS}`,
    [path],
  );
}

/** Takes the listener for one request; false when another request was first, or its time is over. */
export async function takeTestListener(statements: InstanceStatements, id: string): Promise<boolean> {
  const rows = await statements.query(
    `with mine as (select method, path from test_listener where id = $1 and ${WAITING} order by method for update)
     update test_listener l set taken_at = now() from mine where l.method = mine.method and l.path = mine.path and l.taken_at is null returning 1`,
    [id],
  );
  return rows.length > 0;
}

export interface TestListenerOutcome {
  readonly runId?: string;
  readonly captured?: Json;
  readonly problem?: string;
}

/** Writes down what came of the request a listener was taken by. */
export async function settleTestListener(statements: InstanceStatements, id: string, outcome: TestListenerOutcome): Promise<void> {
  await statements.query('update test_listener set run_id = $2, captured = $3, problem = $4 where id = $1', [
    id,
    outcome.runId ?? null,
    outcome.captured === undefined ? null : JSON.stringify(outcome.captured),
    outcome.problem ?? null,
  ]);
}

/** One's own on a workflow, newest first, those included that a request has taken. */
export async function listTestListeners(tx: WorkspaceTransaction, workflowId: string): Promise<TestListenerView[]> {
  return tx.query<TestListenerView>(
    `select id, array_agg(method order by method) as methods, min(pattern) as pattern, min(mode) as mode, min(node_id) as "nodeId",
            min(created_at) as "createdAt", min(expires_at) as "expiresAt", max(taken_at) as "takenAt", (array_agg(run_id))[1] as "runId",
            (array_agg(captured))[1] as captured, max(problem) as problem
       from test_listener where workspace_id = $1 and workflow_id = $2 and principal_id = $3 and expires_at > now()
      group by id order by id desc`,
    [tx.context.workspaceId, workflowId, tx.context.principalId],
  );
}

/** Closes what this person listens on for the workflow; gives how many. */
export async function closeTestListeners(tx: WorkspaceTransaction, workflowId: string): Promise<number> {
  const rows = await tx.query<{ id: string }>(
    'delete from test_listener where workspace_id = $1 and workflow_id = $2 and principal_id = $3 returning id',
    [tx.context.workspaceId, workflowId, tx.context.principalId],
  );
  return new Set(rows.map((row) => row.id)).size;
}

export async function deleteExpiredTestListeners(statements: InstanceStatements): Promise<number> {
  return (await statements.query('delete from test_listener where expires_at <= now() returning 1')).length;
}
