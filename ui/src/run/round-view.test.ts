import { describe, expect, test } from 'vitest';
import { firstInRound, inRound, parseRound, roundIndex, roundText } from './round-view.ts';
import { NEW_RUN, type Round, type RunLive, type StepLive } from './run-live.ts';

const round = (key: string, status: Round['status'] = 'succeeded'): Round => ({
  key,
  path: key.split('.').map(Number),
  status,
  out: { main: key.length },
});
const step = (nodeId: string, rounds: readonly Round[]): StepLive => ({
  nodeId,
  status: 'failed',
  attempt: 1,
  tries: rounds.map(({ key, status }) => ({
    attempt: 1,
    startedAt: 0,
    endedAt: 1,
    round: key,
    ...(status === 'failed' ? { error: { code: `IN_${key}`, message: '' } } : {}),
  })),
  waits: [],
  out: {},
  error: { code: 'LAST', message: '' },
  rounds,
});
const LOOPS = [{ id: 'each', nodes: ['find', 'send'], depth: 1 }];
const RUN: RunLive = {
  ...NEW_RUN,
  steps: new Map([
    ['after', step('after', [])],
    ['find', step('find', [round('0'), round('1'), round('2')])],
    ['send', step('send', [round('0'), round('1', 'failed')])],
  ]),
};

describe('one round of a loop', () => {
  test('shows its steps as they were in it, and those it did not come to as not reached', () => {
    const { steps } = inRound(RUN, LOOPS, { loop: 'each', key: '1' });
    expect(steps.get('find')).toMatchObject({ status: 'succeeded', tries: [{ round: '1' }], rounds: [] });
    expect(steps.get('find')?.error).toBeUndefined();
    expect(steps.get('send')).toMatchObject({ status: 'failed', error: { code: 'IN_1' } });
    expect(steps.get('after')).toBe(RUN.steps.get('after'));
    expect(inRound(RUN, LOOPS, { loop: 'each', key: '2' }).steps.has('send')).toBe(false);
    expect(inRound(RUN, LOOPS, undefined)).toBe(RUN);
  });

  test('opens the step that failed in it, or the first that ran', () => {
    expect(firstInRound(RUN, LOOPS, { loop: 'each', key: '1' })).toBe('send');
    expect(firstInRound(RUN, LOOPS, { loop: 'each', key: '2' })).toBe('find');
    expect(firstInRound(RUN, LOOPS, { loop: 'each', key: '9' })).toBeUndefined();
  });

  test('of an outer loop leads to the trouble inside it, and one of an inner loop to the round around it', () => {
    const rounds = [round('0.0'), round('1.0'), round('1.1', 'failed')];
    expect([roundIndex(rounds, '1'), roundIndex(rounds, '0'), roundIndex(rounds, '2'), roundIndex(rounds, undefined)]).toEqual([
      2, 0, -1, -1,
    ]);
    expect(roundIndex([round('0'), round('1')], '1.3')).toBe(1);
  });

  test('is in the address, and what is none is left out', () => {
    expect(parseRound(roundText({ loop: 'each:one', key: '1.0' }))).toEqual({ loop: 'each:one', key: '1.0' });
    expect([parseRound('each'), parseRound('each:x'), parseRound(undefined)]).toEqual([undefined, undefined, undefined]);
  });
});
