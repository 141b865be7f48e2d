/** Filters of lists under a name, one's own or shared with the workspace. */
import type { JsonObject } from '@plugboard/sdk';
import { uuidv7 } from './ids.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

export interface SavedView {
  readonly id: string;
  /** The list it is for. */
  readonly page: string;
  readonly name: string;
  readonly filter: JsonObject;
  readonly isShared: boolean;
  readonly rev: number;
}

/** Gives its id. */
export async function createSavedView(
  tx: WorkspaceTransaction,
  input: { readonly page: string; readonly name: string; readonly filter: JsonObject; readonly isShared: boolean },
): Promise<string> {
  const { workspaceId, principalId } = tx.context;
  const id = uuidv7();
  await tx.query(
    'insert into saved_view (id, workspace_id, principal_id, page, name, filter, created_by) values ($1, $2, $3, $4, $5, $6, $7)',
    [id, workspaceId, input.isShared ? null : principalId, input.page, input.name, JSON.stringify(input.filter), principalId],
  );
  return id;
}

/** One's own and the shared ones, by name, at most 200. */
export function listSavedViews(tx: WorkspaceTransaction, page: string): Promise<SavedView[]> {
  return tx.query(
    `select ${COLUMNS} from saved_view where workspace_id = $1 and page = $2 and (principal_id is null or principal_id = $3) order by lower(name), id limit 200`,
    [tx.context.workspaceId, page, tx.context.principalId],
  );
}

/** One's own or a shared one. */
export async function findSavedView(tx: WorkspaceTransaction, id: string): Promise<SavedView | undefined> {
  const [view] = await tx.query<SavedView>(
    `select ${COLUMNS} from saved_view where workspace_id = $1 and id = $2 and (principal_id is null or principal_id = $3)`,
    [tx.context.workspaceId, id, tx.context.principalId],
  );
  return view;
}

export type UpdateSavedViewResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'conflict'; readonly view: SavedView };

export async function updateSavedView(
  tx: WorkspaceTransaction,
  id: string,
  change: { readonly name?: string; readonly filter?: JsonObject; readonly expectedRev?: number },
): Promise<UpdateSavedViewResult> {
  const [view] = await tx.query<SavedView>(
    `select ${COLUMNS} from saved_view where workspace_id = $1 and id = $2 and (principal_id is null or principal_id = $3) for update`,
    [tx.context.workspaceId, id, tx.context.principalId],
  );
  if (!view) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== view.rev) return { kind: 'conflict', view };
  await tx.query('update saved_view set name = $2, filter = $3, rev = rev + 1, updated_at = now() where id = $1', [
    id,
    change.name ?? view.name,
    JSON.stringify(change.filter ?? view.filter),
  ]);
  return { kind: 'saved', rev: view.rev + 1 };
}

export async function deleteSavedView(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  const rows = await tx.query(
    'delete from saved_view where workspace_id = $1 and id = $2 and (principal_id is null or principal_id = $3) returning 1',
    [tx.context.workspaceId, id, tx.context.principalId],
  );
  return rows.length > 0;
}

const COLUMNS = `id, page, name, filter, principal_id is null as "isShared", rev`;
