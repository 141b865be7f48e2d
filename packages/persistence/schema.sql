-- Written from the migrations by a test; change a migration, never this file.

CREATE OR REPLACE FUNCTION public.plugboard_draft_words()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.words := left(coalesce((
    select string_agg(distinct node.item -> 'data' ->> 'name', E'\n')
      from json_array_elements(case when json_typeof(new.doc -> 'nodes') = 'array' then new.doc -> 'nodes' else '[]' end) as node (item)
     where json_typeof(node.item -> 'data') = 'object'
  ), ''), 20000);
  return new;
end $function$;

CREATE OR REPLACE FUNCTION public.plugboard_guard_audit()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.plugboard_refuse_update()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'rows of % never change', tg_table_name using errcode = 'restrict_violation';
end $function$;

create table api_key (
  id uuid not null,
  workspace_id uuid not null,
  principal_id uuid not null,
  name text not null,
  hash bytea not null,
  hint text not null,
  scopes text[] not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint api_key_pkey PRIMARY KEY (id),
  constraint api_key_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint api_key_member FOREIGN KEY (workspace_id, principal_id) REFERENCES member(workspace_id, principal_id)
);
CREATE UNIQUE INDEX api_key_hash ON public.api_key USING btree (hash);
CREATE INDEX api_key_principal ON public.api_key USING btree (workspace_id, principal_id);
CREATE INDEX api_key_workspace ON public.api_key USING btree (workspace_id, id);
alter table api_key enable row level security;
create policy tenant on api_key using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on api_key to plugboard_app;

create table approval (
  id uuid not null,
  workspace_id uuid not null,
  run_id uuid not null,
  place text not null,
  workflow_id uuid not null,
  node_id text not null,
  requested_by uuid,
  title text not null,
  request json not null,
  persons text[] not null default '{}'::text[],
  roles text[] not null default '{}'::text[],
  teams text[] not null default '{}'::text[],
  needed integer not null,
  requester_may boolean not null,
  by_link boolean not null,
  state text not null default 'open'::text,
  due_at timestamp with time zone,
  remind_at timestamp with time zone,
  reminders integer not null default 0,
  escalate_at timestamp with time zone,
  escalated_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  constraint approval_step UNIQUE (run_id, place),
  constraint approval_pkey PRIMARY KEY (id),
  constraint approval_requested FOREIGN KEY (requested_by) REFERENCES principal(id),
  constraint approval_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint approval_needed CHECK ((needed > 0)),
  constraint approval_state CHECK ((state = ANY (ARRAY['open'::text, 'approved'::text, 'rejected'::text, 'late'::text, 'closed'::text])))
);
CREATE INDEX approval_due ON public.approval USING btree (LEAST(remind_at, escalate_at)) WHERE (state = 'open'::text);
CREATE INDEX approval_open ON public.approval USING btree (workspace_id, id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX approval_step ON public.approval USING btree (run_id, place);
CREATE UNIQUE INDEX approval_tenant ON public.approval USING btree (workspace_id, id);
alter table approval enable row level security;
create policy tenant on approval using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on approval to plugboard_app;

create table approval_decision (
  approval_id uuid not null,
  workspace_id uuid not null,
  principal_id uuid,
  decision text not null,
  comment text,
  changes json,
  via text not null,
  at timestamp with time zone not null default clock_timestamp(),
  constraint approval_decision_once UNIQUE NULLS NOT DISTINCT (approval_id, principal_id),
  constraint approval_decision_approval FOREIGN KEY (workspace_id, approval_id) REFERENCES approval(workspace_id, id) ON DELETE CASCADE,
  constraint approval_decision_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint approval_decision_kind CHECK ((decision = ANY (ARRAY['approve'::text, 'reject'::text]))),
  constraint approval_decision_via CHECK ((via = ANY (ARRAY['page'::text, 'api'::text, 'link'::text])))
);
CREATE UNIQUE INDEX approval_decision_once ON public.approval_decision USING btree (approval_id, principal_id) NULLS NOT DISTINCT;
alter table approval_decision enable row level security;
create policy tenant on approval_decision using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on approval_decision to plugboard_app;

create table audit (
  id uuid not null,
  workspace_id uuid,
  principal_id uuid not null,
  actor_kind text not null,
  action text not null,
  resource_kind text not null,
  resource_id text,
  ip text,
  at timestamp with time zone not null default now(),
  payload json,
  payload_digest bytea,
  seq bigint,
  hash bytea,
  constraint audit_pkey PRIMARY KEY (id),
  constraint audit_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint audit_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint audit_actor_kind CHECK ((actor_kind = ANY (ARRAY['person'::text, 'service'::text, 'system'::text]))),
  constraint audit_sealed CHECK (((seq IS NULL) = (hash IS NULL)))
);
CREATE INDEX audit_resource ON public.audit USING btree (workspace_id, resource_kind, resource_id, id);
CREATE UNIQUE INDEX audit_seq ON public.audit USING btree (workspace_id, seq) NULLS NOT DISTINCT WHERE (seq IS NOT NULL);
CREATE INDEX audit_unsealed ON public.audit USING btree (workspace_id, id) WHERE (seq IS NULL);
CREATE INDEX audit_workspace_id ON public.audit USING btree (workspace_id, id);
CREATE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION plugboard_guard_audit();
alter table audit enable row level security;
create policy tenant on audit using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on audit to plugboard_app;

create table binding (
  workflow_id uuid not null,
  environment smallint not null,
  key text not null,
  workspace_id uuid not null,
  credential_id uuid not null,
  granted_by uuid not null,
  granted_at timestamp with time zone not null default now(),
  constraint binding_pkey PRIMARY KEY (workflow_id, environment, key),
  constraint binding_credential FOREIGN KEY (workspace_id, credential_id) REFERENCES credential(workspace_id, id),
  constraint binding_granted_by FOREIGN KEY (granted_by) REFERENCES principal(id),
  constraint binding_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE INDEX binding_credential_id ON public.binding USING btree (credential_id);
CREATE INDEX binding_granted ON public.binding USING btree (workspace_id, granted_by);
alter table binding enable row level security;
create policy tenant on binding using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on binding to plugboard_app;

create table counter (
  workspace_id uuid not null,
  limit_key text not null,
  period text not null,
  used bigint not null,
  constraint counter_pkey PRIMARY KEY (workspace_id, limit_key, period),
  constraint counter_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint counter_used CHECK ((used >= 0))
);
alter table counter enable row level security;
create policy tenant on counter using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on counter to plugboard_app;

create table credential (
  id uuid not null,
  workspace_id uuid not null,
  project_id uuid not null,
  key text not null,
  environment smallint,
  name text not null,
  type text not null,
  allowed_hosts text[] not null,
  public_data json not null,
  health text not null default 'unknown'::text,
  health_error text,
  health_at timestamp with time zone,
  expires_at timestamp with time zone,
  refresh_by uuid,
  refresh_until timestamp with time zone,
  deleted_at timestamp with time zone,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint credential_pkey PRIMARY KEY (id),
  constraint credential_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint credential_project FOREIGN KEY (workspace_id, project_id) REFERENCES project(workspace_id, id),
  constraint credential_health CHECK ((health = ANY (ARRAY['unknown'::text, 'healthy'::text, 'failing'::text, 'signed_out'::text])))
);
CREATE UNIQUE INDEX credential_key ON public.credential USING btree (project_id, environment, key) NULLS NOT DISTINCT WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX credential_tenant ON public.credential USING btree (workspace_id, id);
alter table credential enable row level security;
create policy tenant on credential using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on credential to plugboard_app;

create table credential_secret (
  credential_id uuid not null,
  version integer not null,
  workspace_id uuid not null,
  ciphertext bytea not null,
  key_id uuid not null,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint credential_secret_pkey PRIMARY KEY (credential_id, version),
  constraint credential_secret_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint credential_secret_credential FOREIGN KEY (workspace_id, credential_id) REFERENCES credential(workspace_id, id),
  constraint credential_secret_key FOREIGN KEY (workspace_id, key_id) REFERENCES data_key(workspace_id, id)
);
CREATE INDEX credential_secret_key_id ON public.credential_secret USING btree (key_id);
alter table credential_secret enable row level security;
create policy tenant on credential_secret using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select on credential_secret to plugboard_app;

create table data_key (
  id uuid not null,
  workspace_id uuid not null,
  wrapped bytea not null,
  root_key_id text not null,
  created_at timestamp with time zone not null default now(),
  retired_at timestamp with time zone,
  constraint data_key_pkey PRIMARY KEY (id),
  constraint data_key_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
CREATE INDEX data_key_root ON public.data_key USING btree (root_key_id);
CREATE UNIQUE INDEX data_key_tenant ON public.data_key USING btree (workspace_id, id);
alter table data_key enable row level security;
create policy tenant on data_key using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant update (retired_at) on data_key to plugboard_app;
grant insert, select on data_key to plugboard_app;

create table deployment (
  workflow_id uuid not null,
  environment smallint not null,
  workspace_id uuid not null,
  version integer not null,
  state text not null,
  deployed_by uuid not null,
  deployed_at timestamp with time zone not null default now(),
  holds boolean not null default false,
  constraint deployment_pkey PRIMARY KEY (workflow_id, environment),
  constraint deployment_deployed_by FOREIGN KEY (deployed_by) REFERENCES principal(id),
  constraint deployment_environment FOREIGN KEY (workspace_id, environment) REFERENCES environment(workspace_id, n),
  constraint deployment_version FOREIGN KEY (workflow_id, version) REFERENCES version(workflow_id, n),
  constraint deployment_state CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'off'::text])))
);
alter table deployment enable row level security;
create policy tenant on deployment using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on deployment to plugboard_app;

