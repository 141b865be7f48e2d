/** Stored runs brought back. */
import { type RunEvent, SEMANTICS, compilePlan, parseDefinition } from '@plugboard/engine';
import type { LoadedPlan } from '@plugboard/runner';
import type { TypeIR } from '@plugboard/sdk';
import { expect, test } from 'vitest';
import { createFactSource } from '../live/fact-source.ts';
import { history, replay } from './run-view.ts';

const START: TypeIR = {
  kind: 'trigger',
  trigger: 'manual',
  type: 'test/start',
  version: 1,
  title: 'Start',
  group: 'Test',
  functions: ['run'],
  ports: {},
  params: {},
};

test('a run with a long journal is brought back, and looked over for its rounds, without holding up what else there is to do', async () => {
  const nodes = [{ id: 'start', type: 'test/start', position: { x: 0, y: 0 }, data: { name: 'Start', typeVersion: 1, params: {} } }];
  const parsed = parseDefinition({ schema: 1, name: 'Long', settings: {}, nodes, edges: [] });
  if (!parsed.ok) throw new Error('not a workflow');
  const plan = compilePlan(parsed.definition, () => START);
  const begun: RunEvent = {
    type: 'run.started',
    at: 1,
    semantics: SEMANTICS,
    trigger: 'start',
    outputs: { main: { items: [{ json: {} }] } },
  };
  const again: RunEvent = { type: 'pause.requested', at: 2, by: 'ada' };
  const many = Array.from({ length: 1_000_000 }, () => again);

  const events = [begun, ...many];
  const holdsUp = async (work: () => Promise<unknown>): Promise<boolean> => {
    let isOver = false;
    // Something else has its turn before the end, or only after it.
    const seen = new Promise<boolean>((resolve) => setImmediate(() => resolve(isOver)));
    await work();
    isOver = true;
    return seen;
  };
  expect(await holdsUp(() => replay({ plan } as LoadedPlan, events))).toBe(false);
  const inLoop = { ...plan, nodes: plan.nodes.map((node) => ({ ...node, loops: [0] })) };
  expect(await holdsUp(() => history(inLoop, events))).toBe(false);
  const facts = createFactSource({ load: () => Promise.resolve({ plan, events }), committedSeqs: () => Promise.resolve(new Map()) });
  expect(await holdsUp(() => facts.read('run', 0, 10))).toBe(false);
});
