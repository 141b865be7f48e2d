/** What the instance keeps about a person, for who asks for it; and what goes on running on what a person allowed. */
import type { JsonObject } from '@plugboard/sdk';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';

/** Rows of each kind at most: an export is an answer, not a backup. */
const MOST = 10_000;

const PARTS: { readonly [name: string]: string } = {
  profile: `select e.email, p.display_name as name, e.locale, e.zone, e.created_at, e.totp_enabled_at, e.password_changed_at, e.disabled_at
              from person e join principal p on p.id = e.principal_id where p.id = $1`,
  sessions: 'select created_at, last_seen_at, ip, user_agent from session where person_id = $1 order by created_at',
  identities: 'select issuer, subject, created_at from identity where person_id = $1 order by created_at',
  memberships: `select w.slug as workspace, m.role, m.state, m.created_at from member m join workspace w on w.id = m.workspace_id
                 where m.principal_id = $1 order by m.created_at`,
  teams: `select w.slug as workspace, t.name from team_member m join team t on t.id = m.team_id join workspace w on w.id = m.workspace_id
           where m.principal_id = $1 order by t.name`,
  grants: `select w.slug as workspace, g.resource_kind, g.resource_id, g.role, g.created_at from role_grant g join workspace w on w.id = g.workspace_id
            where g.subject_kind = 'principal' and g.subject_id = $1 order by g.created_at`,
  apiKeys: `select w.slug as workspace, k.name, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at from api_key k
              join workspace w on w.id = k.workspace_id where k.principal_id = $1 order by k.created_at`,
  invitations: `select w.slug as workspace, i.email, i.role, i.created_at, i.accepted_at from invitation i join workspace w on w.id = i.workspace_id
                 where i.accepted_by = $1 or i.email_ci = (select email_ci from person where principal_id = $1) order by i.created_at`,
  stars: 'select workflow_id, created_at from star where principal_id = $1 order by created_at',
  savedViews: 'select page, name, filter, created_at from saved_view where principal_id = $1 order by created_at',
  notifications: 'select kind, params, created_at, read_at from notification where principal_id = $1 order by created_at',
  settings: `select key, value, updated_at from setting where scope = 'person' and scope_id = $1 order by key`,
  edits: 'select workflow_id, rev, at from draft_op where principal_id = $1 order by at desc',
  audit: `select a.at, w.slug as workspace, a.action, a.resource_kind, a.resource_id, a.ip, a.payload from audit a
            left join workspace w on w.id = a.workspace_id where a.principal_id = $1 order by a.at desc`,
};

/** Neither hashes nor secrets are in it. */
export async function exportPerson(tx: InstanceTransaction, personId: string): Promise<JsonObject> {
  const parts: Record<string, JsonObject[]> = {};
  for (const [name, text] of Object.entries(PARTS)) {
    const rows = await tx.query<{ row: JsonObject }>(`select row_to_json(r) as row from (${text} limit ${MOST}) r`, [personId]);
    parts[name] = rows.map(({ row }) => row);
  }
  return parts;
}

export interface WhatRuns {
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly key: string;
  readonly credentialId: string;
}

/** Bindings somebody granted, in all workspaces, at most 1,000: published workflows that use credentials on his say. */
export function listWhatRunsFor(statements: InstanceStatements, principalId: string): Promise<WhatRuns[]> {
  return statements.query(
    `select b.workspace_id as "workspaceId", b.workflow_id as "workflowId", b.environment, b.key, b.credential_id as "credentialId"
       from binding b join workflow w on w.id = b.workflow_id and w.deleted_at is null
      where b.granted_by = $1 order by b.workspace_id, b.workflow_id, b.environment, b.key limit 1000`,
    [principalId],
  );
}