create table draft (
  workflow_id uuid not null,
  workspace_id uuid not null,
  rev integer not null,
  doc json not null,
  semantic_hash text not null,
  base_version integer,
  updated_by uuid not null,
  updated_at timestamp with time zone not null default now(),
  holder_id uuid,
  holder_until timestamp with time zone,
  words text not null default ''::text,
  ranks json,
  asked_by uuid,
  asked_at timestamp with time zone,
  constraint draft_pkey PRIMARY KEY (workflow_id),
  constraint draft_asked FOREIGN KEY (asked_by) REFERENCES principal(id),
  constraint draft_holder FOREIGN KEY (holder_id) REFERENCES principal(id),
  constraint draft_updated_by FOREIGN KEY (updated_by) REFERENCES principal(id),
  constraint draft_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE TRIGGER draft_words BEFORE INSERT OR UPDATE OF doc ON public.draft FOR EACH ROW EXECUTE FUNCTION plugboard_draft_words();
alter table draft enable row level security;
create policy tenant on draft using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on draft to plugboard_app;

create table draft_op (
  workflow_id uuid not null,
  rev integer not null,
  workspace_id uuid not null,
  principal_id uuid not null,
  client_id text not null,
  client_seq integer not null,
  ops json not null,
  at timestamp with time zone not null default now(),
  act text not null default 'edit'::text,
  inverse json,
  request_hash bytea,
  constraint draft_op_pkey PRIMARY KEY (workflow_id, rev),
  constraint draft_op_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint draft_op_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id),
  constraint draft_op_act CHECK ((act = ANY (ARRAY['edit'::text, 'undo'::text, 'redo'::text])))
);
CREATE UNIQUE INDEX draft_op_client ON public.draft_op USING btree (workflow_id, client_id, client_seq);
CREATE INDEX draft_op_own ON public.draft_op USING btree (workflow_id, principal_id, rev);
alter table draft_op enable row level security;
create policy tenant on draft_op using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on draft_op to plugboard_app;

