/** Settings as rows, by level. Their schema, defaults and who may change them are declared in the server. */
import type { Json } from '@plugboard/sdk';
import type { InstanceStatements } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import type { Statements } from '../statements.ts';

/** Whose setting it is. */
export type SettingScope =
  | { readonly kind: 'instance' }
  | { readonly kind: 'workspace'; readonly workspaceId: string }
  | { readonly kind: 'project'; readonly projectId: string }
  | { readonly kind: 'person'; readonly principalId: string };

export interface Setting {
  readonly key: string;
  readonly value: Json;
  readonly rev: number;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

/** All that were set on one level, by key. */
export async function readSettings(statements: Statements, scope: SettingScope): Promise<Map<string, Setting>> {
  const rows = await statements.query<Setting>(`select ${COLUMNS} from setting where scope = $1 and scope_id = $2 order by key`, [
    scope.kind,
    idOf(scope),
  ]);
  return new Map(rows.map((row) => [row.key, row]));
}

export interface SettingLevels {
  readonly instance?: Setting;
  readonly workspace?: Setting;
  readonly person?: Setting;
}

/** What is set on each level for who is at hand; keys that nobody set are missing. */
export async function readSettingLevels(tx: WorkspaceTransaction, keys: readonly string[]): Promise<Map<string, SettingLevels>> {
  const { workspaceId, principalId } = tx.context;
  const rows = await tx.query<Setting & { scope: SettingScope['kind'] }>(
    `select scope, ${COLUMNS} from setting
      where key = any($1::text[]) and ((scope = 'instance' and scope_id = $2) or (scope = 'workspace' and scope_id = $3) or (scope = 'person' and scope_id = $4))`,
    [keys, NIL, workspaceId, principalId],
  );
  const levels = new Map<string, SettingLevels>();
  for (const { scope, ...setting } of rows) levels.set(setting.key, { ...levels.get(setting.key), [scope]: setting });
  return levels;
}

/** What each of these persons set, by person and key. */
export async function readPersonSettings(
  statements: InstanceStatements,
  principalIds: readonly string[],
  keys: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, Json>>> {
  const rows = await statements.query<{ principalId: string; key: string; value: Json }>(
    `select scope_id as "principalId", key, value from setting where scope = 'person' and scope_id = any($1::uuid[]) and key = any($2::text[])`,
    [principalIds, keys],
  );
  const found = new Map<string, Map<string, Json>>();
  for (const { principalId, key, value } of rows)
    found.set(principalId, (found.get(principalId) ?? new Map<string, Json>()).set(key, value));
  return found;
}

export type WriteSettingResult =
  | { readonly kind: 'saved'; readonly rev: number }
  /** What stands there now; absent when nothing does. */
  | { readonly kind: 'conflict'; readonly setting?: Setting };

/** `expectedRev` 0 only makes a new one; absent, whatever is there is replaced. */
export async function writeSetting(
  tx: Statements,
  input: {
    readonly scope: SettingScope;
    readonly key: string;
    readonly value: Json;
    readonly updatedBy: string;
    readonly expectedRev?: number;
  },
): Promise<WriteSettingResult> {
  const { scope, key } = input;
  const expected = input.expectedRev ?? null;
  const [row] = await tx.query<{ rev: number }>(
    expected !== null && expected > 0
      ? `update setting set value = $4, rev = rev + 1, updated_by = $5, updated_at = now() where scope = $1 and scope_id = $2 and key = $3 and rev = $6 returning rev`
      : `insert into setting (scope, scope_id, key, value, updated_by) values ($1, $2, $3, $4, $5)
           on conflict (scope, scope_id, key) do update set value = excluded.value, rev = setting.rev + 1, updated_by = excluded.updated_by, updated_at = now()
             where $6::int4 is null returning rev`,
    [scope.kind, idOf(scope), key, JSON.stringify(input.value), input.updatedBy, expected],
  );
  if (row) return { kind: 'saved', rev: row.rev };
  const setting = (await readSettings(tx, scope)).get(key);
  return setting ? { kind: 'conflict', setting } : { kind: 'conflict' };
}

/** Back to what the level above, or the default, says. */
export async function deleteSetting(tx: Statements, scope: SettingScope, key: string): Promise<boolean> {
  return (
    (await tx.query('delete from setting where scope = $1 and scope_id = $2 and key = $3 returning 1', [scope.kind, idOf(scope), key]))
      .length > 0
  );
}

const NIL = '00000000-0000-0000-0000-000000000000';
const COLUMNS = `key, value, rev, updated_by as "updatedBy", updated_at as "updatedAt"`;

function idOf(scope: SettingScope): string {
  switch (scope.kind) {
    case 'instance':
      return NIL;
    case 'workspace':
      return scope.workspaceId;
    case 'project':
      return scope.projectId;
    case 'person':
      return scope.principalId;
  }
}
