/** Runs: started, listed, looked into, cancelled, decided about. */
import {
  RUN_STATUS,
  type StepState,
  type RunStatusName,
  TRIGGER_KIND,
  type TriggerKindName,
  UNIT,
  type WorkflowDefinition,
  inputItems,
  isTerminal,
  runOutput,
} from '@plugboard/engine';
import {
  type LeasedOwnership,
  type ListedRun,
  addRunTags,
  createWorkflow,
  findDisplayNames,
  findRunRow,
  findWorkflow,
  findWorkflowByName,
  getDraft,
  listRunRows,
  listRunTags,
  liveVersion,
  nowSummary,
} from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { runFacts } from '../live/run-facts.ts';
import { demandCredentialScope } from '../credentials/draft-scope.ts';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, aliasAnswer, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, moment, namedRef, page, pageInput, pageOf, personRef, text } from '../operation/shapes.ts';
import { type Definitions, semanticHash } from '../workflows/definitions.ts';
import { demandVisible, noWorkflow, projectResource } from '../workflows/workflow-access.ts';
import type { PlanStore } from './plan-store.ts';
import { history, stepInRound, stepOutput, stepViews } from './run-view.ts';
import { progressOf, runProgress, runStepRow, stepRow } from './run-progress.ts';
import { chooseTrigger, startStored, triggerItem } from './start-run.ts';
import { type OpenedRun, type StoredRuns, noRun } from './stored-runs.ts';

export interface RunOperationsOptions {
  readonly runner: Runner;
  readonly plans: PlanStore;
  readonly stored: StoredRuns;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly definitions: Definitions;
}

/** A run that is waited for is looked at this often: soon at first, because most runs are short, then less and less, in milliseconds. */
const WAIT_FIRST_MS = 5;
const WAIT_LAST_MS = 100;
/** Longest wait for a decision to show before the present state is told, in milliseconds. */
const DECISION_WAIT_MS = 10_000;
const FACTS_PER_CALL = 1000;
/** Active time a run may take where its workflow does not say, in milliseconds. */
const DEFAULT_ACTIVE_MS = 1_800_000;

const runId = z.string().min(1).max(100);
/** Numbers of the rounds a step lies in, outermost first; without it the round of the step that changed last. */
const roundPath = z.array(z.int().min(0)).max(16).optional();
/** A tag as it is asked for. */
const tagText = text(300).regex(/^[^=]{1,64}=/, 'is key=value; a key has 1 to 64 characters');
export const runTags = z
  .record(text(64, 1).regex(/^[^=:]+$/, 'has neither = nor : in it'), text(200))
  .refine((tags) => Object.keys(tags).length <= 20, 'has more than 20 tags');
const statuses = z.enum(Object.keys(RUN_STATUS) as [RunStatusName, ...RunStatusName[]]).meta({ id: 'RunStatus' });
const triggers = z.enum(Object.keys(TRIGGER_KIND) as [TriggerKindName, ...TriggerKindName[]]).meta({ id: 'TriggerKind' });
const runError = z
  .object({
    code: z.string(),
    message: z.string(),
    nodeId: z.string().optional(),
    nodeName: z.string().optional(),
    item: z.int().optional(),
  })
  .meta({ id: 'RunErrorView' });
