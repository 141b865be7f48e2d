/**
 * Runs of a part of a draft: up to a node, or one node alone, with pinned data, with data of an earlier run, or with given items. They are runs
 * like others: stored, shown, and with the barrier before writes; only what takes part in them and what they begin with differs.
 */
import {
  type ContinuedRun,
  type Given,
  type MockedReply,
  type Outputs,
  type Plan,
  type PlanNode,
  type RunOrigin,
  SEMANTICS,
  type WorkflowDefinition,
  continueRun,
} from '@plugboard/engine';
import { addRunLink, listPins, uuidv7 } from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import { demandCredentialScope } from '../credentials/draft-scope.ts';
import type { FileService } from '../files/file-service.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { chooseTrigger, declaredInputs, startStored, triggerItem } from '../runs/start-run.ts';
import { type OpenedRun, inputOf } from '../runs/stored-runs.ts';
import { readItems } from './pin-operations.ts';

export interface DraftRun {
  readonly loaded: LoadedPlan;
  readonly definition: WorkflowDefinition;
  readonly how: 'draft' | 'test';
  readonly trigger?: string | undefined;
  /** What the trigger gives, one item each. @default one empty item */
  readonly input?: readonly Json[] | undefined;
  /** What the trigger gives, as items as they are. */
  readonly items?: readonly Item[];
  /** The last node that runs. */
  readonly to?: string | undefined;
  /** The one node that runs. */
  readonly only?: string | undefined;
  /** With `only`: what it gets, by input port. */
  readonly ports?: Outputs | undefined;
  /** Results of this run stand in for what is before `only`, and for what is before `to` while they fit. */
  readonly past?: OpenedRun | undefined;
  readonly pins?: ReadonlyMap<string, Outputs>;
  readonly mocks?: readonly MockedReply[] | undefined;
}

/** @throws OperationProblem NO_TRIGGER, STEP_STATE, INPUT_INVALID, FORBIDDEN, SERVER_BUSY, SERVER_STOPPING */
export async function startDraftRun(runner: Runner, ctx: OperationContext, run: DraftRun): Promise<string> {
  const { loaded, how, past, mocks } = run;
  // Tests are no part of what runs, and every event of the run would carry them along.
  const { tests: _, ...definition } = run.definition;
  demandCredentialScope(ctx.actor, loaded);
  const begun = beginning(run);
  const [started, ...carried] = begun.events;
  const runId = uuidv7();
  const node = run.only ?? run.to;
  const origin: RunOrigin = {
    how,
    ...(past ? { run: past.run.head.id } : {}),
    ...(node === undefined ? {} : { node: nodeNamed(loaded.plan, node).id }),
  };
  if (past)
    await ctx.inTransaction((tx) => addRunLink(tx, { runId, from: past.run.head.id, how, ...(origin.node ? { node: origin.node } : {}) }));
  return startStored(runner, {
    id: runId,
    loaded,
    definition,
    trigger: started.trigger,
    items: Object.values(started.outputs).flatMap((batch) => batch.items),
    triggerKind: 'manual',
    begin: 'dispatched',
    initiator: ctx.actor.principalId,
    origin: { ...origin, carried, ...(started.given ? { given: started.given } : {}), ...(mocks ? { mocks } : {}) },
  });
}

/** Items that people fixed to nodes of the draft, at the first port of each. */
export async function pinnedOutputs(
  ctx: OperationContext,
  files: FileService,
  { workflowId, plan }: Pick<LoadedPlan, 'workflowId' | 'plan'>,
): Promise<ReadonlyMap<string, Outputs>> {
  const pins = await ctx.inTransaction((tx) => listPins(tx, workflowId));
  const outputs = new Map<string, Outputs>();
  for (const pin of pins) {
    const node = plan.byId.get(pin.nodeId);
    if (!node) continue;
    const items = (await readItems(files, ctx.workspaceId, pin)) as readonly Json[];
    outputs.set(pin.nodeId, { [node.outputPorts[0] ?? 'main']: { items: items.map(itemOf) } });
  }
  return outputs;
}

/** A value as an item: an object is one, anything else becomes its `value`. */
export function itemOf(value: Json): Item {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return { json: isObject ? (value as JsonObject) : { value } };
}

function beginning(run: DraftRun): ContinuedRun {
  const { plan } = run.loaded;
  const pins = run.pins ?? new Map<string, Outputs>();
  if (run.only !== undefined) return onlyNode(run, nodeNamed(plan, run.only), pins);
  if (run.to !== undefined) return upTo(run, outermost(plan, nodeNamed(plan, run.to)), pins);
  return continueRun({ plan, started: startedAt(run, pins, undefined), pins, ...oldOf(run) });
}

/** Everything the node needs; a pinned node stands in for all that is before it. */
function upTo(run: DraftRun, target: PlanNode, pins: ReadonlyMap<string, Outputs>): ContinuedRun {
  const { plan } = run.loaded;
  const needed = neededBy(plan, target, pins);
  const given = new Map<string, Given>();
  for (const id of needed) {
    const outputs = pins.get(id);
    if (outputs && id !== target.id && plan.byId.get(id)?.isTrigger !== true)
      given.set(id, { kind: 'outputs', from: 'pin', outputs, isEarly: true });
  }
  const inLoops = new Map([...pins].filter(([id]) => (plan.byId.get(id)?.loops.length ?? 0) > 0 || id === target.id));
  return continueRun({
    plan,
    started: startedAt(run, pins, needed),
    given,
    pins: inLoops,
    without: othersThan(plan, needed),
    again: new Set([target.id]),
    ...oldOf(run),
  });
}

