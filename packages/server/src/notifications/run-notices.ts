/**
 * Tells of runs that failed and of runs that ask. Heard after each commit of a run, gathered in memory and written once a second, so that a
 * workflow that fails thousands of times a second costs a row for each person it concerns.
 */
import type { RunStatusName, WaitingFor } from '@plugboard/engine';
import { type Database, inInstance, notifyAgain, readConcerned } from '@plugboard/persistence';
import type { NoticeKind, NoticeParams } from './notices.ts';

/** What is told of a commit of a run. The record the runner has written is one. */
export interface RunOutcome {
  readonly head: {
    readonly id: string;
    readonly workspaceId: string;
    readonly workflowId: string;
    readonly environment: number;
    readonly initiator?: string;
  };
  readonly waiting?: WaitingFor;
  readonly end?: {
    readonly status: RunStatusName;
    readonly errorCode?: string;
    readonly errorMessage?: string;
    readonly errorFingerprint?: string;
  };
}

export interface RunNotices {
  /** Called after each commit of a run, in the process that made it. */
  committed(outcome: RunOutcome): void;
  /** Writes what is gathered. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface RunNoticesOptions {
  readonly database: Database;
  readonly log: { warn(fields: object, message: string): void };
}

const FLUSH_MS = 1000;
/** The same failure of a workflow is told again after this, in milliseconds. */
const QUIET_MS = 60 * 60_000;
/** Different failures gathered at once; more of them are not told of until the next second. */
const MOST = 1000;
/** Persons who started runs with the same failure. */
const MOST_INITIATORS = 100;
const MESSAGE_LENGTH = 300;
const LIVE = 1;

interface Gathered {
  readonly kind: Extract<NoticeKind, 'run.failed' | 'run.asks'>;
  readonly about: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly initiators: Set<string>;
  count: number;
  /** Without the name of the workflow; of the run that came last. */
  params: Omit<NoticeParams['run.failed'], 'workflow'> | Omit<NoticeParams['run.asks'], 'workflow'>;
}

export function createRunNotices({ database, log }: RunNoticesOptions): RunNotices {
  let gathered = new Map<string, Gathered>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const gather = (found: Pick<Gathered, 'kind' | 'about' | 'params'>, { workspaceId, workflowId, initiator }: RunOutcome['head']): void => {
    const key = `${found.kind}:${found.about}`;
    let one = gathered.get(key);
    if (!one) {
      if (gathered.size >= MOST) return;
      one = { ...found, workspaceId, workflowId, initiators: new Set(), count: 0 };
      gathered.set(key, one);
    }
    one.count += 1;
    one.params = found.params;
    if (initiator !== undefined && UUID.test(initiator) && one.initiators.size < MOST_INITIATORS) one.initiators.add(initiator);
    timer ??= setTimeout(() => void flush(), FLUSH_MS).unref();
  };

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const taken = gathered;
    gathered = new Map();
    writing = writing.then(async () => {
      for (const one of taken.values()) {
        try {
          await write(database, one);
        } catch (error) {
          log.warn({ err: error, workflowId: one.workflowId }, 'nobody could be told of runs that failed or ask');
        }
      }
    });
    return writing;
  };

  return {
    committed({ head, end, waiting }) {
      if (end === undefined && waiting === undefined) return;
      // Whoever tries a draft looks at it.
      if (head.environment !== LIVE) return;
      const { id: runId, workflowId } = head;
      if (waiting === 'unknown_effect' || waiting === 'quarantine')
        return gather({ kind: 'run.asks', about: runId, params: { workflowId, runId, why: waiting } }, head);
      if (end?.errorCode === undefined || (end.status !== 'failed' && end.status !== 'timed_out')) return;
      const { errorCode: code, errorMessage = '', errorFingerprint = code } = end;
      const params = { workflowId, runId, code, message: errorMessage.slice(0, MESSAGE_LENGTH) };
      gather({ kind: 'run.failed', about: `${workflowId}:${errorFingerprint}`, params }, head);
    },
    flush,
    close: flush,
  };
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

async function write(database: Database, { kind, about, workspaceId, workflowId, initiators, count, params }: Gathered): Promise<void> {
  await inInstance(database, async (tx) => {
    const concerned = await readConcerned(tx, { workflowId, initiators: [...initiators] });
    if (!concerned) return;
    await notifyAgain(tx, {
      principalIds: concerned.principalIds,
      workspaceId,
      kind,
      dedupeKey: `${kind}:${about}`,
      params: { ...params, workflow: concerned.name },
      count,
      quietMs: QUIET_MS,
    });
  });
}
