/** One row in every table that belongs to a workspace or a person, so that tests can try to reach them from elsewhere. */
import { createHash } from 'node:crypto';
import type { Database } from '../src/database.ts';
import { uuidv7 } from '../src/ids.ts';

export interface WorkspaceRows {
  readonly workspaceId: string;
  readonly projectId: string;
  /** A member, whose rows those of a person are. */
  readonly principalId: string;
}

/** Fills the tables as their owner, past every policy. */
export async function insertWorkspaceRows(database: Database, { workspaceId, projectId, principalId }: WorkspaceRows): Promise<void> {
  const [folder, workflow, team, tag, dataKey, credential, run, unique, job] = [
    uuidv7(),
    uuidv7(),
    uuidv7(),
    uuidv7(),
    uuidv7(),
    uuidv7(),
    uuidv7(),
    uuidv7(),
    uuidv7(),
  ];
  const hash = createHash('sha256').update(unique).digest();
  const w = workspaceId;
  const p = principalId;
  const statements: readonly (readonly [string, readonly unknown[]])[] = [
    [`insert into data_key (id, workspace_id, wrapped, root_key_id) values ($1, $2, 'x', 'root')`, [dataKey, w]],
    [
      `insert into invitation (id, workspace_id, token_hash, email, email_ci, role, expires_at, created_by) values ($1, $2, $3, 'a', 'a', 'viewer', now(), $4)`,
      [uuidv7(), w, hash, p],
    ],
    [`insert into team (id, workspace_id, name, created_by) values ($1, $2, 'team', $3)`, [team, w, p]],
    [`insert into team_member (team_id, principal_id, workspace_id, created_by) values ($1, $2, $3, $2)`, [team, p, w]],
    [
      `insert into api_key (id, workspace_id, principal_id, name, hash, hint, scopes, created_by) values ($1, $2, $3, 'key', $4, '', '{}', $3)`,
      [uuidv7(), w, p, hash],
    ],
    [
      `insert into role_grant (workspace_id, subject_kind, subject_id, resource_kind, resource_id, role, created_by) values ($1, 'team', $2, 'workspace', $1, 'viewer', $3)`,
      [w, team, p],
    ],
    [
      `insert into audit (id, workspace_id, principal_id, actor_kind, action, resource_kind) values ($1, $2, $3, 'person', 'a', 'b')`,
      [uuidv7(), w, p],
    ],
    [`insert into idempotency (principal_id, key, request_hash, expires_at) values ($1, $2, $3, now())`, [p, unique, hash]],
    [`insert into counter (workspace_id, limit_key, period, used) values ($1, 'workflows', '', 1)`, [w]],
    [`insert into folder (id, workspace_id, project_id, name, created_by) values ($1, $2, $3, 'folder', $4)`, [folder, w, projectId, p]],
    [
      `insert into workflow (id, workspace_id, project_id, folder_id, name, created_by) values ($1, $2, $3, $4, $5, $6)`,
      [workflow, w, projectId, folder, unique, p],
    ],
    [
      `insert into draft (workflow_id, workspace_id, rev, doc, semantic_hash, updated_by) values ($1, $2, 1, '{}', 'x', $3)`,
      [workflow, w, p],
    ],
    [
      `insert into draft_op (workflow_id, rev, workspace_id, principal_id, client_id, client_seq, ops) values ($1, 1, $2, $3, 'c', 1, '[]')`,
      [workflow, w, p],
    ],
    [
      `insert into version (workflow_id, n, workspace_id, definition, semantic_hash, type_pins, published_by) values ($1, 1, $2, '{}', 'x', '{}', $3)`,
      [workflow, w, p],
    ],
    [
      `insert into deployment (workflow_id, environment, workspace_id, version, state, deployed_by) values ($1, 1, $2, 1, 'active', $3)`,
      [workflow, w, p],
    ],
    [
      `insert into hook (id, workspace_id, workflow_id, environment, node_id, version, method, pattern, pattern_norm, reply, settings) values ($1, $2, $3, 1, 'n', 1, 'POST', $4, $4, 'immediate', '{}')`,
      [uuidv7(), w, workflow, unique],
    ],
    [
      `insert into test_listener (id, method, path, pattern, mode, workspace_id, workflow_id, node_id, principal_id, expires_at) values (gen_random_uuid(), 'POST', $1, $1, 'run', $2, $3, 'n', $4, now())`,
      [unique, w, workflow, p],
    ],
    [
      `with a as (
         insert into approval (id, workspace_id, run_id, place, workflow_id, node_id, title, request, needed, requester_may, by_link)
         values (gen_random_uuid(), $1, gen_random_uuid(), 'n', $2, 'n', 'T', '{}', 1, true, false) returning id, workspace_id
       ) insert into approval_decision (approval_id, workspace_id, principal_id, decision, via) select id, workspace_id, $3, 'approve', 'api' from a`,
      [w, workflow, p],
    ],
    [
      `insert into run_form (id, workspace_id, run_id, place, workflow_id, node_id, request) values (gen_random_uuid(), $1, gen_random_uuid(), 'n', $2, 'n', '{}')`,
      [w, workflow],
    ],
    [
      `insert into hook_reply (workspace_id, run_id, fingerprint, status, headers, body, expires_at) values ($1, gen_random_uuid(), '', 200, '{}', '', now())`,
      [w],
    ],
    [
      `insert into variable (project_id, environment, key, workspace_id, value, created_by) values ($1, 1, 'k', $2, '1', $3)`,
      [projectId, w, p],
    ],
    [`insert into tag (id, workspace_id, name, created_by) values ($1, $2, 'tag', $3)`, [tag, w, p]],
    [`insert into workflow_tag (workflow_id, tag_id, workspace_id) values ($1, $2, $3)`, [workflow, tag, w]],
    [`insert into star (principal_id, workflow_id, workspace_id) values ($1, $2, $3)`, [p, workflow, w]],
    [`insert into file_blob (workspace_id, hash, size_bytes, storage_key, state) values ($1, 'h', 1, 'k', 'stored')`, [w]],
    [`insert into file (id, workspace_id, hash, name, mime, created_by) values ($1, $2, 'h', 'n', 'm', $3)`, [uuidv7(), w, p]],
    [
      `insert into plugin_state (workspace_id, workflow_id, environment, node_id, key, value) values ($1, $2, 1, 'n', 'k', '1')`,
      [w, workflow],
    ],
    [
      `insert into pin (workflow_id, node_id, workspace_id, file_hash, source, updated_by) values ($1, 'n', $2, 'h', '{}', $3)`,
      [workflow, w, p],
    ],
    [
      `insert into credential (id, workspace_id, project_id, key, name, type, allowed_hosts, public_data, created_by) values ($1, $2, $3, 'k', 'n', 't', '{}', '{}', $4)`,
      [credential, w, projectId, p],
    ],
    [
      `insert into credential_secret (credential_id, version, workspace_id, ciphertext, key_id, created_by) values ($1, 1, $2, 'x', $3, $4)`,
      [credential, w, dataKey, p],
    ],
    [
      `insert into binding (workflow_id, environment, key, workspace_id, credential_id, granted_by) values ($1, 1, 'k', $2, $3, $4)`,
      [workflow, w, credential, p],
    ],
    [
      `insert into oauth_state (state_hash, workspace_id, credential_id, principal_id, session_id, sealed, expires_at) values ($1, $2, $3, $4, $3, 'x', now())`,
      [hash, w, credential, p],
    ],
    [`insert into job (id, workspace_id, kind, actor, params) values ($1, $2, 'k', $3, '{}')`, [job, w, p]],
    [`insert into job_item (job_id, item_id, workspace_id, outcome) values ($1, $1, $2, 'done')`, [job, w]],
    [
      `insert into saved_view (id, workspace_id, principal_id, page, name, filter, created_by) values ($1, $2, $3, 'p', 'n', '{}', $3)`,
      [uuidv7(), w, p],
    ],
    [
      `insert into notification (id, principal_id, workspace_id, dedupe_key, kind, params) values ($1, $2, $3, $4, 'k', '{}')`,
      [uuidv7(), p, w, unique],
    ],
    [
      `insert into setting (scope, scope_id, key, value, updated_by) values ('workspace', $1, 'k', '1', $2), ('person', $2, 'k', '1', $2)`,
      [w, p],
    ],
    [
      `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at) values ($1, $2, $3, 1, 1, 4, 1, $1, now())`,
      [run, w, workflow],
    ],
    [`insert into run_chunk (run_id, seq, events) values ($1, 1, 'x')`, [run]],
    [`insert into run_child (run_id, workspace_id, parent_run_id, place, part, depth) values ($1, $2, $1, 'n', 0, 1)`, [run, w]],
    [`insert into run_chain (run_id, workspace_id, first_run_id, n) values ($1, $2, $1, 1)`, [run, w]],
    [`insert into run_follow_up (run_id, kind, workspace_id, due_at, payload) values ($1, 'failed', $2, now(), '{}')`, [run, w]],
    [`insert into run_tag (workspace_id, key, value, run_id) values ($1, 'k', 'v', $2)`, [w, run]],
    [`insert into run_payload (workspace_id, sha256, run_id) values ($1, 'p', $2)`, [w, run]],
    [`insert into run_payload_left (workspace_id, sha256) values ($1, 'p')`, [w]],
    [`insert into run_erasure (workspace_id, run_id) values ($1, $2)`, [w, run]],
    [`insert into run_stats_zone (workspace_id, zone) values ($1, 'UTC')`, [w]],
    [
      `insert into run_stats_day (workspace_id, workflow_id, environment, starts_at, status, n) values ($1, $2, 1, now(), 4, 1)`,
      [w, workflow],
    ],
    [
      `insert into flow_turn (run_id, workspace_id, workflow_id, environment, group_key, due_at) values ($1, $2, $1, 1, 'g', now())`,
      [run, w],
    ],
    [`insert into request_slot (id, workspace_id, scope, owner) values ($1, $2, 's', $1)`, [run, w]],
    [`insert into request_rate (workspace_id, scope, free_at) values ($2, $1::uuid::text, now())`, [run, w]],
    [
      `insert into reservation (workspace_id, key, root_run_id, run_id, place, state, reserved_pd, expires_at) values ($2, $1::uuid::text, $1, $1, 'n', 'open', 1, now())`,
      [run, w],
    ],
    [
      `insert into run_budget (root_run_id, workspace_id, workflow_id, environment, limit_pd, warn_pd) values ($1, $2, $1, 1, 1, 1)`,
      [run, w],
    ],
    [`insert into run_tree (root_run_id, workspace_id, called, counted_at) values ($1, $2, 1, now())`, [run, w]],
    [`insert into flow_rate (workspace_id, workflow_id, environment, key, free_at) values ($2, $1, 1, 'k', now())`, [run, w]],
    [`insert into run_snapshot (run_id, workspace_id, seq, format, state) values ($1, $2, 1, 1, '')`, [run, w]],
    [`insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) values ($1, $2, $3, 's', 'k', '{}')`, [uuidv7(), run, w]],
    [`insert into run_key (workspace_id, scope, key, run_id, expires_at) values ($1, 's', 'k', $2, now())`, [w, run]],
    [
      `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, started_at) values ($1, $2, $3, 1, 1, $1, 1, 0, 1, now())`,
      [run, w, workflow],
    ],
    [
      `insert into run_stats (workspace_id, workflow_id, environment, bucket, status, writer, n) values ($1, $2, 1, now(), 4, $2, 1)`,
      [w, workflow],
    ],
    [
      `insert into schedule (id, workspace_id, workflow_id, environment, node_id, node_name, version, spec, zone, missed, overlap) values ($1, $2, $3, 1, 'n', 'n', 1, '{}', 'UTC', 'once', 'allow')`,
      [uuidv7(), w, workflow],
    ],
    [
      `insert into poll (id, workspace_id, workflow_id, environment, node_id, node_name, version, every_ms, basis, next_at) values ($1, $2, $3, 1, 'n', 'n', 1, 60000, '', now())`,
      [uuidv7(), w, workflow],
    ],
    [`insert into run_link (run_id, workspace_id, from_run_id, how) values (gen_random_uuid(), $1, $2, 'retry')`, [w, run]],
    [
      `insert into test_result (workflow_id, test_id, workspace_id, outcome, differences, duration_ms, draft_rev) values ($2, 't', $1, 'passed', '[]', 1, 0)`,
      [w, workflow],
    ],
    [`insert into timer (run_id, wait_id, workspace_id, due_at) values ($1, 'w', $2, now())`, [run, w]],
  ];
  for (const [text, values] of statements) await database.query(text, values);
}
