import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { both, step } from '../../test-support/both-transports.ts';

/** What the step asks the server for, and how its call ends. The harness's start of every step is 2026-01-01T00:00:00Z. */
async function asks(type: 'approval' | 'form', params: object) {
  const asked: unknown[] = [];
  const { end, ports } = await both(
    step(type)
      .params(params as never)
      .items([{ n: 1 }, { n: 2 }])
      .rpc((op) => {
        asked.push('request' in op ? { op: op.op, ...op.request } : op.op);
        return { id: 'a1' };
      }),
  );
  return { end, late: (ports['late'] ?? []).map((one) => one.json), asked: asked[0] as JsonObject };
}

describe('ask for approval', () => {
  test('asks, and holds all items for the time it has', async () => {
    const { end, late, asked } = await asks('approval', { title: 'Pay?', amount: 1, unit: 'hours' });
    expect(asked).toMatchObject({
      op: 'approval.open',
      title: 'Pay?',
      deciders: { persons: [], roles: [], teams: [] },
      needed: 1,
      requesterMay: true,
      commentOn: 'never',
      byLink: false,
      until: Date.parse('2026-01-01T01:00:00Z'),
    });
    expect(end).toMatchObject({ ok: true, wait: { kind: 'approval', until: Date.parse('2026-01-01T01:00:00Z') } });
    expect(late).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('names who may decide, who is asked later, and when they are reminded, in milliseconds', async () => {
    const { asked } = await asks('approval', {
      title: 'T',
      limited: false,
      persons: ['a@example.com', ' '],
      roles: ['admin'],
      teams: ['Finance'],
      needed: 2,
      remind: true,
      remindAfter: 1,
      escalate: true,
      escalateAfter: 2,
      escalateRoles: ['owner'],
      fields: [{ name: 'total', kind: 'number', value: 5, edit: true, max: '10' }, { name: 'who' }],
    });
    expect(asked).toMatchObject({
      deciders: { persons: ['a@example.com'], roles: ['admin'], teams: ['Finance'] },
      needed: 2,
      remind: { afterMs: 3_600_000, everyMs: 86_400_000, atMost: 3 },
      escalate: { afterMs: 7_200_000, persons: [], roles: ['owner'], teams: [] },
      fields: [
        { name: 'total', title: 'total', kind: 'number', value: 5, edit: true, max: '10' },
        { name: 'who', title: 'who', kind: 'text', edit: false },
      ],
    });
    expect(asked).not.toHaveProperty('until');
  });
});

describe('wait for a form', () => {
  test('asks for the fields, and holds its items only for when nobody fills it in', async () => {
    const fields = [{ name: 'size', kind: 'choice', options: [{ value: 's', title: 'Small' }, { value: 'l' }] }];
    const limited = await asks('form', { title: 'Sizes', fields, amount: 1, unit: 'minutes' });
    expect(limited.asked).toEqual({
      op: 'form.open',
      title: 'Sizes',
      fields: [
        {
          name: 'size',
          kind: 'choice',
          title: 'size',
          required: false,
          options: [
            { value: 's', title: 'Small' },
            { value: 'l', title: '' },
          ],
        },
      ],
      until: Date.parse('2026-01-01T00:01:00Z'),
    });
    expect(limited.late).toEqual([{ n: 1 }, { n: 2 }]);
    const forEver = await asks('form', { title: 'Sizes', fields, limited: false });
    expect([forEver.end.ok && forEver.end.wait, forEver.late]).toEqual([{ kind: 'form' }, []]);
  });
});
