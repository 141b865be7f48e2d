/**
 * Approvals that a run made from another one, or from a part of a draft, would go past. Items that somebody hands to a step behind an approval were
 * approved by nobody. Whoever may edit the workflow may do so all the same, since they may take the approval out of it; whoever may only run it may not.
 */
import type { Plan, PlanNode } from '@plugboard/engine';
import type { Resource } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';

export function isApproval({ type, disabled }: PlanNode): boolean {
  return !disabled && type.kind === 'node' && type.waits === 'approval';
}

/** Approvals whose items may reach the node. */
export function approvalsBefore(plan: Plan, node: PlanNode): readonly PlanNode[] {
  const found = new Set<PlanNode>();
  const open = [node];
  for (let at = open.pop(); at; at = open.pop()) {
    for (const { from } of at.incoming) {
      const before = plan.nodes[from];
      if (!before || found.has(before)) continue;
      found.add(before);
      open.push(before);
    }
  }
  return [...found].filter(isApproval);
}

/** @throws OperationProblem FORBIDDEN */
export function demandMayPass(ctx: OperationContext, workflow: Resource, passed: readonly PlanNode[]): void {
  const [first] = passed;
  if (!first || may(ctx, 'workflow.edit', workflow)) return;
  throw new OperationProblem('FORBIDDEN', `This would go past the approval "${first.name}" with items that nobody approved`, {
    hint: 'Go on from a step before it, or ask somebody with the role editor.',
    params: { node: first.id, action: 'workflow.edit' },
  });
}
