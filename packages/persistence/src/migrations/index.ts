/** Every migration, in order. Listed by hand: what runs against a database is never found by looking into folders. */
import { coreTables } from './0001-core-tables.ts';
import { runTables } from './0002-run-tables.ts';
import { peopleTables } from './0003-people-tables.ts';
import { workspaceTables } from './0004-workspace-tables.ts';
import { listsAndLive } from './0005-lists-and-live.ts';
import { vault } from './0006-vault.ts';
import { files } from './0007-files.ts';
import { hooks } from './0008-hooks.ts';
import { people } from './0009-people.ts';
import { draftsAndJobs } from './0010-drafts-and-jobs.ts';
import type { Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [
  coreTables,
  runTables,
  peopleTables,
  workspaceTables,
  listsAndLive,
  vault,
  files,
  hooks,
  people,
  draftsAndJobs,
];

/** The oldest schema this release still runs on; a process that does not migrate accepts it while another one does. */
export const OLDEST_SCHEMA = 4;
export const NEWEST_SCHEMA = MIGRATIONS.length;
