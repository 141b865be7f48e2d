/** Trying a draft: whole, up to a node, or one node alone. */
import type { MockedReply, Outputs, Plan, PlanNode } from '@plugboard/engine';
import { getDraft } from '@plugboard/persistence';
import type { Json, JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import type { FileService } from '../files/file-service.ts';
import { demand } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, text } from '../operation/shapes.ts';
import type { Runner } from '@plugboard/runner';
import type { PlanStore } from '../runs/plan-store.ts';
import { approvalsBefore, demandMayPass, isApproval } from '../runs/passed-approvals.ts';
import { type RunAccess, createRunAccess, resourceOf } from '../runs/run-access.ts';
import { runId } from '../runs/run-shapes.ts';
import { type StoredRuns, demandData } from '../runs/stored-runs.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { workflowResource } from '../workflows/workflow-access.ts';
import { itemOf, pinnedOutputs, startDraftRun } from './draft-runs.ts';

const MAX_ITEMS = 10_000;
const MAX_MOCKS = 200;

const nodeId = text(200, 1);
const itemList = z.array(json).max(MAX_ITEMS);
export const mockedReply = z
  .strictObject({
    method: text(20, 1).optional(),
    url: text(4000, 1),
    status: z.int().min(200).max(599).optional(),
    headers: z.record(text(200, 1), text(8000)).optional(),
    body: json.optional(),
  })
  .meta({ id: 'MockedReply' });

export interface DraftRunOperationsOptions {
  readonly runner: Runner;
  readonly plans: PlanStore;
  readonly stored: StoredRuns;
  readonly definitions: Definitions;
  readonly files: FileService;
}

export function draftRunOperations({ runner, plans, stored, definitions, files }: DraftRunOperationsOptions): readonly Operation[] {
  const access = createRunAccess(stored);

  return [
    operation({
      name: 'draft.run',
      field: 'runDraft',
      kind: 'mutation',
      summary: 'Try the draft: whole, up to a node, or one node alone with given items, pinned data or data of an earlier run.',
      permission: { action: 'workflow.run', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.workflowId)) },
      input: z
        .strictObject({
          workflowId: id,
          to: nodeId.optional(),
          only: nodeId.optional(),
          trigger: nodeId.optional(),
          /** What the trigger gives: one value, or a list of them. */
          input: json.optional(),
          /** With `only`: the items the node gets, or by input port. */
          items: itemList.optional(),
          ports: z.record(text(64, 1), itemList).optional(),
          /** A run whose results stand in for what is before. */
          past: runId.optional(),
          usePins: z.boolean().default(true),
          /** Answers to requests; with them nothing leaves the server. */
          mocks: z.array(mockedReply).max(MAX_MOCKS).optional(),
          idempotencyKey: text(255, 1).optional(),
        })
        .refine((input) => input.to === undefined || input.only === undefined, 'Say either "to" or "only"')
        .refine(
          (input) => input.only !== undefined || (input.items === undefined && input.ports === undefined),
          '"items" and "ports" go with "only"',
        ),
      output: z.object({ runId: id }).meta({ id: 'DraftRun' }),
      problems: ['DEFINITION_INVALID', 'NO_TRIGGER', 'STEP_STATE', 'TYPE_MISSING', 'DATA_ERASED', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/draft/run', status: 202 },
      transactional: false,
      async handler(ctx, input) {
        const { workflowId, to, only, trigger } = input;
        const past = input.past === undefined ? undefined : await pastRun(access, ctx, workflowId, input.past);
        const draft = await ctx.inTransaction((tx) => getDraft(tx, workflowId));
        if (!draft) throw notFound('The workflow has no draft');
        const { definition } = definitions.demandSound(draft.definition, 'started');
        await plans.prepare(workflowId);
        const loaded = plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId });
        const pins = input.usePins ? await pinnedOutputs(ctx, files, loaded) : new Map<string, Outputs>();
        // With mocked answers nothing leaves the server.
        if (!input.mocks) {
          const resource = await ctx.inTransaction((tx) => workflowResource(tx, workflowId));
          if (resource) demandMayPass(ctx, resource, passedBy(loaded.plan, only, pins));
        }
        const given = input.input as Json | undefined;
        const started = await startDraftRun(runner, ctx, {
          loaded,
          definition,
          how: 'draft',
          to,
          only,
          trigger,
          past,
          ports: portsOf(input.ports ?? (input.items ? { main: input.items } : undefined)),
          input: given === undefined ? undefined : Array.isArray(given) ? given : [given],
          pins,
          mocks: input.mocks as readonly MockedReply[] | undefined,
        });
        ctx.audit({ kind: 'run', id: started, payload: { ...(to === undefined ? {} : { to }), ...(only === undefined ? {} : { only }) } });
        return { runId: started };
      },
    }),
  ];
}

/** Approvals that pinned data answers, or that lie before the one node that runs. */
function passedBy(plan: Plan, only: string | undefined, pins: ReadonlyMap<string, Outputs>): readonly PlanNode[] {
  const node = only === undefined ? undefined : (plan.byId.get(only) ?? plan.byName.get(only));
  const pinned = [...pins.keys()].flatMap((id) => plan.byId.get(id) ?? []).filter(isApproval);
  return [...pinned, ...(node ? approvalsBefore(plan, node) : [])];
}

/** Its data flows on, so whoever asks has to be allowed to read it. */
async function pastRun(access: RunAccess, ctx: OperationContext, workflowId: string, given: string) {
  const past = await access.open(ctx, given);
  demand(ctx, 'run.readData', resourceOf(await access.rowOf(ctx, past.run.head.id)));
  if (past.run.head.workflowId !== workflowId)
    throw new OperationProblem('INPUT_INVALID', 'This is a run of another workflow', { path: 'input.past' });
  demandData(past.events);
  return past;
}

function portsOf(lists: { readonly [port: string]: readonly unknown[] } | undefined): Outputs | undefined {
  if (!lists) return undefined;
  return Object.fromEntries(Object.entries(lists).map(([port, list]) => [port, { items: list.map((one) => itemOf(one as JsonObject)) }]));
}
