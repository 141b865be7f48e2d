/** Journals written by earlier releases: the files never change, and what they come to never does either. */
import { readFileSync, readdirSync } from 'node:fs';
import type { TypeIR } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { runSummary } from '../../test/run-summary.ts';
import type { WorkflowDefinition } from '../definition/types.ts';
import { compilePlan } from '../plan/plan.ts';
import type { RunEvent } from './events.ts';
import { fold } from './fold.ts';
import { newRun } from './state.ts';

interface RecordedRun {
  readonly title: string;
  readonly types: readonly TypeIR[];
  readonly definition: WorkflowDefinition;
  readonly events: readonly RunEvent[];
  readonly expected: unknown;
}

const folder = new URL('../../test/recorded/v1/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const recorded = files.map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as RecordedRun);

describe('runs recorded under semantics 1', () => {
  test('are there', () => {
    expect(recorded.length).toBeGreaterThanOrEqual(18);
  });

  test.each(recorded.map((run) => [run.title, run] as const))('%s', (_, { definition, types, events, expected }) => {
    const run = newRun(compilePlan(definition, (type, version) => types.find((each) => each.type === type && each.version === version)));
    for (const event of events) fold(run, event);
    expect(runSummary(run)).toEqual(expected);
  });
});
