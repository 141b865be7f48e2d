/** One run looked into: how it stands, its steps, what happened; without what its steps were given and gave. */
import { type RunOrigin, isErased, isTerminal } from '@plugboard/engine';
import { findBudget, findDisplayNames, listRunTags } from '@plugboard/persistence';
import { z } from 'zod';
import type { RunFact } from '../live/run-fact.ts';
import { createRunFacts } from '../live/run-facts.ts';
import { may } from '../operation/demand.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { json } from '../operation/shapes.ts';
import { slices } from './in-slices.ts';
import { type RunAccess, resourceOf } from './run-access.ts';
import { modesOf } from './run-modes.ts';
import { progressOf, runProgress, runStepRow, stepRow } from './run-progress.ts';
import { budgetView, headView, rowView, runDetail, runHead, runId, type runOrigin, runSteps } from './run-shapes.ts';
import { history, stepViews } from './run-view.ts';
import type { OpenedRun, StoredRuns } from './stored-runs.ts';
import { waysOn } from './ways-on.ts';

const FACTS_PER_CALL = 1000;
/** Active time a run may take where its workflow does not say, in milliseconds. */
const DEFAULT_ACTIVE_MS = 1_800_000;

export function runReadOperations({ onRun, fullId, open, rowOf, waitUntil }: RunAccess, stored: StoredRuns): readonly Operation[] {
  return [
    operation({
      name: 'run.detail',
      field: 'run',
      kind: 'query',
      summary: 'One run with the definition it runs under.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId }),
      output: runDetail,
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/detail', alsoAt: [{ method: 'GET', path: '/workflows/executions/{id}' }] },
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        const row = await rowOf(ctx, full);
        const opened = await stored.open(ctx.inTransaction, ctx.workspaceId, full);
        const { run, state, loaded, events, definition } = opened;
        const names = await ctx.inTransaction((tx) => findDisplayNames(tx, row.initiator === undefined ? [] : [row.initiator]));
        const ended = events.at(-1);
        const failed = ended?.type === 'run.ended' ? ended.error : undefined;
        const node = failed?.node === undefined ? undefined : loaded.plan.byId.get(failed.node);
        const budget = await ctx.inTransaction((tx) => findBudget(tx, { workspaceId: ctx.workspaceId, rootRunId: run.head.rootRunId }));
        const view = rowView(row, names);
        return {
          ...view,
          ...(failed
            ? {
                error: {
                  code: failed.code,
                  message: failed.message,
                  ...(failed.node === undefined ? {} : { nodeId: failed.node }),
                  ...(node ? { nodeName: node.name } : {}),
                  ...(failed.item === undefined ? {} : { item: failed.item }),
                },
              }
            : {}),
          definition: definition ?? null,
          seq: run.events,
          activeMs: ended?.type === 'run.ended' ? ended.activeMs : Math.max(0, state.at - state.startedAt),
          itemsIn: itemsIn(events[0]),
          modes: modesOf(loaded.plan, row.trigger),
          ...(state.origin ? { origin: originView(state.origin) } : {}),
          isErased: isErased(events),
          tags: await ctx.inTransaction((tx) => listRunTags(tx, full)),
          ...(budget ? { budget: budgetView(budget) } : {}),
          limits: { ...(budget ? { costPd: `${budget.limitPd}` } : {}), activeMs: definition?.settings.timeoutMs ?? DEFAULT_ACTIVE_MS },
          may: {
            control: may(ctx, 'run.control', resourceOf(row)),
            readData: may(ctx, 'run.readData', resourceOf(row)),
            ...(await waysOn(ctx, opened, row.projectId)),
          },
        };
      },
    }),
    operation({
      name: 'run.get',
      kind: 'query',
      summary: 'One run with its steps.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId }),
      output: runSteps,
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}' },
      async handler(ctx, input) {
        const { run, state, loaded, events } = await open(ctx, input.id);
        const row = await rowOf(ctx, run.head.id);
        const budget = await ctx.inTransaction((tx) => findBudget(tx, { workspaceId: ctx.workspaceId, rootRunId: run.head.rootRunId }));
        const past = await history(loaded.plan, events);
        const mayReadData = may(ctx, 'run.readData', resourceOf(row));
        return {
          ...headView(row, loaded.workflowName),
          ...(state.origin ? { origin: originView(state.origin) } : {}),
          ...(budget ? { budget: budgetView(budget) } : {}),
          ...(past.takenOver.length > 0 ? { takenOver: [...past.takenOver] } : {}),
          ...(past.cancelled ? { cancelled: past.cancelled } : {}),
          // What steps logged is data of the run.
          steps: stepViews(state, past).map((step) => (mayReadData ? step : { ...step, logs: [] })),
        };
      },
    }),
    operation({
      name: 'run.state',
      kind: 'query',
      summary: 'Where a run stands; waits up to 30 s for it to end.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId, waitMs: z.int().min(0).max(30_000).default(0) }),
      output: runHead,
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/state' },
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        return headView(await waitUntil(ctx, full, input.waitMs, (now) => isTerminal(now.status) || now.status === 'waiting'), undefined);
      },
    }),
    operation({
      name: 'run.progress',
      field: 'runProgress',
      kind: 'query',
      summary: 'How far a run has come: its state, what is at work, counts of steps, cost; without its data.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId }),
      output: runProgress,
      problems: [],
      rest: {
        method: 'GET',
        path: '/runs/{id}/progress',
        alsoAt: [
          { method: 'GET', path: '/workflows/executions/{id}/status' },
          { method: 'GET', path: '/executions/{id}/status' },
          { method: 'GET', path: '/executions/{id}' },
        ],
      },
      async handler(ctx, input) {
        const { run, state, loaded, events } = await open(ctx, input.id);
        const views = stepViews(state, await history(loaded.plan, events));
        const steps = views.filter((step) => state.plan.byId.get(step.node)?.isTrigger !== true);
        return progressOf(await rowOf(ctx, run.head.id), steps);
      },
    }),
    operation({
      name: 'run.steps',
      field: 'runSteps',
      kind: 'query',
      summary: 'The steps of a run in the order of its workflow, without their data.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId }),
      output: z.object({ rows: z.array(runStepRow) }).meta({ id: 'RunStepRows' }),
      problems: [],
      rest: {
        method: 'GET',
        path: '/runs/{id}/steps',
        alsoAt: [
          { method: 'GET', path: '/workflows/executions/{id}/jobs' },
          { method: 'GET', path: '/executions/{id}/jobs' },
        ],
      },
      async handler(ctx, input) {
        const { state, loaded, events } = await open(ctx, input.id);
        return { rows: stepViews(state, await history(loaded.plan, events)).map(stepRow) };
      },
    }),
    operation({
      name: 'run.facts',
      field: 'runFacts',
      kind: 'query',
      summary: 'What happened in a run, without its data, in order.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId, after: z.int().min(0).default(0) }),
      output: z.object({ facts: z.array(json), hasMore: z.boolean() }).meta({ id: 'RunFactsPage' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/facts' },
      async handler(ctx, input) {
        const { loaded, events } = await open(ctx, input.id);
        const folder = createRunFacts(loaded.plan);
        const slice = slices();
        const facts: RunFact[] = [];
        for (const event of events) {
          if (facts.length > FACTS_PER_CALL) break;
          for (const fact of folder.take([event])) if (fact.seq > input.after) facts.push(fact);
          const turn = slice();
          if (turn) await turn;
        }
        return { facts: facts.slice(0, FACTS_PER_CALL), hasMore: facts.length > FACTS_PER_CALL };
      },
    }),
  ];
}

function itemsIn(first: OpenedRun['events'][number] | undefined): number {
  if (first?.type !== 'run.started') return 0;
  return Object.values(first.outputs).reduce((sum, batch) => sum + batch.items.length, 0);
}

function originView({ run, how, node }: RunOrigin): z.input<typeof runOrigin> {
  return { how, ...(run === undefined ? {} : { runId: run }), ...(node === undefined ? {} : { nodeId: node }) };
}
