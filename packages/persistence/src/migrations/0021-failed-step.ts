/** The step at which a run failed, by name: lists of runs say it without reading the journal. Runs from before have none. */
import type { Migration } from './migration.ts';

export const failedStep: Migration = {
  n: 21,
  name: 'failed_step',
  sql: /* sql */ `
alter table run add column error_step text;
`,
};
