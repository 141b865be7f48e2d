/**
 * A run made from another one: again from the start, what did not succeed, from a chosen step on, or past a failed step.
 * History is never rewritten: each is a run of its own that says where it comes from, and keeps results of the old one as its own first events.
 */
import {
  type Given,
  type Outputs,
  type Plan,
  type PlanNode,
  type RunOrigin,
  type RunState,
  SEMANTICS,
  allSteps,
  continueRun,
} from '@plugboard/engine';
import { addRunLink, findGoneOn, findWorkflow, removeRunLink, uuidv7 } from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import type { Item } from '@plugboard/sdk';
import { demandCredentialScope } from '../credentials/draft-scope.ts';
import { demand } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { approvalsBefore, demandMayPass, isApproval } from './passed-approvals.ts';
import type { RunAccess } from './run-access.ts';
import type { PortItems, RerunRequest, RunSource } from './rerun-request.ts';
import type { RunLauncher, RunPlan } from './run-launcher.ts';
import { chooseTrigger, startStored } from './start-run.ts';
import { type OpenedRun, inputOf } from './stored-runs.ts';
import { demandWay } from './ways-on.ts';

export interface RerunResult {
  readonly runId: string;
  /** Steps whose results the new run keeps. */
  readonly kept: number;
  /** The step it goes on from: of one inside a loop, the loop. */
  readonly nodeId?: string;
}

export type Rerun = (ctx: OperationContext, request: RerunRequest) => Promise<RerunResult>;

export interface RerunOptions {
  readonly runner: Runner;
  readonly access: RunAccess;
  readonly launcher: RunLauncher;
}

/** What the new run keeps, what it does again, and whose keys its writes have. */
interface GoingOn {
  readonly origin: RunOrigin;
  readonly again?: ReadonlySet<string>;
  readonly given?: ReadonlyMap<string, Given>;
  readonly without?: readonly string[];
  /** Items of the trigger, where they are not the old ones. */
  readonly outputs?: Outputs;
  readonly keepsNothing?: boolean;
  /** Where it begins. @default where the old one began */
  readonly trigger?: string;
}

export function createRerun({ runner, access, launcher }: RerunOptions): Rerun {
  return async (ctx, request) => {
    const old = await opened(access, ctx, request.id);
    const { workflowId } = old.run.head;
    const workflow = await ctx.inTransaction((tx) => findWorkflow(tx, workflowId));
    if (!workflow) throw notFound('The workflow of this run is not there any more');
    demand(ctx, 'workflow.run', { kind: 'workflow', id: workflow.id, projectId: workflow.projectId });
    demandWay(request, old);

    const plan = await planOf(launcher, ctx, request.source, old, workflow.name);
    if (plan.definition) demandCredentialScope(ctx.actor, plan.loaded);
    const goingOn = PLANS[request.how](request, old, plan.loaded.plan);
    demandMayPass(ctx, { kind: 'workflow', id: workflow.id, projectId: workflow.projectId }, passedBy(request, goingOn, plan.loaded.plan));
    return start(runner, ctx, { old, plan, goingOn });
  };
}

type Planner = (request: RerunRequest, old: OpenedRun, plan: Plan) => GoingOn;

const PLANS: { readonly [How in RerunRequest['how']]: Planner } = {
  again: (_, { run }) => ({ origin: { how: 'again', run: run.head.id }, keepsNothing: true }),

  retry({ node }, old, plan) {
    const origin = { how: 'retry', run: old.run.head.id, keys: keysOf(old) } as const;
    if (node === undefined) return { origin };
    const found = stepNamed(plan, node);
    demandNotDone(found, old);
    return { origin: { ...origin, node: found.id } };
  },

  skip({ node, items }, old, plan) {
    const found = stepNamed(plan, node ?? '');
    demandNotDone(found, old);
    const what: Given = items ? { kind: 'outputs', from: 'skip', outputs: portsOf(items, found.outputPorts, found) } : { kind: 'pass' };
    return { origin: { how: 'skip', run: old.run.head.id, node: found.id, keys: keysOf(old) }, given: new Map([[found.id, what]]) };
  },

  rerun({ node, items }, old, plan) {
    const named = stepNamed(plan, node ?? '');
    const found = outermost(plan, named);
    if (found.undoes !== undefined) {
      throw new OperationProblem('STEP_STATE', `"${found.name}" is part of what undoes a run: it cannot be gone on from`, {
        params: { node: found.id },
        hint: 'Go on from a step of the ordinary flow, or run the workflow again from the start.',
      });
    }
    if (items && found !== named) {
      throw new OperationProblem('INPUT_INVALID', `"${named.name}" lies in the loop "${found.name}": its input cannot be given`, {
        path: 'input.items',
        hint: `Go on from "${found.name}" instead.`,
      });
    }
    const run = old.run.head.id;
    const origin = { how: 'rerun', run, node: found.id } as const;
    if (found.isTrigger)
      return { origin, keepsNothing: true, trigger: found.id, ...(items ? { outputs: portsOf(items, found.outputPorts, found) } : {}) };

    const again = behind(plan, found);
    const wasReached = stepsOf(old.state, found.id).some((step) => step.startedAt > 0);
    if (!items && !wasReached) {
      throw new OperationProblem('STEP_STATE', `"${found.name}" did not run in this run, so there is no input to run it with`, {
        hint: 'Give its input, or choose a step that ran.',
        params: { node: found.id },
      });
    }
    const keys = items || hasDone(old.state, again) ? {} : { keys: keysOf(old) };
    if (!items) return { origin: { ...origin, ...keys }, again };
    const given: Given = { kind: 'input', ports: portsOf(items, found.inputPorts, found), isEarly: !wasReached };
    return { origin, again, given: new Map([[found.id, given]]), without: notDoneBefore(plan, found, old.state) };
  },
};

