import { describe, expect, test } from 'vitest';
import { type NodeSpec, aGraph, aRun, failed, ok, unknown } from '../../test/run-kit.ts';
import { outstanding } from './decide.ts';

const RETRY = { maxAttempts: 3, firstDelayMs: 100, factor: 3, maxDelayMs: 200, jitter: 'none' } as const;

/** start > n > after, with n as given. */
function one(spec: NodeSpec, items = 1) {
  return aRun(aGraph({ n: spec, after: 'batch' }, 'start>n n>after n.error>after'), items);
}

describe('retries', () => {
  test('a failed attempt is tried again after growing delays up to a cap, then fails for good', () => {
    const run = one({ type: 'pure', retry: RETRY });
    expect(run.fail('n')).toEqual([{ type: 'schedule-retry', node: 1, attempt: 2, delayMs: 100, jitter: 'none', atLeastMs: 0 }]);
    run.retry('n');
    expect(run.commands).toEqual([{ type: 'run-step', node: 1, attempt: 2, units: [0] }]);
    expect(run.fail('n')).toMatchObject([{ type: 'schedule-retry', attempt: 3, delayMs: 200 }]);
    run.retry('n');
    run.fail('n');
    expect(run.phases['n']).toBe('failed');
    expect(run.end().state).toMatchObject({ status: 'failed', error: { code: 'BROKEN', node: 'n', item: 0 } });
  });

  test("a service's wish to wait is honoured, up to a day", () => {
    const run = one({ type: 'pure', retry: RETRY });
    expect(run.fail('n', { kind: 'rate_limited', retryAfterMs: 5000 })).toMatchObject([{ atLeastMs: 5000 }]);
    run.retry('n');
    expect(run.fail('n', { kind: 'rate_limited', retryAfterMs: 1e15 })).toMatchObject([{ atLeastMs: 86_400_000 }]);
  });

  test('the longest wish of an attempt counts, and only for the wait after it', () => {
    const run = one({ type: 'pure', retry: RETRY }, 2);
    const busy = { kind: 'rate_limited' } as const;
    expect(run.settle('n', failed(0, { ...busy, retryAfterMs: 900 }), failed(1, { ...busy, retryAfterMs: 300 }))).toMatchObject([
      { atLeastMs: 900 },
    ]);
    run.retry('n');
    expect(run.settle('n', failed(0, busy), failed(1, busy))).toMatchObject([{ atLeastMs: 0 }]);
  });

  test('only the items that failed are tried again', () => {
    const run = one({ type: 'pure', retry: RETRY }, 3);
    run.settle('n', ok(0), failed(1), ok(2));
    expect(run.commands).toMatchObject([{ type: 'schedule-retry' }]);
    run.retry('n');
    expect(run.commands).toMatchObject([{ type: 'run-step', attempt: 2, units: [1] }]);
    run.settle('n', ok(1));
    expect(run.json('n')).toEqual([{ done: 0 }, { done: 1 }, { done: 2 }]);
  });

  test.each(['input', 'auth', 'cancelled'] as const)('an error of kind %s is not tried again', (kind) => {
    const run = one({ type: 'pure', retry: RETRY });
    run.fail('n', { kind });
    expect(run.phases['n']).toBe('failed');
  });

  test('retryOn names codes or kinds and nothing else is tried again', () => {
    const retry = { ...RETRY, retryOn: ['FLAKY', 'timeout'] };
    expect(one({ type: 'pure', retry }).fail('n', { code: 'FLAKY', kind: 'input' })).toMatchObject([{ type: 'schedule-retry' }]);
    expect(one({ type: 'pure', retry }).fail('n', { kind: 'timeout' })).toMatchObject([{ type: 'schedule-retry' }]);
    const other = one({ type: 'pure', retry });
    other.fail('n', { kind: 'unavailable' });
    expect(other.phases['n']).toBe('failed');
  });

  test('while it waits for its next attempt a step leaves its place to others', () => {
    const run = aRun(aGraph({ a: { type: 'pure', retry: RETRY }, b: 'pure' }, 'start>a start>b', { maxParallelSteps: 1 }));
    run.fail('a');
    expect(run.runs).toEqual(['b']);
    run.retry('a');
    expect(run.phases['a']).toBe('ready');
    run.finish('b', 1);
    expect(run.commands).toMatchObject([{ type: 'run-step', node: 1, attempt: 2, units: [0] }]);
  });

  test('a timer of another attempt, or one that comes twice, starts nothing', () => {
    const run = one({ type: 'pure', retry: RETRY });
    run.fail('n');
    expect(run.take({ type: 'retry.scheduled', node: 'n', attempt: 3, dueAt: 5 })).toEqual([]);
    run.retry('n');
    expect(run.take({ type: 'retry.due', node: 'n', attempt: 2 })).toEqual([]);
    run.fail('n');
    run.take({ type: 'retry.scheduled', node: 'n', attempt: 3, dueAt: 5 });
    expect(run.take({ type: 'retry.due', node: 'n', attempt: 2 })).toEqual([]);
    expect(run.phases['n']).toBe('backoff');
  });

  test('a step started when its first attempt did', () => {
    const run = one({ type: 'pure', retry: RETRY });
    run.take({ type: 'step.started', node: 'n', attempt: 1 });
    const { startedAt } = run.step('n');
    run.fail('n');
    run.retry('n');
    run.take({ type: 'step.started', node: 'n', attempt: 2 });
    run.finish('n', 1);
    expect(run.step('n').startedAt).toBe(startedAt);
  });

  test('back-off is no active time', () => {
    const run = one({ type: 'pure', retry: RETRY });
    run.fail('n');
    expect(run.state.activeMs).toBe(10);
    run.at += 60_000;
    run.retry('n');
    expect(run.state.activeMs).toBe(10);
    run.finish('n', 1);
    expect(run.state.activeMs).toBe(20);
  });
});