create table environment (
  workspace_id uuid not null,
  n smallint not null,
  name text not null,
  constraint environment_pkey PRIMARY KEY (workspace_id, n),
  constraint environment_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
alter table environment enable row level security;
create policy tenant on environment using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on environment to plugboard_app;

create table file (
  id uuid not null,
  workspace_id uuid not null,
  hash text not null,
  name text not null,
  mime text not null,
  origin_run_id uuid,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  workflow_id uuid,
  private_to uuid,
  constraint file_pkey PRIMARY KEY (id),
  constraint file_blob FOREIGN KEY (workspace_id, hash) REFERENCES file_blob(workspace_id, hash),
  constraint file_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint file_private_to FOREIGN KEY (private_to) REFERENCES principal(id),
  constraint file_run_has_workflow CHECK (((origin_run_id IS NULL) OR (workflow_id IS NOT NULL)))
);
CREATE INDEX file_expires ON public.file USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX file_hash ON public.file USING btree (workspace_id, hash);
CREATE INDEX file_origin_run ON public.file USING btree (origin_run_id) WHERE (origin_run_id IS NOT NULL);
CREATE INDEX file_private_to ON public.file USING btree (private_to) WHERE (private_to IS NOT NULL);
CREATE INDEX file_workspace ON public.file USING btree (workspace_id, id);
alter table file enable row level security;
create policy tenant on file using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on file to plugboard_app;

create table file_blob (
  workspace_id uuid not null,
  hash text not null,
  size_bytes bigint not null,
  storage_key text not null,
  state text not null,
  touched_at timestamp with time zone not null default now(),
  constraint file_blob_pkey PRIMARY KEY (workspace_id, hash),
  constraint file_blob_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint file_blob_state CHECK ((state = ANY (ARRAY['pending'::text, 'stored'::text, 'deleting'::text])))
);
alter table file_blob enable row level security;
create policy tenant on file_blob using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on file_blob to plugboard_app;

create table flow_rate (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  key text not null,
  free_at timestamp with time zone not null,
  constraint flow_rate_pkey PRIMARY KEY (workflow_id, environment, key)
);
alter table flow_rate enable row level security;
create policy tenant on flow_rate using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on flow_rate to plugboard_app;

create table flow_turn (
  run_id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  group_key text not null,
  max_running integer,
  rate_key text,
  rate_limit integer,
  rate_ms bigint,
  hold text,
  hold_key text,
  held integer not null default 1,
  first_at timestamp with time zone not null default clock_timestamp(),
  priority integer not null default 0,
  due_at timestamp with time zone not null,
  begun_at timestamp with time zone,
  constraint flow_turn_pkey PRIMARY KEY (run_id),
  constraint flow_turn_hold CHECK ((hold = ANY (ARRAY['debounce'::text, 'batch'::text, 'single'::text])))
);
CREATE INDEX flow_turn_begun ON public.flow_turn USING btree (workflow_id, environment, group_key) WHERE (begun_at IS NOT NULL);
CREATE INDEX flow_turn_held ON public.flow_turn USING btree (workflow_id, environment, hold, hold_key) WHERE (hold IS NOT NULL);
CREATE INDEX flow_turn_order ON public.flow_turn USING btree (workflow_id, environment, group_key, priority DESC, run_id) WHERE (begun_at IS NULL);
CREATE INDEX flow_turn_waiting ON public.flow_turn USING btree (due_at) WHERE (begun_at IS NULL);
CREATE INDEX flow_turn_workspace ON public.flow_turn USING btree (workspace_id) WHERE (begun_at IS NULL);
alter table flow_turn enable row level security;
create policy tenant on flow_turn using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant update (due_at) on flow_turn to plugboard_app;
grant select on flow_turn to plugboard_app;

create table folder (
  id uuid not null,
  workspace_id uuid not null,
  project_id uuid not null,
  parent_id uuid,
  name text not null,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint folder_tenant UNIQUE (workspace_id, project_id, id),
  constraint folder_pkey PRIMARY KEY (id),
  constraint folder_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint folder_parent FOREIGN KEY (workspace_id, project_id, parent_id) REFERENCES folder(workspace_id, project_id, id),
  constraint folder_project FOREIGN KEY (workspace_id, project_id) REFERENCES project(workspace_id, id)
);
CREATE UNIQUE INDEX folder_name ON public.folder USING btree (project_id, parent_id, lower(name)) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX folder_tenant ON public.folder USING btree (workspace_id, project_id, id);
alter table folder enable row level security;
create policy tenant on folder using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on folder to plugboard_app;

create table generation (
  kind text not null,
  n bigint not null,
  constraint generation_pkey PRIMARY KEY (kind)
);
grant insert, select, update on generation to plugboard_app;

create table hook (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  node_id text not null,
  version integer not null,
  method text not null,
  pattern text not null,
  pattern_norm text not null,
  reply text not null,
  settings json not null,
  auth json,
  cors json,
  constraint hook_pkey PRIMARY KEY (id),
  constraint hook_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE UNIQUE INDEX hook_path ON public.hook USING btree (method, pattern_norm) WHERE (environment = 1);
CREATE INDEX hook_workflow_id ON public.hook USING btree (workflow_id, environment);
alter table hook enable row level security;
create policy tenant on hook using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on hook to plugboard_app;

create table hook_reply (
  workspace_id uuid not null,
  run_id uuid not null,
  fingerprint text not null,
  status smallint not null,
  headers json not null,
  body text not null,
  expires_at timestamp with time zone not null,
  constraint hook_reply_pkey PRIMARY KEY (workspace_id, run_id),
  constraint hook_reply_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
CREATE INDEX hook_reply_expires ON public.hook_reply USING btree (expires_at);
alter table hook_reply enable row level security;
create policy tenant on hook_reply using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on hook_reply to plugboard_app;

create table idempotency (
  principal_id uuid not null,
  key text not null,
  request_hash bytea not null,
  result json,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint idempotency_pkey PRIMARY KEY (principal_id, key),
  constraint idempotency_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint idempotency_key_length CHECK ((length(key) <= 255))
);
CREATE INDEX idempotency_expires ON public.idempotency USING btree (expires_at);
alter table idempotency enable row level security;
create policy own on idempotency using ((principal_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid));
grant insert, select, update on idempotency to plugboard_app;

create table identity (
  issuer text not null,
  subject text not null,
  person_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint identity_pkey PRIMARY KEY (issuer, subject),
  constraint identity_person FOREIGN KEY (person_id) REFERENCES person(principal_id)
);
CREATE INDEX identity_person_id ON public.identity USING btree (person_id);

create table identity_provider (
  id uuid not null,
  key text not null,
  title text not null,
  issuer text not null,
  client_id text not null,
  client_secret bytea,
  scopes text[] not null,
  allowed_domains text[] not null default '{}'::text[],
  links_by_email boolean not null default false,
  joins_workspace_id uuid,
  joins_role text,
  is_enabled boolean not null default true,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint identity_provider_pkey PRIMARY KEY (id),
  constraint identity_provider_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint identity_provider_workspace FOREIGN KEY (joins_workspace_id) REFERENCES workspace(id),
  constraint identity_provider_joins CHECK (((joins_workspace_id IS NULL) = (joins_role IS NULL))),
  constraint identity_provider_role CHECK ((joins_role = ANY (ARRAY['viewer'::text, 'runner'::text, 'editor'::text, 'admin'::text])))
);
CREATE UNIQUE INDEX identity_provider_key ON public.identity_provider USING btree (key);

create table instance_key (
  root_key_id text not null,
  wrapped bytea not null,
  created_at timestamp with time zone not null default now(),
  is_wrapping boolean not null default false,
  constraint instance_key_pkey PRIMARY KEY (root_key_id)
);
CREATE UNIQUE INDEX instance_key_wrapping ON public.instance_key USING btree (is_wrapping) WHERE is_wrapping;

create table instance_role (
  principal_id uuid not null,
  role text not null,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  constraint instance_role_pkey PRIMARY KEY (principal_id, role),
  constraint instance_role_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint instance_role_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint instance_role_role CHECK ((role = 'operator'::text))
);

create table invitation (
  id uuid not null,
  workspace_id uuid not null,
  token_hash bytea not null,
  email text not null,
  email_ci text not null,
  role text not null,
  expires_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  accepted_by uuid,
  revoked_at timestamp with time zone,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint invitation_pkey PRIMARY KEY (id),
  constraint invitation_accepted_by FOREIGN KEY (accepted_by) REFERENCES principal(id),
  constraint invitation_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint invitation_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint invitation_role CHECK ((role = ANY (ARRAY['viewer'::text, 'runner'::text, 'editor'::text, 'admin'::text, 'owner'::text])))
);
CREATE UNIQUE INDEX invitation_open ON public.invitation USING btree (workspace_id, email_ci) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));
CREATE UNIQUE INDEX invitation_token ON public.invitation USING btree (token_hash);
CREATE INDEX invitation_workspace_id ON public.invitation USING btree (workspace_id, id);
alter table invitation enable row level security;
create policy tenant on invitation using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on invitation to plugboard_app;

create table job (
  id uuid not null,
  workspace_id uuid,
  kind text not null,
  actor uuid not null,
  params json not null,
  cursor json,
  progress json,
  report json,
  state text not null default 'queued'::text,
  cancel_requested_at timestamp with time zone,
  lease_by uuid,
  lease_until timestamp with time zone,
  attempts integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  constraint job_pkey PRIMARY KEY (id),
  constraint job_actor FOREIGN KEY (actor) REFERENCES principal(id),
  constraint job_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint job_state CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE INDEX job_ended ON public.job USING btree (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_open ON public.job USING btree (id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE UNIQUE INDEX job_tenant ON public.job USING btree (workspace_id, id);
alter table job enable row level security;
create policy tenant on job using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on job to plugboard_app;

create table job_item (
  job_id uuid not null,
  item_id uuid not null,
  workspace_id uuid not null,
  outcome text not null,
  code text,
  message text,
  result json,
  at timestamp with time zone not null default now(),
  constraint job_item_pkey PRIMARY KEY (job_id, item_id),
  constraint job_item_job FOREIGN KEY (workspace_id, job_id) REFERENCES job(workspace_id, id),
  constraint job_item_outcome CHECK ((outcome = ANY (ARRAY['done'::text, 'unchanged'::text, 'failed'::text])))
);
alter table job_item enable row level security;
create policy tenant on job_item using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on job_item to plugboard_app;

create table login_attempt (
  subject bytea not null,
  failures integer not null,
  first_at timestamp with time zone not null default now(),
  last_at timestamp with time zone not null default now(),
  constraint login_attempt_pkey PRIMARY KEY (subject)
);
CREATE INDEX login_attempt_last ON public.login_attempt USING btree (last_at);

create table mail (
  id uuid not null,
  content bytea not null,
  attempts integer not null default 0,
  next_at timestamp with time zone not null default now(),
  created_at timestamp with time zone not null default now(),
  constraint mail_pkey PRIMARY KEY (id)
);
CREATE INDEX mail_next_at ON public.mail USING btree (next_at);

create table member (
  workspace_id uuid not null,
  principal_id uuid not null,
  role text not null,
  state text not null default 'active'::text,
  rev integer not null default 1,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint member_pkey PRIMARY KEY (workspace_id, principal_id),
  constraint member_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint member_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint member_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint member_role CHECK ((role = ANY (ARRAY['viewer'::text, 'runner'::text, 'editor'::text, 'admin'::text, 'owner'::text]))),
  constraint member_state CHECK ((state = ANY (ARRAY['active'::text, 'removed'::text])))
);
CREATE INDEX member_principal_id ON public.member USING btree (principal_id);
alter table member enable row level security;
create policy tenant on member using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on member to plugboard_app;

create table notification (
  id uuid not null,
  principal_id uuid not null,
  workspace_id uuid,
  dedupe_key text not null,
  kind text not null,
  params json not null,
  created_at timestamp with time zone not null default now(),
  read_at timestamp with time zone,
  count integer not null default 1,
  updated_at timestamp with time zone not null default now(),
  mail text not null default 'due'::text,
  constraint notification_pkey PRIMARY KEY (id),
  constraint notification_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint notification_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint notification_mail CHECK ((mail = ANY (ARRAY['due'::text, 'queued'::text, 'none'::text])))
);
CREATE INDEX notification_created_at ON public.notification USING btree (created_at);
CREATE UNIQUE INDEX notification_dedupe ON public.notification USING btree (principal_id, dedupe_key);
CREATE INDEX notification_mail_due ON public.notification USING btree (id) WHERE (mail = 'due'::text);
CREATE INDEX notification_principal_id ON public.notification USING btree (principal_id, id);
CREATE INDEX notification_unread ON public.notification USING btree (principal_id, updated_at) WHERE (read_at IS NULL);
alter table notification enable row level security;
create policy own on notification using (((principal_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid) AND ((workspace_id IS NULL) OR (workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid))));
create policy told on notification using () with check ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert (id, principal_id, workspace_id, dedupe_key, kind, params) on notification to plugboard_app;
grant select, update on notification to plugboard_app;

create table oauth_state (
  state_hash bytea not null,
  workspace_id uuid not null,
  credential_id uuid not null,
  principal_id uuid not null,
  session_id uuid not null,
  sealed bytea not null,
  expires_at timestamp with time zone not null,
  constraint oauth_state_pkey PRIMARY KEY (state_hash),
  constraint oauth_state_credential FOREIGN KEY (workspace_id, credential_id) REFERENCES credential(workspace_id, id),
  constraint oauth_state_principal FOREIGN KEY (principal_id) REFERENCES principal(id)
);
CREATE INDEX oauth_state_credential_id ON public.oauth_state USING btree (credential_id);
CREATE INDEX oauth_state_expires ON public.oauth_state USING btree (expires_at);
alter table oauth_state enable row level security;
create policy tenant on oauth_state using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select on oauth_state to plugboard_app;

create table password_reset (
  token_hash bytea not null,
  person_id uuid not null,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  constraint password_reset_pkey PRIMARY KEY (token_hash),
  constraint password_reset_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint password_reset_person FOREIGN KEY (person_id) REFERENCES person(principal_id)
);
CREATE UNIQUE INDEX password_reset_person_id ON public.password_reset USING btree (person_id);

create table person (
  principal_id uuid not null,
  email text not null,
  email_ci text not null,
  password_phc text,
  password_changed_at timestamp with time zone,
  locale text not null default 'en'::text,
  zone text not null default 'UTC'::text,
  disabled_at timestamp with time zone,
  totp_secret bytea,
  totp_enabled_at timestamp with time zone,
  totp_last_step bigint,
  recovery_hashes bytea[] not null default '{}'::bytea[],
  rev integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint person_pkey PRIMARY KEY (principal_id),
  constraint person_principal FOREIGN KEY (principal_id) REFERENCES principal(id)
);
CREATE UNIQUE INDEX person_email ON public.person USING btree (email_ci);
alter table person enable row level security;
create policy shared on person for select using (((principal_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid) OR (EXISTS ( SELECT
   FROM member
  WHERE ((member.principal_id = person.principal_id) AND (member.state = 'active'::text))))));
grant select (principal_id, email, email_ci, locale, zone, disabled_at) on person to plugboard_app;

create table pin (
  workflow_id uuid not null,
  node_id text not null,
  workspace_id uuid not null,
  file_hash text not null,
  source json not null,
  updated_by uuid not null,
  updated_at timestamp with time zone not null default now(),
  constraint pin_pkey PRIMARY KEY (workflow_id, node_id),
  constraint pin_file FOREIGN KEY (workspace_id, file_hash) REFERENCES file_blob(workspace_id, hash),
  constraint pin_updated_by FOREIGN KEY (updated_by) REFERENCES principal(id),
  constraint pin_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE INDEX pin_file_hash ON public.pin USING btree (workspace_id, file_hash);
alter table pin enable row level security;
create policy tenant on pin using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on pin to plugboard_app;

create table plan (
  key text not null,
  name text not null,
  limits json not null,
  rev integer not null default 1,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint plan_pkey PRIMARY KEY (key)
);
grant select on plan to plugboard_app;

create table plugin_state (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  node_id text not null,
  key text not null,
  value json,
  run_id uuid,
  rev integer not null default 1,
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  constraint plugin_state_pkey PRIMARY KEY (workspace_id, workflow_id, environment, node_id, key),
  constraint plugin_state_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint plugin_state_key_length CHECK (((length(key) >= 1) AND (length(key) <= 200)))
);
CREATE INDEX plugin_state_expires ON public.plugin_state USING btree (expires_at) WHERE (expires_at IS NOT NULL);
alter table plugin_state enable row level security;
create policy tenant on plugin_state using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on plugin_state to plugboard_app;

create table poll (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  node_id text not null,
  node_name text not null,
  version integer not null,
  every_ms bigint not null,
  basis text not null,
  state text not null default 'active'::text,
  next_at timestamp with time zone not null,
  claimed_by uuid,
  claimed_until timestamp with time zone,
  cursor json,
  step bigint not null default 0,
  failures integer not null default 0,
  problem text,
  failed_at timestamp with time zone,
  seen_at timestamp with time zone,
  found_at timestamp with time zone,
  last_run_id uuid,
  changed_by uuid,
  created_at timestamp with time zone not null default now(),
  constraint poll_node UNIQUE (workflow_id, environment, node_id),
  constraint poll_pkey PRIMARY KEY (id),
  constraint poll_changed_by FOREIGN KEY (changed_by) REFERENCES principal(id),
  constraint poll_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id),
  constraint poll_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint poll_every CHECK ((every_ms > 0)),
  constraint poll_state CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'held'::text])))
);
CREATE INDEX poll_due ON public.poll USING btree (next_at) WHERE (state = 'active'::text);
CREATE INDEX poll_list ON public.poll USING btree (workspace_id, id);
CREATE UNIQUE INDEX poll_node ON public.poll USING btree (workflow_id, environment, node_id);
alter table poll enable row level security;
create policy tenant on poll using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on poll to plugboard_app;

