/** The budget in the settings: a warning that can come. */
import { problem } from './problems.ts';
import type { Problem, WorkflowDefinition } from './types.ts';

export function checkBudget({ settings: { budget } }: WorkflowDefinition): Problem[] {
  if (budget?.warn === undefined || budget.stop === undefined || budget.warn <= budget.stop) return [];
  return [problem('BUDGET_WARNS_LATE', { path: 'settings.budget.warn' }, { warn: budget.warn, stop: budget.stop })];
}
