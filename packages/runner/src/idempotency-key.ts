/**
 * The stable key of a write: equal across attempts, crashes and retries of this run, different for everything else.
 * An HMAC, so that a service that sees keys learns nothing about runs and cannot make one up.
 */
import { createHmac } from 'node:crypto';

export type KeyMaker = (originRunId: string, nodeId: string, path: readonly number[], item: number) => string;

/** `secret` is derived from the root key for this purpose only. */
export function createKeyMaker(secret: Uint8Array): KeyMaker {
  return (originRunId, nodeId, path, item) =>
    createHmac('sha256', secret)
      .update(`${originRunId}\n${nodeId}\n${path.join('.')}\n${item}`)
      .digest('base64url')
      .slice(0, 32);
}
