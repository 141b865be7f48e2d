import { describe, expect, test } from 'vitest';
import { snapshot } from '../../test/invariants.ts';
import { type TestEvent, aGraph, aRun } from '../../test/run-kit.ts';
import { outstanding } from './decide.ts';
import { ImpossibleEventError } from './fold.ts';

const plan = () => aGraph({ w: 'wait', after: 'pure' }, 'start>w w>after');
const wait = (dueAt: number) => ({ id: 'w.1', kind: 'timer' as const, dueAt });

describe('a step that waits for an instant', () => {
  test('lets the run leave memory, and hands on what its call gave once the instant has come', () => {
    const run = aRun(plan(), 2);
    expect(run.wait('w', 2, { dueAt: 99_000 })).toEqual([
      { type: 'await', node: 1, wait: wait(99_000) },
      { type: 'suspend', waitingFor: 'timer' },
    ]);
    expect([run.state.status, run.state.waitingFor, run.state.running]).toEqual(['waiting', 'timer', 0]);
    run.due('w');
    expect(run.runs).toEqual(['after']);
    expect(run.json('w')).toEqual([
      { of: 'w', n: 0 },
      { of: 'w', n: 1 },
    ]);
  });

  test('keeps a run in memory when the wait is short', () => {
    const run = aRun(plan());
    expect(run.wait('w', 1, { dueAt: 5000, short: true })).toEqual([{ type: 'await', node: 1, wait: { ...wait(5000), short: true } }]);
    expect(run.state.status).toBe('running');
  });

  test('does not count as active time', () => {
    const run = aRun(plan());
    run.wait('w', 1);
    const { activeMs } = run.state;
    run.at += 60_000;
    run.due('w');
    expect(run.state.activeMs).toBe(activeMs);
  });

  test('does not show what it holds before the wait is over', () => {
    const run = aRun(plan());
    run.wait('w', 1);
    expect(run.step('w').outputs).toBeUndefined();
  });

  test('holds up no other branch; the run waits once nothing else works', () => {
    const run = aRun(aGraph({ w: 'wait', b: 'pure', c: 'pure' }, 'start>w start>b b>c'));
    run.wait('w', 1);
    expect(run.state.status).toBe('running');
    run.finish('b', 1);
    expect(run.finish('c', 1)).toEqual([{ type: 'suspend', waitingFor: 'timer' }]);
  });

  test('a question a person has to answer is said before a wait', () => {
    const run = aRun(aGraph({ w: 'wait', x: 'write' }, 'start>w start>x'));
    run.wait('w', 1);
    run.begin('x', 0);
    run.recover();
    expect(run.state.waitingFor).toBe('unknown_effect');
  });

  test('still waits for the same instant after another process took the run over', () => {
    const run = aRun(plan());
    run.wait('w', 1, { dueAt: 77_000 });
    expect(run.recover()).toEqual([
      { type: 'await', node: 1, wait: wait(77_000) },
      { type: 'suspend', waitingFor: 'timer' },
    ]);
    expect(outstanding(run.state)).toHaveLength(2);
  });

  test('goes on once, however often its instant is told, and for no other wait', () => {
    const run = aRun(plan());
    run.wait('w', 1);
    const over = (id: string): TestEvent => ({ type: 'wait.over', node: 'w', wait: id });
    run.take(over('w.2'));
    expect(run.step('w').phase).toBe('waiting');
    expect(run.take(over('w.1'))).toHaveLength(1);
    expect(run.take(over('w.1'))).toEqual([]);
  });

  test('is cancelled with its run, and comes back no more', () => {
    const run = aRun(plan());
    run.wait('w', 1);
    expect(run.cancel().at(-1)).toEqual({ type: 'end-run', status: 'cancelled' });
    expect(run.phases).toEqual({ w: 'cancelled', after: 'skipped: not_reached' });
    expect(run.take({ type: 'wait.over', node: 'w', wait: 'w.1' })).toEqual([]);
  });

  test('a type that does not say that it waits cannot', () => {
    const run = aRun(aGraph({ a: 'batch' }, 'start>a'));
    expect(() => run.wait('a', 1)).toThrow(ImpossibleEventError);
  });
});

