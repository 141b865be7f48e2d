/** Forgetting the data of a run changes nothing of how it stands, and leaves nothing of what was in it. */
import { readFileSync, readdirSync } from 'node:fs';
import type { TypeIR } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { runSummary } from '../../test/run-summary.ts';
import type { WorkflowDefinition } from '../definition/types.ts';
import { compilePlan } from '../plan/plan.ts';
import { eraseEvent, isErased } from './erase.ts';
import type { RunEvent } from './events.ts';
import { fold } from './fold.ts';
import { type RunState, newRun } from './state.ts';

const folder = new URL('../../test/recorded/v1/', import.meta.url);
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recorded);

interface Recorded {
  readonly title: string;
  readonly types: readonly TypeIR[];
  readonly definition: WorkflowDefinition;
  readonly events: readonly RunEvent[];
}

function replayed({ definition, types, events }: Recorded): RunState {
  const run = newRun(compilePlan(definition, (type, version) => types.find((each) => each.type === type && each.version === version)));
  for (const event of events) fold(run, event);
  return run;
}

/** Everything but what items and parameters hold, where items came from, and what was logged. */
const shape = (run: RunState): unknown => {
  const withoutData = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(withoutData);
    if (typeof value !== 'object' || value === null) return value;
    if (Object.hasOwn(value, 'json')) return 'item';
    return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (DATA.has(key) ? [] : [[key, withoutData(inner)]])));
  };
  return withoutData(runSummary(run));
};
const DATA = new Set(['from', 'logs', 'params']);

describe('the events of a run whose data is forgotten', () => {
  test.each(recorded.map((run) => [run.title, run] as const))('tell the same of it: %s', (_, run) => {
    const erased = { ...run, events: run.events.map(eraseEvent) };
    expect(isErased(run.events)).toBe(false);
    expect(isErased(erased.events)).toBe(true);
    expect(shape(replayed(erased))).toEqual(shape(replayed(run)));
  });

  test('hold nothing of what went through its steps, and still say why one failed', () => {
    const secret = 'CANARY';
    const item = { json: { value: secret }, files: { scan: { id: secret, name: secret, mime: 'text/plain', size: 1, sha256: secret } } };
    const outputs = { main: { items: [item, item], from: [0, 0] } };
    const error = {
      code: 'HTTP_STATUS',
      kind: 'unavailable',
      message: 'The service answered 503',
      status: 503,
      data: { secret },
      stack: secret,
    } as const;
    const logs = [{ level: 'info', message: secret, at: 1 }] as const;
    const events: RunEvent[] = [
      { type: 'run.started', at: 1, semantics: 1, trigger: 't', outputs },
      { type: 'items.started', at: 2, node: 'a', items: [{ i: 0, attempt: 1, params: { secret } }] },
      {
        type: 'items.settled',
        at: 3,
        node: 'a',
        outcomes: [
          { i: 0, ok: [{ item }] },
          { i: 1, error },
        ],
        logs,
      },
      { type: 'step.finished', at: 4, node: 'b', startedAt: 3, outputs, logs },
      { type: 'step.failed', at: 5, node: 'c', attempt: 1, error, logs },
      { type: 'unknown.resolved', at: 6, node: 'a', i: 1, decision: 'done', output: item, by: 'p' },
      { type: 'wait.over', at: 7, node: 'd', wait: 'd.1', outputs, answer: { port: 'main', json: { secret } } },
    ];
    const text = JSON.stringify(events.map(eraseEvent));
    expect(text).not.toContain(secret);
    expect(text).toContain('The service answered 503');
    expect(events.map(eraseEvent).map(({ type, at }) => [type, at])).toEqual(events.map(({ type, at }) => [type, at]));
  });
});
