/**
 * Test addresses remember the request they waited for, and webhooks that recognise a repeated delivery the answer they gave to the first.
 */
import type { Migration } from './migration.ts';

export const hooks: Migration = {
  n: 8,
  name: 'hooks',
  sql: /* sql */ `
alter table test_listener
  add column id uuid not null,
  add column pattern text not null,
  add column mode text not null constraint test_listener_mode check (mode in ('run', 'capture')),
  add column taken_at timestamptz,
  add column run_id uuid,
  add column captured json,
  add column problem text;
create index test_listener_id on test_listener (id);

create table hook_reply (
  workspace_id uuid not null constraint hook_reply_workspace references workspace,
  run_id uuid not null,
  fingerprint text not null,
  status int2 not null,
  headers json not null,
  body text not null,
  expires_at timestamptz not null,
  constraint hook_reply_pkey primary key (workspace_id, run_id)
);
create index hook_reply_expires on hook_reply (expires_at);
alter table hook_reply enable row level security;
create policy tenant on hook_reply using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on hook_reply to plugboard_app;
  end if;
end $$;
`,
};
