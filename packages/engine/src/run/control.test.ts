import { describe, expect, test } from 'vitest';
import { type TestEvent, TestRun, aGraph, aRun, anError, failed, ok, unknown } from '../../test/run-kit.ts';
import { outstanding } from './decide.ts';
import { ImpossibleEventError } from './fold.ts';

const RETRY = { maxAttempts: 3, jitter: 'none' } as const;

describe('a run whose last step has ended', () => {
  test.each([
    [{ type: 'run.broken', error: anError() }, 'failed'],
    [{ type: 'cancel.requested', by: 'somebody' }, 'cancelled'],
    [{ type: 'run.timed_out', activeMs: 1000 }, 'timed_out'],
  ] as const)('says anew how it ends when %o comes before its end', (event, status) => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a'));
    expect(run.finish('a', 1)).toEqual([{ type: 'end-run', status: 'succeeded' }]);
    expect(run.take(event as TestEvent)).toEqual([expect.objectContaining({ type: 'end-run', status })]);
  });
});

describe('a run that another process takes over', () => {
  test('starts the pure steps that were under way again, and nothing that was finished', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'read', c: 'pure' }, 'start>a start>b a>c'), 2);
    run.finish('a', 1);
    run.take({ type: 'step.started', node: 'b', attempt: 1 });
    run.settle('b', ok(0));
    expect(run.recover()).toEqual([
      { type: 'run-step', node: 2, attempt: 1, units: [1] },
      { type: 'run-step', node: 3, attempt: 1 },
    ]);
  });

  test('starts repeatable writes that were in flight again, with their parameters, and settled ones never', () => {
    const run = aRun(aGraph({ w: 'keyed' }, 'start>w'), 3);
    run.begin('w', 0, 1);
    run.settle('w', ok(0));
    expect(run.recover()).toEqual([{ type: 'run-step', node: 1, attempt: 1, units: [1, 2] }]);
    expect(run.step('w').units?.params.get(1)).toEqual({ value: 1 });
    run.begin('w', 1);
    expect(run.step('w').units?.tries.get(1)).toBe(2);
  });

  test('asks about other writes that were in flight, and goes on with the items that were not', () => {
    const run = aRun(aGraph({ w: 'write' }, 'start>w'), 2);
    run.begin('w', 0);
    expect(run.recover()).toEqual([{ type: 'run-step', node: 1, attempt: 1, units: [1] }]);
    run.begin('w', 1);
    expect(run.settle('w', ok(1))).toEqual([{ type: 'suspend', waitingFor: 'unknown_effect' }]);
    expect(run.step('w').units?.outcomes[0]).toMatchObject({ unknown: true, error: { code: 'OUTCOME_UNKNOWN' } });
    run.resolve('w', 0, 'done', { seen: true });
    expect(run.json('w')).toEqual([{ seen: true }, { done: 1 }]);
  });

  test('waits when all that is left is a question', () => {
    const run = aRun(aGraph({ w: 'batch-write' }, 'start>w'));
    run.begin('w', 0);
    expect(run.recover()).toEqual([{ type: 'suspend', waitingFor: 'unknown_effect' }]);
  });

  test('keeps the instant of a retry, and sets one where none was set', () => {
    const run = aRun(aGraph({ a: { type: 'pure', retry: RETRY }, b: { type: 'pure', retry: RETRY } }, 'start>a start>b'));
    run.fail('a');
    run.take({ type: 'retry.scheduled', node: 'a', attempt: 2, dueAt: 7777 });
    run.fail('b');
    expect(run.recover()).toEqual([
      { type: 'await-retry', node: 1, attempt: 2, dueAt: 7777 },
      { type: 'schedule-retry', node: 2, attempt: 2, delayMs: 1000, jitter: 'none', atLeastMs: 0 },
    ]);
  });

  test('that was stopping ends; what its last writes did stays on record as unknown', () => {
    const run = aRun(aGraph({ w: 'keyed' }, 'start>w'));
    run.begin('w', 0);
    run.cancel();
    expect(run.recover()).toEqual([{ type: 'end-run', status: 'cancelled' }]);
    expect(run.phases['w']).toBe('cancelled');
    expect(run.step('w').units?.outcomes[0]).toMatchObject({ unknown: true });
  });

  test('that failed and had writes in flight fails with its first error', () => {
    const run = aRun(aGraph({ w: 'write' }, 'start>w'), 2);
    run.begin('w', 0, 1);
    run.settle('w', failed(1, { code: 'BAD' }));
    expect(run.recover()).toMatchObject([{ type: 'end-run', status: 'failed', error: { code: 'BAD', item: 1 } }]);
    expect(run.phases['w']).toBe('failed');
  });

  test('that had ended all its steps only needs its end', () => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a'));
    run.finish('a', 1);
    expect(run.recover()).toEqual([{ type: 'end-run', status: 'succeeded' }]);
  });

  test('does not count the time nobody worked on it as active', () => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a'));
    run.take({ type: 'step.started', node: 'a', attempt: 1 });
    run.at += 3_600_000;
    run.recover();
    expect(run.state.activeMs).toBe(10);
  });
});

