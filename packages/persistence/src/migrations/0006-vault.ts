/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const vault: Migration = { n: 6, name: 'vault', sql: 'select 1' };