create table principal (
  id uuid not null,
  kind text not null,
  display_name text not null,
  erased_at timestamp with time zone,
  rev integer not null default 1,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint principal_pkey PRIMARY KEY (id),
  constraint principal_kind CHECK ((kind = ANY (ARRAY['person'::text, 'service'::text, 'system'::text])))
);
CREATE UNIQUE INDEX principal_one_system ON public.principal USING btree (kind) WHERE (kind = 'system'::text);
alter table principal enable row level security;
create policy service_kept on principal using (((kind = 'service'::text) AND (EXISTS ( SELECT
   FROM member
  WHERE ((member.principal_id = principal.id) AND (member.state = 'active'::text))))));
create policy service_made on principal using () with check (((kind = 'service'::text) AND (created_by = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid)));
create policy shared on principal for select using (((kind = 'system'::text) OR (id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid) OR (EXISTS ( SELECT
   FROM member
  WHERE (member.principal_id = principal.id)))));
grant insert (id, kind, display_name, created_by) on principal to plugboard_app;
grant update (display_name, rev, updated_at) on principal to plugboard_app;
grant select on principal to plugboard_app;

create table project (
  id uuid not null,
  workspace_id uuid not null,
  slug text not null,
  name text not null,
  visibility text not null default 'workspace'::text,
  deleted_at timestamp with time zone,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  owner_id uuid,
  admin_edits_only boolean not null default false,
  constraint project_pkey PRIMARY KEY (id),
  constraint project_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint project_owner FOREIGN KEY (owner_id) REFERENCES principal(id),
  constraint project_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint project_visibility CHECK ((visibility = ANY (ARRAY['workspace'::text, 'members'::text])))
);
CREATE UNIQUE INDEX project_slug ON public.project USING btree (workspace_id, slug) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX project_tenant ON public.project USING btree (workspace_id, id);
alter table project enable row level security;
create policy tenant on project using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on project to plugboard_app;

