/** Keys of the instance, wrapped by the root key; sign-ins at other services that are under way; credentials that need a new one. */
import type { Migration } from './migration.ts';

export const vault: Migration = {
  n: 6,
  name: 'vault',
  sql: /* sql */ `
create table instance_key (
  root_key_id text constraint instance_key_pkey primary key,
  wrapped bytea not null,
  created_at timestamptz not null default now()
);

alter table credential
  drop constraint credential_health,
  add constraint credential_health check (health in ('unknown', 'healthy', 'failing', 'signed_out'));

create table oauth_state (
  state_hash bytea constraint oauth_state_pkey primary key,
  workspace_id uuid not null,
  credential_id uuid not null,
  principal_id uuid not null constraint oauth_state_principal references principal,
  session_id uuid not null,
  sealed bytea not null,
  expires_at timestamptz not null,
  constraint oauth_state_credential foreign key (workspace_id, credential_id) references credential (workspace_id, id)
);
create index oauth_state_credential_id on oauth_state (credential_id);
create index oauth_state_expires on oauth_state (expires_at);
alter table oauth_state enable row level security;
create policy tenant on oauth_state using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert, delete on oauth_state to plugboard_app;
  end if;
end $$;
`,
};
