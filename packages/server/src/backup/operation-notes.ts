/** What an operator should look at although everything works: for the health that pages show, and for `plugboard doctor`. */
import { type Database, countHeldRuns, countHeldTimetables } from '@plugboard/persistence';
import type { Settings } from '../settings/settings.ts';
import type { Backups } from './backups.ts';

/** A scheduled backup this much later than it should be is told of. */
const LATE = 2;
const HOUR_MS = 60 * 60_000;

export async function operationNotes(options: {
  readonly database: Database;
  readonly backups: Backups;
  readonly settings: Settings;
}): Promise<string[]> {
  const notes: string[] = [];
  // A database that is away is among the reasons already.
  const held = await countHeldRuns(options.database).catch(() => 0);
  if (held > 0) notes.push(`${held} runs of a restored backup are held: let them go on, or cancel them.`);
  const timetables = await countHeldTimetables(options.database).catch(() => 0);
  if (timetables > 0)
    notes.push(`${timetables} schedules of a restored backup are held: let them go on with the held runs, or one by one.`);
  const hours = options.settings.value('backups.everyHours');
  const newest = hours === 0 ? undefined : (await options.backups.list()).find((one) => one.kind === 'scheduled');
  if (newest && Date.now() - newest.createdAt.getTime() > LATE * hours * HOUR_MS)
    notes.push(`The newest scheduled backup is of ${newest.createdAt.toISOString()}; one is due every ${hours} hours. The log says why.`);
  return notes;
}
