/** Who may come in, and what they may do: people, sessions, members, teams, grants, keys; and what is written down about it. */
import type { Migration } from './migration.ts';

export const peopleTables: Migration = {
  n: 3,
  name: 'people_tables',
  sql: /* sql */ `
create table plan (
  key text constraint plan_pkey primary key,
  name text not null,
  limits json not null,
  rev int4 not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
insert into plan (key, name, limits) values ('unlimited', 'Unlimited', '{}');

-- Keys that encrypt the secrets of a workspace, each wrapped by the root key that root_key_id names.
create table data_key (
  id uuid constraint data_key_pkey primary key,
  workspace_id uuid not null constraint data_key_workspace references workspace,
  wrapped bytea not null,
  root_key_id text not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);
create unique index data_key_tenant on data_key (workspace_id, id);
create index data_key_root on data_key (root_key_id);

alter table workspace
  add column name text not null default '',
  add column plan_key text not null default 'unlimited' constraint workspace_plan references plan (key),
  add column data_key_id uuid,
  add constraint workspace_data_key foreign key (id, data_key_id) references data_key (workspace_id, id);
update workspace set name = initcap(slug);

alter table project
  add column owner_id uuid constraint project_owner references principal,
  add column admin_edits_only boolean not null default false;
create unique index project_tenant on project (workspace_id, id);
create unique index workflow_tenant on workflow (workspace_id, id);

create table person (
  principal_id uuid constraint person_pkey primary key constraint person_principal references principal,
  email text not null,
  email_ci text not null,
  password_phc text,
  password_changed_at timestamptz,
  locale text not null default 'en',
  zone text not null default 'UTC',
  disabled_at timestamptz,
  totp_secret bytea,
  totp_enabled_at timestamptz,
  totp_last_step int8,
  recovery_hashes bytea[] not null default '{}',
  rev int4 not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index person_email on person (email_ci);

create table identity (
  issuer text not null,
  subject text not null,
  person_id uuid not null constraint identity_person references person,
  created_at timestamptz not null default now(),
  constraint identity_pkey primary key (issuer, subject)
);
create index identity_person_id on identity (person_id);

create table session (
  token_hash bytea constraint session_pkey primary key,
  id uuid not null,
  person_id uuid not null constraint session_person references person,
  ip text,
  user_agent text,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  idle_expires_at timestamptz not null,
  absolute_expires_at timestamptz not null
);
create unique index session_id on session (id);
create index session_person_id on session (person_id);
create index session_expires on session (absolute_expires_at);

-- What is counted is a digest: neither addresses nor the names people tried are kept.
create table login_attempt (
  subject bytea constraint login_attempt_pkey primary key,
  failures int4 not null,
  first_at timestamptz not null default now(),
  last_at timestamptz not null default now()
);
create index login_attempt_last on login_attempt (last_at);

create table instance_role (
  principal_id uuid not null constraint instance_role_principal references principal,
  role text not null constraint instance_role_role check (role in ('operator')),
  created_by uuid constraint instance_role_created_by references principal,
  created_at timestamptz not null default now(),
  constraint instance_role_pkey primary key (principal_id, role)
);

-- A member who left stays as a row, so that the workspace still knows whose work it is looking at.
create table member (
  workspace_id uuid not null constraint member_workspace references workspace,
  principal_id uuid not null constraint member_principal references principal,
  role text not null constraint member_role check (role in ('viewer', 'runner', 'editor', 'admin', 'owner')),
  state text not null default 'active' constraint member_state check (state in ('active', 'removed')),
  rev int4 not null default 1,
  created_by uuid constraint member_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint member_pkey primary key (workspace_id, principal_id)
);
create index member_principal_id on member (principal_id);

create table invitation (
  id uuid constraint invitation_pkey primary key,
  workspace_id uuid not null constraint invitation_workspace references workspace,
  token_hash bytea not null,
  email text not null,
  email_ci text not null,
  role text not null constraint invitation_role check (role in ('viewer', 'runner', 'editor', 'admin', 'owner')),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid constraint invitation_accepted_by references principal,
  revoked_at timestamptz,
  rev int4 not null default 1,
  created_by uuid not null constraint invitation_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index invitation_token on invitation (token_hash);
create unique index invitation_open on invitation (workspace_id, email_ci) where accepted_at is null and revoked_at is null;
create index invitation_workspace_id on invitation (workspace_id, id);

create table team (
  id uuid constraint team_pkey primary key,
  workspace_id uuid not null constraint team_workspace references workspace,
  name text not null,
  description text not null default '',
  rev int4 not null default 1,
  created_by uuid not null constraint team_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index team_tenant on team (workspace_id, id);
create unique index team_name on team (workspace_id, lower(name));

create table team_member (
  team_id uuid not null,
  principal_id uuid not null,
  workspace_id uuid not null,
  created_by uuid not null constraint team_member_created_by references principal,
  created_at timestamptz not null default now(),
  constraint team_member_pkey primary key (team_id, principal_id),
  constraint team_member_team foreign key (workspace_id, team_id) references team (workspace_id, id),
  constraint team_member_member foreign key (workspace_id, principal_id) references member (workspace_id, principal_id)
);
create index team_member_principal on team_member (workspace_id, principal_id);

create table api_key (
  id uuid constraint api_key_pkey primary key,
  workspace_id uuid not null,
  principal_id uuid not null,
  name text not null,
  hash bytea not null,
  hint text not null,
  scopes text[] not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_by uuid not null constraint api_key_created_by references principal,
  created_at timestamptz not null default now(),
  constraint api_key_member foreign key (workspace_id, principal_id) references member (workspace_id, principal_id)
);
create unique index api_key_hash on api_key (hash);
create index api_key_workspace on api_key (workspace_id, id);
create index api_key_principal on api_key (workspace_id, principal_id);

create table role_grant (
  workspace_id uuid not null constraint role_grant_workspace references workspace,
  subject_kind text not null constraint role_grant_subject_kind check (subject_kind in ('principal', 'team')),
  subject_id uuid not null,
  resource_kind text not null constraint role_grant_resource_kind check (resource_kind in ('workspace', 'project', 'workflow', 'credential')),
  resource_id uuid not null,
  role text not null constraint role_grant_role check (role in ('viewer', 'runner', 'editor', 'admin', 'owner')),
  created_by uuid not null constraint role_grant_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint role_grant_pkey primary key (workspace_id, subject_kind, subject_id, resource_kind, resource_id)
);
create index role_grant_resource on role_grant (workspace_id, resource_kind, resource_id);

-- seq and hash are given by the sealer; a payload may be erased, its digest never.
create table audit (
  id uuid constraint audit_pkey primary key,
  workspace_id uuid constraint audit_workspace references workspace,
  principal_id uuid not null constraint audit_principal references principal,
  actor_kind text not null constraint audit_actor_kind check (actor_kind in ('person', 'service', 'system')),
  action text not null,
  resource_kind text not null,
  resource_id text,
  ip text,
  at timestamptz not null default now(),
  payload json,
  payload_digest bytea,
  seq int8,
  hash bytea,
  constraint audit_sealed check ((seq is null) = (hash is null))
);
create unique index audit_seq on audit (workspace_id, seq) nulls not distinct where seq is not null;
create index audit_unsealed on audit (workspace_id, id) where seq is null;
create index audit_workspace_id on audit (workspace_id, id);
create index audit_resource on audit (workspace_id, resource_kind, resource_id, id);

create function plugboard_guard_audit() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'audit rows are never deleted' using errcode = 'restrict_violation';
  end if;
  if (new.id, new.workspace_id, new.principal_id, new.actor_kind, new.action, new.resource_kind, new.resource_id, new.ip, new.at, new.payload_digest)
       is distinct from
     (old.id, old.workspace_id, old.principal_id, old.actor_kind, old.action, old.resource_kind, old.resource_id, old.ip, old.at, old.payload_digest)
     or (old.seq is not null and (new.seq, new.hash) is distinct from (old.seq, old.hash))
     or (new.payload is not null and new.payload::text is distinct from old.payload::text) then
    raise exception 'audit rows never change' using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger audit_is_append_only before update or delete on audit for each row execute function plugboard_guard_audit();

create table idempotency (
  principal_id uuid not null constraint idempotency_principal references principal,
  key text not null constraint idempotency_key_length check (length(key) <= 255),
  request_hash bytea not null,
  result json,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint idempotency_pkey primary key (principal_id, key)
);
create index idempotency_expires on idempotency (expires_at);

create table counter (
  workspace_id uuid not null constraint counter_workspace references workspace,
  limit_key text not null,
  period text not null,
  used int8 not null constraint counter_used check (used >= 0),
  constraint counter_pkey primary key (workspace_id, limit_key, period)
);

do $$
declare name text;
begin
  foreach name in array array['data_key', 'member', 'invitation', 'team', 'team_member', 'api_key', 'role_grant', 'audit', 'counter'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
end $$;
alter table idempotency enable row level security;
create policy own on idempotency using (principal_id = nullif(current_setting('plugboard.principal', true), '')::uuid);

-- A name is shown to those who share a workspace with it; the policy of member keeps this to the workspace at hand.
alter table principal enable row level security;
create policy shared on principal for select using (
  kind = 'system'
  or id = nullif(current_setting('plugboard.principal', true), '')::uuid
  or exists (select from member where member.principal_id = principal.id)
);
alter table person enable row level security;
create policy shared on person for select using (
  principal_id = nullif(current_setting('plugboard.principal', true), '')::uuid
  or exists (select from member where member.principal_id = person.principal_id and member.state = 'active')
);

do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on plan to plugboard_app;
    grant select (principal_id, email, email_ci, locale, zone) on person to plugboard_app;
    grant select, insert on data_key, audit to plugboard_app;
    grant update (retired_at) on data_key to plugboard_app;
    grant select, insert, update on member, invitation, api_key, idempotency, counter to plugboard_app;
    grant select, insert, update, delete on team, team_member, role_grant to plugboard_app;
  end if;
end $$;
`,
};