describe('quarantine', () => {
  const held = (): TestRun => {
    const run = aRun(
      aGraph({ a: 'read', b: { type: 'pure', retry: RETRY }, w: 'keyed', after: 'pure' }, 'start>a start>b start>w a>after'),
    );
    run.begin('w', 0);
    run.fail('b');
    run.take({ type: 'retry.scheduled', node: 'b', attempt: 2, dueAt: 7777 });
    expect(run.take({ type: 'run.quarantined', deaths: 3 })).toEqual([{ type: 'suspend', waitingFor: 'quarantine' }]);
    return run;
  };

  test('lets nothing begin, and says why', () => {
    const run = held();
    expect(run.phases).toMatchObject({ a: 'ready', b: 'backoff', w: 'ready' });
    expect(run.state).toMatchObject({ status: 'waiting', waitingFor: 'quarantine', running: 0, error: { code: 'RUN_QUARANTINED' } });
    expect(run.recover()).toEqual([{ type: 'suspend', waitingFor: 'quarantine' }]);
  });

  test('ends with a resume: what was under way and what waited begins again', () => {
    const run = held();
    expect(run.take({ type: 'run.resumed', by: 'ada' })).toEqual([
      { type: 'run-step', node: 1, attempt: 1 },
      { type: 'await-retry', node: 2, attempt: 2, dueAt: 7777 },
      { type: 'run-step', node: 3, attempt: 1, units: [0] },
    ]);
    expect(run.state).toMatchObject({ status: 'running', error: undefined });
    expect(run.take({ type: 'run.resumed', by: 'ada' })).toEqual([]);
  });

  test('ends with a cancel', () => {
    const run = held();
    expect(run.cancel().at(-1)).toEqual({ type: 'end-run', status: 'cancelled' });
    expect(run.end().state).toMatchObject({ status: 'cancelled', ended: true, quarantined: false });
  });

  test('does not hold back a run that only has to end', () => {
    const run = aRun(aGraph({ w: 'keyed' }, 'start>w'));
    run.begin('w', 0);
    run.cancel();
    expect(run.take({ type: 'run.quarantined', deaths: 3 })).toEqual([{ type: 'end-run', status: 'cancelled' }]);
  });

  test('a trial lasts until the run gets on', () => {
    const run = aRun(aGraph({ a: 'read', b: 'read' }, 'start>a start>b'));
    const trial = { deaths: 1, crashes: 2, isAlone: true };
    run.take({ type: 'run.recovered', fence: 2, trial });
    run.take({ type: 'step.started', node: 'a', attempt: 1 });
    expect(run.state.trial).toEqual(trial);
    run.finish('b', 1);
    expect(run.state.trial).toBeUndefined();
  });
});

