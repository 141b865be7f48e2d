/**
 * What lists need to stay fast: counts by time, runs by rare states and triggers, words of drafts. The indexes on runs are partial: a run
 * that comes by webhook and succeeds at once, which most do, is in none of them.
 */
import type { Migration } from './migration.ts';

export const listsAndLive: Migration = {
  n: 5,
  name: 'lists_and_live',
  sql: /* sql */ `
-- Without the count: a count that grows stays where it is, and no index is written for it.
create index run_stats_bucket on run_stats (workspace_id, bucket);
create index run_workflow_not_succeeded on run (workflow_id, status, id) where status <> 4;
create index run_not_webhook on run (workspace_id, trigger_kind, id) where trigger_kind <> 1;

-- Names of the steps of a draft, so that a search reads no document.
alter table draft add column words text not null default '';
create function plugboard_draft_words() returns trigger language plpgsql as $$
begin
  new.words := left(coalesce((
    select string_agg(distinct node.item -> 'data' ->> 'name', E'\\n')
      from json_array_elements(case when json_typeof(new.doc -> 'nodes') = 'array' then new.doc -> 'nodes' else '[]' end) as node (item)
     where json_typeof(node.item -> 'data') = 'object'
  ), ''), 20000);
  return new;
end $$;
create trigger draft_words before insert or update of doc on draft for each row execute function plugboard_draft_words();

-- Which runs a large payload is of, and payloads that runs left behind and that are looked at once more.
create table run_payload (
  workspace_id uuid not null,
  sha256 text not null,
  run_id uuid not null,
  constraint run_payload_pkey primary key (run_id, sha256)
);
create index run_payload_sha256 on run_payload (workspace_id, sha256);
create table run_payload_left (
  workspace_id uuid not null,
  sha256 text not null,
  left_at timestamptz not null default now(),
  constraint run_payload_left_pkey primary key (workspace_id, sha256)
);
create index run_payload_left_at on run_payload_left (left_at);
do $$
declare name text;
begin
  foreach name in array array['run_payload', 'run_payload_left'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select on run_payload, run_payload_left to plugboard_app;
  end if;
end $$;
`,
};
