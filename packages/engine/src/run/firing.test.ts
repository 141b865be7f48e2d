import { describe, expect, test } from 'vitest';
import { type NodeSpec, aGraph, aRun } from '../../test/run-kit.ts';

describe('edges and items', () => {
  test('a node runs with the items of its edge once the node before it has ended', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure' }, 'start>a a>b'), 2);
    expect(run.runs).toEqual(['a']);
    expect(run.phases).toEqual({ a: 'active', b: 'blocked' });
    expect(run.finish('a', 3)).toMatchObject([{ type: 'run-step', attempt: 1 }]);
    expect(run.runs).toEqual(['b']);
    expect(run.step('b').input?.count).toBe(3);
    run.finish('b', 1).map((command) => expect(command).toEqual({ type: 'end-run', status: 'succeeded' }));
    expect(run.end().state).toMatchObject({ status: 'succeeded', ended: true, root: { open: 0 }, running: 0 });
  });

  test('parallel branches run side by side and concatenate in edge order, not in order of time', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', c: 'batch' }, 'start>a start>b a>c b>c'));
    expect(run.runs).toEqual(['a', 'b']);
    run.finish('b', 2);
    expect(run.runs).toEqual([]);
    run.finish('a', 1);
    const items = run.step('c').input?.parts.flatMap((part) => part.batch.items.map((item) => item.json['of']));
    expect(items).toEqual(['a', 'b', 'b']);
  });

  test('items at two input ports are ordered by port, then by edge', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', m: 'merge' }, 'start>a start>b b>m.right a>m.left start>m.right'));
    run.finish('a', 1);
    run.finish('b', 1);
    const items = run.step('m').input?.parts.flatMap((part) => part.batch.items.map((item) => item.json['of']));
    expect(items).toEqual(['a', 'b', 'start']);
  });

  test('only the trigger that fired starts its branch; a join behind both does not wait for the other', () => {
    const plan = aGraph({ other: 'trigger', a: 'pure', b: 'pure', j: 'join' }, 'start>a other>b a>j b>j');
    const run = aRun(plan);
    expect(run.runs).toEqual(['a']);
    expect(run.phases['b']).toBe('skipped: not_taken');
    run.finish('a', 1);
    expect(run.runs).toEqual(['j']);
    const second = aRun(plan, 1, 'other');
    expect(second.runs).toEqual(['b']);
  });

  test('a node nothing leads to is skipped', () => {
    const run = aRun(aGraph({ a: 'pure', lost: 'sum', after: 'pure' }, 'start>a lost>after'));
    expect(run.phases).toEqual({ a: 'active', lost: 'skipped: not_taken', after: 'skipped: not_taken' });
  });

  test('no more steps run at once than the workflow allows, in the order in which they became ready', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', c: 'pure' }, 'start>a start>b start>c', { maxParallelSteps: 2 }));
    expect(run.runs).toEqual(['a', 'b']);
    expect(run.phases['c']).toBe('ready');
    run.finish('b', 1);
    expect(run.runs).toEqual(['c']);
  });

  test('a limit below one counts as one', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure' }, 'start>a start>b', { maxParallelSteps: 0 }));
    expect(run.runs).toEqual(['a']);
  });
});

describe('branches', () => {
  test('an If sends items one way; the other way is not taken', () => {
    const run = aRun(aGraph({ if: 'if', yes: 'pure', no: 'pure', after: 'pure' }, 'start>if if.true>yes if.false>no no>after'));
    run.finish('if', { true: 1 });
    expect(run.phases).toEqual({ if: 'succeeded', yes: 'active', no: 'skipped: not_taken', after: 'skipped: not_taken' });
  });

  test('an If that splits its items takes both ways', () => {
    const run = aRun(aGraph({ if: 'if', yes: 'pure', no: 'pure' }, 'start>if if.true>yes if.false>no'), 3);
    run.finish('if', { true: 1, false: 2 });
    expect(run.runs).toEqual(['yes', 'no']);
  });

  test('a Switch reaches each port it sends items to', () => {
    const run = aRun(aGraph({ s: 'switch', a: 'pure', b: 'pure', c: 'pure' }, 'start>s s.a>a s.b>b s.c>c'));
    run.finish('s', { a: 1, c: 1 });
    expect(run.phases).toMatchObject({ a: 'active', b: 'skipped: not_taken', c: 'active' });
  });

  test('a filter that drops everything leads to a sum over nothing, and skips a per-item node', () => {
    const run = aRun(aGraph({ f: 'pure', sum: 'sum', each: 'pure' }, 'start>f f>sum f>each'));
    run.finish('f', { main: 0 });
    expect(run.runs).toEqual(['sum']);
    expect(run.step('sum').input).toEqual({ parts: [], count: 0 });
    expect(run.phases['each']).toBe('skipped: empty');
  });

  test('a sum behind a branch that is not taken does not run', () => {
    const run = aRun(aGraph({ if: 'if', sum: 'sum', yes: 'pure' }, 'start>if if.false>sum if.true>yes'));
    run.finish('if', { true: 1 });
    expect(run.phases['sum']).toBe('skipped: not_taken');
  });

  test('emptiness travels through skipped nodes, and one empty edge is enough for a sum to run', () => {
    const run = aRun(
      aGraph({ f: 'pure', mid: 'pure', if: 'if', x: 'pure', sum: 'sum' }, 'start>f f>mid mid>sum start>if if.false>x x>sum'),
    );
    run.finish('f', { main: 0 });
    expect(run.phases['mid']).toBe('skipped: empty');
    run.finish('if', { true: 1 });
    expect(run.phases['x']).toBe('skipped: not_taken');
    expect(run.runs).toEqual(['sum']);
  });

  test('a trigger without items skips everything, and the run succeeds', () => {
    const run = aRun(aGraph({ a: 'pure' }, 'start>a'), 0);
    expect(run.commands).toEqual([{ type: 'end-run', status: 'succeeded' }]);
    expect(run.phases['a']).toBe('skipped: empty');
  });

  test('a write with a result per item does not run on nothing', () => {
    const run = aRun(aGraph({ f: 'pure', w: 'bulk-write' }, 'start>f f>w'));
    run.finish('f', { main: 0 });
    expect(run.phases['w']).toBe('skipped: empty');
  });
});