describe('stopping', () => {
  test('a cancel ends pure steps, retries and questions at once', () => {
    const graph = aGraph({ a: 'pure', b: { type: 'pure', retry: RETRY }, w: 'write', after: 'pure' }, 'start>a start>b start>w a>after');
    const run = aRun(graph);
    run.begin('w', 0);
    run.settle('w', unknown(0));
    run.fail('b');
    run.take({ type: 'retry.scheduled', node: 'b', attempt: 2, dueAt: 5 });
    expect(run.cancel().at(-1)).toEqual({ type: 'end-run', status: 'cancelled' });
    expect(run.phases).toEqual({ a: 'cancelled', b: 'cancelled', w: 'cancelled', after: 'skipped: not_reached' });
    expect(run.end().state).toMatchObject({ status: 'cancelled', ended: true });
  });

  test('a cancel lets writes in flight settle, whatever comes of them', () => {
    const run = aRun(aGraph({ w: 'keyed', after: 'pure' }, 'start>w w>after'), 2);
    run.begin('w', 0, 1);
    expect(run.cancel()).toContainEqual({ type: 'stop-step', node: 1, abort: false });
    expect(run.settle('w', ok(0))).toEqual([]);
    expect(run.settle('w', unknown(1))).toContainEqual({ type: 'end-run', status: 'cancelled' });
    expect(run.step('w').units?.outcomes[1]).toMatchObject({ unknown: true });
  });

  test('a write that ends its step while the run stops does not start what comes after', () => {
    const run = aRun(
      aGraph({ w: 'batch-write', after: 'pure', waiting: 'pure' }, 'start>w w>after start>waiting', { maxParallelSteps: 1 }),
    );
    run.begin('w', 0);
    run.cancel();
    expect(run.finish('w', 1)).toEqual([{ type: 'end-run', status: 'cancelled' }]);
    expect(run.phases).toEqual({ w: 'succeeded', after: 'skipped: not_reached', waiting: 'cancelled' });
    expect(run.state.root.edges).toEqual(['items', 'pending', 'items']);
    expect(run.state.readyQueue).toEqual([]);
  });

  test('a run that passes its active time ends as timed out', () => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a', { timeoutMs: 2000 }));
    const commands = run.take({ type: 'run.timed_out', activeMs: 2100 });
    expect(commands.at(-1)).toMatchObject({
      type: 'end-run',
      status: 'timed_out',
      error: { code: 'RUN_TIMEOUT', message: expect.stringContaining('limit of 2 s') },
    });
  });

  test('a run the runner cannot go on with fails with its reason', () => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a'));
    expect(run.take({ type: 'run.broken', error: anError({ code: 'POISON' }) }).at(-1)).toMatchObject({
      status: 'failed',
      error: { code: 'POISON' },
    });
  });

  test('the first reason to stop wins', () => {
    const run = aRun(aGraph({ w: 'write' }, 'start>w'), 2);
    run.begin('w', 0, 1);
    run.settle('w', failed(0, { code: 'FIRST' }));
    run.cancel();
    run.settle('w', failed(1, { code: 'SECOND' }));
    expect(run.commands.at(-1)).toMatchObject({ status: 'failed', error: { code: 'FIRST' } });
  });

  test('the end is asked for once', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure' }, 'start>a start>b'));
    expect(run.cancel().at(-1)).toMatchObject({ type: 'end-run' });
    expect(run.finish('a', 1)).toEqual([]);
    expect(run.cancel()).toEqual([]);
    expect(outstanding(run.state)).toEqual([{ type: 'end-run', status: 'cancelled' }]);
  });
});

describe('late results', () => {
  test('of a step that was stopped change nothing', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure' }, 'start>a a>b'));
    run.cancel();
    expect(run.finish('a', 3)).toEqual([]);
    expect(run.settle('a', ok(0))).toEqual([]);
    expect(run.take({ type: 'step.failed', node: 'a', attempt: 1, error: anError() })).toEqual([]);
    expect(run.phases).toEqual({ a: 'cancelled', b: 'skipped: not_reached' });
  });

  test('of an attempt that is over do not fail the next one', () => {
    const run = aRun(aGraph({ a: { type: 'pure', retry: RETRY } }, 'start>a'));
    run.fail('a');
    expect(run.take({ type: 'step.failed', node: 'a', attempt: 1, error: anError() })).toEqual([]);
    expect(run.phases['a']).toBe('retry');
    run.retry('a');
    run.take({ type: 'step.failed', node: 'a', attempt: 1, error: anError() });
    expect(run.phases['a']).toBe('active');
  });

  test('of an item that has its result already are ignored', () => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a'), 2);
    run.settle('a', ok(0, 1));
    run.settle('a', failed(0));
    run.settle('a', ok(1));
    expect(run.json('a')).toEqual([{ done: 0 }, { done: 1 }]);
  });

  test('of a write bring the answer to an open question', () => {
    const run = aRun(aGraph({ w: 'write' }, 'start>w'));
    run.begin('w', 0);
    run.settle('w', unknown(0));
    expect(run.settle('w', ok(0))).toEqual([{ type: 'end-run', status: 'succeeded' }]);
  });
});