describe('what an error does', () => {
  test('fail: ends the run with the error and the item', () => {
    const run = one({ type: 'pure' }, 3);
    run.settle('n', ok(0), failed(1), ok(2));
    expect(run.phases).toEqual({ n: 'failed', after: 'skipped: not_reached' });
    expect(run.commands.at(-1)).toEqual({
      type: 'end-run',
      status: 'failed',
      error: { code: 'BROKEN', message: 'It broke.', node: 'n', item: 1 },
    });
  });

  test('continue: the failed item goes on with its error beside its data, in its place', () => {
    const run = one({ type: 'pure', onError: 'continue' }, 3);
    run.settle('n', ok(2), failed(1), ok(0));
    expect(run.json('n')).toEqual([{ done: 0 }, { of: 'start', n: 1, error: { code: 'BROKEN', message: 'It broke.' } }, { done: 2 }]);
    expect(run.step('n').outputs?.['main']?.from).toBeUndefined();
    expect(run.runs).toEqual(['after']);
  });

  test('route: failed items leave by the port error, with their ancestors', () => {
    const run = one({ type: 'pure', onError: 'route' }, 3);
    run.settle('n', ok(0), failed(1), ok(2));
    expect(run.json('n', 'error')).toEqual([{ error: { code: 'BROKEN', message: 'It broke.' }, item: { of: 'start', n: 1 } }]);
    expect(run.step('n').outputs?.['error']?.from).toEqual([1]);
    expect(run.step('n').outputs?.['main']?.from).toEqual([0, 2]);
  });

  test('a per-batch step hands all its items on with the error', () => {
    const run = one({ type: 'batch', onError: 'continue' }, 2);
    run.fail('n');
    expect(run.json('n').map((json) => [json['n'], json['error']])).toEqual([
      [0, { code: 'BROKEN', message: 'It broke.' }],
      [1, { code: 'BROKEN', message: 'It broke.' }],
    ]);
  });

  test('a per-batch step that failed without items hands the error on alone', () => {
    const run = aRun(aGraph({ f: 'pure', sum: { type: 'sum', onError: 'route' }, after: 'pure' }, 'start>f f>sum sum.error>after'));
    run.finish('f', { main: 0 });
    run.fail('sum');
    expect(run.json('sum', 'error')).toEqual([{ error: { code: 'BROKEN', message: 'It broke.' }, item: {} }]);
    expect(run.runs).toEqual(['after']);
  });

  test('a failure of the whole attempt fails the items that have no result yet and keeps the others', () => {
    const run = one({ type: 'read', onError: 'continue' }, 2);
    run.settle('n', ok(0));
    run.fail('n');
    expect(run.json('n')[0]).toEqual({ done: 0 });
    expect(run.json('n')[1]).toMatchObject({ error: { code: 'BROKEN' } });
  });

  test('a failure stops the other branches at once, pure steps without waiting for them', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', c: 'pure' }, 'start>a start>b b>c'));
    const commands = run.fail('a');
    expect(run.phases).toEqual({ a: 'failed', b: 'cancelled', c: 'skipped: not_reached' });
    expect(commands).toMatchObject([
      { type: 'stop-step', node: 1, abort: true },
      { type: 'stop-step', node: 2, abort: true },
      { type: 'end-run', status: 'failed' },
    ]);
  });
});