create table request_rate (
  workspace_id uuid not null,
  scope text not null,
  free_at timestamp with time zone not null,
  constraint request_rate_pkey PRIMARY KEY (workspace_id, scope)
);
alter table request_rate enable row level security;
create policy tenant on request_rate using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on request_rate to plugboard_app;

create table request_slot (
  id uuid not null,
  workspace_id uuid not null,
  scope text not null,
  owner uuid not null,
  taken_at timestamp with time zone not null default clock_timestamp(),
  constraint request_slot_pkey PRIMARY KEY (id)
);
CREATE INDEX request_slot_scope ON public.request_slot USING btree (workspace_id, scope);
alter table request_slot enable row level security;
create policy tenant on request_slot using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on request_slot to plugboard_app;

create table reservation (
  workspace_id uuid not null,
  key text not null,
  root_run_id uuid not null,
  run_id uuid not null,
  place text not null,
  state text not null,
  reserved_pd bigint not null,
  settled_pd bigint not null default 0,
  is_unknown boolean not null default false,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  settled_at timestamp with time zone,
  constraint reservation_pkey PRIMARY KEY (workspace_id, key),
  constraint reservation_reserved CHECK ((reserved_pd >= 0)),
  constraint reservation_state CHECK ((state = ANY (ARRAY['open'::text, 'settled'::text, 'released'::text])))
);
CREATE INDEX reservation_open ON public.reservation USING btree (expires_at) WHERE (state = 'open'::text);
CREATE INDEX reservation_root ON public.reservation USING btree (root_run_id);
CREATE INDEX reservation_run ON public.reservation USING btree (run_id);
alter table reservation enable row level security;
create policy tenant on reservation using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on reservation to plugboard_app;

create table role_grant (
  workspace_id uuid not null,
  subject_kind text not null,
  subject_id uuid not null,
  resource_kind text not null,
  resource_id uuid not null,
  role text not null,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint role_grant_pkey PRIMARY KEY (workspace_id, subject_kind, subject_id, resource_kind, resource_id),
  constraint role_grant_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint role_grant_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint role_grant_resource_kind CHECK ((resource_kind = ANY (ARRAY['workspace'::text, 'project'::text, 'workflow'::text, 'credential'::text]))),
  constraint role_grant_role CHECK ((role = ANY (ARRAY['viewer'::text, 'runner'::text, 'editor'::text, 'admin'::text, 'owner'::text]))),
  constraint role_grant_subject_kind CHECK ((subject_kind = ANY (ARRAY['principal'::text, 'team'::text])))
);
CREATE INDEX role_grant_resource ON public.role_grant USING btree (workspace_id, resource_kind, resource_id);
alter table role_grant enable row level security;
create policy tenant on role_grant using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on role_grant to plugboard_app;

create table root_key_holder (
  process_id uuid not null,
  root_key_ids text[] not null,
  wrapping_id text not null,
  seen_at timestamp with time zone not null default now(),
  constraint root_key_holder_pkey PRIMARY KEY (process_id)
);

create table run (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  version integer not null,
  status smallint not null,
  trigger_kind smallint not null,
  initiator uuid,
  root_run_id uuid not null,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  error_code text,
  error_message text,
  error_fingerprint text,
  cost_pd bigint not null default 0,
  chunks integer not null default 0,
  events integer not null default 0,
  journal bytea storage e,
  error_step text,
  constraint run_pkey PRIMARY KEY (id)
) partition by RANGE (id);
CREATE INDEX run_not_succeeded ON ONLY public.run USING btree (workspace_id, status, id) WHERE (status <> 4);
CREATE INDEX run_not_webhook ON ONLY public.run USING btree (workspace_id, trigger_kind, id) WHERE (trigger_kind <> 1);
CREATE INDEX run_workflow ON ONLY public.run USING btree (workflow_id, id);
CREATE INDEX run_workflow_not_succeeded ON ONLY public.run USING btree (workflow_id, status, id) WHERE (status <> 4);
CREATE INDEX run_workspace ON ONLY public.run USING btree (workspace_id, id);
alter table run enable row level security;
create policy tenant on run using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run to plugboard_app;

