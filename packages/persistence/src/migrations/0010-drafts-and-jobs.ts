/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const draftsAndJobs: Migration = { n: 10, name: 'drafts-and-jobs', sql: 'select 1' };
