/** What writes runs down and says that this process owns them. */
import {
  type Database,
  type JournalWriter,
  type LeasedOwnership,
  createJournalWriter,
  createOwnership,
  ensurePartitions,
} from '@plugboard/persistence';
import type { Logger } from '../log.ts';

export interface RunJournalOptions {
  readonly database: Database;
  /** Of this process, made anew at every start. */
  readonly ownerId: string;
  /** No other process can own runs of this database. */
  readonly isAlone: boolean;
  readonly log: Logger;
}

/** @param stops takes how to close them */
export function openRunJournal(
  { database, ownerId, isAlone, log }: RunJournalOptions,
  stops: (() => unknown)[],
): { readonly journal: JournalWriter; readonly ownership: LeasedOwnership } {
  let journalWasDown = false;
  const journal = createJournalWriter({
    connect: () => database.createWriterClient(),
    writerId: ownerId,
    ensurePartitions: () => database.withClient((client) => ensurePartitions(client, new Date())),
    onStateChange: (state, error) => {
      if (state === 'up' && journalWasDown) log.info('the database takes the journal again');
      if (state === 'up') return;
      journalWasDown = true;
      log.error({ err: error }, 'the database does not take the journal; new runs are refused until it does');
    },
  });
  stops.push(() => journal.close());
  const ownership = createOwnership({
    connect: () => database.createWriterClient(),
    ownerId,
    isAlone,
    onBeatFailed: (error) => log.warn({ err: error }, 'the heartbeat did not reach the database'),
  });
  stops.push(() => ownership.close());
  return { journal, ownership };
}
