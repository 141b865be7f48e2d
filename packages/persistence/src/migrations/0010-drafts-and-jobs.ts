/** Drafts that several people change, workflows that pause, and what became of each thing a job acted on. */
import type { Migration } from './migration.ts';

export const draftsAndJobs: Migration = {
  n: 10,
  name: 'drafts_and_jobs',
  sql: /* sql */ `
-- ranks: the order of parts where it is not simply that of the lists; without them two editors of one draft could see different orders.
alter table draft
  add column ranks json,
  add column asked_by uuid constraint draft_asked references principal,
  add column asked_at timestamptz;

-- request_hash: tells a batch that is sent again from another one under the same number.
alter table draft_op
  add column act text not null default 'edit' constraint draft_op_act check (act in ('edit', 'undo', 'redo')),
  add column inverse json,
  add column request_hash bytea;
create index draft_op_own on draft_op (workflow_id, principal_id, rev);

alter table deployment
  drop constraint deployment_state,
  add constraint deployment_state check (state in ('active', 'paused', 'off'));

drop index job_workspace_id;
create unique index job_tenant on job (workspace_id, id);
create index job_ended on job (ended_at) where ended_at is not null;

create table job_item (
  job_id uuid not null,
  item_id uuid not null,
  workspace_id uuid not null,
  outcome text not null constraint job_item_outcome check (outcome in ('done', 'unchanged', 'failed')),
  code text,
  message text,
  result json,
  at timestamptz not null default now(),
  constraint job_item_pkey primary key (job_id, item_id),
  constraint job_item_job foreign key (workspace_id, job_id) references job (workspace_id, id)
);
alter table job_item enable row level security;
create policy tenant on job_item using (workspace_id = nullif(current_setting('plugboard.workspace', true), '')::uuid);
do $$ begin
  if exists (select from pg_roles where rolname = 'plugboard_app') then
    grant select, insert on job_item to plugboard_app;
  end if;
end $$;
`,
};
