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
