/**
 * The next run of a workflow that repeats. It begins under the version that is live by then; a workflow that was taken out of service, or that repeats no
 * more, ends its chain; one that is paused goes on when it is let go on.
 */
import { type BlobRef, type BlobStore, isErased } from '@plugboard/engine';
import {
  type Database,
  type DueFollowUp,
  type WorkspaceTransaction,
  findChainPlace,
  findDeployment,
  findRun,
  inWorkspace,
  linkToChain,
} from '@plugboard/persistence';
import type { Item } from '@plugboard/sdk';
import { type FollowUp, NotYetError } from './follow-ups.ts';
import type { PlanStore } from './plan-store.ts';
import type { StoredRuns } from './stored-runs.ts';

const LIVE = 1;
const KEY_KEPT_MS = 30 * 24 * 60 * 60_000;

export interface NextRunsOptions {
  readonly database: Database;
  readonly plans: PlanStore;
  readonly blobs: BlobStore;
  readonly stored: StoredRuns;
  readonly systemPrincipalId: string;
  readonly log: { warn(fields: object, message: string): void };
  readonly now?: () => number;
}

/** Undefined where the chain ends. */
export function createNextRuns(options: NextRunsOptions): (due: DueFollowUp) => Promise<FollowUp | undefined> {
  const { database, plans, systemPrincipalId, now = Date.now } = options;
  return async ({ runId, workspaceId, payload }) => {
    const inTransaction = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
      inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, use);
    const found = await inTransaction(async (tx) => {
      const run = await findRun(tx, { workspaceId, id: runId });
      const place = run && (await findChainPlace(tx, { workspaceId, runId }));
      const deployment = run && (await findDeployment(tx, run.head.workflowId));
      return run && place && deployment ? { run, place, deployment } : undefined;
    });
    if (!found || found.deployment.state === 'off') return undefined;
    if (found.deployment.state === 'paused')
      throw new NotYetError(`The workflow of run ${runId} is paused; its next run begins when it goes on`);
    const { head } = found.run;
    const loaded = await plans.load(head.workflowId, found.deployment.version, LIVE);
    const { repeat } = loaded.plan;
    const { firstRunId, n, sinceMs } = found.place;
    if (!repeat || n >= (repeat.times ?? Infinity) || now() - sinceMs >= (repeat.forMs ?? Infinity)) return undefined;
    const begun = await beginningOf(options, inTransaction, { workspaceId, runId, payload });
    if (!begun) return undefined;
    const trigger = loaded.plan.byId.get(begun.trigger);
    if (!trigger?.isTrigger || trigger.disabled) return undefined;
    return {
      loaded,
      trigger: trigger.id,
      items: begun.items,
      triggerKind: head.triggerKind,
      keys: [{ scope: 'next', key: runId, expiresAt: now() + KEY_KEPT_MS }],
      alongside: (id) => linkToChain({ workspaceId, runId: id, firstRunId, n: n + 1 }),
      ...(head.initiator === undefined ? {} : { initiator: head.initiator }),
    };
  };
}

/** Where the next run begins and with what: as this one did, or with what this one gave. */
async function beginningOf(
  { blobs, stored, log }: NextRunsOptions,
  inTransaction: <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) => Promise<Result>,
  { workspaceId, runId, payload }: Omit<DueFollowUp, 'kind'>,
): Promise<{ readonly trigger: string; readonly items: readonly Item[] } | undefined> {
  const { events } = await stored.open(inTransaction, workspaceId, runId);
  const [first] = events;
  if (first?.type !== 'run.started') throw new TypeError(`Run ${runId} has no beginning`);
  const { items, blob } = payload as { readonly items?: readonly Item[]; readonly blob?: BlobRef };
  if (items) return { trigger: first.trigger, items };
  if (blob) return { trigger: first.trigger, items: JSON.parse(await blobs.get(workspaceId, blob)) as readonly Item[] };
  // Data is kept until its note is gone, so only somebody's own hand can have forgotten it: empty items in its place would be made up.
  if (isErased(events)) {
    log.warn({ runId }, 'a workflow that repeats with the same input ends here, for what its run was given is forgotten');
    return undefined;
  }
  return { trigger: first.trigger, items: first.outputs['main']?.items ?? [] };
}