/** Approvals whose answer nobody gave to what the new run goes on with. */
function passedBy({ how, items }: RerunRequest, { origin }: GoingOn, plan: Plan): readonly PlanNode[] {
  const node = plan.byId.get(origin.node ?? '');
  if (!node || (how !== 'skip' && !items)) return [];
  const before = items ? approvalsBefore(plan, node) : [];
  return how === 'skip' && isApproval(node) ? [node, ...before] : before;
}

function opened(access: RunAccess, ctx: OperationContext, id: string): Promise<OpenedRun> {
  return access.open(ctx, id).catch((error: unknown) => {
    throw asTypeMissing(error);
  });
}

async function planOf(launcher: RunLauncher, ctx: OperationContext, source: RunSource, old: OpenedRun, name: string): Promise<RunPlan> {
  const { loaded, events, run } = old;
  const [first] = events;
  const definition = first?.type === 'run.started' ? first.definition : undefined;
  if (source === 'same') return { loaded, ...(definition ? { definition } : {}) };
  try {
    return source === 'live'
      ? { loaded: await launcher.livePlan(ctx, run.head.workflowId, name) }
      : await launcher.draftPlan(ctx, run.head.workflowId);
  } catch (error) {
    throw asTypeMissing(error);
  }
}

function asTypeMissing(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'TYPE_MISSING') return error;
  const node = 'nodeId' in error && typeof error.nodeId === 'string' ? { params: { node: error.nodeId } } : {};
  return new OperationProblem('TYPE_MISSING', error.message, { ...node, hint: 'Install the plugin, or go on with another version.' });
}

async function start(
  runner: Runner,
  ctx: OperationContext,
  { old, plan, goingOn }: { readonly old: OpenedRun; readonly plan: RunPlan; readonly goingOn: GoingOn },
): Promise<RerunResult> {
  const { origin, again, given, without = [], outputs, keepsNothing } = goingOn;
  const [first] = old.events;
  if (first?.type !== 'run.started') throw notFound('The input of this run is not kept any more');
  const { head } = old.run;
  const { id: trigger } = chooseTrigger(plan.loaded, goingOn.trigger ?? first.trigger);
  const started = {
    type: 'run.started',
    at: first.at,
    semantics: SEMANTICS,
    trigger,
    outputs: outputs ?? inputOf(old) ?? first.outputs,
  } as const;
  const { events, carried } = continueRun({
    plan: plan.loaded.plan,
    started,
    ...(keepsNothing ? {} : { old: { id: head.id, state: old.state, isSamePlan: plan.loaded === old.loaded } }),
    ...(again ? { again } : {}),
    ...(given ? { given } : {}),
    ...(plan.definition ? { pins: pinsOf(old.state) } : {}),
    without: [...without],
  });
  const [begun, ...rest] = events;
  const runId = uuidv7();
  await link(ctx, runId, origin);
  try {
    await startStored(runner, {
      id: runId,
      loaded: plan.loaded,
      trigger,
      items: Object.values(begun.outputs).flatMap((batch) => batch.items),
      triggerKind: 'rerun',
      begin: 'dispatched',
      initiator: ctx.actor.principalId,
      ...(plan.definition ? { definition: plan.definition } : {}),
      origin: {
        ...origin,
        ...(origin.how === 'again' ? {} : { rootRunId: head.rootRunId }),
        ...(begun.given ? { given: begun.given } : {}),
        ...(plan.definition && old.state.mocks ? { mocks: old.state.mocks } : {}),
        carried: rest,
      },
    });
  } catch (error) {
    await ctx.inTransaction((tx) => removeRunLink(tx, runId));
    throw error;
  }
  return { runId, kept: carried, ...(origin.node === undefined ? {} : { nodeId: origin.node }) };
}

