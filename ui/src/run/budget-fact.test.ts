import { describe, expect, test } from 'vitest';
import { budgetFact } from './budget-fact.ts';

const budget = (spent: string, reserved = '0') => ({ rootRunId: 'r', spentPd: spent, reservedPd: reserved, limitPd: '5000000000000' });

describe('what a run has spent', () => {
  test('is said with its limit', () => {
    expect(budgetFact(budget('500000000000'), '500000000000')).toEqual({ value: '$0.50', note: 'spent of $5.00' });
  });

  test('tells calls under way, and the run from its tree', () => {
    expect(budgetFact(budget('1200000000000', '100000000000'), '200000000000')).toEqual({
      value: '$1.20',
      note: 'spent of $5.00, $0.10 reserved, $0.20 by this run',
    });
    expect(budgetFact(budget('1200000000000')).note).toBe('spent of $5.00, $0.00 by this run');
  });
});
