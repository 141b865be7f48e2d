/** Signing in elsewhere, passwords that are set anew, and service principals that a workspace makes for itself. */
import type { Migration } from './migration.ts';

export const people: Migration = {
  n: 9,
  name: 'people',
  sql: /* sql */ `
create table identity_provider (
  id uuid constraint identity_provider_pkey primary key,
  key text not null,
  title text not null,
  issuer text not null,
  client_id text not null,
  client_secret bytea,
  scopes text[] not null,
  allowed_domains text[] not null default '{}',
  links_by_email boolean not null default false,
  joins_workspace_id uuid constraint identity_provider_workspace references workspace,
  joins_role text constraint identity_provider_role check (joins_role in ('viewer', 'runner', 'editor', 'admin')),
  is_enabled boolean not null default true,
  rev int4 not null default 1,
  created_by uuid not null constraint identity_provider_created_by references principal,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint identity_provider_joins check ((joins_workspace_id is null) = (joins_role is null))
);
create unique index identity_provider_key on identity_provider (key);

-- A sign-in elsewhere that came back: its state counts once. Digests only, until they would be too old anyway.
create table spent_state (
  digest bytea constraint spent_state_pkey primary key,
  expires_at timestamptz not null
);
create index spent_state_expires on spent_state (expires_at);

create table password_reset (
  token_hash bytea constraint password_reset_pkey primary key,
  person_id uuid not null constraint password_reset_person references person,
  created_by uuid not null constraint password_reset_created_by references principal,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create unique index password_reset_person_id on password_reset (person_id);

create policy service_made on principal for insert
  with check (kind = 'service' and created_by = nullif(current_setting('plugboard.principal', true), '')::uuid);
-- The policy of member keeps this to the workspace at hand.
create policy service_kept on principal for update
  using (kind = 'service' and exists (select from member where member.principal_id = principal.id and member.state = 'active'));
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select (disabled_at) on person to plugboard_app;
    grant insert (id, kind, display_name, created_by) on principal to plugboard_app;
    grant update (display_name, rev, updated_at) on principal to plugboard_app;
  end if;
end $$;
`,
};
