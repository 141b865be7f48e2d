/** Stored runs brought back to what they were: events, the plan they ran under, and the state these give. */
import { type BlobStore, type Outputs, type RunEvent, type RunState, type WorkflowDefinition, isErased } from '@plugboard/engine';
import {
  type RunDetail,
  type WorkspaceTransaction,
  findRun,
  findRunByShortId,
  listRunRows,
  isUuid,
  loadVersion,
  type Database,
} from '@plugboard/persistence';
import { type LoadedPlan, decodeEvents } from '@plugboard/runner';
import type { Visible } from '../access/access.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { slices } from './in-slices.ts';
import type { PlanStore } from './plan-store.ts';
import { replay } from './run-view.ts';

export interface OpenedRun {
  readonly run: RunDetail;
  readonly events: readonly RunEvent[];
  readonly loaded: LoadedPlan;
  readonly state: RunState;
  readonly definition: WorkflowDefinition | undefined;
}

export interface StoredRuns {
  /** The whole id of what people write: an id, its last eight digits, or `last` for the newest they may see. */
  resolve(tx: WorkspaceTransaction, id: string, visible: Visible): Promise<string | undefined>;
  /** @throws OperationProblem NOT_FOUND */
  open(
    tx: <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) => Promise<Result>,
    workspaceId: string,
    id: string,
  ): Promise<OpenedRun>;
}

export function createStoredRuns(options: {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly plans: PlanStore;
}): StoredRuns {
  const { database, blobs, plans } = options;
  return {
    async resolve(tx, id, visible) {
      const wanted = id.toLowerCase();
      const { workspaceId } = tx.context;
      if (wanted === 'last') return (await listRunRows(tx, { visible, first: 1 })).rows[0]?.id;
      if (/^[0-9a-f]{8}$/.test(wanted)) return (await findRunByShortId(tx, { workspaceId, shortId: wanted }))?.head.id;
      return isUuid(wanted) ? wanted : undefined;
    },

    async open(inTransaction, workspaceId, id) {
      const run = await inTransaction((tx) => findRun(tx, { workspaceId, id }));
      if (!run) throw noRun(id);
      const events = await decodeAll(run.chunks, blobs, workspaceId);
      const [first] = events;
      const carried = first?.type === 'run.started' ? first.definition : undefined;
      const { head } = run;
      const loaded = carried ? plans.compile(carried, head) : await plans.load(head.workflowId, head.version, head.environment);
      const definition = carried ?? (await loadVersion(database, head.workflowId, head.version))?.definition;
      return { run, events, loaded, state: await replay(loaded, events), definition };
    },
  };
}

/** Whoever goes on from what a run was given needs it. @throws OperationProblem DATA_ERASED */
export function demandData(events: readonly RunEvent[]): void {
  if (isErased(events)) throw dataErased();
}

export function dataErased(): OperationProblem {
  return new OperationProblem('DATA_ERASED', 'What the steps of this run were given and gave is forgotten', {
    hint: 'Start a new run with input of your own. The setting "keepData" of the workflow and the workspace says what is kept.',
  });
}

export function noRun(id: string): Error {
  return notFound(
    `There is no run ${id}`,
    'Use the full id or its last eight digits, as shown by: npx plugboard runs. The newest run is: last',
  );
}

/** What its trigger gave, with what joined the run while it waited to begin; undefined where that is not kept. */
export function inputOf({ state, events }: Pick<OpenedRun, 'state' | 'events'>): Outputs | undefined {
  const [first] = events;
  if (first?.type !== 'run.started') return undefined;
  return state.root.steps[state.triggerNode]?.outputs ?? first.outputs;
}

/** The events of a run's chunks. */
export async function decodeAll(chunks: readonly string[], blobs: BlobStore, workspaceId: string): Promise<RunEvent[]> {
  const slice = slices();
  const events: RunEvent[] = [];
  for (const chunk of chunks) {
    for (const event of await decodeEvents(chunk, blobs, workspaceId)) events.push(event);
    await slice();
  }
  return events;
}
