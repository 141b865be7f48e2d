/** Permission inside a handler, for what the operation's own permission does not cover. */
import { type Resource, decideAccess } from '../access/access.ts';
import type { Action } from '../access/actions.ts';
import type { OperationContext } from './operation.ts';
import { OperationProblem, notFound } from './problem.ts';

/** @throws OperationProblem NOT_FOUND, FORBIDDEN */
export function demand(ctx: Pick<OperationContext, 'actor' | 'access'>, action: Action, resource: Resource | undefined): void {
  const decision = resource ? decideAccess(ctx.actor, ctx.access, action, resource) : ({ kind: 'hidden' } as const);
  if (decision.kind === 'allowed') return;
  if (decision.kind === 'hidden') throw notFound();
  const isInstance = resource?.kind === 'instance';
  throw new OperationProblem('FORBIDDEN', isInstance ? 'This is for operators of the instance' : `This needs the role ${decision.needs}`, {
    hint: isInstance ? 'Ask the owner of the server.' : `Ask an admin of the workspace for the role ${decision.needs}.`,
    params: { action, role: decision.needs },
  });
}

export function may(ctx: Pick<OperationContext, 'actor' | 'access'>, action: Action, resource: Resource): boolean {
  return decideAccess(ctx.actor, ctx.access, action, resource).kind === 'allowed';
}
