/** What a socket may join: `run:<id>`, `runs:<workspace>[:<workflow>]`, `changed:<workspace>`. Ids are lower-case uuids. */

export type Topic =
  | { readonly kind: 'run'; readonly runId: string }
  | { readonly kind: 'runs'; readonly workspaceId: string; readonly workflowId?: string }
  | { readonly kind: 'changed'; readonly workspaceId: string };

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const TOPIC = new RegExp(`^(run|runs|changed):(${UUID})(?::(${UUID}))?$`);

/** Undefined for a text that names no topic. */
export function parseTopic(text: string): Topic | undefined {
  const [, kind, id, workflowId] = TOPIC.exec(text) ?? [];
  if (id === undefined) return undefined;
  if (kind === 'runs') return workflowId === undefined ? { kind, workspaceId: id } : { kind, workspaceId: id, workflowId };
  if (workflowId !== undefined) return undefined;
  return kind === 'run' ? { kind, runId: id } : { kind: 'changed', workspaceId: id };
}
