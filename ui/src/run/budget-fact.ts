/** What a run has spent, as the facts of its page say it. */
import type { RunBudget } from '../api/types.ts';
import { formatMoney } from '../words/format.ts';

/** @param own what the run has spent itself; the budget is that of all runs of its tree */
export function budgetFact({ spentPd, reservedPd, limitPd }: RunBudget, own = '0'): { readonly value: string; readonly note: string } {
  const parts = [
    `spent of ${formatMoney(limitPd)}`,
    reservedPd !== '0' && `${formatMoney(reservedPd)} reserved`,
    own !== spentPd && `${formatMoney(own)} by this run`,
  ];
  return { value: formatMoney(spentPd), note: parts.filter(Boolean).join(', ') };
}
