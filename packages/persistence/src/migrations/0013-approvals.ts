/** What steps ask people: approvals with their decisions, and forms that are filled in. */
import type { Migration } from './migration.ts';

export const approvals: Migration = {
  n: 13,
  name: 'approvals',
  sql: /* sql */ `
-- One per step of a run: asked again it is the same row. Persons by address in lower case, teams by name in lower case.
create table approval (
  id uuid constraint approval_pkey primary key,
  workspace_id uuid not null constraint approval_workspace references workspace,
  run_id uuid not null,
  place text not null,
  workflow_id uuid not null,
  node_id text not null,
  requested_by uuid constraint approval_requested references principal,
  title text not null,
  request json not null,
  persons text[] not null default '{}',
  roles text[] not null default '{}',
  teams text[] not null default '{}',
  needed int4 not null constraint approval_needed check (needed > 0),
  requester_may boolean not null,
  by_link boolean not null,
  state text not null default 'open' constraint approval_state check (state in ('open', 'approved', 'rejected', 'late', 'closed')),
  due_at timestamptz,
  remind_at timestamptz,
  reminders int4 not null default 0,
  escalate_at timestamptz,
  escalated_at timestamptz,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint approval_step unique (run_id, place)
);
create unique index approval_tenant on approval (workspace_id, id);
create index approval_open on approval (workspace_id, id) where state = 'open';
create index approval_due on approval (least(remind_at, escalate_at)) where state = 'open';

-- Nobody's principal: whoever had the address of the approval.
create table approval_decision (
  approval_id uuid not null,
  workspace_id uuid not null,
  principal_id uuid constraint approval_decision_principal references principal,
  decision text not null constraint approval_decision_kind check (decision in ('approve', 'reject')),
  comment text,
  changes json,
  via text not null constraint approval_decision_via check (via in ('page', 'api', 'link')),
  at timestamptz not null default clock_timestamp(),
  constraint approval_decision_once unique nulls not distinct (approval_id, principal_id),
  constraint approval_decision_approval foreign key (workspace_id, approval_id) references approval (workspace_id, id) on delete cascade
);

create table run_form (
  id uuid constraint run_form_pkey primary key,
  workspace_id uuid not null constraint run_form_workspace references workspace,
  run_id uuid not null,
  place text not null,
  workflow_id uuid not null,
  node_id text not null,
  request json not null,
  state text not null default 'open' constraint run_form_state check (state in ('open', 'filled', 'late', 'closed')),
  due_at timestamptz,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint run_form_step unique (run_id, place)
);
create unique index run_form_tenant on run_form (workspace_id, id);

do $$ declare one text; begin
  foreach one in array array['approval', 'approval_decision', 'run_form'] loop
    execute format('alter table %I enable row level security', one);
    execute format('create policy tenant on %I using (workspace_id = nullif(current_setting(''plugboard.workspace'', true), '''')::uuid)', one);
  end loop;
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert, update on approval, run_form to plugboard_app;
    grant select, insert on approval_decision to plugboard_app;
    -- A decision takes the deadline away in the transaction in which it counts.
    grant delete on timer to plugboard_app;
  end if;
end $$;
`,
};
