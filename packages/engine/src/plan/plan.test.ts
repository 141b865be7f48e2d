import { describe, expect, test } from 'vitest';
import { aDefinition, aGraph, findType } from '../../test/run-kit.ts';
import { PlanError, compilePlan } from './plan.ts';

describe('a plan', () => {
  test('names the node whose type is missing and says what to do', () => {
    const definition = aDefinition({ start: 'trigger', mail: 'gone/mail' }, 'start>mail');
    expect(() => compilePlan(definition, findType)).toThrow(PlanError);
    expect(() => compilePlan(definition, findType)).toThrow('Node type gone/mail version 1 is not installed. Install its plugin');
    try {
      compilePlan(definition, findType);
    } catch (error) {
      expect(error).toMatchObject({ code: 'TYPE_MISSING', nodeId: 'mail' });
    }
  });

  test('orders edges by their order, then by id, and those of a node by its input ports first', () => {
    const definition = aDefinition({ start: 'trigger', m: 'merge' }, '');
    const edge = (id: string, order: number | undefined, port: string) => ({
      id,
      source: 'start',
      sourceHandle: 'main',
      target: 'm',
      targetHandle: port,
      ...(order === undefined ? {} : { order }),
    });
    const plan = compilePlan(
      { ...definition, edges: [edge('d', 2, 'left'), edge('c', undefined, 'right'), edge('b', undefined, 'left'), edge('a', 1, 'right')] },
      findType,
    );
    expect(plan.edges.map((each) => each.id)).toEqual(['b', 'c', 'a', 'd']);
    expect(plan.byId.get('m')?.incoming.map((each) => each.id)).toEqual(['b', 'd', 'c', 'a']);
    expect(plan.byId.get('start')?.outgoing.map((each) => each.id)).toEqual(['b', 'c', 'a', 'd']);
  });

  test('leaves out edges of nodes that are not there', () => {
    expect(aGraph({ a: 'pure' }, 'start>a ghost>a a>ghost').edges).toHaveLength(1);
  });

  test('completes policies and settings', () => {
    const plan = aGraph({ a: { type: 'pure', retry: { maxAttempts: 4 }, concurrency: 0 } }, 'start>a');
    expect(plan).toMatchObject({ timezone: 'UTC', timeoutMs: 1_800_000, maxParallelSteps: 20, ends: [1] });
    expect(plan.nodes[1]).toMatchObject({
      retry: { maxAttempts: 4, firstDelayMs: 1000, factor: 2, maxDelayMs: 60_000, jitter: 'full' },
      onError: 'fail',
      timeoutMs: 0,
      concurrency: 1,
    });
  });

  test('takes the policy of a join from its parameters', () => {
    const plan = aGraph(
      { a: 'join', b: { type: 'join', params: { policy: 'count', count: 2 } }, c: { type: 'join', params: { policy: 'odd', count: 0 } } },
      '',
    );
    expect(plan.nodes.slice(1).map((node) => node.join)).toEqual([
      { policy: 'all', count: 1 },
      { policy: 'count', count: 2 },
      { policy: 'all', count: 1 },
    ]);
  });

  test('knows what a unit of each type is', () => {
    const plan = aGraph({ item: 'write', batch: 'batch-write', bulk: 'bulk-write', sum: 'sum' }, '');
    const units = plan.nodes.slice(1).map(({ id, wholeInput, perBatch, runsOnEmpty }) => ({ id, wholeInput, perBatch, runsOnEmpty }));
    expect(units).toEqual([
      { id: 'item', wholeInput: false, perBatch: false, runsOnEmpty: false },
      { id: 'batch', wholeInput: true, perBatch: true, runsOnEmpty: false },
      { id: 'bulk', wholeInput: true, perBatch: false, runsOnEmpty: false },
      { id: 'sum', wholeInput: true, perBatch: true, runsOnEmpty: true },
    ]);
  });
});
