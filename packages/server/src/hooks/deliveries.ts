/**
 * Deliveries that may act only once: their key is committed together with the run they start, so that of two equal ones at once, in whatever
 * processes, one starts a run and the other learns which. What the first caller was answered is kept for those who send again.
 */
import { type AppendResult, type Journal, type RunRecord, SlotMap } from '@plugboard/engine';
import {
  type Alongside,
  type Database,
  type KeyedRuns,
  type ReplyKey,
  type RunKey,
  type StoredReply,
  findHookReply,
  findKeyedRun,
  keepHookReply,
} from '@plugboard/persistence';

export interface Deliveries {
  /** The journal for the runner: the first record of an expected run goes the way of keys, everything else as ever. */
  readonly journal: Journal;
  /**
   * Announces the run that is about to be started under this id. `onTaken` hears of the run that has one of the keys already; where
   * `alongside` cannot be written with the run, the run is lost.
   */
  expect(runId: string, keys: readonly RunKey[], onTaken: (runId: string) => void, alongside?: Alongside): void;
  /** Adds what is to become true together with that run, announced or not; `onInstead` hears of the run that stands for it, once that is committed. */
  also(runId: string, alongside: Alongside, onInstead: (runId: string) => void): void;
  /** Takes the announcement back, where nothing was started. */
  forget(runId: string): void;
  /** The run that has the key. */
  find(place: { readonly workspaceId: string }, key: Pick<RunKey, 'scope' | 'key'>): Promise<string | undefined>;
  /** What the caller of that run was answered; undefined while it was not, and for who sends something else than that caller did. */
  replyOf(key: ReplyKey): Promise<StoredReply | undefined>;
  /** Keeps an answer. What is too large to be kept is left out: whoever sends again gets the run's id. */
  keep(reply: StoredReply & ReplyKey & { readonly expiresAt: number }): Promise<void>;
}

export interface DeliveriesOptions {
  readonly database: Database;
  readonly journal: Journal;
  readonly keyedRuns: KeyedRuns;
  readonly log: { warn(fields: object, message: string): void };
}

interface Expected {
  readonly keys: readonly RunKey[];
  readonly onTaken: (runId: string) => void;
  readonly alongside: Alongside | undefined;
}

const MAX_KEPT_CHARACTERS = 256 * 1024;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 2000;
/** Classes of SQLSTATE that say the record itself is at fault, so that trying again is in vain. */
const UNSTORABLE = /^(22|23)/;

export function createDeliveries({ database, journal, keyedRuns, log }: DeliveriesOptions): Deliveries {
  const expected = new SlotMap<Expected>();
  const open = new Set<Promise<void>>();

  const create = async (record: RunRecord, done: (result: AppendResult) => void): Promise<void> => {
    const { id } = record.head;
    const claim = expected.get(id);
    expected.delete(id);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
      try {
        const outcome = await keyedRuns.create(record, claim?.keys ?? [], claim?.alongside);
        // After a failure whose outcome was unknown the key may be this run's own.
        if (outcome.kind === 'created' || (outcome.kind === 'exists' && outcome.runId === id)) return done({ kind: 'committed' });
        if (outcome.kind === 'exists') claim?.onTaken(outcome.runId);
        return done({ kind: 'lost' });
      } catch (error) {
        const given = (error as { readonly code?: unknown }).code;
        const code = typeof given === 'string' ? given : '';
        if (UNSTORABLE.test(code) || code === 'UNSTORABLE_VALUE' || error instanceof TypeError)
          return done({
            kind: 'refused',
            code: code || 'RECORD_UNSTORABLE',
            message: error instanceof Error ? error.message : String(error),
          });
        log.warn({ err: error, runId: id }, 'a delivery with a key could not be stored; trying again');
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  };

  return {
    journal: {
      append(record, done) {
        if (expected.size === 0 || !record.create || !expected.has(record.head.id)) return journal.append(record, done);
        const work = create(record, done).finally(() => open.delete(work));
        open.add(work);
      },
      get accepting() {
        return journal.accepting;
      },
      get retryAfterMs() {
        return journal.retryAfterMs;
      },
      async drain() {
        while (open.size > 0) await Promise.all(open);
        await journal.drain();
      },
    },
    expect: (runId, keys, onTaken, alongside) => expected.set(runId, { keys, onTaken, alongside }),
    also(runId, alongside, onInstead) {
      const before = expected.get(runId);
      let instead: string | undefined;
      expected.set(runId, {
        keys: before?.keys ?? [],
        // Told only once it is committed: a transaction that is tried again may come to something else.
        onTaken(taken) {
          before?.onTaken(taken);
          if (taken === instead) onInstead(taken);
        },
        async alongside(client) {
          instead = undefined;
          const placed = before?.alongside ? await before.alongside(client) : true;
          if (placed !== true) return placed;
          const own = await alongside(client);
          if (typeof own === 'object') instead = own.instead;
          return own;
        },
      });
    },
    forget: (runId) => void expected.delete(runId),
    find: ({ workspaceId }, { scope, key }) => findKeyedRun(database, { workspaceId, scope, key }),
    replyOf: (key) => findHookReply(database, key),
    async keep(reply) {
      if (reply.body.length > MAX_KEPT_CHARACTERS || reply.body.includes('\0')) return;
      await keepHookReply(database, reply);
    },
  };
}
