/**
 * Tells sockets of a person that there is news for him, whichever process wrote it. Looked up for those who listen, all in one query: what is
 * unread of each, as a mark that differs once something was told or read.
 */
import { type Database, readNotificationMarks } from '@plugboard/persistence';
import type { Live } from './live-contract.ts';

export function createNotificationWatch(database: Database, live: Pick<Live, 'persons' | 'told'>): { look(): Promise<void> } {
  let marks: ReadonlyMap<string, string> = new Map();
  let listening = new Set<string>();
  return {
    async look() {
      const persons = live.persons;
      if (persons.length === 0 && listening.size === 0) return;
      const found = await readNotificationMarks(database, persons);
      for (const id of persons) {
        // Who has just come may have asked before what was told since: one further look costs little.
        if (!listening.has(id) || marks.get(id) !== found.get(id)) live.told(id);
      }
      marks = found;
      listening = new Set(persons);
    },
  };
}
