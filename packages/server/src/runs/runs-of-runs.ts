/** Runs that runs start: called ones, those of error workflows, and the next ones of workflows that repeat. Put together for the server and for tests. */
import { type BlobStore, isTerminal } from '@plugboard/engine';
import { CALLER_ENDED, type Database, cancelOrphans, uuidv7 } from '@plugboard/persistence';
import { type CallsOfSteps, type Runner, type RunnerOptions, createChildRuns } from '@plugboard/runner';
import type { Deliveries } from '../hooks/deliveries.ts';
import type { Sweep } from '../operations/sweepers.ts';
import type { Settings } from '../settings/settings.ts';
import { createFindCallable } from './child-runs.ts';
import { createErrorRuns, createReports } from './error-runs.ts';
import { type FollowUps, startFollowUps } from './follow-ups.ts';
import { createNextRuns } from './next-runs.ts';
import type { PlanStore } from './plan-store.ts';
import { createStoredRuns } from './stored-runs.ts';

export interface RunsOfRunsOptions {
  readonly database: Database;
  readonly plans: PlanStore;
  readonly blobs: BlobStore;
  readonly settings: () => Pick<Settings, 'value'>;
  readonly deliveries: Pick<Deliveries, 'expect' | 'forget'>;
  readonly runner: () => Runner;
  readonly systemPrincipalId: string;
  readonly pageUrl: () => string;
  readonly log: { warn(fields: object, message: string): void };
}

export interface RunsOfRuns {
  readonly calls: CallsOfSteps;
  readonly reports: NonNullable<RunnerOptions['reports']>;
  readonly committed: NonNullable<RunnerOptions['onCommitted']>;
  readonly sweeps: readonly Sweep[];
  /** Once the runner is there. */
  start(): FollowUps;
}

export function createRunsOfRuns(options: RunsOfRunsOptions): RunsOfRuns {
  const { database, plans, blobs, deliveries, runner, systemPrincipalId, pageUrl, log } = options;
  const settings: Pick<Settings, 'value'> = { value: (...args) => options.settings().value(...args) };
  const find = createFindCallable({ database, plans, settings, systemPrincipalId });
  const stored = createStoredRuns({ database, blobs, plans });
  let followUps: FollowUps | undefined;
  return {
    calls: createChildRuns({
      runner,
      expect: (id, keys, onTaken) => deliveries.expect(id, keys, onTaken),
      forget: (id) => deliveries.forget(id),
      newRunId: uuidv7,
      find,
    }),
    reports: createReports(settings),
    committed({ status, end }) {
      if (isTerminal(status) && end?.followUps) followUps?.wake();
    },
    // A run that was called while its caller ended is found by nobody else.
    sweeps: [{ name: 'orphans', everyMs: 5000, limit: Number.POSITIVE_INFINITY, step: () => cancelOrphans(database, CALLER_ENDED) }],
    start() {
      followUps = startFollowUps({
        database,
        runner: runner(),
        deliveries,
        find: {
          failed: createErrorRuns({ database, plans, stored, settings, systemPrincipalId, pageUrl, log }),
          next: createNextRuns({ database, plans, blobs, stored, systemPrincipalId, log }),
        },
        log,
      });
      return followUps;
    },
  };
}
