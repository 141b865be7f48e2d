/** Webhooks as people work with them: listening for a test request of a draft, and sending a request that came before once more. */
import {
  type TestListenerView,
  closeTestListeners,
  findRunRow,
  findWorkflow,
  getDraft,
  listTestListeners,
  liveVersion,
  openTestListener,
} from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import type { Item } from '@plugboard/sdk';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { demandCredentialScope, demandListenScope } from '../credentials/draft-scope.ts';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, text } from '../operation/shapes.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import { resourceOf as runResource } from '../runs/run-access.ts';
import { startStored } from '../runs/start-run.ts';
import { type StoredRuns, noRun } from '../runs/stored-runs.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { workflowResource } from '../workflows/workflow-access.ts';

export interface HookOperationsOptions {
  readonly definitions: Definitions;
  readonly stored: StoredRuns;
  readonly runner: Runner;
  readonly plans: PlanStore;
  /** The address webhooks are reached at, without a slash at the end. */
  readonly hooksUrl: () => string;
}

const MINUTE_MS = 60_000;

const listener = z
  .object({
    id,
    url: z.string(),
    methods: z.array(z.string()),
    mode: z.enum(['run', 'capture']).meta({ id: 'TestListenerMode' }),
    nodeId: z.string(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    takenAt: z.iso.datetime().optional(),
    runId: id.optional(),
    captured: json.optional(),
  })
  .meta({ id: 'TestListener' });

export function hookOperations({ definitions, stored, runner, plans, hooksUrl }: HookOperationsOptions): readonly Operation[] {
  const view = (one: TestListenerView, mayReadData: boolean): z.input<typeof listener> => ({
    id: one.id,
    url: testUrl(hooksUrl(), one.pattern),
    methods: [...one.methods],
    mode: one.mode,
    nodeId: one.nodeId,
    createdAt: one.createdAt.toISOString(),
    expiresAt: one.expiresAt.toISOString(),
    ...(one.takenAt ? { takenAt: one.takenAt.toISOString() } : {}),
    ...(one.runId ? { runId: one.runId } : {}),
    ...(one.captured !== null && mayReadData ? { captured: one.captured } : {}),
  });
  const onWorkflow = (ctx: OperationContext, input: { readonly workflowId: string }): Promise<Resource | undefined> =>
    ctx.inTransaction((tx) => workflowResource(tx, input.workflowId));

  /** The workflow of a run one may see. */
  const onRunsWorkflow = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => {
      const full = await stored.resolve(tx, input.id, visibleTo(ctx.actor, ctx.access, 'run.read'));
      const row = full === undefined ? undefined : await findRunRow(tx, full);
      if (!row || !may(ctx, 'run.read', runResource(row))) throw noRun(input.id);
      return workflowResource(tx, row.workflowId);
    });

  return [
    operation({
      name: 'workflow.listen',
      field: 'listenForRequest',
      kind: 'mutation',
      summary: 'Wait for one request to the test address of a webhook in the draft; it starts a run of the draft, or is kept to be pinned.',
      permission: { action: 'workflow.run', on: onWorkflow },
      input: z.strictObject({
        workflowId: id,
        nodeId: text(200).optional(),
        minutes: z.number().min(0.1).max(60).default(5),
        mode: z.enum(['run', 'capture']).default('run'),
      }),
      output: listener,
      problems: ['DEFINITION_INVALID', 'NO_TRIGGER', 'HOOK_PATH_TAKEN'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/listen', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const draft = await getDraft(tx, input.workflowId);
          if (!draft) throw notFound('The workflow has no draft');
          const { definition } = definitions.demandSound(draft.definition, 'started');
          const hooks = definitions.hooks(definition);
          if (input.mode === 'run')
            demandListenScope(ctx.actor, plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId: input.workflowId }));
          const nodeId = input.nodeId ?? hooks[0]?.nodeId;
          const own = hooks.filter((one) => one.nodeId === nodeId);
          const [first] = own;
          if (!first) {
            throw new OperationProblem('NO_TRIGGER', 'The draft has no such webhook', {
              hint: 'Add a webhook, or name one by the id of its node.',
            });
          }
          const opened = await openTestListener(tx, {
            workflowId: input.workflowId,
            nodeId: first.nodeId,
            methods: own.map((one) => one.method),
            pattern: first.pattern,
            validMs: Math.round(input.minutes * MINUTE_MS),
            mode: input.mode,
          });
          if (opened.kind === 'not-found') throw notFound();
          if (opened.kind === 'path-taken') {
            throw new OperationProblem('HOOK_PATH_TAKEN', 'Somebody else listens at this path at the moment', {
              hint: 'Wait until they have their request, or choose another path.',
            });
          }
          ctx.audit({ kind: 'workflow', id: input.workflowId, payload: { mode: input.mode, path: opened.pattern } });
          const made = (await listTestListeners(tx, input.workflowId)).find((one) => one.id === opened.id);
          if (!made) throw notFound();
          return view(made, true);
        }),
    }),
    operation({
      name: 'workflow.listeners',
      field: 'testListeners',
      kind: 'query',
      summary: 'Where one listens for test requests of a workflow, and what came of them.',
      permission: { action: 'workflow.run', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: z.object({ listeners: z.array(listener) }).meta({ id: 'TestListeners' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/listeners' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const workflow = await findWorkflow(tx, input.workflowId);
          if (!workflow) throw notFound();
          const mayReadData = may(ctx, 'run.readData', { kind: 'run', workflowId: workflow.id, projectId: workflow.projectId });
          return { listeners: (await listTestListeners(tx, input.workflowId)).map((one) => view(one, mayReadData)) };
        }),
    }),
    operation({
      name: 'workflow.stopListening',
      field: 'stopListening',
      kind: 'mutation',
      summary: 'Listen no more for test requests of a workflow.',
      permission: { action: 'workflow.run', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: z.object({ closed: z.int() }).meta({ id: 'StoppedListening' }),
      problems: [],
      rest: { method: 'DELETE', path: '/workflows/{workflowId}/listeners' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const closed = await closeTestListeners(tx, input.workflowId);
          if (closed === 0) ctx.noAudit();
          else ctx.audit({ kind: 'workflow', id: input.workflowId });
          return { closed };
        }),
    }),
    operation({
      name: 'run.replayRequest',
      field: 'replayRequest',
      kind: 'mutation',
      summary: 'Send the request that started a run once more: a new run of what is live, or of the draft, with the body that came.',
      permission: { action: 'workflow.run', on: onRunsWorkflow },
      input: z.strictObject({
        id: text(100, 1),
        source: z.enum(['live', 'draft']).meta({ id: 'ReplaySource' }).default('live'),
      }),
      output: z.object({ runId: id }).meta({ id: 'ReplayedRun' }),
      problems: ['DEFINITION_INVALID', 'NO_TRIGGER', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/runs/{id}/replay', status: 202 },
      transactional: false,
      async handler(ctx, input) {
        const full = await ctx.inTransaction((tx) => stored.resolve(tx, input.id, visibleTo(ctx.actor, ctx.access, 'run.read')));
        const row = full === undefined ? undefined : await ctx.inTransaction((tx) => findRunRow(tx, full));
        if (full === undefined || !row) throw noRun(input.id);
        demand(ctx, 'run.readData', runResource(row));
        const { events, loaded: before } = await stored.open(ctx.inTransaction, ctx.workspaceId, full);
        const [first] = events;
        const trigger = first?.type === 'run.started' ? before.plan.byId.get(first.trigger) : undefined;
        if (first?.type !== 'run.started' || trigger?.type.kind !== 'trigger' || trigger.type.trigger !== 'webhook') {
          throw new OperationProblem('NO_TRIGGER', 'This run was not started by a request', {
            hint: 'Start it again from its page instead.',
          });
        }
        const { workflowId } = row;
        const draft = input.source === 'draft' ? await ctx.inTransaction((tx) => getDraft(tx, workflowId)) : undefined;
        if (input.source === 'draft' && !draft) throw notFound('The workflow has no draft');
        const definition = draft && definitions.demandSound(draft.definition, 'started').definition;
        const version = definition ? undefined : await ctx.inTransaction((tx) => liveVersion(tx, workflowId));
        if (!definition && version === undefined) throw notFound('The workflow is not published', 'Publish it, or replay on the draft.');
        const loaded = definition
          ? plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId })
          : await plans.load(workflowId, version ?? 0, 1);
        if (definition) demandCredentialScope(ctx.actor, loaded);
        const target = loaded.plan.byId.get(first.trigger);
        if (!target || target.disabled || target.type.kind !== 'trigger') {
          throw new OperationProblem(
            'NO_TRIGGER',
            `The ${input.source === 'draft' ? 'draft' : 'live version'} has no longer the webhook this request came to`,
            {
              hint: 'Put it back, or replay on the other version.',
            },
          );
        }
        const runId = await startStored(runner, {
          loaded,
          trigger: first.trigger,
          items: itemsOf(first.outputs),
          triggerKind: 'rerun',
          begin: 'dispatched',
          initiator: ctx.actor.principalId,
          ...(definition ? { definition } : {}),
        });
        ctx.audit({ kind: 'run', id: runId, payload: { of: full, source: input.source } });
        return { runId };
      },
    }),
  ];
}

export function testUrl(base: string, pattern: string): string {
  return `${base}/hooks-test/${pattern}`;
}

function itemsOf(outputs: { readonly [port: string]: { readonly items: readonly Item[] } }): readonly Item[] {
  return Object.values(outputs).flatMap((batch) => batch.items);
}
