/** Settings of projects, what people are told and by which way, e-mail on its way, workspaces that are gone for good, and who has which root key. */
import type { Migration } from './migration.ts';

export const noticesAndLevels: Migration = {
  n: 12,
  name: 'notices_and_levels',
  sql: /* sql */ `
alter table setting
  drop constraint setting_scope,
  add constraint setting_scope check (scope in ('instance', 'workspace', 'project', 'person'));
-- The policy of project keeps this to the workspace at hand.
alter policy tenant on setting using (
  case scope
    when 'workspace' then scope_id = nullif(current_setting('plugboard.workspace', true), '')::uuid
    when 'person' then scope_id = nullif(current_setting('plugboard.principal', true), '')::uuid
    when 'project' then exists (select from project where project.id = scope_id)
    else true
  end
) with check (
  case scope
    when 'workspace' then scope_id = nullif(current_setting('plugboard.workspace', true), '')::uuid
    when 'person' then scope_id = nullif(current_setting('plugboard.principal', true), '')::uuid
    when 'project' then exists (select from project where project.id = scope_id)
    else false
  end
);

-- mail: what was told before goes to nobody's mailbox.
alter table notification
  add column count int4 not null default 1,
  add column updated_at timestamptz not null default now(),
  add column mail text not null default 'none' constraint notification_mail check (mail in ('due', 'queued', 'none'));
alter table notification alter column mail set default 'due';
create index notification_unread on notification (principal_id, updated_at) where read_at is null;
create index notification_mail_due on notification (id) where mail = 'due';
create index notification_created_at on notification (created_at);
create policy told on notification for insert
  with check (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);

-- content: sealed, since links that let somebody in are in it.
create table mail (
  id uuid constraint mail_pkey primary key,
  content bytea not null,
  attempts int4 not null default 0,
  next_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index mail_next_at on mail (next_at);

-- purge_began_at: its keys are gone, so it cannot come back; purged_at: so are its rows.
alter table workspace
  add column purge_began_at timestamptz,
  add column purged_at timestamptz;
create index workspace_deleted_at on workspace (deleted_at) where deleted_at is not null and purged_at is null;

-- is_wrapping: what every process wraps new keys with. Of two that are there, the newer one takes the older one's place.
alter table instance_key add column is_wrapping boolean not null default false;
update instance_key set is_wrapping = true where root_key_id = (select root_key_id from instance_key order by created_at desc limit 1);
create unique index instance_key_wrapping on instance_key (is_wrapping) where is_wrapping;

create table root_key_holder (
  process_id uuid constraint root_key_holder_pkey primary key,
  root_key_ids text[] not null,
  wrapping_id text not null,
  seen_at timestamptz not null default now()
);

do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant insert (id, principal_id, workspace_id, dedupe_key, kind, params) on notification to plugboard_app;
  end if;
end $$;
`,
};
