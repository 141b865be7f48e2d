import { describe, expect, test } from 'vitest';
import { declaredForm, declaredProblems } from './declared-form.ts';

const INPUTS = {
  amount: { type: 'number', required: true, title: 'Amount', help: 'How many.' },
  note: { type: 'text', default: 'none' },
  lines: { type: 'list', required: true },
  urgent: { type: 'boolean' },
};

describe('what a workflow takes', () => {
  test('is a form with the type, the need, the description and the default of each input', () => {
    expect(declaredForm(INPUTS)).toEqual({
      amount: { kind: 'number', title: 'Amount', help: 'How many.', required: true },
      note: { kind: 'text', title: 'note', default: 'none' },
      lines: { kind: 'json', title: 'lines', help: 'A JSON list.', required: true },
      urgent: { kind: 'boolean', title: 'urgent' },
    });
  });

  test('is JSON where nothing is declared', () => {
    expect([declaredForm(undefined), declaredForm({})]).toEqual([undefined, undefined]);
  });

  test('is checked before a run is started, by the rules of the server', () => {
    expect([...declaredProblems(INPUTS, { amount: 2, lines: [] })]).toEqual([]);
    expect([...declaredProblems(INPUTS, {}).keys()].toSorted()).toEqual(['amount', 'lines']);
    expect(declaredProblems(INPUTS, { amount: 2, lines: { a: 1 } }).get('lines')).toContain('list');
  });
});
