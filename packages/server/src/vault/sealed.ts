/**
 * Bytes closed with AES-256-GCM and bound to where they belong: a sealed text that is copied to another row, version or workspace does
 * not open. The first byte says the format, so that a later one can be told apart.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** 1: nonce of 12 bytes, ciphertext, tag of 16 bytes. */
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Thrown when sealed bytes do not open: they were changed, belong elsewhere, or the key is another one. Nobody can read them then. */
export class SealBrokenError extends Error {
  readonly code = 'SEAL_BROKEN';
  constructor() {
    super('What is stored does not open with its key: it was changed, or belongs to something else. Enter the secret again.');
    this.name = 'SealBrokenError';
  }
}

/** `place` names all that the bytes are bound to; its parts hold no NUL. */
export function seal(key: Uint8Array, place: readonly string[], plain: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound(place));
  return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws SealBrokenError */
export function unseal(key: Uint8Array, place: readonly string[], sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (bytes[0] !== FORMAT || bytes.length < 1 + NONCE_BYTES + TAG_BYTES) throw new SealBrokenError();
  try {
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound(place));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    throw new SealBrokenError();
  }
}

function bound(place: readonly string[]): Buffer {
  return Buffer.from(['plugboard', String(FORMAT), ...place].join('\0'));
}
