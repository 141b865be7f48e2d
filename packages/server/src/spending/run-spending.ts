/**
 * Money of runs: what a step is about to spend is reserved against the budget of the tree of its run, and settled when the call is over. People are told
 * once when a tree has spent what it is to be warned at.
 */
import type { BudgetSettings } from '@plugboard/engine';
import {
  type BudgetLimits,
  type Database,
  type Reserve,
  type RunBudget,
  deleteStaleSpending,
  inInstance,
  inWorkspace,
  isUuid,
  listBudgetsToWarn,
  readConcerned,
  releaseSpending,
  reserveSpending,
  settleExpiredSpending,
  settleSpending,
  takeBudgetWarning,
} from '@plugboard/persistence';
import type { PaidCall, SpendingOfSteps, StepOwner } from '@plugboard/runner';
import { StepFailure, dollarText, picoDollars } from '@plugboard/sdk';
import { tell } from '../notifications/tell.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { Sweep } from '../operations/sweepers.ts';
import type { StoredRuns } from '../runs/stored-runs.ts';
import { throughOutages } from '../runs/through-outages.ts';
import type { Settings } from '../settings/settings.ts';

export interface RunSpendingOptions {
  readonly database: Database;
  readonly settings: () => Pick<Settings, 'value'>;
  readonly stored: Pick<StoredRuns, 'open'>;
  readonly systemPrincipalId: string;
  readonly log: { warn(fields: object, message: string): void };
}

export interface RunSpending {
  readonly ofSteps: SpendingOfSteps;
  readonly sweeps: readonly Sweep[];
}

const LIVE = 1;
const SWEEP_MS = 10_000;
const DAY_MS = 24 * 60 * 60_000;
const STEP = 500;

export function createRunSpending({ database, settings, stored, systemPrincipalId, log }: RunSpendingOptions): RunSpending {
  const limitsOf = (
    of: Pick<StepOwner, 'workspaceId' | 'workflowId' | 'environment'>,
    budget: BudgetSettings,
  ): Omit<BudgetLimits, 'areOfRoot'> => {
    const stop = budget.stop ?? settings().value('runs.spendStop', of.workspaceId);
    const warn = budget.warn ?? settings().value('runs.spendWarn', of.workspaceId);
    const { workflowId, environment } = of;
    // What was checked when it was saved is an amount. Nothing spent is nothing to tell of.
    return { workflowId, environment, stopPd: picoDollars(stop) ?? 0n, warnPd: picoDollars(Math.min(warn, stop)) || 1n };
  };

  /** Of a tree whose root has spent nothing yet: what the root may spend counts, whichever of its runs begins. */
  const limitsOfRoot = async (owner: StepOwner): Promise<BudgetLimits> => {
    const { workspaceId, rootRunId } = owner;
    try {
      const { run, definition } = await stored.open(
        (use) => inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, use),
        workspaceId,
        rootRunId,
      );
      return { ...limitsOf(run.head, definition?.settings.budget ?? {}), areOfRoot: true };
    } catch (error) {
      if (!(error instanceof OperationProblem) || error.code !== 'NOT_FOUND') throw error;
      // The root is forgotten: what holds for all workflows is left.
      return { ...limitsOf(owner, {}), areOfRoot: true };
    }
  };

  const reserve = async (owner: StepOwner, { key, upToPd, expiresInMs, budget }: PaidCall): Promise<void> => {
    const { workspaceId, rootRunId, runId, place } = owner;
    const call = { workspaceId, rootRunId, runId, place, key, amountPd: upToPd, expiresInMs };
    const ask = (limits: Reserve['limits']) => reserveSpending(database, { ...call, limits });
    const own = budget === 'of the caller' ? undefined : { ...limitsOf(owner, budget), areOfRoot: runId === rootRunId };
    let reserved = await ask(own);
    if (reserved.kind === 'no_budget') reserved = await ask(await limitsOfRoot(owner));
    if (reserved.kind === 'refused') throw exceeded(upToPd, reserved.budget);
  };

  const warn = async (rootRunId: string): Promise<void> => {
    await inInstance(database, async (tx) => {
      const taken = await takeBudgetWarning(tx, rootRunId);
      // Whoever tries a draft looks at it.
      if (!taken || taken.environment !== LIVE) return;
      const { workspaceId, workflowId, initiator } = taken;
      const concerned = await readConcerned(tx, {
        workflowId,
        initiators: initiator !== undefined && isUuid(initiator) ? [initiator] : [],
      });
      if (!concerned) return;
      const params = {
        workflowId,
        workflow: concerned.name,
        runId: rootRunId,
        spent: dollarText(taken.spentPd),
        limit: dollarText(taken.limitPd),
      };
      await tell(tx, { kind: 'run.spends', to: concerned.principalIds, about: rootRunId, params, workspaceId });
    });
  };

  /** What cannot be told settles by itself when its time is over. */
  const told = async (work: () => Promise<string | void>): Promise<void> => {
    try {
      const toWarn = await throughOutages(work);
      if (typeof toWarn === 'string') await warn(toWarn);
    } catch (error) {
      log.warn({ err: error }, 'what a call cost could not be settled; it settles at what was reserved');
    }
  };

  return {
    ofSteps: {
      reserve: (owner, call, signal) => throughOutages(() => reserve(owner, call), { signal }),
      settle: ({ workspaceId }, key, costPd) => told(() => settleSpending(database, { workspaceId, key }, costPd)),
      release: ({ workspaceId }, key) => told(() => releaseSpending(database, { workspaceId, key })),
    },
    sweeps: [
      { name: 'reservations', everyMs: SWEEP_MS, firstMs: 1000, limit: STEP, step: () => settleExpiredSpending(database, STEP) },
      {
        // Those that a sweep has charged, and those of a process that died before it told anybody.
        name: 'budget-warnings',
        everyMs: SWEEP_MS,
        limit: STEP,
        async step() {
          const roots = await listBudgetsToWarn(database, STEP);
          for (const root of roots) await warn(root);
          return roots.length;
        },
      },
      {
        name: 'spending-of-gone-runs',
        everyMs: DAY_MS,
        limit: STEP,
        step: (now) => deleteStaleSpending(database, { olderThan: now - DAY_MS, limit: STEP }),
      },
    ],
  };
}

function exceeded(upToPd: bigint, { rootRunId, spentPd, reservedPd, limitPd }: RunBudget): StepFailure {
  const [asked, spent, reserved, limit] = [upToPd, spentPd, reservedPd, limitPd].map(dollarText);
  return new StepFailure(
    'BUDGET_EXCEEDED',
    `This call may cost ${asked}, and the run may spend ${limit} in all: ${spent} is spent, ${reserved} is reserved by calls under way. Nothing was called. Raise "stop" of the budget in the settings of the workflow, publish it, and retry the run on the live version.`,
    {
      kind: 'input',
      data: { scope: 'run', runId: rootRunId, asked: asked ?? '', spent: spent ?? '', reserved: reserved ?? '', limit: limit ?? '' },
    },
  );
}
