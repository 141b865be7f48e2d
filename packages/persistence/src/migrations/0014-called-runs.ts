/** Runs that runs start: who called whom, who waits for whom, failures that another workflow hears of, and chains of runs. */
import type { Migration } from './migration.ts';

export const calledRuns: Migration = {
  n: 14,
  name: 'called_runs',
  sql: /* sql */ `
-- wait_id is null where nobody waits for the end of the run.
create table run_child (
  run_id uuid constraint run_child_pkey primary key,
  workspace_id uuid not null,
  parent_run_id uuid not null,
  place text not null,
  wait_id text,
  part int4 not null,
  depth int2 not null
);
create index run_child_parent on run_child (parent_run_id, run_id);

-- Of runs somebody waits for, so that the end of a run finds those that go on for it alone.
alter table run_live add column parent_run_id uuid;
create index run_live_parent on run_live (parent_run_id) where parent_run_id is not null;

-- Written by the flush that ends a run, deleted once what follows from it has begun.
create table run_follow_up (
  run_id uuid not null,
  kind text not null constraint run_follow_up_kind check (kind in ('failed', 'next')),
  workspace_id uuid not null,
  due_at timestamptz not null,
  payload json not null,
  constraint run_follow_up_pkey primary key (run_id, kind)
);
create index run_follow_up_due on run_follow_up (due_at);

-- Of a run that repeats: the first of its chain, and its place there, from 1.
create table run_chain (
  run_id uuid constraint run_chain_pkey primary key,
  workspace_id uuid not null,
  first_run_id uuid not null,
  n int4 not null
);
create unique index run_chain_place on run_chain (first_run_id, n);

alter table run_child enable row level security;
create policy tenant on run_child using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
alter table run_chain enable row level security;
create policy tenant on run_chain using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
alter table run_follow_up enable row level security;
create policy tenant on run_follow_up using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, delete on run_child to plugboard_app;
    grant select, delete on run_chain to plugboard_app;
    grant select, delete on run_follow_up to plugboard_app;
  end if;
end $$;
`,
};
