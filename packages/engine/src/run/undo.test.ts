import { describe, expect, test } from 'vitest';
import { snapshot } from '../../test/invariants.ts';
import { type NodeSpec, TestRun, aGraph, aRun, failed, ok, someItems, unknown } from '../../test/run-kit.ts';
import type { WorkflowSettings } from '../definition/types.ts';
import { continueRun } from './continue-run.ts';
import { stepScopes } from './scope.ts';

/** start > a > b > c, where a and b are undone by ua and ub. */
const chain = (more: { readonly [id: string]: NodeSpec } = {}, edges = '', settings: WorkflowSettings = {}) =>
  aGraph(
    { a: 'write', b: 'write', c: 'pure', ua: 'write', ub: 'write', ...more },
    `start>a a>b b>c a.undo>ua b.undo>ub ${edges}`,
    settings,
  );

/** A write of one item that goes well. */
function did(run: TestRun, node: string): void {
  run.begin(node, 0);
  run.settle(node, ok(0));
}

/** a and b are done, and c fails. */
function failedAtC(plan = chain()): TestRun {
  const run = aRun(plan, 1);
  did(run, 'a');
  did(run, 'b');
  run.fail('c', { kind: 'rejected' });
  return run;
}

describe('a run that did not end well', () => {
  test('undoes what it did, the newest first and one after the other, and then ends as it would have', () => {
    const run = failedAtC();
    expect([run.runs, run.state.status]).toEqual([['ub'], 'running']);
    did(run, 'ub');
    expect(run.runs).toEqual(['ua']);
    did(run, 'ua');
    const error = { code: 'BROKEN', message: 'It broke.', node: 'c', item: 0 };
    expect(run.commands).toEqual([{ type: 'end-run', status: 'failed', error }]);
    expect(run.end().state).toMatchObject({ status: 'failed', undo: { current: undefined, failures: [] } });
    expect(run.replayed()).toEqual(snapshot(run.state));
  });

  test('undoes also when it is cancelled or out of time, and of one that was cancelled only what the workflow wants', () => {
    for (const event of [
      { type: 'cancel.requested', by: 'ada' },
      { type: 'run.timed_out', activeMs: 1 },
      { type: 'run.broken', error: { code: 'BROKEN', kind: 'bug', message: 'It broke.' } },
    ] as const) {
      const run = aRun(chain(), 1);
      did(run, 'a');
      run.take(event);
      expect(run.runs).toEqual(['ua']);
    }
    const kept = aRun(chain({}, '', { undoOn: 'failures' }), 1);
    did(kept, 'a');
    expect(kept.cancel().at(-1)).toEqual({ type: 'end-run', status: 'cancelled' });
  });

  test('undoes nothing when it did nothing that can be undone', () => {
    const run = aRun(chain(), 1);
    run.begin('a', 0);
    run.settle('a', failed(0, { kind: 'rejected' }));
    expect(run.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed' });
    expect(run.state.undo).toBeUndefined();
  });

  test('waits until what is in flight has settled, and undoes what came of it', () => {
    const run = aRun(aGraph({ a: 'write', b: 'pure', ua: 'pure' }, 'start>a start>b a.undo>ua'), 1);
    run.begin('a', 0);
    run.fail('b', { kind: 'rejected' });
    expect(run.runs).toEqual([]);
    run.settle('a', ok(0));
    expect(run.runs).toEqual(['ua']);
    expect(run.step('a').phase).toBe('cancelled');
  });

  test('of a step that went well in part undoes that part', () => {
    const run = aRun(chain(), 3);
    run.begin('a', 0, 1, 2);
    run.settle('a', ok(0), ok(2));
    run.settle('a', failed(1, { kind: 'rejected' }));
    expect(run.runs).toEqual(['ua']);
    expect(run.step('ua').input?.parts[0]?.batch).toEqual({ items: [{ json: { done: 0 } }, { json: { done: 2 } }], from: [0, 2] });
  });

  test('hands over no items that stand for failures', () => {
    for (const onError of ['continue', 'route'] as const) {
      const run = aRun(chain({ a: { type: 'write', onError } }), 2);
      run.begin('a', 0, 1);
      run.settle('a', failed(0, { kind: 'rejected' }), ok(1));
      run.cancel();
      expect(run.runs).toEqual(['ua']);
      expect(run.step('ua').input?.parts[0]?.batch.items).toEqual([{ json: { done: 1 } }]);
    }
    const whole = aRun(chain({ a: { type: 'read', onError: 'continue' } }), 2);
    whole.fail('a', { kind: 'rejected' });
    expect(whole.cancel().at(-1)).toMatchObject({ type: 'end-run' });
  });

  test('of a step that called runs undoes what those did that gave an answer', () => {
    for (const onError of ['fail', 'continue'] as const) {
      const run = aRun(aGraph({ c: { type: 'call', onError }, b: 'pure', uc: 'pure' }, 'start>c c>b c.undo>uc'), 3);
      const wait = { id: 'c.signal', kind: 'child', parts: 3, each: true } as const;
      const over = { type: 'wait.over', node: 'c', wait: 'c.signal' } as const;
      run.begin('c', 0);
      run.take({ type: 'step.waiting', node: 'c', attempt: 1, startedAt: run.at, wait, outputs: {} });
      for (const part of [2, 1]) run.take({ ...over, part, outputs: { main: { items: [{ json: { part } }], from: [[]] } } });
      run.take({ ...over, part: 0, error: { code: 'CALLED_RUN_FAILED', kind: 'rejected', message: 'It failed.' } });
      if (onError === 'continue') run.cancel();
      expect(run.runs).toEqual(['uc']);
      expect(run.step('uc').input?.parts[0]?.batch).toEqual({ items: [{ json: { part: 1 } }, { json: { part: 2 } }], from: [1, 2] });
    }
  });

  test('that fails in a called run is part of the reason, which is then not that of the innermost run alone', () => {
    const called = { reason: 'It broke.', runs: 1 };
    const failedWith = (isUndone: boolean) => {
      const run = aRun(aGraph({ c: 'call', b: 'pure', uc: 'write' }, 'start>c c>b c.undo>uc'), 2);
      const wait = { id: 'c.signal', kind: 'child', parts: 2, each: true } as const;
      const over = { type: 'wait.over', node: 'c', wait: 'c.signal' } as const;
      run.begin('c', 0);
      run.take({ type: 'step.waiting', node: 'c', attempt: 1, startedAt: run.at, wait, outputs: {} });
      run.take({ ...over, part: 1, outputs: { main: { items: [{ json: {} }], from: [[]] } } });
      const error = { code: 'CALLED_RUN_FAILED', kind: 'rejected', message: 'The call failed: It broke.', data: { called } } as const;
      run.take({ ...over, part: 0, error });
      run.begin('uc', 0);
      run.settle('uc', isUndone ? ok(0) : failed(0, { kind: 'rejected', message: 'No such booking.' }));
      return run.commands.at(-1);
    };
    expect(failedWith(true)).toMatchObject({ type: 'end-run', error: { message: 'The call failed: It broke.', called } });
    const ended = failedWith(false);
    expect(ended).toMatchObject({
      type: 'end-run',
      error: { message: expect.stringMatching(/^The call failed: It broke\. .*No such booking/) as string },
    });
    expect(ended).not.toHaveProperty('error.called');
  });

  test('leaves alone what may have happened, what a person gave and what another run did', () => {
    const run = aRun(chain(), 1);
    run.begin('a', 0);
    run.settle('a', unknown(0));
    expect(run.cancel().at(-1)).toMatchObject({ type: 'end-run', status: 'cancelled' });

    for (const [from, keys, undone] of [
      ['skip', 'old', []],
      ['old', undefined, []],
      ['old', 'old', ['ua']],
    ] as const) {
      const next = new TestRun(chain());
      const origin = { how: 'retry', run: 'old', ...(keys ? { keys } : {}) } as const;
      next.take({ type: 'run.started', semantics: 1, trigger: 'start', outputs: { main: { items: someItems(1) } }, origin, carries: 1 });
      next.take({ type: 'step.carried', node: 'a', from, outputs: { main: { items: [{ json: { done: 0 } }] } } });
      next.cancel();
      expect(next.runs).toEqual(undone);
    }
  });

  test('does not count as one that succeeds: then nothing of it is undone', () => {
    const run = aRun(chain(), 1);
    did(run, 'a');
    did(run, 'b');
    run.finish('c', 1);
    expect(run.commands).toEqual([{ type: 'end-run', status: 'succeeded' }]);
  });
});

describe('what undoes a step', () => {
  test('sees what the step gave, where that came from, and the rest of the run', () => {
    const run = failedAtC();
    const facts = { run: {}, workflow: {}, vars: {}, now: '2026-01-01T00:00:00.000Z', zone: 'UTC' };
    const scope = stepScopes(run.state, run.step('ub'), facts)(0);
    expect(scope.json).toEqual({ done: 0 });
    expect(scope.node('b')?.item()?.json).toEqual({ done: 0 });
    expect(scope.node('b')?.all()).toHaveLength(1);
    expect(scope.node('start')?.item()?.json).toEqual({ of: 'start', n: 0 });
  });

  test('may branch, join, loop, wait and try again', () => {
    const plan = aGraph(
      { a: 'write', b: 'pure', i: 'if', l: 'loop', x: 'keyed', w: 'wait', j: 'join' },
      'start>a a>b a.undo>i i.true>l l.body>x x>l.next i.false>w l.done>j w>j',
    );
    const run = aRun(plan, 1);
    did(run, 'a');
    run.fail('b', { kind: 'rejected' });
    run.finish('i', { true: 2, false: 1 });
    expect(run.runs).toEqual(['w', 'x.0']);
    run.wait('w', 1);
    for (const round of [0, 1]) {
      run.take({ type: 'items.started', node: 'x', path: [round], items: [{ i: 0, attempt: 1, params: {} }] });
      run.take({ type: 'items.settled', node: 'x', path: [round], outcomes: [ok(0)] });
    }
    expect(run.state).toMatchObject({ status: 'waiting', waitingFor: 'timer' });
    run.throughSnapshot();
    run.due('w');
    expect(run.runs).toEqual(['j']);
    run.finish('j', 1);
    expect(run.end().state.status).toBe('failed');
  });

  test('asks a person about a write that may have happened', () => {
    const run = failedAtC();
    run.begin('ub', 0);
    run.recover();
    expect(run.state).toMatchObject({ status: 'waiting', waitingFor: 'unknown_effect' });
    run.resolve('ub', 0, 'done', {});
    expect(run.runs).toEqual(['ua']);
  });

  test('goes on after a crash, and repeats nothing that is done', () => {
    const run = failedAtC();
    did(run, 'ub');
    run.throughSnapshot();
    run.recover();
    expect(run.runs).toEqual(['ua']);
    did(run, 'ua');
    expect(run.end().state.status).toBe('failed');
  });

  test('that fails is recorded, and the other steps are undone all the same', () => {
    const run = failedAtC();
    run.begin('ub', 0);
    run.settle('ub', failed(0, { kind: 'rejected', message: 'No such booking.' }));
    expect(run.runs).toEqual(['ua']);
    did(run, 'ua');
    expect(run.commands.at(-1)).toMatchObject({
      type: 'end-run',
      status: 'failed',
      error: { code: 'BROKEN', node: 'c', message: 'It broke. Not everything the run had done could be undone. "b": No such booking.' },
    });
  });

  test('of a cancelled run that fails is what its error says', () => {
    const run = aRun(chain(), 1);
    did(run, 'a');
    run.cancel();
    run.begin('ua', 0);
    run.settle('ua', failed(0, { kind: 'rejected' }));
    expect(run.commands.at(-1)).toMatchObject({ status: 'cancelled', error: { code: 'UNDO_FAILED', node: 'ua' } });
  });

  test('lets its writes in flight settle when another of its steps fails', () => {
    const run = aRun(aGraph({ a: 'write', b: 'pure', u: 'write', v: 'pure' }, 'start>a a>b a.undo>u a.undo>v'), 1);
    did(run, 'a');
    run.fail('b', { kind: 'rejected' });
    run.begin('u', 0);
    run.fail('v', { kind: 'rejected' });
    expect(run.step('u').phase).toBe('stopping');
    expect(run.settle('u', ok(0)).at(-1)).toMatchObject({ type: 'end-run' });
  });

  test('is given up by a second cancel, its own time limit, or a server that cannot go on with it', () => {
    for (const [event, said] of [
      [{ type: 'cancel.requested', by: 'ada' }, 'Somebody stopped it.'],
      [{ type: 'run.timed_out', activeMs: 1 }, 'It took longer than its limit of 300 s.'],
      [{ type: 'run.quarantined', deaths: 3 }, 'The server ended 3 times'],
    ] as const) {
      const run = failedAtC();
      expect(run.take(event).at(-1)).toMatchObject({ type: 'end-run', status: 'failed', error: { code: 'BROKEN' } });
      expect(run.state.undo?.failures[0]?.error.message).toContain(said);
      expect(run.step('ub').phase).toBe('cancelled');
      expect(() => run.step('ua')).toThrow('no step');
    }
  });
});

test('a run that is stopped before it knows what it keeps of another one undoes nothing', () => {
  const old = failedAtC(chain({}, '', { undoOn: 'failures' }));
  const plan = chain();
  const [started] = old.events;
  if (started?.type !== 'run.started') throw new RangeError('not started');
  const { events } = continueRun({ plan, started, old: { id: 'old', state: old.state, isSamePlan: false } });
  const run = new TestRun(plan);
  for (const event of events.slice(0, 2)) run.take(event);
  expect(run.state.toCarry).toBeGreaterThan(0);
  expect(run.cancel().at(-1)).toMatchObject({ type: 'end-run', status: 'cancelled' });
});
