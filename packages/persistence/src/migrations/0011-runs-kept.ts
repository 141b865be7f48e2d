/** How long what of runs is kept: data that is to be forgotten, counts by day, files only one person sees, bytes a workspace stores. */
import type { Migration } from './migration.ts';

export const runsKept: Migration = {
  n: 11,
  name: 'runs_kept',
  sql: /* sql */ `
-- Runs that ended and whose data goes; the runs stay.
create table run_erasure (
  run_id uuid constraint run_erasure_pkey primary key,
  workspace_id uuid not null,
  due_at timestamptz not null default now()
);
create index run_erasure_due on run_erasure (due_at);

-- Counts of whole days of the workspace's zone. Rows of run_stats are in it once their writer is the one of all: rows that are not yet have
-- an index of their own.
create table run_stats_day (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  starts_at timestamptz not null,
  status int2 not null,
  n int8 not null,
  constraint run_stats_day_pkey primary key (workspace_id, starts_at, workflow_id, environment, status)
);
create table run_stats_zone (
  workspace_id uuid constraint run_stats_zone_pkey primary key,
  zone text not null
);
create index run_stats_apart on run_stats (workspace_id, bucket) where writer <> '00000000-0000-0000-0000-000000000000';

-- Only this principal sees the file.
alter table file add column private_to uuid constraint file_private_to references principal;
create index file_private_to on file (private_to) where private_to is not null;

-- Null for payloads named before they were counted.
alter table run_payload add column size_bytes int8;

do $$
declare name text;
begin
  foreach name in array array['run_erasure', 'run_stats_day', 'run_stats_zone'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on run_erasure, run_stats_day, run_stats_zone to plugboard_app;
  end if;
end $$;
`,
};
