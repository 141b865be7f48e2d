/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const operation: Migration = { n: 11, name: 'operation', sql: 'select 1' };
