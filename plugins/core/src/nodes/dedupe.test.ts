import { expect, test } from 'vitest';
import type { TestState } from '@plugboard/testing';
import { both, step } from '../../test-support/both-transports.ts';

test('items of earlier runs do not go on again, and the retries of a run see what its first attempt saw', async () => {
  const state: TestState = new Map();
  const orders = (...ids: number[]) =>
    step('dedupe')
      .params({ fields: ['id'], remember: 'workflow' })
      .state(state)
      .items(ids.map((id) => ({ id, at: Math.random() })));
  const idsOf = async (runId: string, ...ids: number[]) => (await orders(...ids).run({ runId })).items.map((one) => one['id']);
  expect(await idsOf('first', 1, 2, 1)).toEqual([1, 2]);
  expect(await idsOf('second', 2, 3)).toEqual([3]);
  expect(await idsOf('first', 1, 2)).toEqual([1, 2]);
  expect(
    [...state.keys()].every((key) => /^taken [\w-]{43}$/.test(key)),
    'nothing of the data is kept',
  ).toBe(true);
});

test('remembers nothing unless it is asked to', async () => {
  const run = await both(step('dedupe').items([{ a: 1 }, { a: 1 }]));
  expect([run.items, run.rpcs]).toEqual([[{ a: 1 }], []]);
});
