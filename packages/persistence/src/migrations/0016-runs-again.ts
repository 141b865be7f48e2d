/** Runs that were made from other runs, and what the tests of workflows last said. */
import type { Migration } from './migration.ts';

export const runsAgain: Migration = {
  n: 16,
  name: 'runs_again',
  sql: /* sql */ `
-- Written before its run begins. The journal of the run says the same; this is how it is found from the other side.
create table run_link (
  run_id uuid constraint run_link_pkey primary key,
  workspace_id uuid not null,
  from_run_id uuid not null,
  how text not null,
  node_id text,
  created_at timestamptz not null default now()
);
create index run_link_from on run_link (from_run_id, run_id);

-- The last result of each test; tests themselves are part of the definition.
create table test_result (
  workflow_id uuid not null,
  test_id text not null,
  workspace_id uuid not null,
  run_id uuid,
  outcome text not null,
  differences json not null,
  duration_ms int4 not null,
  draft_rev int4 not null,
  at timestamptz not null default now(),
  constraint test_result_pkey primary key (workflow_id, test_id),
  constraint test_result_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id) on delete cascade
);

do $$
declare name text;
begin
  foreach name in array array['run_link', 'test_result'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert, delete on run_link to plugboard_app;
    grant select, insert, update, delete on test_result to plugboard_app;
  end if;
end $$;
`,
};
