/** Keys from outside (delivery ids, idempotency keys) as index entries: storable, short, and different when they differ. */
import { createHash } from 'node:crypto';

/** Longest key kept as it is, in UTF-16 units; PostgreSQL refuses index entries over 2,700 bytes. */
const MAX_KEY_LENGTH = 400;

export function storedKey(key: string): string {
  const isStorable = key.length <= MAX_KEY_LENGTH && key.isWellFormed() && !key.includes('\0') && !key.startsWith('sha256:');
  return isStorable ? key : `sha256:${createHash('sha256').update(key, 'utf16le').digest('hex')}`;
}
