/** The state of long runs beside their journal, so that they come back without reading it from its beginning. */
import type { Migration } from './migration.ts';

export const runSnapshots: Migration = {
  n: 17,
  name: 'run_snapshots',
  sql: /* sql */ `
-- state: gzip of the JSON text. What format it has is known to the release that wrote it.
create table run_snapshot (
  run_id uuid constraint run_snapshot_pkey primary key,
  workspace_id uuid not null,
  seq int4 not null,
  format int2 not null,
  state bytea not null
);
alter table run_snapshot alter column state set storage external;
alter table run_snapshot enable row level security;
create policy tenant on run_snapshot using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on run_snapshot to plugboard_app;
  end if;
end $$;
`,
};
