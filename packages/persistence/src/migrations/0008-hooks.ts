/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const hooks: Migration = { n: 8, name: 'hooks', sql: 'select 1' };
