/** Runs as lists show them, and what goes on at this moment. */
import { findDisplayNames, findWorkflowByName, listRunRows, nowSummary } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { id, moment, page, pageInput, pageOf, text } from '../operation/shapes.ts';
import { demandVisible } from '../workflows/workflow-access.ts';
import type { RunAccess } from './run-access.ts';
import { headView, rowView, runHead, runRow, statuses, tagText, triggers } from './run-shapes.ts';
import type { StoredRuns } from './stored-runs.ts';

export function runListOperations({ visible }: RunAccess, stored: StoredRuns): readonly Operation[] {
  return [
    operation({
      name: 'run.overview',
      field: 'runs',
      kind: 'query',
      summary: 'A page of runs, newest first; the last seven days unless asked otherwise.',
      permission: { member: 'The list shows runs of what each may see.' },
      input: z.strictObject({
        workflowId: id.optional(),
        statuses: z.array(statuses).max(8).optional(),
        triggers: z.array(triggers).max(8).optional(),
        since: moment.optional(),
        until: moment.optional(),
        /** An id or its end, or `key:value` of a tag. */
        search: text(300).optional(),
        /** `key=value` each; a run has all of them. */
        tags: z.array(tagText).max(5).optional(),
        first: pageInput.first,
        after: id.optional(),
      }),
      output: pageOf(runRow).meta({ id: 'RunRows' }),
      problems: [],
      rest: {
        method: 'GET',
        path: '/runs/overview',
        alsoAt: [
          { method: 'GET', path: '/workflows/executions' },
          { method: 'GET', path: '/executions' },
        ],
      },
      handler: (ctx, { since, until, search, tags, ...input }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listRunRows(tx, {
            ...input,
            ...searched(search, tags),
            visible: visible(ctx),
            ...(since === undefined ? {} : { since: Date.parse(since) }),
            ...(until === undefined ? {} : { until: Date.parse(until) }),
          });
          const names = await findDisplayNames(
            tx,
            found.rows.flatMap((row) => row.initiator ?? []),
          );
          return page(
            found.rows.map((row) => rowView(row, names)),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'run.list',
      kind: 'query',
      summary: 'Runs of the last seven days, newest first.',
      permission: { member: 'The list shows runs of what each may see.' },
      input: z.strictObject({
        status: statuses.optional(),
        workflow: text(200).optional(),
        cursor: z.guid('this is not what a page before gave as nextCursor').optional(),
        limit: z.int().min(1).max(100).optional(),
      }),
      output: z.object({ runs: z.array(runHead), nextCursor: z.string().optional() }).meta({ id: 'RunHeads' }),
      problems: [],
      rest: { method: 'GET', path: '/runs' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const workflow =
            input.workflow === undefined ? undefined : demandVisible(ctx, await findWorkflowByName(tx, input.workflow), input.workflow);
          const { rows, nextCursor } = await listRunRows(tx, {
            visible: visible(ctx),
            workflowId: workflow && 'id' in workflow ? workflow.id : undefined,
            statuses: input.status === undefined ? undefined : [input.status],
            after: input.cursor,
            first: input.limit,
          });
          return { runs: rows.map((row) => headView(row, row.workflowName)), ...(nextCursor === undefined ? {} : { nextCursor }) };
        }),
    }),
    operation({
      name: 'run.now',
      field: 'now',
      kind: 'query',
      summary: 'What goes on at this moment, of what one may see.',
      permission: { member: 'Only what each may see is counted.' },
      input: z.strictObject({}),
      output: z
        .object({
          running: z.array(
            z.object({ runId: id, workflowName: z.string(), stepsDone: z.int(), stepsTotal: z.int() }).meta({ id: 'RunningRun' }),
          ),
          runningCount: z.int(),
          waiting: z.object({ count: z.int(), oldestAt: z.iso.datetime().optional() }).meta({ id: 'WaitingRuns' }),
          failedToday: z
            .object({
              count: z.int(),
              mostOf: z.object({ workflowName: z.string(), count: z.int() }).meta({ id: 'MostFailed' }).optional(),
            })
            .meta({ id: 'FailedRuns' }),
          endedToday: z.int(),
        })
        .meta({ id: 'NowSummary' }),
      problems: [],
      rest: { method: 'GET', path: '/now' },
      async handler(ctx) {
        const summary = await ctx.inTransaction((tx) => nowSummary(tx, visible(ctx)));
        const running = await Promise.all(
          summary.newest.map(async ({ id: one, workflowName }) => {
            const { state } = await stored.open(ctx.inTransaction, ctx.workspaceId, one);
            const steps = state.root.steps.filter((step) => step !== undefined && state.plan.nodes[step.index]?.isTrigger !== true);
            return {
              runId: one,
              workflowName,
              stepsDone: steps.filter((step) => step && (step.endedAt > 0 || step.skip !== undefined)).length,
              stepsTotal: steps.length,
            };
          }),
        );
        const { newest: _, waiting, ...counts } = summary;
        const { count, oldestAt } = waiting;
        return { ...counts, waiting: { count, ...(oldestAt ? { oldestAt: oldestAt.toISOString() } : {}) }, running };
      },
    }),
  ];
}

/** What people type is an id, its end, or a tag. */
export function searched(
  search: string | undefined,
  asked: readonly string[] = [],
): Pick<Parameters<typeof listRunRows>[1], 'search' | 'tags'> {
  const tags = asked.map((one) => splitAt(one, '='));
  const typed = search?.trim() ?? '';
  if (typed.indexOf(':') > 0) return { tags: [...tags, splitAt(typed, ':')] };
  return { tags, ...(typed === '' ? {} : { search: typed }) };
}

function splitAt(pair: string, mark: string): { key: string; value: string } {
  const at = pair.indexOf(mark);
  return { key: pair.slice(0, at), value: pair.slice(at + 1) };
}
