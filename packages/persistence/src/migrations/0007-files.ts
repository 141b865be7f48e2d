/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const files: Migration = { n: 7, name: 'files', sql: 'select 1' };
