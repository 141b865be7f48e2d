import { describe, expect, test } from 'vitest';
import { retryOf, retryOfAll } from './retry-choice.ts';

const row = (id: string, status: Parameters<typeof retryOf>[0][number]['status']) => ({ id, status });

describe('retrying many runs', () => {
  test('is for those that failed or took too long, and says of the others why not', () => {
    expect(retryOf([row('a', 'failed'), row('b', 'timed_out')])).toEqual({ runs: { ids: ['a', 'b'] }, text: '' });
    expect(retryOf([row('a', 'failed'), row('b', 'succeeded'), row('c', 'succeeded'), row('d', 'cancelled'), row('e', 'waiting')])).toEqual(
      {
        runs: { ids: ['a'] },
        text: '4 runs left out: 2 succeeded, 1 stopped by somebody, 1 still waiting.',
      },
    );
    expect(retryOf([row('b', 'succeeded')]).runs).toBeUndefined();
  });

  test('asks of all that match only for what failed', () => {
    const filter = { workflowId: 'w', since: '2026-11-01T00:00:00Z' };
    expect(retryOfAll(filter)).toMatchObject({
      runs: { filter: { ...filter, statuses: ['failed', 'timed_out'] } },
      text: expect.stringContaining('left out'),
    });
    expect(retryOfAll({ statuses: ['failed', 'timed_out'] })).toEqual({
      runs: { filter: { statuses: ['failed', 'timed_out'] } },
      text: '',
    });
    expect(retryOfAll({ statuses: ['succeeded'] }).runs).toBeUndefined();
  });
});
