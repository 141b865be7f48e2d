import { describe, expect, test } from 'vitest';
import { type NodeSpec, type TestRun, aGraph, aRun } from '../../test/run-kit.ts';
import { snapshot } from '../../test/invariants.ts';
import { ancestorIndex } from './lineage.ts';
import { stepScopes } from './scope.ts';

const loop = (params: object = {}, more: object = {}): NodeSpec => ({ type: 'loop', params: params as never, ...more });
const FACTS = { run: {}, workflow: {}, vars: {}, now: '2026-01-01T00:00:00.000Z', zone: 'UTC' };

/** start > l, a body of one node a, and after behind it. */
const simple = (params: object = {}, edges = 'start>l l.body>a a>l.next l.done>after') =>
  aGraph({ l: loop(params), a: 'pure', after: 'pure' }, edges);

function inputOf(run: TestRun, node: string, ...path: number[]): unknown[] {
  return (run.step(node, ...path).input?.parts ?? []).flatMap((part) => part.batch.items.map((item) => item.json['n']));
}

describe('a loop over items', () => {
  test('sends one item after the other through its body, and hands on what came back, in order', () => {
    const run = aRun(simple(), 3);
    expect(run.runs).toEqual(['a.0']);
    expect(inputOf(run, 'a', 0)).toEqual([0]);
    run.finish('a', 1, 0);
    expect(run.runs).toEqual(['a.1']);
    run.finish('a', 2, 1);
    expect(run.state.status).toBe('running');
    run.finish('a', 1, 2);
    expect(run.runs).toEqual(['after']);
    expect(run.step('l').outputs?.['done']).toEqual({
      items: [{ json: { of: 'a', n: 0 } }, { json: { of: 'a', n: 0 } }, { json: { of: 'a', n: 1 } }, { json: { of: 'a', n: 0 } }],
      from: [0, 1, 1, 2],
    });
    run.finish('after', 1);
    expect(run.end().state.status).toBe('succeeded');
    expect(run.replayed()).toEqual(snapshot(run.state));
  });

  test('takes several items per round, and as many rounds at once as it may; results keep the order of the rounds', () => {
    const run = aRun(simple({ size: 2, parallel: 2 }), 5);
    expect(run.runs).toEqual(['a.0', 'a.1']);
    expect([inputOf(run, 'a', 0), inputOf(run, 'a', 1)]).toEqual([
      [0, 1],
      [2, 3],
    ]);
    run.finish('a', { main: { items: [{ json: { r: 1 } }] } }, 1);
    expect(run.runs).toEqual(['a.2']);
    run.finish('a', { main: { items: [{ json: { r: 2 } }] } }, 2);
    run.finish('a', { main: { items: [{ json: { r: 0 } }] } }, 0);
    expect(run.json('l', 'done')).toEqual([{ r: 0 }, { r: 1 }, { r: 2 }]);
  });

  test('takes no more places than the run has', () => {
    const run = aRun(aGraph({ l: loop({ parallel: 10 }), a: 'pure' }, 'start>l l.body>a a>l.next', { maxParallelSteps: 3 }), 10);
    expect(run.runs).toEqual(['a.0', 'a.1', 'a.2']);
    run.finish('a', 1, 1);
    expect(run.runs).toEqual(['a.3']);
  });

  test('a round that gives nothing back adds nothing; a loop that gave nothing at all skips what follows', () => {
    const run = aRun(simple(), 2);
    run.finish('a', 0, 0);
    run.finish('a', 0, 1);
    expect(run.phases).toEqual({ l: 'succeeded', after: 'skipped: empty' });
  });

  test('forgets rounds that are over', () => {
    const run = aRun(simple(), 1000);
    for (let n = 0; n < 999; n += 1) run.finish('a', 1, n);
    expect(run.step('l').loop?.rounds.size).toBe(1);
    expect(run.state.changed.length).toBeLessThan(5);
  });

  test('its body may branch, join, and leave some of its ends loose', () => {
    const graph = aGraph(
      { l: loop(), i: 'if', a: 'pure', b: 'pure', side: 'pure', j: 'join' },
      'start>l l.body>i i.true>a i.false>b i.true>side a>j b>j j>l.next',
    );
    const run = aRun(graph, 1);
    run.finish('i', { true: 1 }, 0);
    expect(run.runs).toEqual(['a.0', 'side.0']);
    run.finish('a', 1, 0);
    run.finish('j', 1, 0);
    // The loop waits for the loose end too.
    expect(run.step('l').phase).toBe('looping');
    run.finish('side', 1, 0);
    expect(run.step('l').phase).toBe('succeeded');
  });

  test('lies inside another loop, each with rounds of its own', () => {
    const graph = aGraph(
      { outer: loop(), inner: loop(), a: 'pure' },
      'start>outer outer.body>inner inner.body>a a>inner.next inner.done>outer.next',
    );
    const run = aRun(graph, 2);
    expect(run.runs).toEqual(['a.0.0']);
    run.finish('a', 1, 0, 0);
    expect(run.runs).toEqual(['a.1.0']);
    expect(() => run.finish('a', 1, 0, 0)).toThrow('has no step in round 0.0');
    run.finish('a', 1, 1, 0);
    expect(run.step('outer').outputs?.['done']?.from).toEqual([0, 1]);
  });

  test('an error in a round fails the run, or goes on by the policy of its node', () => {
    const failing = aRun(simple(), 2);
    failing.take({ type: 'step.failed', node: 'a', attempt: 1, path: [0], error: { code: 'BROKEN', kind: 'bug', message: 'It broke.' } });
    expect(failing.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed' });
    expect(failing.phases).toEqual({ l: 'cancelled', after: 'skipped: not_reached' });
    const going = aRun(aGraph({ l: loop(), a: { type: 'pure', onError: 'continue' } }, 'start>l l.body>a a>l.next'), 2);
    going.take({ type: 'step.failed', node: 'a', attempt: 1, path: [0], error: { code: 'BROKEN', kind: 'bug', message: 'It broke.' } });
    expect(going.runs).toEqual(['a.1']);
  });

  test('after a crash goes on with the rounds that were under way, and repeats none that was over', () => {
    const run = aRun(simple({ parallel: 2 }), 4);
    run.finish('a', 1, 0);
    run.recover();
    expect(run.runs).toEqual(['a.1', 'a.2']);
  });

  test('a step in it sees its own round, what lies outside, and where its item came from', () => {
    const run = aRun(
      aGraph({ before: 'pure', l: loop({ size: 2 }), a: 'pure', b: 'pure' }, 'start>before before>l l.body>a a>b b>l.next'),
      1,
    );
    run.finish('before', 4);
    run.finish('a', 2, 0);
    run.finish('b', 2, 0);
    run.finish('a', 2, 1);
    const scope = stepScopes(run.state, run.step('b', 1), FACTS)(1);
    expect(scope.node('before')?.item()?.json).toEqual({ of: 'before', n: 3 });
    expect(scope.node('a')?.all()).toHaveLength(2);
    expect(scope.node('l')?.item()?.json).toEqual({ of: 'before', n: 3 });
    const step = run.step('b', 1);
    const before = run.state.plan.byId.get('before');
    expect(step.input && before && ancestorIndex(run.state, step.scope, step.input, 0, before)).toBe(2);
  });
});

describe('a loop whose type decides before each round', () => {
  const until = (params: object = {}) => simple({ mode: 'until', ...params });

  test('asks with the items it got, then with those of each round, until it is done', () => {
    const run = aRun(until(), 2);
    expect(run.runs).toEqual(['l']);
    run.finish('l', { body: 2 });
    expect([run.runs, inputOf(run, 'a', 0)]).toEqual([['a.0'], [0, 1]]);
    run.finish('a', 3, 0);
    expect([run.runs, inputOf(run, 'l')]).toEqual([['l'], [0, 1, 2]]);
    run.finish('l', { body: 1 });
    run.finish('a', 1, 1);
    run.finish('l', { done: 1 });
    expect(run.runs).toEqual(['after']);
  });

  test('fails at its limit with the name of the loop', () => {
    const run = aRun(until({ limit: 2 }), 1);
    for (const round of [0, 1]) {
      run.finish('l', { body: 1 });
      run.finish('a', 1, round);
    }
    run.finish('l', { body: 1 });
    expect(run.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed', error: { code: 'LOOP_LIMIT', node: 'l' } });
    expect(run.state.stop?.error?.message).toContain('l would go on after 2 rounds');
  });

  test('may wait between two rounds', () => {
    const run = aRun(until(), 1);
    run.finish('l', { body: 1 });
    run.finish('a', 1, 0);
    run.wait('l', { body: { items: [{ json: { n: 7 } }] } });
    expect(run.state.status).toBe('waiting');
    run.due('l');
    expect([run.runs, inputOf(run, 'a', 1)]).toEqual([['a.1'], [7]]);
  });
});

describe('a break', () => {
  test('ends the loop with the items it got, and what is left of its round does not run', () => {
    const graph = aGraph(
      { l: loop(), i: 'if', stop: 'break', a: 'pure', after: 'pure' },
      'start>l l.body>i i.true>stop i.false>a a>l.next l.done>after',
    );
    const run = aRun(graph, 5);
    run.finish('i', { false: 1 }, 0);
    run.finish('a', 1, 0);
    run.finish('i', { true: 1 }, 1);
    run.finish('stop', 1, 1);
    expect(run.runs).toEqual(['after']);
    expect(run.json('l', 'done')).toEqual([
      { of: 'a', n: 0 },
      { of: 'stop', n: 0 },
    ]);
  });

  test('lets rounds beside it end', () => {
    const run = aRun(aGraph({ l: loop({ parallel: 2 }), stop: 'break' }, 'start>l l.body>stop'), 4);
    run.finish('stop', 1, 0);
    expect([run.runs, run.step('l').phase]).toEqual([[], 'looping']);
    run.finish('stop', 1, 1);
    expect(run.json('l', 'done')).toHaveLength(2);
  });
});

describe('a loop that is stopped or held', () => {
  test('starts no step while it is paused, and goes on afterwards', () => {
    const run = aRun(simple(), 2);
    run.pause();
    expect(run.finish('a', 1, 0)).toEqual([{ type: 'suspend' }]);
    run.resume();
    expect(run.runs).toEqual(['a.1']);
  });

  test('is cancelled with all its rounds', () => {
    const run = aRun(simple({ parallel: 3 }), 3);
    run.finish('a', 1, 1);
    run.cancel();
    expect(run.end().state.status).toBe('cancelled');
    expect(run.state.running).toBe(0);
  });
});
