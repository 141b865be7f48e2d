import { describe, expect, test } from 'vitest';
import { TestRun, aBatch, aGraph, aRun, anError, someItems } from '../../test/run-kit.ts';
import type { Plan } from '../plan/plan.ts';
import { type ContinueRun, type Given, continueRun } from './continue-run.ts';
import type { RunEvent } from './events.ts';
import { ImpossibleEventError } from './fold.ts';

/** A new run that goes on from the old one; its events as they come back from the journal. */
function continued(old: TestRun, options: Partial<ContinueRun> = {}): TestRun {
  const plan = options.plan ?? old.state.plan;
  const [started] = old.events;
  if (started?.type !== 'run.started') throw new RangeError('not started');
  const { events } = continueRun({ plan, started, old: { id: 'old', state: old.state, isSamePlan: plan === old.state.plan }, ...options });
  return told(plan, events);
}

function told(plan: Plan, events: readonly RunEvent[]): TestRun {
  const run = new TestRun(plan);
  for (const event of JSON.parse(JSON.stringify(events)) as RunEvent[]) run.take(event);
  return run;
}

const CHAIN = aGraph({ a: 'pure', b: 'write', c: 'pure' }, 'start>a a>b b>c');

describe('going on from a run that failed', () => {
  test('steps that succeeded keep their results and do not run; the failed one does', () => {
    const old = aRun(CHAIN, 2);
    old.finish('a', 2);
    old.begin('b', 0, 1);
    old.fail('b', { kind: 'rejected' });
    old.end();

    const run = continued(old);

    expect(run.runs).toEqual(['b']);
    expect(run.step('a')).toMatchObject({ phase: 'succeeded', carried: 'old' });
    expect(run.step('b').input?.count).toBe(2);
  });

  test('of a write, the items that succeeded are not sent again, and the others keep their parameters', () => {
    const old = aRun(CHAIN, 3);
    old.finish('a', 3);
    old.begin('b', 0, 1, 2);
    old.settle('b', { i: 0, ok: [{ item: { json: { id: 0 } } }] }, { i: 2, ok: [{ item: { json: { id: 2 } } }] });
    old.settle('b', { i: 1, error: anError({ kind: 'rejected' }) });
    old.end();

    const run = continued(old);

    expect(run.commands).toContainEqual(expect.objectContaining({ type: 'run-step', units: [1] }));
    expect(run.step('b').units?.params.get(1)).toEqual({ value: 1 });
    run.begin('b', 1);
    run.settle('b', { i: 1, ok: [{ item: { json: { id: 1 } } }] });
    expect(run.step('b').outputs?.['main']?.items.map((item) => item.json['id'])).toEqual([0, 1, 2]);
    expect(run.runs).toEqual(['c']);
  });

  test('on another version parameters are evaluated anew', () => {
    const old = aRun(CHAIN, 1);
    old.finish('a', 1);
    old.begin('b', 0);
    old.settle('b', { i: 0, error: anError({ kind: 'rejected' }) });
    old.end();

    const run = continued(old, { plan: aGraph({ a: 'pure', b: 'write', c: 'pure' }, 'start>a a>b b>c') });

    expect(run.runs).toEqual(['b']);
    expect(run.step('b').units?.params.has(0) ?? false).toBe(false);
  });

  test('a write that may have happened asks again instead of being repeated', () => {
    const old = aRun(CHAIN, 1);
    old.finish('a', 1);
    old.begin('b', 0);
    old.recover();
    expect(old.state.status).toBe('waiting');
    old.cancel();
    old.end();

    const run = continued(old);

    expect(run.runs).toEqual([]);
    expect(run.state).toMatchObject({ status: 'waiting', waitingFor: 'unknown_effect' });
    run.resolve('b', 0, 'done', { id: 7 });
    expect(run.runs).toEqual(['c']);
  });

  test('a step that has another input than before runs again', () => {
    const old = aRun(aGraph({ a: 'pure', b: 'pure', c: 'write' }, 'start>a a>b b>c'), 1);
    old.finish('a', 1);
    old.finish('b', 1);
    old.begin('c', 0);
    old.settle('c', { i: 0, error: anError({ kind: 'rejected' }) });
    old.end();

    const run = continued(old, { plan: aGraph({ a: 'pure', x: 'pure', b: 'pure', c: 'write' }, 'start>a a>x x>b b>c') });

    expect(run.step('a').carried).toBe('old');
    expect(run.runs).toEqual(['x']);
    run.finish('x', 1);
    expect(run.runs).toEqual(['b']);
  });

  test('a run that keeps everything ends at once', () => {
    const old = aRun(CHAIN, 1);
    old.finish('a', 1);
    old.begin('b', 0);
    old.settle('b', { i: 0, ok: [{ item: { json: {} } }] });
    old.finish('c', 1);
    old.end();

    const run = continued(old);

    expect(run.commands).toEqual([{ type: 'end-run', status: 'succeeded' }]);
    expect(run.end().state.status).toBe('succeeded');
  });

  test('no step starts before everything is there, also after a crash in between', () => {
    const old = aRun(CHAIN, 1);
    old.finish('a', 1);
    old.begin('b', 0);
    old.settle('b', { i: 0, error: anError({ kind: 'rejected' }) });
    old.end();
    const [started] = old.events;
    if (started?.type !== 'run.started') throw new RangeError();
    const { events } = continueRun({ plan: CHAIN, started, old: { id: 'old', state: old.state, isSamePlan: true } });

    const run = told(CHAIN, events.slice(0, 1));
    expect(run.runs).toEqual([]);
    run.recover();
    expect(run.runs).toEqual([]);
    expect(run.state.toCarry).toBe(2);
  });

  test('what is carried is refused in a run that announced nothing', () => {
    const run = aRun(CHAIN, 1);
    expect(() => run.take({ type: 'step.carried', node: 'b', from: 'old', outputs: {} })).toThrow(ImpossibleEventError);
    expect(() => run.take({ type: 'nodes.left_out', nodes: ['b'] })).toThrow(ImpossibleEventError);
  });
});