describe('a step that waits for what comes from outside', () => {
  const ask = () => aGraph({ a: 'pure', s: 'signal', after: 'pure' }, 'start>a a>s s>after');
  const signal = (said: string): TestEvent => ({
    type: 'wait.over',
    node: 's',
    wait: 's.signal',
    outputs: { main: { items: [{ json: { said } }] } },
  });

  function asking() {
    const run = aRun(ask());
    run.finish('a', 1);
    const { attempt } = run.step('s');
    run.take({ type: 'step.waiting', node: 's', attempt, startedAt: run.at, wait: { id: 's.signal', kind: 'signal' }, outputs: {} });
    return run;
  }

  test('goes on with what came', () => {
    const run = asking();
    expect([run.state.status, run.state.waitingFor]).toEqual(['waiting', 'signal']);
    run.take(signal('yes'));
    expect([run.runs, run.json('s')]).toEqual([['after'], [{ said: 'yes' }]]);
  });

  test('takes the first of two answers', () => {
    const run = asking();
    run.take(signal('yes'));
    expect(run.take(signal('no'))).toEqual([]);
    expect(run.json('s')).toEqual([{ said: 'yes' }]);
  });

  test('does not wait at all when the answer came before it asked', () => {
    const run = aRun(ask());
    expect(run.take(signal('early'))).toEqual([]);
    run.take(signal('too late'));
    run.finish('a', 1);
    run.take({ type: 'step.waiting', node: 's', attempt: 1, startedAt: run.at, wait: { id: 's.signal', kind: 'signal' }, outputs: {} });
    expect([run.runs, run.json('s')]).toEqual([['after'], [{ said: 'early' }]]);
    expect(run.replayed()).toEqual(snapshot(run.state));
  });

  test('goes on with what it held when its instant comes first', () => {
    const run = aRun(ask());
    run.finish('a', 1);
    const wait = { id: 's.signal', kind: 'signal' as const, dueAt: 9000 };
    run.take({
      type: 'step.waiting',
      node: 's',
      attempt: 1,
      startedAt: run.at,
      wait,
      outputs: { main: { items: [{ json: { late: true } }] } },
    });
    run.due('s');
    expect(run.json('s')).toEqual([{ late: true }]);
    expect(run.take(signal('yes'))).toEqual([]);
  });
});

describe('a step that asks people', () => {
  const plan = () => aGraph({ p: 'approval', after: 'pure' }, 'start>p p>after');
  const held = { late: { items: [{ json: { total: 1 } }, { json: { total: 2 } }], from: [0, 1] } };
  const answer: TestEvent = { type: 'wait.over', node: 'p', wait: 'p.signal', answer: { port: 'main', json: { total: 9, said: 'yes' } } };
  const asked = (): TestEvent => ({
    type: 'step.waiting',
    node: 'p',
    attempt: 1,
    startedAt: 1,
    wait: { id: 'p.signal', kind: 'approval', dueAt: 99_000 },
    outputs: held,
  });

  function opened() {
    const run = aRun(plan(), 2);
    run.begin('p', 0);
    return run;
  }

  test('has opened what it waits for, and holds nothing in flight while it waits', () => {
    const run = opened();
    run.take(asked());
    expect([run.state.status, run.state.waitingFor, run.state.running, run.step('p').units]).toEqual(['waiting', 'approval', 0, undefined]);
    expect(run.replayed()).toEqual(snapshot(run.state));
  });

  test('passes on what it held at the port of the answer, with what that adds, and where each item came from', () => {
    const run = opened();
    run.take(asked());
    run.take(answer);
    expect(run.step('p').outputs).toEqual({
      main: { items: [{ json: { total: 9, said: 'yes' } }, { json: { total: 9, said: 'yes' } }], from: [0, 1] },
    });
    expect(run.runs).toEqual(['after']);
  });

  test('takes an answer that came before it waited, also when it has to ask again after a crash', () => {
    const run = opened();
    expect(run.take(answer)).toEqual([]);
    run.recover();
    run.begin('p', 0);
    run.take(asked());
    expect(run.json('p')).toEqual([
      { total: 9, said: 'yes' },
      { total: 9, said: 'yes' },
    ]);
    expect(run.replayed()).toEqual(snapshot(run.state));
  });

  test('that is stopped before it waits is over: the answer that comes later changes nothing', () => {
    const run = opened();
    run.take({ type: 'cancel.requested', by: 'ada' });
    run.take(answer);
    run.take({ type: 'items.settled', node: 'p', outcomes: [{ i: 0, ok: [] }] });
    expect(run.step('p').phase).not.toBe('active');
    expect(run.take(answer)).toEqual([]);
  });
});
