/** Files know the workflow whose run made them; values that steps keep between runs. */
import type { Migration } from './migration.ts';

export const files: Migration = {
  n: 7,
  name: 'files',
  sql: /* sql */ `
-- No foreign key: a file outlives its workflow until its run is forgotten.
alter table file add column workflow_id uuid;
alter table file add constraint file_run_has_workflow check ((origin_run_id is null) or (workflow_id is not null));
create index file_origin_run on file (origin_run_id) where origin_run_id is not null;

create table plugin_state (
  workspace_id uuid not null constraint plugin_state_workspace references workspace,
  workflow_id uuid not null,
  environment int2 not null,
  node_id text not null,
  key text not null constraint plugin_state_key_length check (length(key) between 1 and 200),
  value json,
  -- The run that took a key; equal for the retries of one run.
  run_id uuid,
  rev int4 not null default 1,
  updated_at timestamptz not null default now(),
  expires_at timestamptz,
  constraint plugin_state_pkey primary key (workspace_id, workflow_id, environment, node_id, key)
);
create index plugin_state_expires on plugin_state (expires_at) where expires_at is not null;
alter table plugin_state enable row level security;
create policy tenant on plugin_state using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert, update, delete on plugin_state to plugboard_app;
  end if;
end $$;
`,
};
