/** What runs spend: a row for each paid call, and the sums of each tree of runs against its limit. Runs that spend nothing have neither. */
import type { Migration } from './migration.ts';

export const runSpending: Migration = {
  n: 20,
  name: 'run_spending',
  sql: /* sql */ `
-- All amounts are pico-dollars. A reservation of a call, by the call's idempotency key: held until what the call cost is known, or until its time is over.
create table reservation (
  workspace_id uuid not null,
  key text not null,
  root_run_id uuid not null,
  run_id uuid not null,
  place text not null,
  state text not null constraint reservation_state check (state in ('open', 'settled', 'released')),
  reserved_pd int8 not null constraint reservation_reserved check (reserved_pd >= 0),
  settled_pd int8 not null default 0,
  -- What the call cost was never told, so what was reserved counts.
  is_unknown boolean not null default false,
  expires_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  constraint reservation_pkey primary key (workspace_id, key)
);
create index reservation_run on reservation (run_id);
create index reservation_root on reservation (root_run_id);
create index reservation_open on reservation (expires_at) where state = 'open';

-- The budget of a tree of runs, by its root. Written with its first reservation.
create table run_budget (
  root_run_id uuid constraint run_budget_pkey primary key,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment int2 not null,
  limit_pd int8 not null,
  warn_pd int8 not null,
  spent_pd int8 not null default 0,
  reserved_pd int8 not null default 0 constraint run_budget_reserved check (reserved_pd >= 0),
  warned_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
create index run_budget_to_warn on run_budget (root_run_id) where warned_at is null and spent_pd >= warn_pd;

do $$
declare name text;
begin
  foreach name in array array['reservation', 'run_budget'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', name);
    if exists (select from pg_roles where rolname = 'plugboard_app') then
      execute format('grant select on %I to plugboard_app', name);
    end if;
  end loop;
end $$;
`,
};