/** The node alone: with given items, or with what pins and the earlier run have of the nodes before it. */
function onlyNode(run: DraftRun, target: PlanNode, pins: ReadonlyMap<string, Outputs>): ContinuedRun {
  const { plan } = run.loaded;
  if (target.loops.length > 0 && run.ports) return refuseInLoop(plan, target);
  const node = outermost(plan, target);
  const given = new Map<string, Given>();
  for (const [id, outputs] of pins)
    if (id !== node.id && plan.byId.get(id)?.isTrigger !== true) given.set(id, { kind: 'outputs', from: 'pin', outputs, isEarly: true });
  if (run.ports) given.set(node.id, { kind: 'input', ports: run.ports, isEarly: true });
  const after = new Set(behind(plan, node));
  for (const id of after) given.delete(id);
  const kept = new Set([node.id, ...[...given.keys(), ...doneIn(run.past)].filter((id) => !after.has(id))]);
  const inside = plan.nodes.filter((one) => one.loops.includes(node.index)).map((one) => one.id);
  const begun = continueRun({
    plan,
    started: startedAt(run, pins, undefined),
    given,
    without: othersThan(plan, new Set([...kept, ...inside])),
    again: new Set([node.id]),
    ...oldOf(run),
  });
  if (begun.next.length === 1 && begun.next[0] === node.id) return begun;
  throw new OperationProblem('STEP_STATE', `There is nothing to run "${node.name}" with`, {
    params: { node: node.id },
    hint: 'Give its items, pin data to the nodes before it, or name a run in which it ran.',
  });
}

function startedAt(run: DraftRun, pins: ReadonlyMap<string, Outputs>, needed: ReadonlySet<string> | undefined) {
  const { loaded, past, input, items, trigger } = run;
  const first = past?.events[0];
  const before = first?.type === 'run.started' && loaded.plan.byId.get(first.trigger)?.isTrigger ? first : undefined;
  const reached = loaded.plan.nodes.find((node) => node.isTrigger && !node.disabled && needed?.has(node.id));
  const chosen = chooseTrigger(loaded, trigger ?? (input || items ? undefined : before?.trigger) ?? reached?.id);
  const pinned = pins.get(chosen.id);
  if (items)
    return { type: 'run.started', at: Date.now(), semantics: SEMANTICS, trigger: chosen.id, outputs: { main: { items } } } as const;
  const outputs: Outputs = input
    ? {
        main: {
          items: declaredInputs(
            loaded,
            chosen.kind,
            input.map((one) => triggerItem(chosen, one)),
          ),
        },
      }
    : ((before && past ? inputOf(past) : undefined) ?? pinned ?? { main: { items: [triggerItem(chosen, {})] } });
  return { type: 'run.started', at: Date.now(), semantics: SEMANTICS, trigger: chosen.id, outputs } as const;
}

function oldOf({ past }: DraftRun) {
  return past ? { old: { id: past.run.head.id, state: past.state, isSamePlan: false } } : {};
}

/** Nodes of the root that succeeded in the earlier run. */
function doneIn(past: OpenedRun | undefined): string[] {
  if (!past) return [];
  const { plan, root } = past.state;
  return plan.nodes.filter((node) => root.steps[node.index]?.phase === 'succeeded').map((node) => node.id);
}

function neededBy(plan: Plan, target: PlanNode, pins: ReadonlyMap<string, Outputs>): ReadonlySet<string> {
  const needed = new Set<string>();
  const open = [target];
  for (let node = open.pop(); node; node = open.pop()) {
    if (needed.has(node.id)) continue;
    needed.add(node.id);
    // A loop needs its body, which hangs on it alone.
    for (const inner of plan.nodes) if (inner.loops.includes(node.index)) needed.add(inner.id);
    if (node !== target && pins.has(node.id)) continue;
    for (const edge of node.incoming) {
      const source = plan.nodes[edge.from];
      if (source && !needed.has(source.id)) open.push(outermost(plan, source));
    }
  }
  return needed;
}

function behind(plan: Plan, node: PlanNode): string[] {
  const found = new Set<number>();
  const open = [...node.outgoing];
  for (let edge = open.pop(); edge; edge = open.pop()) {
    if (found.has(edge.to)) continue;
    found.add(edge.to);
    open.push(...(plan.nodes[edge.to]?.outgoing ?? []));
  }
  return plan.nodes.filter((one) => found.has(one.index)).map((one) => one.id);
}

function othersThan(plan: Plan, kept: ReadonlySet<string>): string[] {
  return plan.nodes.filter((node) => !node.isTrigger && node.loops.length === 0 && !kept.has(node.id)).map((node) => node.id);
}

function outermost(plan: Plan, node: PlanNode): PlanNode {
  const [loop] = node.loops;
  return loop === undefined ? node : (plan.nodes[loop] ?? node);
}

function nodeNamed(plan: Plan, name: string): PlanNode {
  const node = plan.byId.get(name) ?? plan.byName.get(name);
  if (node?.undoes !== undefined) {
    throw new OperationProblem('STEP_STATE', `"${node.name}" is part of what undoes a run: it cannot run alone`, {
      params: { node: node.id },
      hint: 'Run the draft whole, and let a step fail behind the one that is undone.',
    });
  }
  if (node) return node;
  throw new OperationProblem('STEP_STATE', `The draft has no node "${name}"`, {
    params: { node: name },
    hint: `It has: ${plan.nodes.map((one) => one.name).join(', ')}.`,
  });
}

function refuseInLoop(plan: Plan, node: PlanNode): never {
  throw new OperationProblem(
    'INPUT_INVALID',
    `"${node.name}" lies in the loop "${outermost(plan, node).name}": it cannot be given items alone`,
    {
      path: 'input.items',
      hint: 'Give them to the loop instead.',
    },
  );
}