describe('disabled nodes', () => {
  test('hand their items on unchanged', () => {
    const run = aRun(aGraph({ a: { type: 'pure', disabled: true }, b: 'pure' }, 'start>a a>b'), 2);
    expect(run.runs).toEqual(['b']);
    expect(run.json('a')).toEqual([
      { of: 'start', n: 0 },
      { of: 'start', n: 1 },
    ]);
  });

  test('with several output ports use the first', () => {
    const run = aRun(aGraph({ if: { type: 'if', disabled: true }, yes: 'pure', no: 'pure' }, 'start>if if.true>yes if.false>no'));
    expect(run.phases).toEqual({ if: 'succeeded', yes: 'active', no: 'skipped: not_taken' });
  });

  test('are skipped when nothing reaches them, even if their type runs on nothing', () => {
    const run = aRun(aGraph({ f: 'pure', sum: { type: 'sum', disabled: true }, after: 'sum' }, 'start>f f>sum sum>after'));
    run.finish('f', { main: 0 });
    expect(run.phases).toEqual({ f: 'succeeded', sum: 'skipped: empty', after: 'active' });
  });

  test('that join wait for all their edges', () => {
    const run = aRun(aGraph({ a: 'pure', b: 'pure', j: { ...join('any'), disabled: true } }, 'start>a start>b a>j b>j'));
    run.finish('a', 1);
    expect(run.phases['j']).toBe('blocked');
    run.finish('b', 1);
    expect(run.json('j')).toHaveLength(2);
  });
});

describe('joins', () => {
  const three = 'start>if if.true>a if.false>b start>c a>j b>j c>j';
  const nodes = (policy: NodeSpec) => ({ if: 'if', a: 'pure', b: 'pure', c: 'pure', j: policy });

  test('all: waits until every edge is resolved, taken or not', () => {
    const run = aRun(aGraph(nodes(join('all')), three));
    run.finish('c', 1);
    expect(run.phases['j']).toBe('blocked');
    run.finish('if', { true: 1 });
    expect(run.phases['j']).toBe('blocked');
    run.finish('a', 1);
    expect(run.runs).toEqual(['j']);
    expect(run.step('j').input?.count).toBe(2);
  });

  test('any: runs with the first branch that brings items and ignores the rest', () => {
    const run = aRun(aGraph(nodes(join('any')), three));
    run.finish('c', 2);
    expect(run.runs).toEqual(['j']);
    run.finish('if', { true: 1 });
    run.finish('a', 1);
    expect(run.step('j').input?.count).toBe(2);
    run.finish('j', 1);
    expect(run.end().state.status).toBe('succeeded');
  });

  test('count: runs once that many branches brought items', () => {
    const run = aRun(aGraph(nodes(join('count', 2)), three));
    run.finish('if', { true: 1, false: 1 });
    run.finish('b', 1);
    expect(run.phases['j']).toBe('blocked');
    run.finish('c', 1);
    expect(run.runs).toEqual(['j']);
  });

  test('count: fails with JOIN_UNREACHABLE as soon as too few branches can still bring items', () => {
    const run = aRun(aGraph(nodes(join('count', 3)), three));
    run.finish('c', 1);
    const commands = run.finish('if', { true: 1 });
    expect(run.step('j').error).toMatchObject({
      code: 'JOIN_UNREACHABLE',
      message: expect.stringContaining('waits for 3 branches with items, and only 2'),
    });
    expect(run.phases).toMatchObject({ j: 'failed', a: 'cancelled' });
    expect(commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed', error: { code: 'JOIN_UNREACHABLE', node: 'j' } });
  });

  test('count: an unreachable join with a policy for errors hands its items on with the error', () => {
    const run = aRun(aGraph({ ...nodes({ ...join('count', 3), onError: 'route' }), after: 'pure' }, `${three} j.error>after`));
    run.finish('c', 1);
    run.finish('if', { true: 1 });
    expect(run.json('j', 'error')).toEqual([{ error: { code: 'JOIN_UNREACHABLE', message: expect.any(String) }, item: { of: 'c', n: 0 } }]);
    expect(run.phases).toMatchObject({ j: 'succeeded', after: 'active' });
  });

  test.each(['all', 'any', 'count'])('%s: skipped when no branch was taken, run with nothing when one was empty', (policy) => {
    const graph = aGraph({ if: 'if', x: 'pure', y: 'pure', j: join(policy, 2) }, 'start>if if.false>x if.false>y x>j y>j');
    const notTaken = aRun(graph);
    notTaken.finish('if', { true: 1 });
    expect(notTaken.phases['j']).toBe('skipped: not_taken');
    const empty = aRun(graph);
    empty.finish('if', { false: 1 });
    empty.finish('x', { main: 0 });
    empty.finish('y', { main: 0 });
    expect(empty.runs).toEqual(['j']);
    expect(empty.step('j').input?.count).toBe(0);
  });
});

function join(policy: string, count = 1) {
  return { type: 'join', params: { policy, count } };
}
