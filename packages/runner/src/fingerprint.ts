/** Groups equal failures: the same code at the same node of the same workflow, whatever the values in the message. */
import type { RunError } from '@plugboard/engine';
import { createHash } from 'node:crypto';

export function fingerprint(workflowId: string, error: RunError): string {
  const shape = error.message.replace(/[0-9a-f]{8,}|\d+/gi, '#').slice(0, 200);
  return createHash('sha256')
    .update(`${workflowId}\n${error.node ?? ''}\n${error.code}\n${shape}`)
    .digest('hex')
    .slice(0, 16);
}
