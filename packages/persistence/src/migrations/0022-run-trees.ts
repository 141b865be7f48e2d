/** How many runs one start has called, itself and through others, and starts of a workspace that wait for their turn, so that both have limits. */
import type { Migration } from './migration.ts';

export const runTrees: Migration = {
  n: 22,
  name: 'run_trees',
  sql: /* sql */ `
-- One row for each run that nobody called and that calls others. called: runs of its tree, counted before they are started.
create table run_tree (
  root_run_id uuid constraint run_tree_pkey primary key,
  workspace_id uuid not null,
  called int4 not null,
  counted_at timestamptz not null
);
create index run_tree_counted on run_tree (counted_at);

create index flow_turn_workspace on flow_turn (workspace_id) where begun_at is null;

alter table run_tree enable row level security;
create policy tenant on run_tree using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on run_tree to plugboard_app;
  end if;
end $$;
`,
};
