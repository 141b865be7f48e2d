/** Rows of `run` and `run_live` as the values the rest of the program uses. */
import type { RunHead, RunStatusName, TriggerKindName, WaitingFor } from '@plugboard/engine';
import { TRIGGER_KIND, WAITING_FOR, runStatusName } from '@plugboard/engine';

/** Columns of `run r` and `run_live l` that {@link runSummary} reads. Times leave PostgreSQL as milliseconds since 1970. */
export const SUMMARY_COLUMNS = /* sql */ `
  r.id, r.workspace_id, r.workflow_id, r.environment, r.version, coalesce(l.status, r.status) as status, l.waiting, r.trigger_kind, r.initiator,
  r.root_run_id, (extract(epoch from r.started_at) * 1000)::float8 as started_ms, (extract(epoch from r.ended_at) * 1000)::float8 as ended_ms,
  r.error_code, r.error_message, r.error_fingerprint, r.error_step, r.cost_pd::text as cost_pd, coalesce(l.next_seq, r.events) as events`;

export interface SummaryRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly workflow_id: string;
  readonly environment: number;
  readonly version: number;
  readonly status: number;
  readonly waiting: number | null;
  readonly trigger_kind: number;
  readonly initiator: string | null;
  readonly root_run_id: string;
  readonly started_ms: number;
  readonly ended_ms: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly error_fingerprint: string | null;
  readonly error_step: string | null;
  readonly cost_pd: string;
  readonly events: number;
}

/** A run without its events. */
export interface RunSummary {
  readonly head: RunHead;
  readonly status: RunStatusName;
  /** What a waiting run waits for. */
  readonly waiting?: WaitingFor;
  /** Milliseconds since 1970; undefined while the run goes on. */
  readonly endedAt?: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly errorFingerprint?: string;
  /** Name of the step at which it failed. */
  readonly errorStep?: string;
  /** Pico-dollars. */
  readonly costPd: bigint;
  /** Events committed so far. */
  readonly events: number;
}

const TRIGGER_NAMES = new Map(Object.entries(TRIGGER_KIND).map(([name, number]) => [number as number, name as TriggerKindName]));
const WAITING_NAMES = new Map(Object.entries(WAITING_FOR).map(([name, number]) => [number as number, name as WaitingFor]));

/** @throws RangeError for a row with numbers this release does not know. */
export function runSummary(row: SummaryRow): RunSummary {
  return {
    head: runHead(row),
    status: runStatusName(row.status),
    ...(row.waiting !== null && { waiting: known(WAITING_NAMES, row.waiting, 'kind of waiting') }),
    ...(row.ended_ms !== null && { endedAt: Math.round(row.ended_ms) }),
    ...(row.error_code !== null && { errorCode: row.error_code }),
    ...(row.error_message !== null && { errorMessage: row.error_message }),
    ...(row.error_fingerprint !== null && { errorFingerprint: row.error_fingerprint }),
    ...(row.error_step !== null && { errorStep: row.error_step }),
    costPd: BigInt(row.cost_pd),
    events: row.events,
  };
}

function runHead(row: SummaryRow): RunHead {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    workflowId: row.workflow_id,
    environment: row.environment,
    version: row.version,
    triggerKind: known(TRIGGER_NAMES, row.trigger_kind, 'kind of trigger'),
    ...(row.initiator !== null && { initiator: row.initiator }),
    rootRunId: row.root_run_id,
    startedAt: Math.round(row.started_ms),
  };
}

function known<Name>(names: ReadonlyMap<number, Name>, number: number, what: string): Name {
  const name = names.get(number);
  if (name === undefined) throw new RangeError(`${number} is no ${what} this release knows`);
  return name;
}