describe('loops', () => {
  const LOOP = aGraph({ loop: { type: 'loop' }, w: 'write', end: 'pure' }, 'start>loop loop.body>w w>loop.next loop.done>end');

  function aRound(run: TestRun, round: number, isGood: boolean): void {
    run.take({ type: 'items.started', node: 'w', path: [round], items: [{ i: 0, attempt: 1, params: {} }] });
    const outcome = isGood ? { i: 0, ok: [{ item: { json: { round } } }] } : { i: 0, error: anError({ kind: 'rejected' }) };
    run.take({ type: 'items.settled', node: 'w', path: [round], outcomes: [outcome] });
  }

  test('rounds that ended are kept; the one that failed begins again', () => {
    const old = aRun(LOOP, 4);
    aRound(old, 0, true);
    aRound(old, 1, true);
    aRound(old, 2, false);
    old.end();

    const run = continued(old);

    expect(run.commands).toEqual([expect.objectContaining({ type: 'run-step', path: [2] })]);
    aRound(run, 2, true);
    aRound(run, 3, true);
    expect(run.step('loop').outputs?.['done']?.items.map((item) => item.json['round'])).toEqual([0, 1, 2, 3]);
  });

  test('steps that ended in a round that did not are kept too', () => {
    const plan = aGraph({ loop: { type: 'loop' }, w: 'write', x: 'pure' }, 'start>loop loop.body>w w>x x>loop.next');
    const old = aRun(plan, 2);
    aRound(old, 0, true);
    old.take({ type: 'step.failed', node: 'x', path: [0], attempt: 1, error: anError({ kind: 'input' }) });
    old.end();

    const run = continued(old);

    expect(run.step('w', 0)).toMatchObject({ phase: 'succeeded', carried: 'old' });
    expect(run.commands).toEqual([expect.objectContaining({ type: 'run-step', node: plan.byId.get('x')?.index, path: [0] })]);
  });

  test('a loop that is over is kept whole', () => {
    const old = aRun(aGraph({ loop: { type: 'loop' }, w: 'write', end: 'write' }, 'start>loop loop.body>w w>loop.next loop.done>end'), 1);
    aRound(old, 0, true);
    old.begin('end', 0);
    old.settle('end', { i: 0, error: anError({ kind: 'rejected' }) });
    old.end();

    const run = continued(old);

    expect(run.step('loop')).toMatchObject({ phase: 'succeeded', carried: 'old' });
    expect(run.runs).toEqual(['end']);
  });

  test('a loop that decides before each round goes on with the round it was in', () => {
    const plan = aGraph({ loop: { type: 'loop', params: { mode: 'until' } }, w: 'write' }, 'start>loop loop.body>w w>loop.next');
    const old = aRun(plan, 1);
    old.finish('loop', { body: 1 });
    aRound(old, 0, true);
    old.finish('loop', { body: 1 });
    aRound(old, 1, false);
    old.end();

    const run = continued(old);

    expect(run.commands).toEqual([expect.objectContaining({ type: 'run-step', path: [1] })]);
    aRound(run, 1, true);
    expect(run.runs).toEqual(['loop']);
    expect(run.step('loop').loop?.begun).toBe(2);
  });
});

