/** Who there is, what they draw and what is live: principals, workspaces, projects, workflows, versions, deployments, hooks. */
import type { Migration } from './migration.ts';

export const coreTables: Migration = {
  n: 1,
  name: 'core_tables',
  sql: /* sql */ `
-- Requests of people and keys run as this role, behind row-level security. Where roles cannot be made the server goes on
-- without it and its health says that the second wall is off.
do $$ begin
  if not exists (select from pg_roles where rolname = 'plugboard_app') then
    create role plugboard_app nologin;
  end if;
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant plugboard_app to %I', current_user);
  end if;
exception
  when insufficient_privilege then raise notice 'role plugboard_app cannot be made or granted here';
  when duplicate_object or unique_violation then null;
end $$;

create table principal (
  id uuid constraint principal_pkey primary key,
  kind text not null constraint principal_kind check (kind in ('person', 'service', 'system')),
  display_name text not null,
  erased_at timestamptz,
  rev int4 not null default 1,
  created_by uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index principal_one_system on principal (kind) where kind = 'system';

create table workspace (
  id uuid constraint workspace_pkey primary key,
  slug text not null,
  zone text not null default 'UTC',
  access_version int4 not null default 1,
  deleted_at timestamptz,
  rev int4 not null default 1,
  created_by uuid not null constraint workspace_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index workspace_slug on workspace (slug);

create table project (
  id uuid constraint project_pkey primary key,
  workspace_id uuid not null constraint project_workspace references workspace,
  slug text not null,
  name text not null,
  visibility text not null default 'workspace' constraint project_visibility check (visibility in ('workspace', 'members')),
  deleted_at timestamptz,
  rev int4 not null default 1,
  created_by uuid not null constraint project_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index project_slug on project (workspace_id, slug) where deleted_at is null;

create table workflow (
  id uuid constraint workflow_pkey primary key,
  workspace_id uuid not null constraint workflow_workspace references workspace,
  project_id uuid not null constraint workflow_project references project,
  name text not null,
  description text not null default '',
  deleted_at timestamptz,
  rev int4 not null default 1,
  created_by uuid not null constraint workflow_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index workflow_name on workflow (workspace_id, name) where deleted_at is null;
create index workflow_project_id on workflow (project_id);

create table draft (
  workflow_id uuid constraint draft_pkey primary key constraint draft_workflow references workflow,
  workspace_id uuid not null,
  rev int4 not null,
  doc json not null,
  semantic_hash text not null,
  base_version int4,
  updated_by uuid not null constraint draft_updated_by references principal,
  updated_at timestamptz not null default now()
);

create table version (
  workflow_id uuid not null constraint version_workflow references workflow,
  n int4 not null,
  workspace_id uuid not null,
  definition json not null,
  semantic_hash text not null,
  type_pins json not null,
  note text,
  published_by uuid not null constraint version_published_by references principal,
  published_at timestamptz not null default now(),
  constraint version_pkey primary key (workflow_id, n)
);

create function plugboard_refuse_update() returns trigger language plpgsql as $$
begin
  raise exception 'rows of % never change', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger version_is_immutable before update on version for each row execute function plugboard_refuse_update();

create table environment (
  workspace_id uuid not null constraint environment_workspace references workspace,
  n int2 not null,
  name text not null,
  constraint environment_pkey primary key (workspace_id, n)
);

create table deployment (
  workflow_id uuid not null,
  environment int2 not null,
  workspace_id uuid not null,
  version int4 not null,
  state text not null constraint deployment_state check (state in ('active', 'off')),
  deployed_by uuid not null constraint deployment_deployed_by references principal,
  deployed_at timestamptz not null default now(),
  constraint deployment_pkey primary key (workflow_id, environment),
  constraint deployment_version foreign key (workflow_id, version) references version (workflow_id, n),
  constraint deployment_environment foreign key (workspace_id, environment) references environment (workspace_id, n)
);

create table hook (
  id uuid constraint hook_pkey primary key,
  workspace_id uuid not null,
  workflow_id uuid not null constraint hook_workflow references workflow,
  environment int2 not null,
  node_id text not null,
  version int4 not null,
  method text not null,
  pattern text not null,
  pattern_norm text not null,
  reply text not null,
  settings json not null
);
create unique index hook_path on hook (method, pattern_norm) where environment = 1;
create index hook_workflow_id on hook (workflow_id, environment);

create table generation (
  kind text constraint generation_pkey primary key,
  n int8 not null
);

create table variable (
  project_id uuid not null constraint variable_project references project,
  environment int2 not null,
  key text not null,
  workspace_id uuid not null,
  value json not null,
  rev int4 not null default 1,
  created_by uuid not null constraint variable_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint variable_pkey primary key (project_id, environment, key)
);

-- scope_id is the workspace or principal, and the nil uuid for the instance.
create table setting (
  scope text not null constraint setting_scope check (scope in ('instance', 'workspace', 'person')),
  scope_id uuid not null,
  key text not null,
  value json not null,
  rev int4 not null default 1,
  updated_by uuid not null constraint setting_updated_by references principal,
  updated_at timestamptz not null default now(),
  constraint setting_pkey primary key (scope, scope_id, key)
);

alter table workspace enable row level security;
create policy tenant on workspace using (id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
alter table setting enable row level security;
create policy tenant on setting using (
  case scope
    when 'workspace' then scope_id = nullif(current_setting('plugboard.workspace', true), '')::uuid
    when 'person' then scope_id = nullif(current_setting('plugboard.principal', true), '')::uuid
    else true
  end
) with check (
  case scope
    when 'workspace' then scope_id = nullif(current_setting('plugboard.workspace', true), '')::uuid
    when 'person' then scope_id = nullif(current_setting('plugboard.principal', true), '')::uuid
    else false
  end
);
do $$
declare name text;
begin
  foreach name in array array['project', 'workflow', 'draft', 'version', 'environment', 'deployment', 'hook', 'variable'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on principal, environment to plugboard_app;
    grant select, update on workspace to plugboard_app;
    grant select, insert on version to plugboard_app;
    grant select, insert, update on generation to plugboard_app;
    grant select, insert, update, delete on project, workflow, draft, deployment, hook, variable, setting to plugboard_app;
  end if;
end $$;
`,
};
