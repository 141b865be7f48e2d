/**
 * Runs of error workflows: one for each run that did not end well, whatever ended it. The flush that ended the run has noted it, so nothing that happens
 * to a process loses one; its key makes it one, whoever starts it. A run that an error workflow began, or that such a run called, is never told of.
 */
import { findStep, inputItem } from '@plugboard/engine';
import {
  type Database,
  type DueFollowUp,
  type RunSummary,
  type WorkspaceTransaction,
  findDeployment,
  findRun,
  findWorkspace,
  inWorkspace,
  loadVersion,
} from '@plugboard/persistence';
import type { LoadedPlan, ReportedRun } from '@plugboard/runner';
import type { Item, JsonObject } from '@plugboard/sdk';
import type { Settings } from '../settings/settings.ts';
import { actsFor, mayStart, workflowNamed } from './callable-workflow.ts';
import type { FollowUp } from './follow-ups.ts';
import type { PlanStore } from './plan-store.ts';
import type { StoredRuns } from './stored-runs.ts';

const LIVE = 1;
const MINUTE_MS = 60_000;
const KEY_KEPT_MS = 30 * 24 * 60 * MINUTE_MS;
/** A failed item is told whole up to this length of its JSON text. */
const ITEM_LENGTH = 16 * 1024;

/** Whether a run that ended so is told of at all; the rest is found out once it is. */
export function createReports(settings: Pick<Settings, 'value'>): (run: ReportedRun) => boolean {
  return ({ head, status, plan }) => {
    if (head.environment !== LIVE || head.triggerKind === 'error') return false;
    if (status === 'cancelled' && plan?.errors.on !== 'all') return false;
    return plan === undefined || plan.errors.workflow !== undefined || settings.value('runs.errorWorkflow', head.workspaceId) !== '';
  };
}

export interface ErrorRunsOptions {
  readonly database: Database;
  readonly plans: PlanStore;
  readonly stored: StoredRuns;
  readonly settings: Pick<Settings, 'value'>;
  readonly systemPrincipalId: string;
  /** The address people open the pages at. */
  readonly pageUrl: () => string;
  readonly log: { warn(fields: object, message: string): void };
}

/** What is started for a failure; undefined when nothing is, with the reason in the log where somebody should know. */
export function createErrorRuns(options: ErrorRunsOptions): (failure: DueFollowUp) => Promise<FollowUp | undefined> {
  const { database, plans, settings, systemPrincipalId, log } = options;
  return async ({ runId, workspaceId }) => {
    const inTransaction = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
      inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, use);
    const run = await inTransaction(async (tx) => {
      const failed = await findRun(tx, { workspaceId, id: runId });
      return failed && !(await beganWithError(tx, failed)) ? failed : undefined;
    });
    if (!run) return undefined;
    const own = (await loadVersion(database, run.head.workflowId, run.head.version))?.definition.settings.errorWorkflow;
    const name = own ?? settings.value('runs.errorWorkflow', workspaceId);
    if (name === '') return undefined;
    const found = await inTransaction(async (tx) => {
      const workflow = await workflowNamed(tx, name);
      return workflow && { workflow, principalId: await actsFor(tx, run.head), deployment: await findDeployment(tx, workflow.id) };
    });
    const isAllowed =
      found && (own === undefined || (await mayStart(options, { workspaceId, principalId: found.principalId }, found.workflow)));
    if (!isAllowed || found.deployment?.state !== 'active') {
      log.warn({ runId, errorWorkflow: name }, 'a run failed, and its error workflow is not there, not live, or may not be started by it');
      return undefined;
    }
    const workflowId = found.workflow.id;
    const { version } = found.deployment;
    const loaded = await plans.load(workflowId, version, LIVE);
    const trigger = errorTriggerOf(loaded);
    if (trigger === undefined) {
      log.warn(
        { runId, errorWorkflow: loaded.workflowName },
        'a run failed, and its error workflow does not begin with "When a run fails"',
      );
      return undefined;
    }
    const pauseMs = settings.value('runs.errorPauseMinutes', workspaceId) * MINUTE_MS;
    const keys = [{ scope: 'error', key: runId, expiresAt: Date.now() + KEY_KEPT_MS }];
    if (pauseMs > 0 && run.errorFingerprint !== undefined)
      keys.push({ scope: `error:${workflowId}`, key: run.errorFingerprint, expiresAt: Date.now() + pauseMs });
    return { loaded, trigger, items: [await failureItem(options, inTransaction, run)], triggerKind: 'error', keys };
  };
}

function errorTriggerOf({ plan: { nodes } }: LoadedPlan): string | undefined {
  return nodes.find(({ type, disabled }) => !disabled && type.kind === 'trigger' && type.trigger === 'error')?.id;
}

/** An error workflow that fails, or calls one that does, would have itself run for ever. */
async function beganWithError(tx: WorkspaceTransaction, { head }: RunSummary): Promise<boolean> {
  if (head.rootRunId === head.id) return head.triggerKind === 'error';
  const root = await findRun(tx, { workspaceId: head.workspaceId, id: head.rootRunId });
  return head.triggerKind === 'error' || root?.head.triggerKind === 'error';
}

/** What the error workflow is told. A run that cannot be read any more is told of by what its row says. */
async function failureItem(
  { database, stored, settings, pageUrl }: ErrorRunsOptions,
  inTransaction: <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) => Promise<Result>,
  run: RunSummary,
): Promise<Item> {
  const { head } = run;
  const opened = await stored.open(inTransaction, head.workspaceId, head.id).catch(() => undefined);
  const name = opened?.loaded.workflowName ?? (await loadVersion(database, head.workflowId, head.version))?.definition.name ?? null;
  const workspace = await findWorkspace(database, head.workspaceId);
  const kept = settings.value('runs.keepData', head.workspaceId);
  const keepsNothing = kept === 'none' || opened?.loaded.plan.keepData === 'none';
  const json: JsonObject = {
    workflow: { id: head.workflowId, name, version: head.version },
    run: {
      id: head.id,
      url: `${pageUrl()}/w/${workspace?.slug ?? 'default'}/runs/${head.id}`,
      status: run.status,
      trigger: head.triggerKind,
      startedAt: new Date(head.startedAt).toISOString(),
      endedAt: run.endedAt === undefined ? null : new Date(run.endedAt).toISOString(),
      rootId: head.rootRunId,
    },
    error: { code: run.errorCode ?? null, message: run.errorMessage ?? null },
    ...(opened ? whereItFailed(opened.state, keepsNothing) : {}),
  };
  return { json };
}

/** The item stays away from a run that would keep it longer than its own does. */
function whereItFailed(state: Awaited<ReturnType<StoredRuns['open']>>['state'], keepsNothing: boolean): JsonObject {
  const nodeId = state.error?.node;
  const node = nodeId === undefined ? undefined : state.plan.byId.get(nodeId);
  const step = node && findStep(state, node);
  if (!node) return {};
  const item = !keepsNothing && step?.input && step.errorItem !== undefined ? inputItem(step.input, step.errorItem) : undefined;
  const isShort = item !== undefined && JSON.stringify(item.json).length <= ITEM_LENGTH;
  return {
    step: { id: node.id, name: node.name, type: node.typeName, attempts: step?.attempt ?? null, item: state.error?.item ?? null },
    ...(isShort ? { item: item.json } : {}),
  };
}
