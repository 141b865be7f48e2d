/** What the end of a run says of its failure, and what groups equal failures. */
import type { Plan, RunEnd, RunError } from '@plugboard/engine';
import { createHash } from 'node:crypto';

/** `plan`: where the failed step has its name. */
export function errorOfEnd(
  workflowId: string,
  error: RunError,
  plan?: Plan,
): Pick<RunEnd, 'errorCode' | 'errorMessage' | 'errorFingerprint' | 'errorStep'> {
  const step = error.node === undefined ? undefined : plan?.byId.get(error.node);
  return {
    errorCode: error.code,
    errorMessage: error.message,
    errorFingerprint: fingerprint(workflowId, error),
    ...(step ? { errorStep: step.name } : {}),
  };
}

/** The same code at the same node of the same workflow, whatever the values in the message. */
export function fingerprint(workflowId: string, error: RunError): string {
  const shape = error.message.replace(/[0-9a-f]{8,}|\d+/gi, '#').slice(0, 200);
  return createHash('sha256')
    .update(`${workflowId}\n${error.node ?? ''}\n${error.code}\n${shape}`)
    .digest('hex')
    .slice(0, 16);
}