/** What did not get done is gone on with once: of two who ask, and of two who ask one after the other, the second hears of the first. */
function link(ctx: OperationContext, runId: string, { how, run = '', node }: RunOrigin): Promise<void> {
  return ctx.inTransaction(async (tx) => {
    const other = how === 'retry' || how === 'skip' ? await findGoneOn(tx, run) : undefined;
    if (other) {
      throw new OperationProblem('ALREADY_DONE', `The run ${other.runId} goes on from this one already; it is ${other.status}`, {
        params: { runId: other.runId, status: other.status },
        hint: 'Retry that one if it failed: it has got further. To do everything anew, run this one again.',
      });
    }
    await addRunLink(tx, { runId, from: run, how, ...(node === undefined ? {} : { node }) });
  });
}

function keysOf({ run, state }: OpenedRun): string {
  return state.origin?.keys ?? run.head.id;
}

function stepNamed(plan: Plan, name: string): PlanNode {
  const node = plan.byId.get(name) ?? plan.byName.get(name);
  if (node) return node;
  throw new OperationProblem('STEP_STATE', `The workflow has no step "${name}" in the version to go on with`, {
    params: { node: name },
    hint: `It has: ${plan.nodes.map((one) => one.name).join(', ')}. Go on with the version of the run, or choose one of these.`,
  });
}

function stepsOf(state: RunState, nodeId: string) {
  const node = state.plan.byId.get(nodeId);
  return node ? [...allSteps(state.root)].filter((step) => step.index === node.index) : [];
}

function demandNotDone(node: PlanNode, { state }: OpenedRun): void {
  const steps = stepsOf(state, node.id);
  if (steps.some(({ phase }) => phase === 'failed' || phase === 'cancelled')) return;
  const how = steps[0]?.phase ?? 'not there';
  throw new OperationProblem('STEP_STATE', `"${node.name}" did not fail in this run; it is ${how}`, {
    params: { node: node.id, status: how },
    hint: 'Choose a step that failed, or go on from a step instead.',
  });
}

/** A step of a round cannot be gone on from alone: the loop begins anew. */
function outermost(plan: Plan, node: PlanNode): PlanNode {
  const [loop] = node.loops;
  return loop === undefined ? node : (plan.nodes[loop] ?? node);
}

/** The node and everything its items may reach. */
function behind(plan: Plan, from: PlanNode): ReadonlySet<string> {
  return reached(plan, from, (node) => node.outgoing.map((edge) => edge.to));
}

/** What lies before the node and has no result: the given input stands in for it. */
function notDoneBefore(plan: Plan, node: PlanNode, state: RunState): string[] {
  const before = reached(plan, node, (one) => one.incoming.map((edge) => edge.from));
  return [...before].filter((id) => {
    const one = plan.byId.get(id);
    return (
      id !== node.id &&
      one?.loops.length === 0 &&
      !one.isTrigger &&
      !stepsOf(state, id).some(({ phase }) => phase === 'succeeded' || phase === 'skipped')
    );
  });
}

function reached(plan: Plan, from: PlanNode, next: (node: PlanNode) => readonly number[]): ReadonlySet<string> {
  const found = new Set<string>([from.id]);
  const open = [from];
  for (let node = open.pop(); node; node = open.pop()) {
    for (const index of next(node)) {
      const other = plan.nodes[index];
      if (!other || found.has(other.id)) continue;
      found.add(other.id);
      open.push(other);
    }
  }
  return found;
}

/** True when something that is done again has had its effect before. */
function hasDone(state: RunState, nodes: ReadonlySet<string>): boolean {
  return [...nodes].some((id) => stepsOf(state, id).some((step) => step.phase === 'succeeded'));
}

function portsOf(items: PortItems, ports: readonly string[], { name }: PlanNode): Outputs {
  const known = ports.length > 0 ? ports : ['main'];
  const unknown = Object.keys(items).find((port) => !known.includes(port));
  if (unknown !== undefined) {
    throw new OperationProblem('INPUT_INVALID', `"${name}" has no port "${unknown}"`, {
      path: `input.items.${unknown}`,
      hint: `It has: ${known.join(', ')}.`,
    });
  }
  return Object.fromEntries(Object.entries(items).map(([port, list]) => [port, { items: list.map((json): Item => ({ json })) }]));
}

function pinsOf(state: RunState): ReadonlyMap<string, Outputs> {
  const pins = new Map<string, Outputs>();
  for (const [index, outputs] of state.pins ?? []) {
    const node = state.plan.nodes[index];
    if (node) pins.set(node.id, outputs);
  }
  return pins;
}