const runRowShape = {
  id,
  workflow: namedRef,
  version: z.int().optional(),
  status: statuses,
  waitingFor: z.string().optional(),
  trigger: triggers,
  initiator: personRef.optional(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  durationMs: z.number().optional(),
  error: runError.optional(),
  costPd: z.string().optional(),
};
const runRow = z.object(runRowShape).meta({ id: 'RunRow' });
const runDetail = z
  .object({
    ...runRowShape,
    definition: json,
    seq: z.int(),
    activeMs: z.number(),
    itemsIn: z.int(),
    tags: z.array(z.object({ key: z.string(), value: z.string() }).meta({ id: 'RunTag' })),
    limits: z.object({ costPd: z.string().optional(), activeMs: z.number() }).meta({ id: 'RunLimits' }),
    may: z.object({ control: z.boolean(), readData: z.boolean() }).meta({ id: 'RunRights' }),
  })
  .meta({ id: 'RunDetail' });
const runHeadShape = {
  id,
  status: statuses,
  waitingFor: z.string().optional(),
  workflowId: id,
  workflowName: z.string().optional(),
  version: z.int(),
  environment: z.enum(['draft', 'live']).meta({ id: 'EnvironmentName' }),
  trigger: triggers,
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  durationMs: z.number().optional(),
  error: z.object({ code: z.string(), message: z.string() }).meta({ id: 'RunFailure' }).optional(),
  events: z.int(),
};
const runHead = z.object(runHeadShape).meta({ id: 'RunHead' });
const runSteps = z
  .object({
    ...runHeadShape,
    takenOver: z.array(z.string()).optional(),
    cancelled: z.object({ by: z.string(), reason: z.string().optional() }).meta({ id: 'RunCancel' }).optional(),
    steps: json,
  })
  .meta({ id: 'RunSteps' });

const startedRun = z.object({ runId: id }).meta({ id: 'StartedRun' });
/** It is stored and has not begun. */
const LAUNCHED = aliasAnswer(
  startedRun,
  z.object({ id, status: z.literal('pending') }).meta({ id: 'LaunchedExecution' }),
  ({ runId: started }) => ({ id: started, status: 'pending' as const }),
);

/** What a run is started under; `definition` where no version keeps it. */
interface RunPlan {
  readonly loaded: LoadedPlan;
  readonly definition?: WorkflowDefinition;
}

export function runOperations(options: RunOperationsOptions): readonly Operation[] {
  const { runner, plans, stored, ownership, definitions } = options;

  const visible = (ctx: OperationContext) => visibleTo(ctx.actor, ctx.access, 'run.read');

  /** The run of what people wrote, as something permission is asked on. Undefined when there is none. */
  const onRun = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => {
      const full = await stored.resolve(tx, input.id, visible(ctx));
      const row = full === undefined ? undefined : await findRunRow(tx, full);
      if (row && may(ctx, 'run.read', resourceOf(row))) return resourceOf(row);
      throw noRun(input.id);
    });

  const fullId = async (ctx: OperationContext, given: string): Promise<string> => {
    const full = await ctx.inTransaction((tx) => stored.resolve(tx, given, visible(ctx)));
    if (full === undefined) throw noRun(given);
    return full;
  };

  const open = async (ctx: OperationContext, given: string): Promise<OpenedRun> =>
    stored.open(ctx.inTransaction, ctx.workspaceId, await fullId(ctx, given));

  const rowOf = async (ctx: OperationContext, full: string): Promise<ListedRun> => {
    const row = await ctx.inTransaction((tx) => findRunRow(tx, full));
    if (!row) throw noRun(full);
    return row;
  };

  const waitUntil = async (
    ctx: OperationContext,
    full: string,
    waitMs: number,
    isEnough: (run: ListedRun) => boolean,
  ): Promise<ListedRun> => {
    const until = performance.now() + waitMs;
    for (let pauseMs = WAIT_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, WAIT_LAST_MS)) {
      const run = await rowOf(ctx, full);
      const leftMs = until - performance.now();
      if (isEnough(run) || leftMs <= 0) return run;
      await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
    }
  };

  const control = async (ctx: OperationContext, given: string, what: 'pause' | 'resume') => {
    const full = await fullId(ctx, given);
    ctx.audit({ kind: 'run', id: full });
    const problem = controlProblem(what, await rowOf(ctx, full));
    if (problem) throw problem;
    const row = { runId: full, workspaceId: ctx.workspaceId, sourceKey: `${what}:${ctx.requestId}`, kind: what };
    await ownership.putInbox({ ...row, payload: { by: ctx.actor.principalId } });
    runner.wake();
    const now = await waitUntil(ctx, full, DECISION_WAIT_MS, (one) => isTerminal(one.status) || controlProblem(what, one) !== undefined);
    return headView(now, undefined);
  };

  const begin = (
    ctx: OperationContext,
    { loaded, definition }: RunPlan,
    trigger: string | undefined,
    inputs: readonly Json[],
  ): Promise<string> => {
    const chosen = chooseTrigger(loaded, trigger);
    return launch(
      ctx,
      { loaded, ...(definition ? { definition } : {}) },
      chosen.id,
      inputs.map((one) => triggerItem(chosen.kind, one)),
      'manual',
    );
  };

  const launch = (
    ctx: OperationContext,
    { loaded, definition }: RunPlan,
    trigger: string,
    items: readonly Item[],
    triggerKind: TriggerKindName,
  ): Promise<string> => {
    if (definition) demandCredentialScope(ctx.actor, loaded);
    return startStored(runner, {
      loaded,
      trigger,
      items,
      triggerKind,
      begin: 'dispatched',
      initiator: ctx.actor.principalId,
      ...(definition ? { definition } : {}),
    });
  };

  const draftPlan = async (ctx: OperationContext, workflowId: string): Promise<{ loaded: LoadedPlan; definition: WorkflowDefinition }> => {
    const draft = await ctx.inTransaction((tx) => getDraft(tx, workflowId));
    if (!draft) throw notFound('The workflow has no draft');
    const { definition } = definitions.demandSound(draft.definition, 'started');
    await plans.prepare(workflowId);
    return { loaded: plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId }), definition };
  };

  const livePlan = async (ctx: OperationContext, workflowId: string, name: string): Promise<LoadedPlan> => {
    const version = await ctx.inTransaction((tx) => liveVersion(tx, workflowId));
    if (version === undefined) throw notFound(`"${name}" is not published`, 'Publish it with: npx plugboard import FILE --publish');
    return plans.load(workflowId, version, 1);
  };

  /** The workflow a definition that is run as a draft belongs to; a new name makes one, an existing draft is left alone. */
  const homeOf = (ctx: OperationContext, definition: WorkflowDefinition): Promise<string> =>
    ctx.inTransaction(async (tx) => {
      const found = await findWorkflowByName(tx, definition.name);
      if (found) {
        const resource: Resource = { kind: 'workflow', id: found.id, projectId: found.projectId };
        if (!may(ctx, 'workflow.read', resource)) throw nameTaken(definition.name);
        demand(ctx, 'workflow.edit', resource);
        return found.id;
      }
      const project = await projectResource(tx, ctx, undefined);
      demand(ctx, 'workflow.create', project);
      const made = await createWorkflow(tx, { projectId: project?.id ?? '', definition, semanticHash: semanticHash(definition) });
      return made.kind === 'created' ? made.workflow.id : made.workflowId;
    });

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
        if (input.definition !== undefined) {
          const { definition } = definitions.demandSound(input.definition, 'started');
          const workflowId = await homeOf(ctx, definition);
          await plans.prepare(workflowId);
          const started = await begin(
            ctx,
            { loaded: plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId }), definition },
            trigger,
            [given],
          );
          await tag(ctx, started, input.tags);
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
        const started = await begin(ctx, plan, trigger, isList ? given : [given]);
        await tag(ctx, started, input.tags);
        ctx.audit({ kind: 'run', id: started });
        return { runId: started };
      },
    }),
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
        const { run, state, loaded, events, definition } = await stored.open(ctx.inTransaction, ctx.workspaceId, full);
        const names = await ctx.inTransaction((tx) => findDisplayNames(tx, row.initiator === undefined ? [] : [row.initiator]));
        const ended = events.at(-1);
        const failed = ended?.type === 'run.ended' ? ended.error : undefined;
        const node = failed?.node === undefined ? undefined : loaded.plan.byId.get(failed.node);
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
          tags: await ctx.inTransaction((tx) => listRunTags(tx, full)),
          limits: { activeMs: definition?.settings.timeoutMs ?? DEFAULT_ACTIVE_MS },
          may: { control: may(ctx, 'run.control', resourceOf(row)), readData: may(ctx, 'run.readData', resourceOf(row)) },
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
        const past = history(loaded.plan, events);
        const mayReadData = may(ctx, 'run.readData', resourceOf(row));
        return {
          ...headView(row, loaded.workflowName),
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
        const steps = stepViews(state, history(loaded.plan, events)).filter((step) => state.plan.byId.get(step.node)?.isTrigger !== true);
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
        return { rows: stepViews(state, history(loaded.plan, events)).map(stepRow) };
      },
    }),
    operation({
      name: 'run.output',
      kind: 'query',
      summary: 'Items of the end nodes, or of one step by port.',
      permission: { action: 'run.readData', on: onRun },
      input: z.strictObject({ id: runId, node: text(200).optional() }),
      output: z.object({ output: json }).meta({ id: 'RunOutput' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/output' },
      async handler(ctx, input) {
        const { state, loaded } = await open(ctx, input.id);
        if (input.node === undefined) return { output: runOutput(state).map((item) => item.json) };
        const output = stepOutput(state, input.node);
        if (output) return { output };
        const isStep = loaded.plan.byId.has(input.node) || loaded.plan.byName.has(input.node);
        throw isStep
          ? notFound(`Step "${input.node}" gave no items in this run`)
          : notFound(
              `The workflow of this run has no step "${input.node}"`,
              `It has: ${loaded.plan.nodes.map((one) => one.name).join(', ')}.`,
            );
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
        const facts = runFacts(loaded.plan, events).filter((fact) => fact.seq > input.after);
        return { facts: facts.slice(0, FACTS_PER_CALL), hasMore: facts.length > FACTS_PER_CALL };
      },
    }),
    operation({
      name: 'run.stepData',
      field: 'stepData',
      kind: 'query',
      summary: 'Items that went into a step or came out of it, by page.',
      permission: { action: 'run.readData', on: (ctx, input) => onRun(ctx, { id: input.runId }) },
      input: z.strictObject({
        runId,
        nodeId: text(200, 1),
        path: roundPath,
        side: z.enum(['input', 'output']).meta({ id: 'StepSide' }),
        port: text(64).default('main'),
        first: pageInput.first,
        after: z
          .string()
          .regex(/^\d{1,9}$/)
          .optional(),
      }),
      output: z
        .object({ rows: z.array(json), endCursor: z.string().optional(), hasMore: z.boolean(), total: z.int(), hiddenFields: z.int() })
        .meta({ id: 'StepData' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{runId}/steps/{nodeId}/data' },
      async handler(ctx, input) {
        const items = stepItems(stepOf(await open(ctx, input.runId), input), input);
        const from = Number(input.after ?? 0);
        const to = from + (input.first ?? 50);
        return { ...page(items.slice(from, to), to < items.length ? String(to) : undefined), total: items.length, hiddenFields: 0 };
      },
    }),
    operation({
      name: 'run.stepLog',
      field: 'stepLog',
      kind: 'query',
      summary: 'What a step logged.',
      permission: { action: 'run.readData', on: (ctx, input) => onRun(ctx, { id: input.runId }) },
      input: z.strictObject({ runId, nodeId: text(200, 1), path: roundPath }),
      output: z.array(
        z.object({ at: z.iso.datetime(), level: z.string(), message: z.string(), item: z.int().optional() }).meta({ id: 'StepLogLine' }),
      ),
      problems: [],
      rest: { method: 'GET', path: '/runs/{runId}/steps/{nodeId}/log' },
      async handler(ctx, input) {
        const step = stepOf(await open(ctx, input.runId), input);
        return (step?.logs ?? []).map(({ at, level, message, i }) => ({
          at: new Date(at).toISOString(),
          level,
          message,
          ...(i === undefined ? {} : { item: i }),
        }));
      },
    }),
    operation({
      name: 'run.cancel',
      field: 'cancelRun',
      kind: 'mutation',
      summary: 'Stop a run; answers once it has ended.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, reason: text(1000).optional() }),
      output: runHead,
      problems: ['RUN_ENDED'],
      rest: {
        method: 'POST',
        path: '/runs/{id}/cancel',
        alsoAt: [
          { method: 'POST', path: '/workflows/executions/{id}/stop' },
          { method: 'POST', path: '/executions/{id}/stop' },
        ],
      },
      transactional: false,
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        ctx.audit({ kind: 'run', id: full });
        const run = await rowOf(ctx, full);
        if (isTerminal(run.status)) throw ended(run.status);
        await ownership.putInbox({
          runId: full,
          workspaceId: ctx.workspaceId,
          sourceKey: `cancel:${full}`,
          kind: 'cancel',
          payload: { by: ctx.actor.principalId, ...(input.reason ? { reason: input.reason } : {}) },
        });
        runner.wake();
        const now = await waitUntil(ctx, full, DECISION_WAIT_MS, (one) => isTerminal(one.status));
        if (isTerminal(now.status) && now.status !== 'cancelled') throw ended(now.status);
        return headView(now, undefined);
      },
    }),
    operation({
      name: 'run.pause',
      field: 'pauseRun',
      kind: 'mutation',
      summary:
        'Hold a run: what is under way ends, nothing behind it starts. Answers once it is paused, or after a while with how it stands.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId }),
      output: runHead,
      problems: ['RUN_STATE', 'RUN_ENDED'],
      rest: {
        method: 'POST',
        path: '/runs/{id}/pause',
        alsoAt: [
          { method: 'POST', path: '/workflows/executions/{id}/pause' },
          { method: 'POST', path: '/executions/{id}/pause' },
        ],
      },
      transactional: false,
      handler: (ctx, input) => control(ctx, input.id, 'pause'),
    }),
    operation({
      name: 'run.resume',
      field: 'resumeRun',
      kind: 'mutation',
      summary: 'Let a run go on that is paused or in quarantine.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId }),
      output: runHead,
      problems: ['RUN_STATE', 'RUN_ENDED'],
      rest: {
        method: 'POST',
        path: '/runs/{id}/resume',
        alsoAt: [
          { method: 'POST', path: '/workflows/executions/{id}/resume' },
          { method: 'POST', path: '/executions/{id}/resume' },
        ],
      },
      transactional: false,
      handler: (ctx, input) => control(ctx, input.id, 'resume'),
    }),
    operation({
      name: 'run.resolve',
      field: 'resolveUnknown',
      kind: 'mutation',
      summary: 'Decide about a write that may have happened: send it again, take it as done, or fail it.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({
        id: runId,
        node: text(200, 1),
        item: z.int().min(0).default(0),
        decision: z.enum(['retry', 'done', 'fail']).meta({ id: 'UnknownDecision' }),
        output: z.record(z.string(), json).optional(),
      }),
      output: runHead,
      problems: ['RUN_ENDED'],
      rest: { method: 'POST', path: '/runs/{id}/resolve' },
      transactional: false,
      async handler(ctx, { id: given, node, item, decision, output }) {
        const { run, state, loaded } = await open(ctx, given);
        ctx.audit({ kind: 'run', id: run.head.id, payload: { node, item, decision } });
        if (isTerminal(run.status)) throw ended(run.status);
        const step = loaded.plan.byId.get(node) ?? loaded.plan.byName.get(node);
        if (!step) throw notFound(`The workflow of this run has no step "${node}"`);
        if (state.root.steps[step.index]?.units?.states[item] !== UNIT.asking) {
          throw new OperationProblem('CONFLICT', `Item ${item} of "${step.name}" does not wait for a decision`, {
            hint: 'See what does with: npx plugboard show',
          });
        }
        const isFirst = await ownership.putInbox({
          runId: run.head.id,
          workspaceId: ctx.workspaceId,
          // The same item may come to ask again later, at another place of the journal.
          sourceKey: `resolve:${step.id}:${item}:${run.events}`,
          kind: 'resolve',
          payload: {
            by: ctx.actor.principalId,
            node: step.id,
            i: item,
            decision,
            ...(output ? { output: { json: output as JsonObject } } : {}),
          },
        });
        if (!isFirst) throw new OperationProblem('CONFLICT', `Somebody else has just decided about item ${item} of "${step.name}"`);
        runner.wake();
        return headView(await waitUntil(ctx, run.head.id, DECISION_WAIT_MS, (now) => now.events > run.events), undefined);
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
      problems: ['DEFINITION_INVALID', 'NO_TRIGGER', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/runs/{id}/again', status: 202 },
      transactional: false,
      async handler(ctx, input) {
        const { run, loaded, events } = await open(ctx, input.id);
        const { workflowId } = run.head;
        const workflow = await ctx.inTransaction((tx) => findWorkflow(tx, workflowId));
        if (!workflow) throw notFound('The workflow of this run is not there any more');
        demand(ctx, 'workflow.run', { kind: 'workflow', id: workflow.id, projectId: workflow.projectId });
        const [first] = events;
        if (first?.type !== 'run.started') throw notFound('The input of this run is not kept any more');
        const carried = first.definition;
        const plan: RunPlan =
          input.source === 'live'
            ? { loaded: await livePlan(ctx, workflowId, workflow.name) }
            : input.source === 'draft'
              ? await draftPlan(ctx, workflowId)
              : { loaded, ...(carried ? { definition: carried } : {}) };
        const items = Object.values(first.outputs).flatMap((batch) => batch.items);
        const { id: trigger } = chooseTrigger(plan.loaded, first.trigger);
        const started = await launch(ctx, plan, trigger, items, 'rerun');
        ctx.audit({ kind: 'run', id: started, payload: { of: run.head.id } });
        return { runId: started };
      },
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

/** Tags are of the run once it is stored; it may have ended by then. */
async function tag(ctx: OperationContext, started: string, tags: z.output<typeof runTags> | undefined): Promise<void> {
  const list = Object.entries(tags ?? {}).map(([key, value]) => ({ key, value }));
  if (list.length > 0) await ctx.inTransaction((tx) => addRunTags(tx, { workspaceId: ctx.workspaceId, runId: started, tags: list }));
}

/** What people type is an id, its end, or a tag. */
function searched(search: string | undefined, asked: readonly string[] = []): Pick<Parameters<typeof listRunRows>[1], 'search' | 'tags'> {
  const tags = asked.map((one) => splitAt(one, '='));
  const typed = search?.trim() ?? '';
  if (typed.indexOf(':') > 0) return { tags: [...tags, splitAt(typed, ':')] };
  return { tags, ...(typed === '' ? {} : { search: typed }) };
}

function splitAt(pair: string, mark: string): { key: string; value: string } {
  const at = pair.indexOf(mark);
  return { key: pair.slice(0, at), value: pair.slice(at + 1) };
}

export function resourceOf(row: ListedRun): Resource {
  return { kind: 'run', workflowId: row.workflowId, projectId: row.projectId ?? '' };
}

/** A paused run can be resumed, a running or waiting one paused; what is asked of any other is refused with how it stands. */
function controlProblem(what: 'pause' | 'resume', { status, waitingFor }: ListedRun): OperationProblem | undefined {
  if (isTerminal(status)) return ended(status);
  const isHeld = status === 'paused' || waitingFor === 'quarantine';
  if (what === 'resume' ? isHeld : !isHeld && status !== 'pending') return undefined;
  return new OperationProblem('RUN_STATE', `The run is ${status}${waitingFor ? ` for ${waitingFor}` : ''}`, {
    params: { status },
    hint:
      what === 'resume' ? 'Only a run that is paused or in quarantine can be resumed.' : 'Only a run that works or waits can be paused.',
  });
}

function ended(status: RunStatusName): OperationProblem {
  return new OperationProblem('RUN_ENDED', `The run has ended as ${status}`, { params: { status } });
}

function nameTaken(name: string): OperationProblem {
  return new OperationProblem('NAME_TAKEN', `There is another workflow named "${name}"`, {
    hint: 'Names are unique in the workspace; choose another one.',
  });
}

function itemsIn(first: OpenedRun['events'][number] | undefined): number {
  if (first?.type !== 'run.started') return 0;
  return Object.values(first.outputs).reduce((sum, batch) => sum + batch.items.length, 0);
}

/** Undefined while nothing has happened to the step, in the round that is asked for or at all. */
function stepOf(
  { loaded, events, state }: OpenedRun,
  { nodeId, path }: { readonly nodeId: string; readonly path?: readonly number[] | undefined },
): StepState | undefined {
  const node = state.plan.byId.get(nodeId) ?? state.plan.byName.get(nodeId);
  if (!node) throw notFound(`The workflow of this run has no step "${nodeId}"`);
  return node.loops.length === 0 ? state.root.steps[node.index] : stepInRound(loaded, events, node, path);
}

function stepItems(
  step: StepState | undefined,
  { side, port }: { readonly side: 'input' | 'output'; readonly port: string },
): readonly Item[] {
  if (side === 'input') return step?.input ? inputItems(step.input) : [];
  return Object.hasOwn(step?.outputs ?? {}, port) ? (step?.outputs?.[port]?.items ?? []) : [];
}

function times({ startedAt, endedAt }: ListedRun): { startedAt: string; endedAt?: string; durationMs?: number } {
  return {
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString(), durationMs: endedAt - startedAt }),
  };
}

function failure({ errorCode, errorMessage }: ListedRun): { error?: { code: string; message: string } } {
  return errorCode === undefined ? {} : { error: { code: errorCode, message: errorMessage ?? '' } };
}

function rowView(row: ListedRun, names: ReadonlyMap<string, string>): z.input<typeof runRow> {
  const name = row.initiator === undefined ? undefined : names.get(row.initiator);
  return {
    id: row.id,
    workflow: { id: row.workflowId, name: row.workflowName ?? '' },
    ...(row.environment === 1 ? { version: row.version } : {}),
    status: row.status,
    ...(row.waitingFor === undefined ? {} : { waitingFor: row.waitingFor }),
    trigger: row.trigger,
    ...(row.initiator !== undefined && name !== undefined ? { initiator: { id: row.initiator, name } } : {}),
    ...times(row),
    ...failure(row),
    ...(row.costPd === '0' ? {} : { costPd: row.costPd }),
  };
}

function headView(row: ListedRun, workflowName: string | undefined): z.input<typeof runHead> {
  return {
    id: row.id,
    status: row.status,
    ...(row.waitingFor === undefined ? {} : { waitingFor: row.waitingFor }),
    workflowId: row.workflowId,
    ...(workflowName === undefined ? {} : { workflowName }),
    version: row.version,
    environment: row.environment === 1 ? 'live' : 'draft',
    trigger: row.trigger,
    ...times(row),
    ...failure(row),
    events: row.events,
  };
}
