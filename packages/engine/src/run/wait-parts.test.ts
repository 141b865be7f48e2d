import { describe, expect, test } from 'vitest';
import { snapshot } from '../../test/invariants.ts';
import { type NodeSpec, type TestEvent, type TestRun, aGraph, aRun } from '../../test/run-kit.ts';
import { ImpossibleEventError } from './fold.ts';

const plan = (call: Partial<NodeSpec & object> = {}) =>
  aGraph({ c: { type: 'call', ...call }, after: 'pure', failed: 'pure' }, 'start>c c>after c.error>failed');
const started: TestEvent = { type: 'items.started', node: 'c', items: [{ i: 0, attempt: 1, params: {} }] };
const waits = (parts: number, each = true): TestEvent => ({
  type: 'step.waiting',
  node: 'c',
  attempt: 1,
  startedAt: 5,
  wait: { id: 'c.signal', kind: 'child', parts, ...(each ? { each } : {}) },
  outputs: {},
});
const gave = (part: number, ...values: string[]): TestEvent => ({
  type: 'wait.over',
  node: 'c',
  wait: 'c.signal',
  part,
  outputs: { main: { items: values.map((value) => ({ json: { value } })), from: values.map(() => []) } },
});
const failed = (part: number): TestEvent => ({
  type: 'wait.over',
  node: 'c',
  wait: 'c.signal',
  part,
  error: { code: 'CALLED_RUN_FAILED', kind: 'rejected', message: 'It failed', data: { runId: `run-${part}` } },
});

function calling(items: number, call: Partial<NodeSpec & object> = {}, each = true): TestRun {
  const run = aRun(plan(call), items);
  run.take(started);
  run.take(waits(each ? items : 1, each));
  return run;
}
const given = (run: TestRun) => run.step('c').outputs?.['main'];

