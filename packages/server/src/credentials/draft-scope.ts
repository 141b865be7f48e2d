/** A draft run uses credentials with the rights of whoever started it; a key that started it must not lend it more than its scopes. */
import type { LoadedPlan } from '@plugboard/runner';
import { type Actor, inScope } from '../access/access.ts';
import { OperationProblem } from '../operation/problem.ts';

/** @throws OperationProblem FORBIDDEN */
export function demandCredentialScope(actor: Actor, { plan }: LoadedPlan): void {
  if (inScope(actor, 'credential.use')) return;
  const using = plan.nodes.find((node) => !node.disabled && Object.keys(node.credentials).length > 0);
  if (!using) return;
  throw new OperationProblem('FORBIDDEN', `"${using.name}" uses a credential, and this key does not have the scope credential.use`, {
    hint: 'Make a key with that scope, or run what is published.',
    params: { action: 'credential.use' },
  });
}

/**
 * A listener starts whatever the draft is by then, as the person and without the scopes of the key that opened it: so a key that may also
 * change the draft needs the scope at once. @throws OperationProblem FORBIDDEN
 */
export function demandListenScope(actor: Actor, loaded: LoadedPlan): void {
  demandCredentialScope(actor, loaded);
  if (inScope(actor, 'credential.use') || !inScope(actor, 'workflow.edit')) return;
  throw new OperationProblem(
    'FORBIDDEN',
    'This key can change the draft that a request would start, and does not have the scope credential.use',
    {
      hint: 'Make a key with that scope, or one without workflow.edit; or listen with mode "capture", which starts nothing.',
      params: { action: 'credential.use' },
    },
  );
}
