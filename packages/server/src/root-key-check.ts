/**
 * A database belongs to one root key. Made from another, the keys of repeated writes would be other ones, so that no service would know
 * the repeat, and what was encrypted could not be read.
 */
import { type Database, deleteInstanceKeys } from '@plugboard/persistence';

/** Thrown at the start when the database belongs to another root key. Bring that key back. */
export class RootKeyMismatchError extends Error {
  readonly code = 'ROOT_KEY_MISMATCH';
  constructor() {
    super(
      'This database belongs to another root key. Bring back the one it was last used with: the file keys/root.key of that data folder, or the same ' +
        'PLUGBOARD_ROOT_KEY on every server of this database; a key that was replaced opens nothing any more. If the key is lost, ' +
        '"npx plugboard migrate --accept-root-key" takes the present one; what was encrypted with the old one is lost then, and writes that were under way ' +
        'are repeated with other keys.',
    );
    this.name = 'RootKeyMismatchError';
  }
}

/** Lets the next start decide which key the database belongs to. False when it belonged to none. */
export function forgetRootKey(database: Database): Promise<boolean> {
  return deleteInstanceKeys(database);
}
