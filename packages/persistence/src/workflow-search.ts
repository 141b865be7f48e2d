/** Workflows found by what people remember of them: a name, a word of the description, a tag, a folder, the name or kind of a node. */
import type { WorkspaceTransaction } from './in-workspace.ts';
import { likePattern, pageLimit } from './paging.ts';

export interface SearchWorkflows {
  readonly text: string;
  /** Those of these projects, and these single ones; absent for all. */
  readonly visible?: { readonly projectIds: readonly string[]; readonly ids: readonly string[] };
  readonly limit?: number;
}

export interface WorkflowHit {
  readonly id: string;
  readonly projectId: string;
  readonly folderId: string | null;
  readonly name: string;
  readonly description: string;
  readonly inName: boolean;
  readonly inDescription: boolean;
  /** Tags that match. */
  readonly tags: readonly string[];
  readonly folder: string | null;
  /** Nodes of the draft that match by name or type, at most 5. */
  readonly nodes: readonly { readonly id: string; readonly name: string; readonly type: string }[];
}

/** Names first, then the newest. A draft is taken apart only where its text, as JSON, has the words at all. */
export async function searchWorkflows(tx: WorkspaceTransaction, { text, visible, limit }: SearchWorkflows): Promise<WorkflowHit[]> {
  const pattern = likePattern(text);
  if (pattern === null) return [];
  return tx.query<WorkflowHit>(
    `with seen as (
       select w.id, w.project_id, w.folder_id, w.name, w.description, w.name ilike $4 escape '\\' as in_name, w.description ilike $4 escape '\\' as in_description
         from workflow w where w.workspace_id = $1 and w.deleted_at is null and ($2::uuid[] is null or w.project_id = any($2) or w.id = any($3::uuid[]))
     ), hit as (
       select s.*,
         (select coalesce(json_agg(g.name order by lower(g.name)), '[]') from workflow_tag t join tag g on g.id = t.tag_id
           where t.workflow_id = s.id and g.name ilike $4 escape '\\') as tags,
         (select f.name from folder f where f.id = s.folder_id and f.name ilike $4 escape '\\') as folder,
         (select coalesce(json_agg(n.found), '[]') from (
            select json_build_object('id', item ->> 'id', 'name', item -> 'data' ->> 'name', 'type', item ->> 'type') as found
              from draft d, json_array_elements(case when json_typeof(d.doc -> 'nodes') = 'array' then d.doc -> 'nodes' else '[]' end) as item
             where d.workflow_id = s.id and d.doc::text ilike $6 escape '\\' and (item -> 'data' ->> 'name' ilike $4 escape '\\' or item ->> 'type' ilike $4 escape '\\') limit 5) n) as nodes
         from seen s
     )
     select id, project_id as "projectId", folder_id as "folderId", name, description, in_name as "inName", in_description as "inDescription", tags, folder, nodes
       from hit where in_name or in_description or folder is not null or json_array_length(tags) > 0 or json_array_length(nodes) > 0
      order by in_name desc, id desc limit $5`,
    [
      tx.context.workspaceId,
      visible?.projectIds ?? null,
      visible?.ids ?? [],
      pattern,
      pageLimit(limit),
      likePattern(JSON.stringify(text).slice(1, -1)),
    ],
  );
}
