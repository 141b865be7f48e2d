/** Runs that are asked for: started, and started again. */
import type { RunTag } from '@plugboard/engine';
import { findWorkflow, findWorkflowByName, liveVersion } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { type Operation, aliasAnswer, operation } from '../operation/operation.ts';
import { id, json, text } from '../operation/shapes.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { demandVisible, noWorkflow, projectResource } from '../workflows/workflow-access.ts';
import type { PlanStore } from './plan-store.ts';
import type { Rerun } from './rerun.ts';
import type { RunAccess } from './run-access.ts';
import type { RunLauncher, RunPlan } from './run-launcher.ts';
import { runId, runTags } from './run-shapes.ts';

export interface RunLaunchOperationsOptions {
  readonly access: RunAccess;
  readonly launcher: RunLauncher;
  readonly plans: PlanStore;
  readonly definitions: Definitions;
  readonly rerun: Rerun;
}

const startedRun = z.object({ runId: id }).meta({ id: 'StartedRun' });
/** It is stored and has not begun. */
const LAUNCHED = aliasAnswer(
  startedRun,
  z.object({ id, status: z.literal('pending') }).meta({ id: 'LaunchedExecution' }),
  ({ runId: started }) => ({ id: started, status: 'pending' as const }),
);

export function runLaunchOperations({ access, launcher, plans, definitions, rerun }: RunLaunchOperationsOptions): readonly Operation[] {
  const { onRun } = access;
  const { begin, draftPlan, livePlan, homeOf } = launcher;

  return [
    operation({
      name: 'run.start',
      field: 'startRun',
      kind: 'mutation',
      summary: 'Start a run: of what is live, of the draft, or of a definition that is given.',
      permission: {
        action: 'workflow.run',
        on: (ctx, input) =>
          ctx.inTransaction(async (tx) => {
            if (input.workflowId !== undefined) {
              const found = await findWorkflow(tx, input.workflowId);
              return found && { kind: 'workflow', id: found.id, projectId: found.projectId };
            }
            if (input.workflow !== undefined) return demandVisible(ctx, await findWorkflowByName(tx, input.workflow), input.workflow);
            return projectResource(tx, ctx, undefined);
          }),
      },
      input: z
        .strictObject({
          workflowId: id.optional(),
          workflow: text(200, 1).optional(),
          definition: json.optional(),
          source: z.enum(['live', 'draft']).meta({ id: 'RunSource' }).optional(),
          input: json.optional(),
          trigger: text(200).optional(),
          triggerNodeId: text(200).optional(),
          tags: runTags.optional(),
          idempotencyKey: text(255, 1).optional(),
        })
        .refine(
          (input) => input.workflowId !== undefined || input.workflow !== undefined || input.definition !== undefined,
          'Say which workflow to run: "workflowId", "workflow" (a name) or "definition"',
        ),
      output: startedRun,
      problems: ['DEFINITION_INVALID', 'NO_TRIGGER', 'NAME_TAKEN', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: {
        method: 'POST',
        path: '/runs',
        status: 202,
        alsoAt: [
          { method: 'POST', path: '/workflows/executions', answer: LAUNCHED },
          { method: 'POST', path: '/executions/launch', answer: LAUNCHED },
        ],
      },
      transactional: false,
      async handler(ctx, input) {
        const trigger = input.triggerNodeId ?? input.trigger;
        const given = (input.input ?? {}) as Json;
        const tags = tagList(input.tags);
        if (input.definition !== undefined) {
          const { definition } = definitions.demandSound(input.definition, 'started');
          const workflowId = await homeOf(ctx, definition);
          await plans.prepare(workflowId);
          const started = await begin(
            ctx,
            { loaded: plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId }), definition, tags },
            trigger,
            [given],
          );
          ctx.audit({ kind: 'run', id: started });
          return { runId: started };
        }
        const workflow = await ctx.inTransaction((tx) =>
          input.workflowId === undefined ? findWorkflowByName(tx, input.workflow ?? '') : findWorkflow(tx, input.workflowId),
        );
        if (!workflow) throw noWorkflow(input.workflow ?? '');
        const isLive = (await ctx.inTransaction((tx) => liveVersion(tx, workflow.id))) !== undefined;
        const source = input.source ?? (isLive || input.workflowId === undefined ? 'live' : 'draft');
        const plan: RunPlan =
          source === 'draft' ? await draftPlan(ctx, workflow.id) : { loaded: await livePlan(ctx, workflow.id, workflow.name) };
        const isList = input.workflowId !== undefined && Array.isArray(given);
        const started = await begin(ctx, { ...plan, tags }, trigger, isList ? given : [given]);
        ctx.audit({ kind: 'run', id: started });
        return { runId: started };
      },
    }),
    operation({
      name: 'run.again',
      field: 'runAgain',
      kind: 'mutation',
      summary: 'A new run with the input of this one, on the same version, the live one or the draft.',
      permission: { action: 'run.readData', on: onRun },
      input: z.strictObject({
        id: runId,
        source: z.enum(['same', 'live', 'draft']).meta({ id: 'RunAgainSource' }).default('same'),
        idempotencyKey: text(255, 1).optional(),
      }),
      output: z.object({ runId: id }).meta({ id: 'RepeatedRun' }),
      problems: ['DATA_ERASED', 'TYPE_MISSING', 'DEFINITION_INVALID', 'NO_TRIGGER', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/runs/{id}/again', status: 202 },
      transactional: false,
      async handler(ctx, input) {
        const { runId: started } = await rerun(ctx, { how: 'again', id: input.id, source: input.source });
        ctx.audit({ kind: 'run', id: started, payload: { of: input.id } });
        return { runId: started };
      },
    }),
  ];
}

function tagList(tags: z.output<typeof runTags> = {}): readonly RunTag[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}
