/** Carries a test out: a run of the definition with its input, its pinned results and its answers, compared with what is expected. */
import { type Outputs, type WorkflowDefinition, type WorkflowTest, isTerminal } from '@plugboard/engine';
import type { LeasedOwnership } from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Json } from '@plugboard/sdk';
import { itemOf, startDraftRun } from '../drafts/draft-runs.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { RunAccess } from '../runs/run-access.ts';
import { askToCancel } from '../runs/run-control-operations.ts';
import { type Difference, compareItems } from './compare-items.ts';

export interface TestedWorkflow {
  readonly loaded: LoadedPlan;
  readonly definition: WorkflowDefinition;
}

export interface TestOutcome {
  readonly testId: string;
  readonly name: string;
  /** `broken`: it could not be carried out to its end. */
  readonly outcome: 'passed' | 'failed' | 'broken';
  readonly differences: readonly Difference[];
  /** Why it is broken, or how the run failed. */
  readonly message?: string;
  readonly runId?: string;
  readonly durationMs: number;
}

export type RunTest = (ctx: OperationContext, workflow: TestedWorkflow, test: WorkflowTest) => Promise<TestOutcome>;

export interface RunTestOptions {
  readonly runner: Runner;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly access: RunAccess;
}

/** A run that has not ended after so long is broken off, in milliseconds. */
const PATIENCE_MS = 60_000;

export function createRunTest({ runner, ownership, access }: RunTestOptions): RunTest {
  return async (ctx, workflow, test) => {
    const begun = performance.now();
    const told = (outcome: Omit<TestOutcome, 'testId' | 'name' | 'durationMs'>): TestOutcome => ({
      testId: test.id,
      name: test.name,
      ...outcome,
      durationMs: Math.round(performance.now() - begun),
    });
    let runId: string;
    try {
      runId = await startDraftRun(runner, ctx, { ...workflow, how: 'test', ...partsOf(test) });
    } catch (error) {
      if (!(error instanceof OperationProblem) || error.code === 'SERVER_BUSY' || error.code === 'SERVER_STOPPING') throw error;
      return told({ outcome: 'broken', differences: [], message: error.message });
    }

    const row = await access.waitUntil(ctx, runId, PATIENCE_MS, ({ status }) => isTerminal(status) || status === 'waiting');
    if (!isTerminal(row.status)) {
      await askToCancel({ ownership, runner }, ctx, runId, 'The test did not come to its end.');
      const why =
        row.waitingFor === undefined ? `did not end within ${PATIENCE_MS / 1000} s` : `waits for ${row.waitingFor}: pin the step that does`;
      return told({ outcome: 'broken', runId, differences: [], message: `The run ${why}.` });
    }
    const { state } = await access.open(ctx, runId);
    const ends = test.ends ?? 'succeeded';
    const wrongEnd: Difference[] = row.status === ends ? [] : [{ node: '', path: 'status', expected: ends, actual: row.status }];
    const differences = [
      ...wrongEnd,
      ...test.expect.flatMap(({ node, port = 'main', items, ignore }): Difference[] => {
        const planned = state.plan.byId.get(node);
        if (!planned) return [{ node, path: '', expected: 'a node of the workflow' }];
        const step = state.root.steps[planned.index];
        const given = Object.hasOwn(step?.outputs ?? {}, port) ? (step?.outputs?.[port]?.items ?? []) : [];
        return compareItems(
          node,
          items,
          given.map((item) => item.json),
          ignore,
        );
      }),
    ];
    return told({
      outcome: differences.length === 0 ? 'passed' : 'failed',
      runId,
      differences,
      ...(wrongEnd.length > 0 && row.errorCode !== undefined ? { message: `${row.errorMessage ?? ''} [${row.errorCode}]` } : {}),
    });
  };
}

function partsOf({ trigger, input, pins = {}, mocks = [] }: WorkflowTest) {
  return {
    trigger,
    items: input.map(itemOf),
    pins: new Map(Object.entries(pins).map(([node, ports]) => [node, outputsOf(ports)])),
    mocks,
  };
}

function outputsOf(ports: { readonly [port: string]: readonly Json[] }): Outputs {
  return Object.fromEntries(Object.entries(ports).map(([port, items]) => [port, { items: items.map(itemOf) }]));
}