create table run_budget (
  root_run_id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  limit_pd bigint not null,
  warn_pd bigint not null,
  spent_pd bigint not null default 0,
  reserved_pd bigint not null default 0,
  warned_at timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint run_budget_pkey PRIMARY KEY (root_run_id),
  constraint run_budget_reserved CHECK ((reserved_pd >= 0))
);
CREATE INDEX run_budget_to_warn ON public.run_budget USING btree (root_run_id) WHERE ((warned_at IS NULL) AND (spent_pd >= warn_pd));
alter table run_budget enable row level security;
create policy tenant on run_budget using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_budget to plugboard_app;

create table run_chain (
  run_id uuid not null,
  workspace_id uuid not null,
  first_run_id uuid not null,
  n integer not null,
  constraint run_chain_pkey PRIMARY KEY (run_id)
);
CREATE UNIQUE INDEX run_chain_place ON public.run_chain USING btree (first_run_id, n);
alter table run_chain enable row level security;
create policy tenant on run_chain using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, select on run_chain to plugboard_app;

create table run_child (
  run_id uuid not null,
  workspace_id uuid not null,
  parent_run_id uuid not null,
  place text not null,
  wait_id text,
  part integer not null,
  depth smallint not null,
  constraint run_child_pkey PRIMARY KEY (run_id)
);
CREATE INDEX run_child_parent ON public.run_child USING btree (parent_run_id, run_id);
alter table run_child enable row level security;
create policy tenant on run_child using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, select on run_child to plugboard_app;

create table run_chunk (
  run_id uuid not null,
  seq integer not null,
  events bytea not null,
  constraint run_chunk_pkey PRIMARY KEY (run_id, seq)
) partition by RANGE (run_id);
alter table run_chunk enable row level security;
create policy tenant on run_chunk using ((EXISTS ( SELECT
   FROM run
  WHERE (run.id = run_chunk.run_id))));
grant select on run_chunk to plugboard_app;

create table run_erasure (
  run_id uuid not null,
  workspace_id uuid not null,
  due_at timestamp with time zone not null default now(),
  constraint run_erasure_pkey PRIMARY KEY (run_id)
);
CREATE INDEX run_erasure_due ON public.run_erasure USING btree (due_at);
alter table run_erasure enable row level security;
create policy tenant on run_erasure using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_erasure to plugboard_app;

create table run_follow_up (
  run_id uuid not null,
  kind text not null,
  workspace_id uuid not null,
  due_at timestamp with time zone not null,
  payload json not null,
  constraint run_follow_up_pkey PRIMARY KEY (run_id, kind),
  constraint run_follow_up_kind CHECK ((kind = ANY (ARRAY['failed'::text, 'next'::text])))
);
CREATE INDEX run_follow_up_due ON public.run_follow_up USING btree (due_at);
alter table run_follow_up enable row level security;
create policy tenant on run_follow_up using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, select on run_follow_up to plugboard_app;

create table run_form (
  id uuid not null,
  workspace_id uuid not null,
  run_id uuid not null,
  place text not null,
  workflow_id uuid not null,
  node_id text not null,
  request json not null,
  state text not null default 'open'::text,
  due_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  constraint run_form_step UNIQUE (run_id, place),
  constraint run_form_pkey PRIMARY KEY (id),
  constraint run_form_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint run_form_state CHECK ((state = ANY (ARRAY['open'::text, 'filled'::text, 'late'::text, 'closed'::text])))
);
CREATE UNIQUE INDEX run_form_step ON public.run_form USING btree (run_id, place);
CREATE UNIQUE INDEX run_form_tenant ON public.run_form USING btree (workspace_id, id);
alter table run_form enable row level security;
create policy tenant on run_form using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select, update on run_form to plugboard_app;

create table run_inbox (
  id uuid not null,
  run_id uuid not null,
  workspace_id uuid not null,
  source_key text not null,
  kind text not null,
  payload json not null,
  created_at timestamp with time zone not null default now(),
  constraint run_inbox_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX run_inbox_source ON public.run_inbox USING btree (run_id, source_key);
alter table run_inbox enable row level security;
create policy tenant on run_inbox using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on run_inbox to plugboard_app;

create table run_key (
  workspace_id uuid not null,
  scope text not null,
  key text not null,
  run_id uuid not null,
  expires_at timestamp with time zone not null,
  constraint run_key_pkey PRIMARY KEY (workspace_id, scope, key)
);
CREATE INDEX run_key_expires ON public.run_key USING btree (expires_at);
alter table run_key enable row level security;
create policy tenant on run_key using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));

create table run_link (
  run_id uuid not null,
  workspace_id uuid not null,
  from_run_id uuid not null,
  how text not null,
  node_id text,
  created_at timestamp with time zone not null default now(),
  constraint run_link_pkey PRIMARY KEY (run_id)
);
CREATE INDEX run_link_from ON public.run_link USING btree (from_run_id, run_id);
alter table run_link enable row level security;
create policy tenant on run_link using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select on run_link to plugboard_app;

create table run_live (
  run_id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  version integer not null,
  owner uuid not null,
  fence integer not null,
  next_seq integer not null,
  status smallint not null,
  waiting smallint,
  crash_count smallint not null default 0,
  started_at timestamp with time zone not null,
  parent_run_id uuid,
  constraint run_live_pkey PRIMARY KEY (run_id)
) with {fillfactor=70};
CREATE INDEX run_live_owner ON public.run_live USING btree (owner);
CREATE INDEX run_live_parent ON public.run_live USING btree (parent_run_id) WHERE (parent_run_id IS NOT NULL);
CREATE INDEX run_live_workspace ON public.run_live USING btree (workspace_id, status);
alter table run_live enable row level security;
create policy tenant on run_live using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_live to plugboard_app;

create table run_payload (
  workspace_id uuid not null,
  sha256 text not null,
  run_id uuid not null,
  size_bytes bigint,
  constraint run_payload_pkey PRIMARY KEY (run_id, sha256)
);
CREATE INDEX run_payload_sha256 ON public.run_payload USING btree (workspace_id, sha256);
alter table run_payload enable row level security;
create policy tenant on run_payload using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_payload to plugboard_app;

create table run_payload_left (
  workspace_id uuid not null,
  sha256 text not null,
  left_at timestamp with time zone not null default now(),
  constraint run_payload_left_pkey PRIMARY KEY (workspace_id, sha256)
);
CREATE INDEX run_payload_left_at ON public.run_payload_left USING btree (left_at);
alter table run_payload_left enable row level security;
create policy tenant on run_payload_left using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_payload_left to plugboard_app;

create table run_snapshot (
  run_id uuid not null,
  workspace_id uuid not null,
  seq integer not null,
  format smallint not null,
  state bytea not null,
  constraint run_snapshot_pkey PRIMARY KEY (run_id)
);
alter table run_snapshot enable row level security;
create policy tenant on run_snapshot using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_snapshot to plugboard_app;

create table run_stats (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  bucket timestamp with time zone not null,
  status smallint not null,
  writer uuid not null,
  n bigint not null,
  constraint run_stats_pkey PRIMARY KEY (workspace_id, workflow_id, environment, bucket, status, writer)
);
CREATE INDEX run_stats_apart ON public.run_stats USING btree (workspace_id, bucket) WHERE (writer <> '00000000-0000-0000-0000-000000000000'::uuid);
CREATE INDEX run_stats_bucket ON public.run_stats USING btree (workspace_id, bucket);
alter table run_stats enable row level security;
create policy tenant on run_stats using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_stats to plugboard_app;

