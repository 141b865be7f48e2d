import { describe, expect, test } from 'vitest';
import { type TestRun, aBatch, aGraph, aRun, failed, ok, someItems } from '../../test/run-kit.ts';
import { allItems, ancestorIndex, ancestorItem } from './lineage.ts';
import { runOutput } from './output.ts';
import { stepScopes } from './scope.ts';

const FACTS = { run: { id: 'r' }, workflow: { name: 'w' }, vars: {}, now: '2026-01-01T00:00:00.000Z', zone: 'UTC' };

/** For each input item of `node`: the number of the item of `target` it descends from. */
function ancestors(run: TestRun, node: string, target: string): (number | undefined)[] {
  const { input } = run.step(node);
  const found = run.state.plan.byId.get(target);
  if (!input || !found) throw new Error('not there');
  return Array.from({ length: input.count }, (_, i) => {
    const item = ancestorItem(run.state, run.state.root, input, i, found);
    const index = ancestorIndex(run.state, run.state.root, input, i, found);
    expect(index === undefined ? undefined : allItems(run.state.root, found)[index]).toBe(item);
    return item?.json['n'] as number | undefined;
  });
}

describe('where an item came from', () => {
  test('one to one through several steps', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', c: 'pure' }, 'start>a a>b b>c'), 3);
    run.finish('a', 3);
    run.finish('b', 3);
    expect(ancestors(run, 'c', 'start')).toEqual([0, 1, 2]);
    expect(ancestors(run, 'c', 'a')).toEqual([0, 1, 2]);
  });

  test('a filter drops items and the rest keep their ancestors', () => {
    const run = aRun(aGraph({ f: 'pure', c: 'pure' }, 'start>f f>c'), 4);
    run.settle('f', ok(0, 0), ok(1), ok(2, 0), ok(3));
    expect(ancestors(run, 'c', 'start')).toEqual([1, 3]);
  });

  test('an item that gives several is the ancestor of each', () => {
    const run = aRun(aGraph({ s: 'pure', c: 'pure' }, 'start>s s>c'), 2);
    run.settle('s', ok(1), ok(0, 2));
    expect(ancestors(run, 'c', 'start')).toEqual([0, 0, 1]);
  });

  test('a batch step names ancestors, or all of its input is meant', () => {
    const run = aRun(aGraph({ f: 'pure', b: 'batch', c: 'pure' }, 'start>f f>b b>c'), 3);
    run.settle('f', ok(0, 0), ok(1), ok(2));
    run.finish('b', { main: aBatch(3, 'b', [1, [1, 0], []]) });
    expect(ancestors(run, 'c', 'start')).toEqual([2, 2, 1]);
    expect(ancestors(run, 'c', 'b')).toEqual([0, 1, 2]);
  });

  test('a join finds each branch, also behind an item made from the whole input', () => {
    const run = aRun(
      aGraph({ a: 'pure', b: 'pure', j: 'join', c: 'pure', sum: 'sum', d: 'pure' }, 'start>a start>b a>j b>j j>c c>sum sum>d'),
      1,
    );
    run.finish('a', 2);
    run.finish('b', 2);
    run.finish('j', 4);
    expect(ancestors(run, 'c', 'a')).toEqual([0, 1, undefined, undefined]);
    expect(ancestors(run, 'c', 'b')).toEqual([undefined, undefined, 0, 1]);
    run.finish('c', 4);
    run.finish('sum', { main: aBatch(1, 'sum', [[]]) });
    expect(ancestors(run, 'd', 'a')).toEqual([0]);
    const direct = aRun(aGraph({ a: 'pure', b: 'pure', sum: 'sum', d: 'pure' }, 'start>a start>b a>sum b>sum sum>d'), 1);
    direct.finish('a', 1);
    direct.finish('b', 1);
    direct.finish('sum', { main: aBatch(1, 'sum', [[]]) });
    expect(ancestors(direct, 'd', 'b')).toEqual([0]);
  });

  test('ports of one node count on, in the order of its type whatever came first', () => {
    const run = aRun(aGraph({ if: 'if', yes: 'pure', no: 'pure' }, 'start>if if.true>yes if.false>no'), 3);
    run.finish('if', { false: aBatch(1, 'if', [0]), true: aBatch(2, 'if', [1, 2]) });
    const node = run.state.plan.byId.get('if');
    const { input } = run.step('no');
    if (!node || !input) throw new Error('not there');
    expect(ancestorIndex(run.state, run.state.root, input, 0, node)).toBe(2);
    expect(ancestors(run, 'yes', 'start')).toEqual([1, 2]);
    expect(ancestors(run, 'no', 'start')).toEqual([0]);
  });

  test('disabled nodes and failed items on their way are looked through', () => {
    const graph = aGraph(
      { off: { type: 'pure', disabled: true }, a: { type: 'pure', onError: 'route' }, e: 'pure' },
      'start>off off>a a.error>e',
    );
    const run = aRun(graph, 3);
    run.settle('a', ok(0), failed(1), failed(2));
    expect(ancestors(run, 'e', 'start')).toEqual([1, 2]);
    expect(ancestors(run, 'e', 'off')).toEqual([1, 2]);
  });

  test('a node that is no ancestor has no item, however many ways lead back', () => {
    const names = Array.from({ length: 12 }, (_, n) => `b${n}`);
    const chain = ['start', ...names, 'c'];
    const graph = aGraph(
      { other: 'pure', ...Object.fromEntries(names.map((name) => [name, 'batch'])), c: 'pure' },
      `start>other ${names.map((name, n) => `${chain[n]}>${name}`).join(' ')} b11>c`,
    );
    const run = aRun(graph, 20);
    const everything = Array.from({ length: 20 }, (_, i) => i);
    for (const name of names)
      run.finish(name, {
        main: aBatch(
          20,
          name,
          everything.map(() => everything),
        ),
      });
    expect(ancestors(run, 'c', 'other')).toEqual(everything.map(() => undefined));
    expect(ancestors(run, 'c', 'start')).toEqual(everything.map(() => 0));
  });
});

