/**
 * Holds a database to one root key. Made from another, the keys of repeated writes would be other ones, so that no service would know
 * the repeat, and what was encrypted could not be read.
 */
import type { Database, Defaults } from '@plugboard/persistence';
import type { Keys } from './keys.ts';

/** Thrown at the start when the database was first used with another root key. Bring that key back. */
export class RootKeyMismatchError extends Error {
  readonly code = 'ROOT_KEY_MISMATCH';
  constructor() {
    super(
      'This database belongs to another root key. Bring back the one it was first used with: the file keys/root.key of that data folder, or the same ' +
        'PLUGBOARD_ROOT_KEY on every server of this database. If the key is lost, "npx plugboard migrate --accept-root-key" takes the present one; ' +
        'what was encrypted with the old one is lost then, and writes that were under way are repeated with other keys.',
    );
    this.name = 'RootKeyMismatchError';
  }
}

const KEY = 'root_key_check';
/** The instance's own settings. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** The first start writes the check value down; of several at once one does. @throws RootKeyMismatchError */
export async function checkRootKey(database: Database, defaults: Defaults, keys: Keys): Promise<void> {
  const find = `select value #>> '{}' as check from setting where scope = 'instance' and scope_id = $1 and key = $2`;
  const [known] = await database.query<{ check: string }>(find, [NOBODY, KEY]);
  if (known?.check === keys.checkValue) return;
  if (known) throw new RootKeyMismatchError();
  await database.query(
    `insert into setting (scope, scope_id, key, value, updated_by) values ('instance', $1, $2, to_json($3::text), $4) on conflict do nothing`,
    [NOBODY, KEY, keys.checkValue, defaults.systemPrincipalId],
  );
  const [stored] = await database.query<{ check: string }>(find, [NOBODY, KEY]);
  if (stored?.check !== keys.checkValue) throw new RootKeyMismatchError();
}

/** Lets the next start decide which key the database belongs to. False when it belonged to none. */
export async function forgetRootKey(database: Database): Promise<boolean> {
  const gone = await database.query(`delete from setting where scope = 'instance' and scope_id = $1 and key = $2 returning key`, [
    NOBODY,
    KEY,
  ]);
  return gone.length > 0;
}
