/** Turns of a group in the order in which they come: however many wait, the next one is found at once. */
import type { Migration } from './migration.ts';

export const turnOrder: Migration = {
  n: 19,
  name: 'turn_order',
  sql: /* sql */ `
create index flow_turn_order on flow_turn (workflow_id, environment, group_key, priority desc, run_id) where begun_at is null;
create index flow_turn_begun on flow_turn (workflow_id, environment, group_key) where begun_at is not null;
drop index flow_turn_group;
`,
};