describe('what expressions see', () => {
  test('their item, the whole input over all edges, and other nodes by name', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', c: 'pure', late: 'pure' }, 'start>a start>b a>c b>c start>late'), 2);
    run.finish('a', 2);
    run.finish('b', 1);
    const { input } = run.step('c');
    if (!input) throw new Error('not there');
    const scopes = stepScopes(run.state, run.step('c'), FACTS);
    const scope = scopes(1);
    expect(scope.json).toEqual({ of: 'a', n: 1 });
    expect(scope.input.item()?.json).toEqual({ of: 'a', n: 1 });
    expect(scope.input.all().map((item) => item.json['of'])).toEqual(['a', 'a', 'b']);
    expect(scope.node('start')?.item()?.json).toEqual({ of: 'start', n: 1 });
    expect(scope.node('b')?.item()).toBeUndefined();
    expect(scope.node('nobody')).toBeUndefined();
    expect([scope.run, scope.workflow, scope.now, scope.zone, scope.itemIndex]).toEqual([FACTS.run, FACTS.workflow, FACTS.now, 'UTC', 1]);
    expect(scope.node('late')?.all()).toEqual([]);
    run.finish('late', 1);
    expect(scope.node('late')?.all()).toHaveLength(1);
    const whole = scopes(undefined);
    expect([whole.json, whole.input.item(), whole.node('a')?.item()?.json]).toEqual([undefined, undefined, { of: 'a', n: 0 }]);
  });
});

describe('the output of a run', () => {
  test('is the items of its end nodes that ran, in node order', () => {
    const run = aRun(aGraph({ if: 'if', z: 'pure', a: 'pure', b: 'pure' }, 'start>if if.true>z if.false>a start>b'));
    run.finish('b', { main: { items: someItems(1, 'b') } });
    run.finish('if', { true: 1 });
    run.finish('z', 2);
    expect(runOutput(run.state).map((item) => item.json['of'])).toEqual(['z', 'z', 'b']);
  });
});
