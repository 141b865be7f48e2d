/** Filled by the part of this name. */
import type { Migration } from './migration.ts';

export const people: Migration = { n: 9, name: 'people', sql: 'select 1' };
