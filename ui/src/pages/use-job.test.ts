import { effectScope } from 'vue';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Job, PlugboardApi } from '../api/types.ts';
import { byReason, useJob } from './use-job.ts';

const aJob = (job: Partial<Job> = {}): Job => ({
  id: 'j',
  state: 'running',
  done: 0,
  unchanged: 0,
  failed: 0,
  isCancelRequested: false,
  ...job,
});

/** A server whose job is, asked for the nth time, as the nth of these. */
function following(...states: readonly Job[]) {
  const told: string[] = [];
  let asked = 0;
  const api = {
    getJob: () => Promise.resolve(states[Math.min(asked++, states.length - 1)]),
    listJobItems: () => Promise.resolve({ rows: [{ itemId: 'r1', outcome: 'failed', message: 'The run goes on' }], hasMore: false }),
  } as unknown as PlugboardApi;
  const scope = effectScope();
  const followed = scope.run(() => useJob(api, { onEnded: ({ state }) => told.push(state), onTrouble: (text) => told.push(text) }))!;
  return { followed, told, scope, asked: () => asked };
}

describe('a job that is followed', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is asked for until it has ended, and then no more', async () => {
    const { followed, told, asked } = following(aJob({ state: 'queued' }), aJob({ done: 1 }), aJob({ state: 'succeeded', done: 2 }));
    await followed.start(() => Promise.resolve({ ok: true, value: { id: 'j' } }));
    expect(followed.isOver.value).toBe(false);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(followed.job.value?.done).toBe(2);
    expect(told).toEqual(['succeeded']);
    expect(asked()).toBe(3);
  });

  test('tells what it could not do', async () => {
    const { followed } = following(aJob({ state: 'succeeded', failed: 1 }));
    await followed.follow('j');
    expect(followed.failures.value.map(({ message }) => message)).toEqual(['The run goes on']);
    followed.forget();
    expect(followed.job.value).toBeUndefined();
  });

  test('that is not begun leaves nothing behind but the reason', async () => {
    const { followed, told } = following(aJob());
    await followed.start(() => Promise.resolve({ ok: false, problems: [{ code: 'TOO_MANY_REQUESTS', message: 'You have 20 jobs' }] }));
    expect(told).toEqual(['You have 20 jobs']);
    expect([followed.job.value, followed.isStarting.value]).toEqual([undefined, false]);
  });

  test('is asked for no more when the page is left', async () => {
    const { followed, scope, asked } = following(aJob());
    await followed.follow('j');
    scope.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked()).toBe(1);
  });
});

test('what a job could not do is said once for each reason', () => {
  const failed = (itemId: string, message?: string) => ({
    itemId,
    outcome: 'failed' as const,
    code: 'RUN_STATE',
    ...(message ? { message } : {}),
  });
  expect(byReason([failed('a', 'It was undone'), failed('b'), failed('c', 'It was undone')])).toEqual([
    { reason: 'It was undone', itemIds: ['a', 'c'] },
    { reason: 'RUN_STATE', itemIds: ['b'] },
  ]);
});