describe('a step that waits for runs it started', () => {
  test('lets its run leave memory', () => {
    const run = calling(2);
    expect([run.state.status, run.state.waitingFor, run.commands.at(-1)]).toEqual([
      'waiting',
      'child',
      { type: 'suspend', waitingFor: 'child' },
    ]);
  });

  test('goes on with the last of them, with what they gave in the order of the items', () => {
    const run = calling(3);
    for (const event of [gave(2, 'c'), gave(0, 'a', 'aa')]) run.take(event);
    expect([run.step('c').phase, given(run)]).toEqual(['waiting', undefined]);
    run.take(gave(1));
    expect(given(run)).toEqual({ items: ['a', 'aa', 'c'].map((value) => ({ json: { value } })), from: [0, 0, 2] });
    expect(run.runs).toEqual(['after']);
  });

  test('goes on with what one run for all items gave, which descends from all of them', () => {
    const run = calling(3, {}, false);
    run.take(gave(0, 'sum'));
    expect(given(run)).toEqual({ items: [{ json: { value: 'sum' } }], from: [[]] });
  });

  test('keeps answers that come before it waits, and counts each part once', () => {
    const run = aRun(plan(), 2);
    run.take(started);
    run.take(gave(1, 'b'));
    run.take(gave(1, 'again'));
    run.take(waits(2));
    expect(run.step('c').phase).toBe('waiting');
    run.take(gave(0, 'a'));
    expect(given(run)?.items).toEqual([{ json: { value: 'a' } }, { json: { value: 'b' } }]);
  });

  test('does not wait at all when every answer is there', () => {
    const run = aRun(plan(), 1);
    run.take(started);
    run.take(gave(0, 'a'));
    run.take(waits(1));
    expect([run.step('c').phase, run.runs]).toEqual(['succeeded', ['after']]);
  });

  test('fails its run with the first that failed, and says which item that was', () => {
    const run = calling(3);
    run.take(failed(1));
    expect(run.state.stop).toMatchObject({ status: 'failed', error: { code: 'CALLED_RUN_FAILED', node: 'c', item: 1 } });
    expect(run.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed' });
    expect(run.take(gave(0, 'late'))).toEqual([]);
  });

  test('whose policy is to continue hands failed items on with the error and the run it was', () => {
    const run = calling(2, { onError: 'continue' });
    for (const event of [failed(0), gave(1, 'b')]) run.take(event);
    const error = { code: 'CALLED_RUN_FAILED', message: 'It failed', runId: 'run-0' };
    expect(given(run)?.items).toEqual([{ json: { of: 'start', n: 0, error } }, { json: { value: 'b' } }]);
  });

  test('whose policy is a route sends failed items there, all of them where one run was for all', () => {
    const run = calling(2, { onError: 'route' }, false);
    run.take(failed(0));
    expect([given(run), run.step('c').outputs?.['error']?.items.length, run.runs]).toEqual([undefined, 2, ['failed']]);
  });

  test('is repeated after a crash before it waited, and keeps what came meanwhile', () => {
    const run = aRun(plan(), 2);
    run.take(started);
    run.take(gave(0, 'a'));
    expect(run.recover()).toMatchObject([{ type: 'run-step', units: [0] }]);
    run.take({ type: 'items.started', node: 'c', items: [{ i: 0, attempt: 2 }] });
    run.take(waits(2));
    run.take(gave(1, 'b'));
    expect(given(run)?.items).toHaveLength(2);
  });

  describe('with a retry policy', () => {
    const retry = { maxAttempts: 2, firstDelayMs: 1000, jitter: 'none' } as const;
    const again = (run: TestRun): void => {
      run.take({ type: 'retry.scheduled', node: 'c', attempt: 2, dueAt: 2000 });
      run.take({ type: 'retry.due', node: 'c', attempt: 2 });
      run.take({ type: 'items.started', node: 'c', items: [{ i: 0, attempt: 2, params: {} }] });
    };
    const waitsAgain = (parts: number): TestEvent => ({ ...waits(parts), attempt: 2 }) as TestEvent;

    test('asks again for the parts that failed once all have come, and keeps those that succeeded', () => {
      const run = calling(3, { retry });
      run.take(failed(1));
      expect([run.step('c').phase, run.state.stop]).toEqual(['waiting', undefined]);
      run.take(gave(2, 'c'));
      expect(run.take(gave(0, 'a'))).toMatchObject([{ type: 'schedule-retry', attempt: 2, delayMs: 1000 }]);
      again(run);
      expect([run.step('c').parts?.round, [...(run.step('c').parts?.came.keys() ?? [])]]).toEqual([1, [2, 0]]);
      expect(snapshot(run.state)).toBeDefined();
      run.take(waitsAgain(3));
      expect(run.step('c').phase).toBe('waiting');
      run.take(gave(1, 'b'));
      expect(given(run)?.items.map(({ json }) => json)).toEqual([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
      expect(run.runs).toEqual(['after']);
    });

    test('fails its run when the last attempt does', () => {
      const run = calling(1, { retry });
      run.take(failed(0));
      again(run);
      run.take(waitsAgain(1));
      run.take(failed(0));
      expect(run.state.stop).toMatchObject({ status: 'failed', error: { code: 'CALLED_RUN_FAILED', node: 'c' } });
    });

    test('does not ask again for a run that somebody cancelled, nor for what the policy leaves out', () => {
      const cancelled = {
        ...failed(0),
        error: { code: 'CALLED_RUN_CANCELLED', kind: 'rejected', message: 'It was cancelled' },
      } as TestEvent;
      const run = calling(1, { retry });
      run.take(cancelled);
      expect(run.state.stop).toMatchObject({ error: { code: 'CALLED_RUN_CANCELLED' } });
      const other = calling(1, { retry: { ...retry, retryOn: ['CALLED_RUN_TIMED_OUT'] } });
      other.take(failed(0));
      expect(other.state.stop).toMatchObject({ error: { code: 'CALLED_RUN_FAILED' } });
    });

    test('is left as it was for runs that began before there was one', () => {
      const run = calling(1, { retry });
      // What semantics 1 did not do.
      run.state.semantics = 1;
      run.take(failed(0));
      expect(run.state.stop).toMatchObject({ error: { code: 'CALLED_RUN_FAILED' } });
    });
  });

  test('that was stopped takes no answer', () => {
    const run = calling(2);
    expect(run.cancel().at(-1)).toEqual({ type: 'end-run', status: 'cancelled' });
    expect(run.take(gave(0, 'late'))).toEqual([]);
  });

  test('has no other parts than it waits for', () => {
    const run = calling(2);
    const before = snapshot(run.state);
    for (const part of [2, -1, 0.5]) expect(() => run.take(gave(part, 'x'))).toThrow(ImpossibleEventError);
    expect(snapshot(run.state)).toEqual(before);
  });
});