describe('from a step on', () => {
  test('the chosen step and what follows run again, with the items a person gave', () => {
    const old = aRun(CHAIN, 1);
    old.finish('a', 1);
    old.begin('b', 0);
    old.settle('b', { i: 0, ok: [{ item: { json: {} } }] });
    old.finish('c', 1);
    old.end();

    const run = continued(old, {
      again: new Set(['b', 'c']),
      given: new Map<string, Given>([['b', { kind: 'input', ports: { main: { items: [{ json: { edited: true } }, { json: {} }] } } }]]),
    });

    expect(run.runs).toEqual(['b']);
    expect(run.step('b').input).toMatchObject({ count: 2 });
    expect(run.step('a').carried).toBe('old');
  });

  test('a failed step that is skipped hands on its input, or what a person gave', () => {
    const old = aRun(CHAIN, 2);
    old.finish('a', 2);
    old.begin('b', 0, 1);
    old.settle('b', { i: 0, error: anError({ kind: 'rejected' }) });
    old.settle('b', { i: 1, error: anError({ kind: 'rejected' }) });
    old.end();

    const passed = continued(old, { given: new Map([['b', { kind: 'pass' }]]) });
    expect(passed.step('b')).toMatchObject({ phase: 'succeeded', carried: 'skip' });
    expect(passed.step('c').input?.count).toBe(2);

    const outputs = { main: aBatch(1, 'given') };
    const given = continued(old, { given: new Map([['b', { kind: 'outputs', from: 'skip', outputs }]]) });
    expect(given.runs).toEqual(['c']);
    expect(given.step('c').input?.count).toBe(1);
  });
});

describe('a part of a draft', () => {
  const DRAFT = aGraph({ a: 'pure', b: 'pure', c: 'pure', lone: 'pure' }, 'start>a a>b b>c');
  const started = { type: 'run.started', at: 1, semantics: 1, trigger: 'start', outputs: { main: { items: someItems(1) } } } as const;

  test('runs up to a node and leaves the rest out', () => {
    const { events } = continueRun({ plan: DRAFT, started, without: ['c', 'lone'] });
    const run = told(DRAFT, events);
    run.finish('a', 1);
    run.finish('b', 1);
    expect(run.phases).toMatchObject({ c: 'skipped: not_taken' });
    expect(run.end().state.status).toBe('succeeded');
  });

  test('one node alone runs with given items, whatever is before it', () => {
    const { events } = continueRun({
      plan: DRAFT,
      started,
      given: new Map([['b', { kind: 'input', ports: { main: { items: someItems(3) } }, isEarly: true }]]),
      without: ['a', 'c', 'lone'],
    });
    const run = told(DRAFT, events);
    expect(run.runs).toEqual(['b']);
    expect(run.step('b').input?.count).toBe(3);
    run.finish('b', 3);
    expect(run.end().state.status).toBe('succeeded');
  });

  test('a node without edges runs alone too', () => {
    const { events } = continueRun({
      plan: DRAFT,
      started,
      given: new Map([['lone', { kind: 'input', ports: { main: { items: someItems(1) } }, isEarly: true }]]),
      without: ['a', 'b', 'c'],
    });
    expect(told(DRAFT, events).runs).toEqual(['lone']);
  });

  test('a pinned node does not run: it is done with its items once it fires', () => {
    const { events } = continueRun({ plan: DRAFT, started, pins: new Map([['b', { main: { items: someItems(2) } }]]) });
    const run = told(DRAFT, events);
    expect(run.runs).toEqual(['a']);
    run.finish('a', 1);
    expect(run.step('b')).toMatchObject({ phase: 'succeeded', carried: 'pin' });
    expect(run.runs).toEqual(['c']);
  });

  test('a pinned node right behind the trigger does not run either', () => {
    const { events } = continueRun({ plan: DRAFT, started, pins: new Map([['a', { main: { items: someItems(2) } }]]) });
    const run = told(DRAFT, events);
    expect(run.step('a').carried).toBe('pin');
    expect(run.runs).toEqual(['b']);
  });

  test('a pinned node that is given stands in for everything before it', () => {
    const { events } = continueRun({
      plan: DRAFT,
      started,
      given: new Map([['b', { kind: 'outputs', from: 'pin', outputs: { main: { items: someItems(2) } }, isEarly: true }]]),
      without: ['a', 'lone'],
    });
    const run = told(DRAFT, events);
    expect(run.runs).toEqual(['c']);
    expect(run.step('c').input?.count).toBe(2);
  });
});