create table run_stats_day (
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  starts_at timestamp with time zone not null,
  status smallint not null,
  n bigint not null,
  constraint run_stats_day_pkey PRIMARY KEY (workspace_id, starts_at, workflow_id, environment, status)
);
alter table run_stats_day enable row level security;
create policy tenant on run_stats_day using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_stats_day to plugboard_app;

create table run_stats_zone (
  workspace_id uuid not null,
  zone text not null,
  constraint run_stats_zone_pkey PRIMARY KEY (workspace_id)
);
alter table run_stats_zone enable row level security;
create policy tenant on run_stats_zone using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_stats_zone to plugboard_app;

create table run_tag (
  workspace_id uuid not null,
  key text not null,
  value text not null,
  run_id uuid not null,
  constraint run_tag_pkey PRIMARY KEY (workspace_id, key, value, run_id),
  constraint run_tag_value_length CHECK ((length(value) <= 200))
);
CREATE INDEX run_tag_run ON public.run_tag USING btree (run_id);
alter table run_tag enable row level security;
create policy tenant on run_tag using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on run_tag to plugboard_app;

create table run_tree (
  root_run_id uuid not null,
  workspace_id uuid not null,
  called integer not null,
  counted_at timestamp with time zone not null,
  constraint run_tree_pkey PRIMARY KEY (root_run_id)
);
CREATE INDEX run_tree_counted ON public.run_tree USING btree (counted_at);
alter table run_tree enable row level security;
create policy tenant on run_tree using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select on run_tree to plugboard_app;

create table saved_view (
  id uuid not null,
  workspace_id uuid not null,
  principal_id uuid,
  page text not null,
  name text not null,
  filter json not null,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint saved_view_pkey PRIMARY KEY (id),
  constraint saved_view_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint saved_view_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint saved_view_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
CREATE INDEX saved_view_page ON public.saved_view USING btree (workspace_id, page);
alter table saved_view enable row level security;
create policy own_or_shared on saved_view using (((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid) AND ((principal_id IS NULL) OR (principal_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid))));
grant delete, insert, select, update on saved_view to plugboard_app;

create table schedule (
  id uuid not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  environment smallint not null,
  node_id text not null,
  node_name text not null,
  version integer not null,
  spec json not null,
  zone text not null,
  missed text not null,
  overlap text not null,
  state text not null default 'active'::text,
  next_due timestamp with time zone,
  next_at timestamp with time zone,
  blocked_at timestamp with time zone,
  claimed_by uuid,
  claimed_until timestamp with time zone,
  last_due timestamp with time zone,
  last_at timestamp with time zone,
  last_run_id uuid,
  skipped bigint not null default 0,
  problem text,
  changed_by uuid,
  created_at timestamp with time zone not null default now(),
  constraint schedule_node UNIQUE (workflow_id, environment, node_id),
  constraint schedule_pkey PRIMARY KEY (id),
  constraint schedule_changed_by FOREIGN KEY (changed_by) REFERENCES principal(id),
  constraint schedule_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id),
  constraint schedule_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id),
  constraint schedule_missed CHECK ((missed = ANY (ARRAY['skip'::text, 'once'::text, 'all'::text]))),
  constraint schedule_overlap CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text, 'queue'::text, 'cancel'::text]))),
  constraint schedule_state CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'held'::text])))
);
CREATE INDEX schedule_due ON public.schedule USING btree (next_at) WHERE ((state = 'active'::text) AND (next_at IS NOT NULL));
CREATE INDEX schedule_list ON public.schedule USING btree (workspace_id, id);
CREATE UNIQUE INDEX schedule_node ON public.schedule USING btree (workflow_id, environment, node_id);
alter table schedule enable row level security;
create policy tenant on schedule using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on schedule to plugboard_app;

create table schema_migration (
  n integer not null,
  name text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migration_pkey PRIMARY KEY (n)
);

create table session (
  token_hash bytea not null,
  id uuid not null,
  person_id uuid not null,
  ip text,
  user_agent text,
  created_at timestamp with time zone not null default now(),
  last_seen_at timestamp with time zone not null default now(),
  idle_expires_at timestamp with time zone not null,
  absolute_expires_at timestamp with time zone not null,
  constraint session_pkey PRIMARY KEY (token_hash),
  constraint session_person FOREIGN KEY (person_id) REFERENCES person(principal_id)
);
CREATE INDEX session_expires ON public.session USING btree (absolute_expires_at);
CREATE UNIQUE INDEX session_id ON public.session USING btree (id);
CREATE INDEX session_person_id ON public.session USING btree (person_id);

create table setting (
  scope text not null,
  scope_id uuid not null,
  key text not null,
  value json not null,
  rev integer not null default 1,
  updated_by uuid not null,
  updated_at timestamp with time zone not null default now(),
  constraint setting_pkey PRIMARY KEY (scope, scope_id, key),
  constraint setting_updated_by FOREIGN KEY (updated_by) REFERENCES principal(id),
  constraint setting_scope CHECK ((scope = ANY (ARRAY['instance'::text, 'workspace'::text, 'project'::text, 'person'::text])))
);
alter table setting enable row level security;
create policy tenant on setting using (
CASE scope
    WHEN 'workspace'::text THEN (scope_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid)
    WHEN 'person'::text THEN (scope_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid)
    WHEN 'project'::text THEN (EXISTS ( SELECT
       FROM project
      WHERE (project.id = setting.scope_id)))
    ELSE true
END) with check (
CASE scope
    WHEN 'workspace'::text THEN (scope_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid)
    WHEN 'person'::text THEN (scope_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid)
    WHEN 'project'::text THEN (EXISTS ( SELECT
       FROM project
      WHERE (project.id = setting.scope_id)))
    ELSE false
END);
grant delete, insert, select, update on setting to plugboard_app;

create table spent_state (
  digest bytea not null,
  expires_at timestamp with time zone not null,
  constraint spent_state_pkey PRIMARY KEY (digest)
);
CREATE INDEX spent_state_expires ON public.spent_state USING btree (expires_at);

