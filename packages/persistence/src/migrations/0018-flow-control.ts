/** Runs that wait for their turn, and those that have it: who may begin is decided here for all processes together. */
import type { Migration } from './migration.ts';

export const flowControl: Migration = {
  n: 18,
  name: 'flow_control',
  sql: /* sql */ `
-- One row for each run that has or had to wait for its turn, until the run is over. due_at is infinity while its workflow is paused. What the run is subject to stands in its row, so a new version of
-- the workflow changes nothing for runs that wait.
create table flow_turn (
  run_id uuid constraint flow_turn_pkey primary key,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  group_key text not null,
  max_running int4,
  rate_key text,
  rate_limit int4,
  rate_ms int8,
  hold text constraint flow_turn_hold check (hold in ('debounce', 'batch', 'single')),
  hold_key text,
  held int4 not null default 1,
  first_at timestamptz not null default clock_timestamp(),
  priority int4 not null default 0,
  due_at timestamptz not null,
  begun_at timestamptz
);
create index flow_turn_waiting on flow_turn (due_at) where begun_at is null;
create index flow_turn_group on flow_turn (workflow_id, environment, group_key);
create index flow_turn_held on flow_turn (workflow_id, environment, hold, hold_key) where hold is not null;

-- free_at: when the next start would be due if they came evenly.
create table flow_rate (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  key text not null,
  free_at timestamptz not null,
  constraint flow_rate_pkey primary key (workflow_id, environment, key)
);

-- A request of a step that is under way. Those of a server that is gone count no more.
create table request_slot (
  id uuid constraint request_slot_pkey primary key,
  workspace_id uuid not null,
  scope text not null,
  owner uuid not null,
  taken_at timestamptz not null default clock_timestamp()
);
create index request_slot_scope on request_slot (workspace_id, scope);

-- free_at: as in flow_rate, for requests.
create table request_rate (
  workspace_id uuid not null,
  scope text not null,
  free_at timestamptz not null,
  constraint request_rate_pkey primary key (workspace_id, scope)
);

-- Of a paused workflow: its webhooks are taken in, and their runs wait until it goes on.
alter table deployment add column holds boolean not null default false;

do $$
declare name text;
begin
  foreach name in array array['flow_turn', 'flow_rate', 'request_slot', 'request_rate'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
    if exists (select from pg_roles where rolname = 'plugboard_app') then
      execute format('grant select on %I to plugboard_app', name);
    end if;
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant update (due_at) on flow_turn to plugboard_app;
  end if;
end $$;
`,
};
