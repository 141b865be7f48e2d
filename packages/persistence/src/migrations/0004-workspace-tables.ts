/** What people keep in a workspace besides workflows: folders, tags, edits, pins, credentials, files, jobs, views, notifications. */
import type { Migration } from './migration.ts';

export const workspaceTables: Migration = {
  n: 4,
  name: 'workspace_tables',
  // References name the workspace as well, so that no row can point into another one: foreign keys do not ask policies.
  sql: /* sql */ `
alter table workflow
  drop constraint workflow_project,
  add constraint workflow_project foreign key (workspace_id, project_id) references project (workspace_id, id);
alter table variable
  drop constraint variable_project,
  add constraint variable_project foreign key (workspace_id, project_id) references project (workspace_id, id);
alter table draft
  drop constraint draft_workflow,
  add constraint draft_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id);
alter table version
  drop constraint version_workflow,
  add constraint version_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id);
alter table hook
  drop constraint hook_workflow,
  add constraint hook_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id);

create table folder (
  id uuid constraint folder_pkey primary key,
  workspace_id uuid not null,
  project_id uuid not null,
  parent_id uuid,
  name text not null,
  rev int4 not null default 1,
  created_by uuid not null constraint folder_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint folder_tenant unique (workspace_id, project_id, id),
  constraint folder_project foreign key (workspace_id, project_id) references project (workspace_id, id),
  constraint folder_parent foreign key (workspace_id, project_id, parent_id) references folder (workspace_id, project_id, id)
);
create unique index folder_name on folder (project_id, parent_id, lower(name)) nulls not distinct;

alter table workflow
  add column folder_id uuid,
  add constraint workflow_folder foreign key (workspace_id, project_id, folder_id) references folder (workspace_id, project_id, id);
create index workflow_folder_id on workflow (folder_id) where folder_id is not null;
create index workflow_deleted on workflow (workspace_id, deleted_at) where deleted_at is not null;

create table tag (
  id uuid constraint tag_pkey primary key,
  workspace_id uuid not null constraint tag_workspace references workspace,
  name text not null,
  color text,
  rev int4 not null default 1,
  created_by uuid not null constraint tag_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index tag_tenant on tag (workspace_id, id);
create unique index tag_name on tag (workspace_id, lower(name));

create table workflow_tag (
  workflow_id uuid not null,
  tag_id uuid not null,
  workspace_id uuid not null,
  constraint workflow_tag_pkey primary key (workflow_id, tag_id),
  constraint workflow_tag_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id),
  constraint workflow_tag_tag foreign key (workspace_id, tag_id) references tag (workspace_id, id)
);
create index workflow_tag_tag_id on workflow_tag (tag_id);

create table star (
  principal_id uuid not null constraint star_principal references principal,
  workflow_id uuid not null,
  workspace_id uuid not null,
  created_at timestamptz not null default now(),
  constraint star_pkey primary key (principal_id, workflow_id),
  constraint star_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id)
);
create index star_workflow_id on star (workflow_id);

alter table draft
  add column holder_id uuid constraint draft_holder references principal,
  add column holder_until timestamptz;

create table draft_op (
  workflow_id uuid not null,
  rev int4 not null,
  workspace_id uuid not null,
  principal_id uuid not null constraint draft_op_principal references principal,
  client_id text not null,
  client_seq int4 not null,
  ops json not null,
  at timestamptz not null default now(),
  constraint draft_op_pkey primary key (workflow_id, rev),
  constraint draft_op_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id)
);
create unique index draft_op_client on draft_op (workflow_id, client_id, client_seq);

create table file_blob (
  workspace_id uuid not null constraint file_blob_workspace references workspace,
  hash text not null,
  size_bytes int8 not null,
  storage_key text not null,
  state text not null constraint file_blob_state check (state in ('pending', 'stored', 'deleting')),
  touched_at timestamptz not null default now(),
  constraint file_blob_pkey primary key (workspace_id, hash)
);

create table file (
  id uuid constraint file_pkey primary key,
  workspace_id uuid not null,
  hash text not null,
  name text not null,
  mime text not null,
  origin_run_id uuid,
  created_by uuid not null constraint file_created_by references principal,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  constraint file_blob foreign key (workspace_id, hash) references file_blob (workspace_id, hash)
);
create index file_hash on file (workspace_id, hash);
create index file_workspace on file (workspace_id, id);
create index file_expires on file (expires_at) where expires_at is not null;

create table pin (
  workflow_id uuid not null,
  node_id text not null,
  workspace_id uuid not null,
  file_hash text not null,
  source json not null,
  updated_by uuid not null constraint pin_updated_by references principal,
  updated_at timestamptz not null default now(),
  constraint pin_pkey primary key (workflow_id, node_id),
  constraint pin_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id),
  constraint pin_file foreign key (workspace_id, file_hash) references file_blob (workspace_id, hash)
);
create index pin_file_hash on pin (workspace_id, file_hash);

create table credential (
  id uuid constraint credential_pkey primary key,
  workspace_id uuid not null,
  project_id uuid not null,
  key text not null,
  environment int2,
  name text not null,
  type text not null,
  allowed_hosts text[] not null,
  public_data json not null,
  health text not null default 'unknown' constraint credential_health check (health in ('unknown', 'healthy', 'failing')),
  health_error text,
  health_at timestamptz,
  expires_at timestamptz,
  refresh_by uuid,
  refresh_until timestamptz,
  deleted_at timestamptz,
  rev int4 not null default 1,
  created_by uuid not null constraint credential_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credential_project foreign key (workspace_id, project_id) references project (workspace_id, id)
);
create unique index credential_tenant on credential (workspace_id, id);
create unique index credential_key on credential (project_id, environment, key) nulls not distinct where deleted_at is null;

create table credential_secret (
  credential_id uuid not null,
  version int4 not null,
  workspace_id uuid not null,
  ciphertext bytea not null,
  key_id uuid not null,
  created_by uuid not null constraint credential_secret_created_by references principal,
  created_at timestamptz not null default now(),
  constraint credential_secret_pkey primary key (credential_id, version),
  constraint credential_secret_credential foreign key (workspace_id, credential_id) references credential (workspace_id, id),
  constraint credential_secret_key foreign key (workspace_id, key_id) references data_key (workspace_id, id)
);
create index credential_secret_key_id on credential_secret (key_id);

create table binding (
  workflow_id uuid not null,
  environment int2 not null,
  key text not null,
  workspace_id uuid not null,
  credential_id uuid not null,
  granted_by uuid not null constraint binding_granted_by references principal,
  granted_at timestamptz not null default now(),
  constraint binding_pkey primary key (workflow_id, environment, key),
  constraint binding_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id),
  constraint binding_credential foreign key (workspace_id, credential_id) references credential (workspace_id, id)
);
create index binding_credential_id on binding (credential_id);
create index binding_granted on binding (workspace_id, granted_by);

alter table hook
  add column auth json,
  add column cors json;

create table test_listener (
  method text not null,
  path text not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  node_id text not null,
  principal_id uuid not null constraint test_listener_principal references principal,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint test_listener_pkey primary key (method, path),
  constraint test_listener_workflow foreign key (workspace_id, workflow_id) references workflow (workspace_id, id)
);
create index test_listener_workflow_id on test_listener (workflow_id);
create index test_listener_expires on test_listener (expires_at);

create table job (
  id uuid constraint job_pkey primary key,
  workspace_id uuid constraint job_workspace references workspace,
  kind text not null,
  actor uuid not null constraint job_actor references principal,
  params json not null,
  cursor json,
  progress json,
  report json,
  state text not null default 'queued' constraint job_state check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  cancel_requested_at timestamptz,
  lease_by uuid,
  lease_until timestamptz,
  attempts int4 not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz
);
create index job_open on job (id) where state in ('queued', 'running');
create index job_workspace_id on job (workspace_id, id);

create table saved_view (
  id uuid constraint saved_view_pkey primary key,
  workspace_id uuid not null constraint saved_view_workspace references workspace,
  principal_id uuid constraint saved_view_principal references principal,
  page text not null,
  name text not null,
  filter json not null,
  rev int4 not null default 1,
  created_by uuid not null constraint saved_view_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index saved_view_page on saved_view (workspace_id, page);

create table notification (
  id uuid constraint notification_pkey primary key,
  principal_id uuid not null constraint notification_principal references principal,
  workspace_id uuid constraint notification_workspace references workspace,
  dedupe_key text not null,
  kind text not null,
  params json not null,
  created_at timestamptz not null default now(),
  read_at timestamptz
);
create unique index notification_dedupe on notification (principal_id, dedupe_key);
create index notification_principal_id on notification (principal_id, id);

create table run_tag (
  workspace_id uuid not null,
  key text not null,
  value text not null constraint run_tag_value_length check (length(value) <= 200),
  run_id uuid not null,
  constraint run_tag_pkey primary key (workspace_id, key, value, run_id)
);
create index run_tag_run on run_tag (run_id);

do $$
declare name text;
begin
  foreach name in array array['folder', 'tag', 'workflow_tag', 'draft_op', 'file_blob', 'file', 'pin', 'credential', 'credential_secret',
                              'binding', 'test_listener', 'job', 'run_tag'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
end $$;
alter table star enable row level security;
create policy own on star using (
  workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid
  and principal_id = nullif(current_setting('plugboard.principal', true), '')::uuid
);
alter table saved_view enable row level security;
create policy own_or_shared on saved_view using (
  workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid
  and (principal_id is null or principal_id = nullif(current_setting('plugboard.principal', true), '')::uuid)
);
alter table notification enable row level security;
create policy own on notification using (
  principal_id = nullif(current_setting('plugboard.principal', true), '')::uuid
  and (workspace_id is null or workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid)
);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert on draft_op, run_tag to plugboard_app;
    grant select, update on notification to plugboard_app;
    grant select, insert, update on file_blob, job to plugboard_app;
    grant select, insert, delete on credential_secret, workflow_tag, star to plugboard_app;
    grant select, insert, update, delete on folder, tag, file, pin, credential, binding, test_listener, saved_view to plugboard_app;
  end if;
end $$;
`,
};
