/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const listsAndLive: Migration = { n: 5, name: 'lists-and-live', sql: 'select 1' };
