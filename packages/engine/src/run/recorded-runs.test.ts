/** Journals written by earlier releases: the files never change, and what they come to never does either. */
import { readFileSync, readdirSync } from 'node:fs';
import type { TypeIR } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { runSummary } from '../../test/run-summary.ts';
import type { WorkflowDefinition } from '../definition/types.ts';
import { compilePlan } from '../plan/plan.ts';
import type { RunEvent } from './events.ts';
import { fold } from './fold.ts';
import { SEMANTICS, newRun } from './state.ts';

interface RecordedRun {
  readonly title: string;
  readonly types: readonly TypeIR[];
  readonly definition: WorkflowDefinition;
  readonly events: readonly RunEvent[];
  readonly expected: unknown;
}

/** By the semantics they were written under. */
const versions = [1, 2].map((semantics) => {
  const folder = new URL(`../../test/recorded/v${semantics}/`, import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return { semantics, runs: files.map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as RecordedRun) };
});

test('there are runs of every semantics, each under its own', () => {
  expect(versions.at(-1)?.semantics).toBe(SEMANTICS);
  for (const { semantics, runs } of versions)
    expect(new Set(runs.map(({ events }) => (events[0]?.type === 'run.started' ? events[0].semantics : undefined)))).toEqual(
      new Set([semantics]),
    );
  expect(versions[0]?.runs.length).toBeGreaterThanOrEqual(35);
});

describe.each(versions)('runs recorded under semantics $semantics', ({ runs }) => {
  test.each(runs.map((run) => [run.title, run] as const))('%s', (_, { definition, types, events, expected }) => {
    const run = newRun(compilePlan(definition, (type, version) => types.find((each) => each.type === type && each.version === version)));
    for (const event of events) fold(run, event);
    expect(runSummary(run)).toEqual(expected);
  });
});