describe('writes', () => {
  test('the run ends only after the writes in flight elsewhere have settled; their results are kept', () => {
    const run = aRun(aGraph({ a: 'pure', w: 'write' }, 'start>a start>w'), 2);
    run.begin('w', 0);
    const commands = run.fail('a', { code: 'BAD' });
    expect(commands).toMatchObject([
      { type: 'stop-step', node: 1 },
      { type: 'stop-step', node: 2, abort: false },
    ]);
    expect(run.phases).toEqual({ a: 'failed', w: 'stopping' });
    expect(run.settle('w', ok(0))).toContainEqual({
      type: 'end-run',
      status: 'failed',
      error: { code: 'BAD', message: 'It broke.', node: 'a', item: 0 },
    });
    expect(run.units('w')).toEqual(['ok', 'idle']);
    expect(run.phases['w']).toBe('cancelled');
  });

  test('a write item that fails for good stops the run; its neighbours in flight settle first', () => {
    const run = aRun(aGraph({ w: { type: 'write', concurrency: 2 }, b: 'pure' }, 'start>w start>b'), 3);
    run.begin('w', 0, 1);
    run.settle('w', failed(0));
    expect(run.phases).toEqual({ w: 'stopping', b: 'cancelled' });
    expect(run.state.stop?.status).toBe('failed');
    run.settle('w', ok(1));
    expect(run.phases['w']).toBe('failed');
    expect(run.units('w')).toEqual(['failed', 'ok', 'idle']);
    expect(run.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed', error: { node: 'w', item: 0 } });
  });

  test('a window of items settles in any order and the step goes on with the next', () => {
    const run = one({ type: 'write', concurrency: 2 }, 3);
    run.begin('n', 0, 1);
    run.settle('n', ok(1));
    run.settle('n', ok(0));
    expect(run.phases['n']).toBe('active');
    expect(outstanding(run.state)).toEqual([{ type: 'run-step', node: 1, attempt: 1, units: [2] }]);
    run.begin('n', 2);
    run.settle('n', ok(2));
    expect(run.json('n')).toEqual([{ done: 0 }, { done: 1 }, { done: 2 }]);
  });

  test('of a type that must not be repeated only errors that prove that nothing happened are tried again', () => {
    for (const error of [{ kind: 'rejected' }, { kind: 'rate_limited' }, { kind: 'unavailable', code: 'NOT_THERE' }] as const) {
      const run = one({ type: 'write', retry: RETRY });
      run.begin('n', 0);
      run.settle('n', failed(0, error));
      expect(run.phases['n']).toBe('retry');
    }
    for (const kind of ['unavailable', 'timeout', 'bug'] as const) {
      const run = one({ type: 'write', retry: { ...RETRY, retryOn: [kind] } });
      run.begin('n', 0);
      run.settle('n', failed(0, { kind }));
      expect(run.phases['n']).toBe('failed');
    }
  });

  test('parameters are fixed at the first start and stay for every attempt', () => {
    const run = one({ type: 'keyed', retry: RETRY });
    run.take({ type: 'items.started', node: 'n', items: [{ i: 0, attempt: 1, params: { to: 'Ada' } }] });
    run.settle('n', failed(0, { kind: 'timeout' }));
    run.retry('n');
    run.take({ type: 'items.started', node: 'n', items: [{ i: 0, attempt: 2, params: { to: 'Eve' } }] });
    expect(run.step('n').units?.params.get(0)).toEqual({ to: 'Ada' });
    expect(run.step('n').units?.tries.get(0)).toBe(2);
  });

  test('an unknown outcome of a repeatable write is tried again, three times in all even without a retry policy', () => {
    const run = one('keyed');
    for (const attempt of [1, 2]) {
      run.begin('n', 0);
      run.settle('n', unknown(0));
      expect(run.commands).toMatchObject([{ type: 'schedule-retry', attempt: attempt + 1 }]);
      run.retry('n');
      expect(run.commands).toMatchObject([{ type: 'run-step', units: [0] }]);
    }
    run.begin('n', 0);
    run.settle('n', unknown(0));
    expect(run.phases['n']).toBe('failed');
  });

  test('an atomic batch write is one unit', () => {
    const run = one('batch-write', 5);
    run.begin('n', 0);
    run.settle('n', { i: 0, ok: [{ item: { json: { all: true } } }] });
    expect(run.step('n').outputs?.['main']).toEqual({ items: [{ json: { all: true } }], from: [[]] });
  });
});

describe('unknown outcomes of writes that must not be repeated', () => {
  function asking() {
    const run = one('write', 2);
    run.begin('n', 0, 1);
    run.settle('n', unknown(0), ok(1));
    return run;
  }

  test('the step asks, and a run with nothing else to do waits', () => {
    const run = asking();
    expect(run.phases['n']).toBe('asking');
    expect(run.state).toMatchObject({ status: 'waiting', waitingFor: 'unknown_effect' });
    expect(run.commands).toEqual([{ type: 'suspend', waitingFor: 'unknown_effect' }]);
    expect(outstanding(run.state)).toEqual(run.commands);
  });

  test('a run with other work goes on and waits when that is done', () => {
    const run = aRun(aGraph({ w: 'write', b: 'pure' }, 'start>w start>b'));
    run.begin('w', 0);
    run.settle('w', unknown(0));
    expect(run.state.status).toBe('running');
    run.finish('b', 1);
    expect(run.state.status).toBe('waiting');
  });

  test('retry: the item runs again as the same unit, with the parameters it had', () => {
    const run = asking();
    expect(run.resolve('n', 0, 'retry')).toEqual([{ type: 'run-step', node: 1, attempt: 1, units: [0] }]);
    expect(run.state.status).toBe('running');
    expect(run.step('n').units?.params.get(0)).toEqual({ value: 0 });
    run.begin('n', 0);
    expect(run.step('n').units?.tries.get(0)).toBe(2);
    run.settle('n', unknown(0));
    expect(run.phases['n']).toBe('asking');
  });

  test('done: the item counts as done, with the output the person gives', () => {
    const run = asking();
    run.resolve('n', 0, 'done', { id: 7 });
    expect(run.json('n')).toEqual([{ id: 7 }, { done: 1 }]);
    const without = asking();
    without.resolve('n', 0, 'done');
    expect(without.json('n')).toEqual([{ done: 1 }]);
    expect(without.step('n').outputs?.['main']?.from).toEqual([1]);
  });

  test('fail: the item fails by the policy of the node', () => {
    const run = asking();
    run.resolve('n', 0, 'fail');
    expect(run.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed', error: { code: 'TIMEOUT', item: 0 } });
    const going = one({ type: 'write', onError: 'continue' });
    going.begin('n', 0);
    going.settle('n', unknown(0));
    going.resolve('n', 0, 'fail');
    expect(going.json('n')).toMatchObject([{ error: { code: 'TIMEOUT' } }]);
  });

  test('the first decision wins; a late result of the write itself is one', () => {
    const run = one('write', 2);
    run.begin('n', 0, 1);
    run.settle('n', unknown(0), unknown(1));
    run.resolve('n', 0, 'done', { by: 'ada' });
    expect(run.resolve('n', 0, 'fail')).toEqual([{ type: 'suspend', waitingFor: 'unknown_effect' }]);
    run.settle('n', ok(1));
    expect(run.json('n')).toEqual([{ by: 'ada' }, { done: 1 }]);
  });

  test('a decision while the call is under way joins what is to be done after it', () => {
    const run = one({ type: 'write', concurrency: 1 }, 3);
    run.begin('n', 0);
    run.settle('n', unknown(0));
    run.begin('n', 1);
    run.resolve('n', 0, 'retry');
    expect(run.runs).toEqual([]);
    expect(run.units('n')).toEqual(['idle', 'started', 'idle']);
    expect(outstanding(run.state)).toEqual([{ type: 'run-step', node: 1, attempt: 1, units: [0, 2] }]);
  });

  test('a decision during back-off neither shortens nor renews the wait', () => {
    for (const decision of ['retry', 'done'] as const) {
      const run = one({ type: 'write', retry: RETRY }, 2);
      run.begin('n', 0, 1);
      run.settle('n', unknown(0), failed(1, { kind: 'rejected' }));
      run.take({ type: 'retry.scheduled', node: 'n', attempt: 2, dueAt: 99 });
      expect(run.resolve('n', 0, decision)).toEqual([]);
      expect(run.phases['n']).toBe('backoff');
      run.take({ type: 'retry.due', node: 'n', attempt: 2 });
      expect(run.commands).toMatchObject([{ type: 'run-step', attempt: 2, units: decision === 'retry' ? [0, 1] : [1] }]);
    }
  });
});
