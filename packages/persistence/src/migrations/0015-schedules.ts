/**
 * What starts runs by time: schedules with the instant they are due at next, and triggers that ask a service on a timetable, with how far
 * they have come. Both are rows of what is live; a row is keyed by its node, so that a publish keeps how it stands.
 */
import type { Migration } from './migration.ts';

const TENANT = `workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid`;

export const schedules: Migration = {
  n: 15,
  name: 'schedules',
  sql: /* sql */ `
-- next_due: the slot; next_at: when it is acted on, with jitter. Both null once no slot is left.
-- blocked_at: since when a due slot waits for an older run. claimed_*: the process that acts on it.
create table schedule (
  id uuid constraint schedule_pkey primary key,
  workspace_id uuid not null constraint schedule_workspace references workspace,
  workflow_id uuid not null,
  environment int2 not null,
  node_id text not null,
  node_name text not null,
  version int4 not null,
  spec json not null,
  zone text not null,
  missed text not null constraint schedule_missed check (missed in ('skip', 'once', 'all')),
  overlap text not null constraint schedule_overlap check (overlap in ('allow', 'skip', 'queue', 'cancel')),
  state text not null default 'active' constraint schedule_state check (state in ('active', 'paused', 'held')),
  next_due timestamptz,
  next_at timestamptz,
  blocked_at timestamptz,
  claimed_by uuid,
  claimed_until timestamptz,
  last_due timestamptz,
  last_at timestamptz,
  last_run_id uuid,
  skipped int8 not null default 0,
  problem text,
  changed_by uuid constraint schedule_changed_by references principal,
  created_at timestamptz not null default now(),
  constraint schedule_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id),
  constraint schedule_node unique (workflow_id, environment, node_id)
);
create index schedule_due on schedule (next_at) where state = 'active' and next_at is not null;
create index schedule_list on schedule (workspace_id, id);

-- step counts the pages that were committed; seen_at: the last time the service answered.
create table poll (
  id uuid constraint poll_pkey primary key,
  workspace_id uuid not null constraint poll_workspace references workspace,
  workflow_id uuid not null,
  environment int2 not null,
  node_id text not null,
  node_name text not null,
  version int4 not null,
  every_ms int8 not null constraint poll_every check (every_ms > 0),
  basis text not null,
  state text not null default 'active' constraint poll_state check (state in ('active', 'paused', 'held')),
  next_at timestamptz not null,
  claimed_by uuid,
  claimed_until timestamptz,
  cursor json,
  step int8 not null default 0,
  failures int4 not null default 0,
  problem text,
  failed_at timestamptz,
  seen_at timestamptz,
  found_at timestamptz,
  last_run_id uuid,
  changed_by uuid constraint poll_changed_by references principal,
  created_at timestamptz not null default now(),
  constraint poll_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id),
  constraint poll_node unique (workflow_id, environment, node_id)
);
create index poll_due on poll (next_at) where state = 'active';
create index poll_list on poll (workspace_id, id);

alter table schedule enable row level security;
create policy tenant on schedule using (${TENANT});
alter table poll enable row level security;
create policy tenant on poll using (${TENANT});
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert, update, delete on schedule, poll to plugboard_app;
  end if;
end $$;
`,
};
