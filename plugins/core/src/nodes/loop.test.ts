import { describe, expect, test } from 'vitest';
import { both, step } from '../../test-support/both-transports.ts';

const asked = async (params: object, round = 0) => {
  const { ports, end } = await both(
    step('loop')
      .params(params as never)
      .input('main', [{ json: { n: 1 } }]),
    { round },
  );
  return { ports: Object.keys(ports), wait: end.ok ? end.wait : undefined };
};

describe('a loop that decides before each round', () => {
  test('goes on a number of times', async () => {
    expect((await asked({ mode: 'times', times: 2 }, 0)).ports).toEqual(['body']);
    expect((await asked({ mode: 'times', times: 2 }, 1)).ports).toEqual(['body']);
    expect((await asked({ mode: 'times', times: 2 }, 2)).ports).toEqual(['done']);
  });

  test('goes on while, or until, something holds', async () => {
    const holds = { all: [{ left: 1, op: 'eq', right: 1 }] };
    expect((await asked({ mode: 'while', condition: holds })).ports).toEqual(['body']);
    expect((await asked({ mode: 'until', condition: holds })).ports).toEqual(['done']);
  });

  test('pauses between two rounds, and not before the first', async () => {
    expect((await asked({ mode: 'times', times: 5, delayMs: 2000 })).wait).toBeUndefined();
    expect((await asked({ mode: 'times', times: 5, delayMs: 2000 }, 1)).wait).toEqual({
      kind: 'timer',
      until: Date.parse('2026-01-01T00:00:02Z'),
    });
  });
});
