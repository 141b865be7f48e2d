/** Names for requests: every answer carries one in `x-request-id`, and so does every log line about a request. */
import { randomBytes } from 'node:crypto';

const PROCESS = randomBytes(6).toString('base64url');
let count = 0;

/** Unique across processes and restarts; tells nothing about a request but the order in which this process answered. */
export function newRequestId(): string {
  count += 1;
  return `${PROCESS}-${count.toString(36)}`;
}