create table star (
  principal_id uuid not null,
  workflow_id uuid not null,
  workspace_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint star_pkey PRIMARY KEY (principal_id, workflow_id),
  constraint star_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint star_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE INDEX star_workflow_id ON public.star USING btree (workflow_id);
alter table star enable row level security;
create policy own on star using (((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid) AND (principal_id = (NULLIF(current_setting('plugboard.principal'::text, true), ''::text))::uuid)));
grant delete, insert, select on star to plugboard_app;

create table tag (
  id uuid not null,
  workspace_id uuid not null,
  name text not null,
  color text,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint tag_pkey PRIMARY KEY (id),
  constraint tag_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint tag_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
CREATE UNIQUE INDEX tag_name ON public.tag USING btree (workspace_id, lower(name));
CREATE UNIQUE INDEX tag_tenant ON public.tag USING btree (workspace_id, id);
alter table tag enable row level security;
create policy tenant on tag using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on tag to plugboard_app;

create table team (
  id uuid not null,
  workspace_id uuid not null,
  name text not null,
  description text not null default ''::text,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint team_pkey PRIMARY KEY (id),
  constraint team_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint team_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
CREATE UNIQUE INDEX team_name ON public.team USING btree (workspace_id, lower(name));
CREATE UNIQUE INDEX team_tenant ON public.team USING btree (workspace_id, id);
alter table team enable row level security;
create policy tenant on team using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on team to plugboard_app;

create table team_member (
  team_id uuid not null,
  principal_id uuid not null,
  workspace_id uuid not null,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint team_member_pkey PRIMARY KEY (team_id, principal_id),
  constraint team_member_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint team_member_member FOREIGN KEY (workspace_id, principal_id) REFERENCES member(workspace_id, principal_id),
  constraint team_member_team FOREIGN KEY (workspace_id, team_id) REFERENCES team(workspace_id, id)
);
CREATE INDEX team_member_principal ON public.team_member USING btree (workspace_id, principal_id);
alter table team_member enable row level security;
create policy tenant on team_member using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on team_member to plugboard_app;

create table test_listener (
  method text not null,
  path text not null,
  workspace_id uuid not null,
  workflow_id uuid not null,
  node_id text not null,
  principal_id uuid not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  id uuid not null,
  pattern text not null,
  mode text not null,
  taken_at timestamp with time zone,
  run_id uuid,
  captured json,
  problem text,
  constraint test_listener_pkey PRIMARY KEY (method, path),
  constraint test_listener_principal FOREIGN KEY (principal_id) REFERENCES principal(id),
  constraint test_listener_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id),
  constraint test_listener_mode CHECK ((mode = ANY (ARRAY['run'::text, 'capture'::text])))
);
CREATE INDEX test_listener_expires ON public.test_listener USING btree (expires_at);
CREATE INDEX test_listener_id ON public.test_listener USING btree (id);
CREATE INDEX test_listener_workflow_id ON public.test_listener USING btree (workflow_id);
alter table test_listener enable row level security;
create policy tenant on test_listener using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on test_listener to plugboard_app;

create table test_result (
  workflow_id uuid not null,
  test_id text not null,
  workspace_id uuid not null,
  run_id uuid,
  outcome text not null,
  differences json not null,
  duration_ms integer not null,
  draft_rev integer not null,
  at timestamp with time zone not null default now(),
  constraint test_result_pkey PRIMARY KEY (workflow_id, test_id),
  constraint test_result_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id) ON DELETE CASCADE
);
alter table test_result enable row level security;
create policy tenant on test_result using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on test_result to plugboard_app;

create table timer (
  run_id uuid not null,
  wait_id text not null,
  workspace_id uuid not null,
  due_at timestamp with time zone not null,
  constraint timer_pkey PRIMARY KEY (run_id, wait_id)
);
CREATE INDEX timer_due ON public.timer USING btree (due_at);
alter table timer enable row level security;
create policy tenant on timer using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, select on timer to plugboard_app;

create table variable (
  project_id uuid not null,
  environment smallint not null,
  key text not null,
  workspace_id uuid not null,
  value json not null,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint variable_pkey PRIMARY KEY (project_id, environment, key),
  constraint variable_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint variable_project FOREIGN KEY (workspace_id, project_id) REFERENCES project(workspace_id, id)
);
alter table variable enable row level security;
create policy tenant on variable using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on variable to plugboard_app;

create table version (
  workflow_id uuid not null,
  n integer not null,
  workspace_id uuid not null,
  definition json not null,
  semantic_hash text not null,
  type_pins json not null,
  note text,
  published_by uuid not null,
  published_at timestamp with time zone not null default now(),
  constraint version_pkey PRIMARY KEY (workflow_id, n),
  constraint version_published_by FOREIGN KEY (published_by) REFERENCES principal(id),
  constraint version_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE TRIGGER version_is_immutable BEFORE UPDATE ON public.version FOR EACH ROW EXECUTE FUNCTION plugboard_refuse_update();
alter table version enable row level security;
create policy tenant on version using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant insert, select on version to plugboard_app;

create table worker (
  id uuid not null,
  lease_until timestamp with time zone not null,
  host text not null,
  boot_id text not null,
  pid integer not null,
  pid_started text not null,
  started_at timestamp with time zone not null default now(),
  constraint worker_pkey PRIMARY KEY (id)
);

create table workflow (
  id uuid not null,
  workspace_id uuid not null,
  project_id uuid not null,
  name text not null,
  description text not null default ''::text,
  deleted_at timestamp with time zone,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  folder_id uuid,
  constraint workflow_pkey PRIMARY KEY (id),
  constraint workflow_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint workflow_folder FOREIGN KEY (workspace_id, project_id, folder_id) REFERENCES folder(workspace_id, project_id, id),
  constraint workflow_project FOREIGN KEY (workspace_id, project_id) REFERENCES project(workspace_id, id),
  constraint workflow_workspace FOREIGN KEY (workspace_id) REFERENCES workspace(id)
);
CREATE INDEX workflow_deleted ON public.workflow USING btree (workspace_id, deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX workflow_folder_id ON public.workflow USING btree (folder_id) WHERE (folder_id IS NOT NULL);
CREATE UNIQUE INDEX workflow_name ON public.workflow USING btree (workspace_id, name) WHERE (deleted_at IS NULL);
CREATE INDEX workflow_project_id ON public.workflow USING btree (project_id);
CREATE UNIQUE INDEX workflow_tenant ON public.workflow USING btree (workspace_id, id);
alter table workflow enable row level security;
create policy tenant on workflow using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select, update on workflow to plugboard_app;

create table workflow_tag (
  workflow_id uuid not null,
  tag_id uuid not null,
  workspace_id uuid not null,
  constraint workflow_tag_pkey PRIMARY KEY (workflow_id, tag_id),
  constraint workflow_tag_tag FOREIGN KEY (workspace_id, tag_id) REFERENCES tag(workspace_id, id),
  constraint workflow_tag_workflow FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflow(workspace_id, id)
);
CREATE INDEX workflow_tag_tag_id ON public.workflow_tag USING btree (tag_id);
alter table workflow_tag enable row level security;
create policy tenant on workflow_tag using ((workspace_id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant delete, insert, select on workflow_tag to plugboard_app;

create table workspace (
  id uuid not null,
  slug text not null,
  zone text not null default 'UTC'::text,
  access_version integer not null default 1,
  deleted_at timestamp with time zone,
  rev integer not null default 1,
  created_by uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  plan_key text not null default 'unlimited'::text,
  data_key_id uuid,
  purge_began_at timestamp with time zone,
  purged_at timestamp with time zone,
  constraint workspace_pkey PRIMARY KEY (id),
  constraint workspace_created_by FOREIGN KEY (created_by) REFERENCES principal(id),
  constraint workspace_data_key FOREIGN KEY (id, data_key_id) REFERENCES data_key(workspace_id, id),
  constraint workspace_plan FOREIGN KEY (plan_key) REFERENCES plan(key)
);
CREATE INDEX workspace_deleted_at ON public.workspace USING btree (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (purged_at IS NULL));
CREATE UNIQUE INDEX workspace_slug ON public.workspace USING btree (slug);
alter table workspace enable row level security;
create policy tenant on workspace using ((id = (NULLIF(current_setting('plugboard.workspace'::text, true), ''::text))::uuid));
grant select, update on workspace to plugboard_app;
