/** What a socket may join: `run:<id>`, `runs:<workspace>[:<workflow>]`, `changed:<workspace>`, `person:<oneself>`. Ids are lower-case uuids. */

export type Topic =
  | { readonly kind: 'run'; readonly runId: string }
  | { readonly kind: 'runs'; readonly workspaceId: string; readonly workflowId?: string }
  | { readonly kind: 'changed'; readonly workspaceId: string }
  | { readonly kind: 'person'; readonly principalId: string };

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const TOPIC = new RegExp(`^(run|runs|changed|person):(${UUID})(?::(${UUID}))?$`);

/** Undefined for a text that names no topic. */
export function parseTopic(text: string): Topic | undefined {
  const [, kind, id, workflowId] = TOPIC.exec(text) ?? [];
  if (id === undefined) return undefined;
  if (kind === 'runs') return workflowId === undefined ? { kind, workspaceId: id } : { kind, workspaceId: id, workflowId };
  if (workflowId !== undefined) return undefined;
  if (kind === 'person') return { kind, principalId: id };
  return kind === 'run' ? { kind, runId: id } : { kind: 'changed', workspaceId: id };
}
