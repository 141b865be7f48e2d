/** Comparing secrets so that the time it takes tells nothing of them. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Also of texts of different lengths: their hashes are compared. */
export function equalText(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

export function equalBytes(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