describe('impossible events are refused and change nothing', () => {
  const graph = aGraph({ a: 'pure', if: 'if', no: 'pure', w: 'write', last: 'pure' }, 'start>if if.false>no start>w start>a a>last');
  const outputs = { main: { items: [] } };

  test.each<[string, TestEvent]>([
    ['a second start', { type: 'run.started', semantics: 1, trigger: 'start', outputs }],
    ['a node that is not there', { type: 'step.started', node: 'nobody', attempt: 1 }],
    ['an iteration that is not there', { type: 'step.started', node: 'a', attempt: 1, path: [2] }],
    ['a result of a node that is blocked', { type: 'step.finished', node: 'last', startedAt: 0, outputs }],
    ['a failure of a node that was skipped', { type: 'step.failed', node: 'no', attempt: 1, error: anError() }],
    ['an item that is not there', { type: 'items.settled', node: 'a', outcomes: [ok(0), ok(2)] }],
    ['an item that is no number of an item', { type: 'items.settled', node: 'a', outcomes: [ok(0.5)] }],
    ['a decision about an item that is not there', { type: 'unknown.resolved', node: 'w', i: -1, decision: 'done', by: 'ada' }],
    [
      'a start of an item that is under way',
      {
        type: 'items.started',
        node: 'w',
        items: [
          { i: 1, attempt: 1 },
          { i: 0, attempt: 2 },
        ],
      },
    ],
    [
      'a start of the same item twice',
      {
        type: 'items.started',
        node: 'w',
        items: [
          { i: 1, attempt: 1 },
          { i: 1, attempt: 1 },
        ],
      },
    ],
    ['an end that is none', { type: 'run.ended', status: 'waiting', activeMs: 0 }],
    ['success with open steps', { type: 'run.ended', status: 'succeeded', activeMs: 0 }],
  ])('%s', (_, event) => {
    const run = aRun(graph, 2);
    run.finish('if', { true: 1 });
    run.begin('w', 0);
    const before = run.replayed();
    expect(() => run.take(event)).toThrow(ImpossibleEventError);
    run.recover();
    const clean = aRun(graph, 2);
    clean.finish('if', { true: 1 });
    clean.begin('w', 0);
    expect(clean.replayed()).toEqual(before);
    clean.at = run.at - 10;
    clean.recover();
    expect(run.replayed()).toEqual(clean.replayed());
    expect(run.phases).toEqual(clean.phases);
  });

  test('anything before the start, or a start at a node that is no trigger', () => {
    const run = new TestRun(graph);
    expect(() => run.take({ type: 'step.started', node: 'a', attempt: 1 })).toThrow('begins with run.started');
    expect(() => run.take({ type: 'run.started', semantics: 1, trigger: 'a', outputs })).toThrow('no trigger a');
    expect(run.state.seq).toBe(0);
  });

  test('anything after the end', () => {
    const run = aRun(graph, 0).end();
    expect(run.state.ended).toBe(true);
    expect(() => run.cancel()).toThrow('after the run had ended');
    expect(() => run.take({ type: 'run.ended', status: 'failed', activeMs: 0 })).toThrow(ImpossibleEventError);
    expect(outstanding(run.state)).toEqual([]);
  });

  test('but a run that could not be stored may begin with its end', () => {
    const run = new TestRun(graph);
    run.take({ type: 'run.ended', status: 'failed', activeMs: 0, error: { code: 'JOURNAL_REFUSED', message: 'no' } });
    expect(run.state).toMatchObject({ status: 'failed', ended: true });
  });
});
