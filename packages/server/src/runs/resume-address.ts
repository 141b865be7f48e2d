/**
 * The address that ends a step's wait for what comes from outside. Nothing of it is stored: who has the address has been given it by the run,
 * for its text holds 256 bits only this server can make. It counts once, because a wait is over once.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const RESUME_PREFIX = '/resume';

export interface ResumeAddress {
  /** Below the address of the server. */
  pathOf(runId: string, place: string): string;
  isToken(runId: string, place: string, token: string): boolean;
}

/** @param key 32 bytes, of this purpose alone */
export function createResumeAddress(key: Uint8Array): ResumeAddress {
  const tokenOf = (runId: string, place: string): Buffer => createHmac('sha256', key).update(`${runId.toLowerCase()}.${place}`).digest();
  return {
    pathOf: (runId, place) => `${RESUME_PREFIX}/${runId}/${place}/${tokenOf(runId, place).toString('base64url')}`,
    isToken(runId, place, token) {
      const given = Buffer.from(token, 'base64url');
      const wanted = tokenOf(runId, place);
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}
