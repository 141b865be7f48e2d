/** Runs and what belongs to them. No foreign keys and no triggers: these tables carry the hot path. */
import type { Migration } from './migration.ts';

export const runTables: Migration = {
  n: 2,
  name: 'run_tables',
  sql: /* sql */ `
create table run (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  version int4 not null,
  status int2 not null,
  trigger_kind int2 not null,
  initiator uuid,
  root_run_id uuid not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  error_code text,
  error_message text,
  error_fingerprint text,
  cost_pd int8 not null default 0,
  chunks int4 not null default 0,
  events int4 not null default 0,
  journal bytea,
  constraint run_pkey primary key (id)
) partition by range (id);
alter table run alter column journal set storage external;
create index run_workspace on run (workspace_id, id);
create index run_workflow on run (workflow_id, id);
create index run_not_succeeded on run (workspace_id, status, id) where status <> 4;

create table run_chunk (
  run_id uuid not null,
  seq int4 not null,
  events bytea not null,
  constraint run_chunk_pkey primary key (run_id, seq)
) partition by range (run_id);

create table run_live (
  run_id uuid constraint run_live_pkey primary key,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  version int4 not null,
  owner uuid not null,
  fence int4 not null,
  next_seq int4 not null,
  status int2 not null,
  waiting int2,
  crash_count int2 not null default 0,
  started_at timestamptz not null
) with (fillfactor = 70);
create index run_live_owner on run_live (owner);
create index run_live_workspace on run_live (workspace_id, status);

create table worker (
  id uuid constraint worker_pkey primary key,
  lease_until timestamptz not null,
  host text not null,
  boot_id text not null,
  pid int4 not null,
  pid_started text not null,
  started_at timestamptz not null default now()
);

create table run_inbox (
  id uuid constraint run_inbox_pkey primary key,
  run_id uuid not null,
  workspace_id uuid not null,
  source_key text not null,
  kind text not null,
  payload json not null,
  created_at timestamptz not null default now()
);
create unique index run_inbox_source on run_inbox (run_id, source_key);

create table run_key (
  workspace_id uuid not null,
  scope text not null,
  key text not null,
  run_id uuid not null,
  expires_at timestamptz not null,
  constraint run_key_pkey primary key (workspace_id, scope, key)
);
create index run_key_expires on run_key (expires_at);

create table timer (
  run_id uuid not null,
  wait_id text not null,
  workspace_id uuid not null,
  due_at timestamptz not null,
  constraint timer_pkey primary key (run_id, wait_id)
);
create index timer_due on timer (due_at);

create table run_stats (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  bucket timestamptz not null,
  status int2 not null,
  writer uuid not null,
  n int8 not null,
  constraint run_stats_pkey primary key (workspace_id, workflow_id, environment, bucket, status, writer)
);

-- run_chunk has no workspace of its own: a chunk is seen by whoever sees its run.
alter table run_chunk enable row level security;
create policy tenant on run_chunk using (exists (select from run where run.id = run_chunk.run_id));
do $$
declare name text;
begin
  foreach name in array array['run', 'run_live', 'run_inbox', 'run_key', 'timer', 'run_stats'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on run, run_chunk, run_live, timer, run_stats to plugboard_app;
    grant select, insert on run_inbox to plugboard_app;
  end if;
end $$;
`,
};
