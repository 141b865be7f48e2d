/**
 * Begins what is to follow from the ends of runs. The notes are rows; each is begun under a key, then forgotten, so that whatever happens in between it
 * has begun once. Any process looks, soon after an end of its own, when it knows of one that is due, and every few seconds.
 */
import type { TriggerKindName } from '@plugboard/engine';
import {
  type Alongside,
  type Database,
  type DueFollowUp,
  type RunKey,
  forgetFollowUp,
  listDueFollowUps,
  nextFollowUpMs,
  putOffFollowUp,
  uuidv7,
} from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Item } from '@plugboard/sdk';
import type { Deliveries } from '../hooks/deliveries.ts';
import { startStored } from './start-run.ts';

const LOOK_MS = 2000;
const READ_AT_ONCE = 100;
/** Begun at the same time; fewer than there are connections to the database, for others need some too. */
const BEGUN_AT_ONCE = 4;
/** What could not begin is tried again so much later. */
const LATER_MS = 10_000;

/** The run to be started. */
export interface FollowUp {
  readonly loaded: LoadedPlan;
  readonly trigger: string;
  readonly items: readonly Item[];
  readonly triggerKind: TriggerKindName;
  readonly keys: readonly RunKey[];
  readonly initiator?: string;
  /** Written with the run of this id. */
  readonly alongside?: (runId: string) => Alongside;
}

/** Thrown for what has to wait, such as for a workflow that is paused: the note stays, and nobody is warned. */
export class NotYetError extends Error {
  readonly code = 'NOT_YET';
  constructor(message: string) {
    super(message);
    this.name = 'NotYetError';
  }
}

export interface FollowUpsOptions {
  readonly database: Database;
  readonly runner: Runner;
  readonly deliveries: Pick<Deliveries, 'expect' | 'forget'>;
  /** What follows, by kind; undefined where nothing does. */
  readonly find: { readonly [Kind in DueFollowUp['kind']]?: (due: DueFollowUp) => Promise<FollowUp | undefined> };
  readonly log: { warn(fields: object, message: string): void };
}

export interface FollowUps {
  /** Something was noted. */
  wake(): void;
  /** Begins everything that is due; gives how many notes were done with. */
  look(): Promise<number>;
  close(): Promise<void>;
}

export function startFollowUps({ database, runner, deliveries, find, log }: FollowUpsOptions): FollowUps {
  let timer: NodeJS.Timeout | undefined;
  let isAsked = false;
  let isClosed = false;
  let looking: Promise<number> = Promise.resolve(0);
  /** The round of the timer that is under way. */
  let round: Promise<void> | undefined;

  const begin = async (due: DueFollowUp): Promise<void> => {
    const follow = await find[due.kind]?.(due);
    if (follow) await startOnce({ runner, deliveries }, follow);
    await forgetFollowUp(database, due);
  };

  const tryOne = async (due: DueFollowUp): Promise<boolean> => {
    try {
      await begin(due);
      return true;
    } catch (error) {
      if (!(error instanceof NotYetError))
        log.warn({ err: error, runId: due.runId, kind: due.kind }, 'what follows from the end of a run could not begin; trying again');
      await putOffFollowUp(database, due, LATER_MS);
      return false;
    }
  };

  const lookOnce = async (): Promise<number> => {
    let done = 0;
    for (;;) {
      if (isClosed || !runner.accepting) return done;
      const dues = await listDueFollowUps(database, READ_AT_ONCE);
      const left = dues.values();
      const work = async (): Promise<void> => {
        for (const due of left) {
          if (isClosed) return;
          if (await tryOne(due)) done += 1;
        }
      };
      await Promise.all(Array.from({ length: Math.min(BEGUN_AT_ONCE, dues.length) }, work));
      if (dues.length < READ_AT_ONCE) return done;
    }
  };

  const look = (): Promise<number> => {
    looking = looking.then(lookOnce, lookOnce);
    return looking;
  };

  /** Looks, then waits until it is to look again. */
  const lookOn = async (): Promise<void> => {
    let ms = LOOK_MS;
    try {
      await look();
      ms = await restMs();
    } catch (error) {
      log.warn({ err: error }, 'what is to follow from ended runs could not be read; trying again');
    }
    round = undefined;
    schedule(isAsked ? 0 : ms);
  };

  /** How long until the next look. */
  const restMs = async (): Promise<number> => {
    if (isClosed || !runner.accepting) return LOOK_MS;
    return Math.max(0, (await nextFollowUpMs(database, LOOK_MS)) ?? LOOK_MS);
  };

  const schedule = (ms: number): void => {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(() => {
      isAsked = false;
      round = lookOn();
    }, ms);
    timer.unref();
  };
  schedule(LOOK_MS);

  return {
    look,
    wake() {
      if (isAsked) return;
      isAsked = true;
      // A look under way is followed by another one.
      if (!round) schedule(0);
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await Promise.all([looking.catch(() => 0), round]);
    },
  };
}

/** Resolves once the run is stored, or was there before. @throws OperationProblem SERVER_BUSY, SERVER_STOPPING */
async function startOnce(
  { runner, deliveries }: Pick<FollowUpsOptions, 'runner' | 'deliveries'>,
  { keys, alongside, ...request }: FollowUp,
): Promise<string> {
  const id = uuidv7();
  let earlier: string | undefined;
  deliveries.expect(id, keys, (runId) => (earlier = runId), alongside?.(id));
  try {
    return await startStored(runner, { ...request, id, begin: 'dispatched' });
  } catch (error) {
    deliveries.forget(id);
    if (earlier !== undefined) return earlier;
    throw error;
  }
}
