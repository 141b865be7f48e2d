/**
 * A definition made ready to run: names resolved to indexes, expressions compiled, policies completed.
 * Compiled once per workflow version and shared by all its runs; nothing in it changes afterwards.
 */
import type { EffectKind, LoopIR, NodeTypeIR, TypeIR } from '@plugboard/sdk';
import { credentialUses } from '../definition/credential-uses.ts';
import { type DeclaredField, readFields } from '../definition/declared-fields.ts';
import { UNDO_PORT, effectOf, inputPorts, isAtomic, isRepeatable, isUndoPort, outputPorts } from '../definition/type-facts.ts';
import type { BudgetSettings, KeepData, OnError, RepeatPolicy, WorkflowDefinition, WorkflowNode } from '../definition/types.ts';
import { DEFAULT_RETRY, type CompleteRetryPolicy, completeRetry } from '../run/retry-policy.ts';
import { type FlowPlan, compileFlow } from './flow.ts';
import { BODY_PORT, NEXT_PORT, loopsAround } from './loops.ts';
import { type NodeParams, compileParams } from './params.ts';
import { type PlanLimit, limitOf } from './step-limit.ts';
import { type TagTemplate, compileRunTags } from './run-tags.ts';
import { type UndoBranches, undoBranches } from './undo-branches.ts';

export interface PlanEdge {
  readonly index: number;
  readonly id: string;
  /** Index of the source node. */
  readonly from: number;
  readonly port: string;
  /** Index of the target node. */
  readonly to: number;
  readonly input: string;
}

/** A node that repeats others. */
export interface PlanLoop {
  /** `items`: rounds of input items. `rounds`: its type decides before each. */
  readonly mode: 'items' | 'rounds';
  readonly batchSize: number;
  readonly concurrency: number;
  readonly limit: number;
  /** Nodes of one round; those of a loop inside it are that loop's. */
  readonly body: readonly number[];
  /** Edges a round begins with, and those its items come back by, in edge order. */
  readonly entry: readonly PlanEdge[];
  readonly back: readonly PlanEdge[];
}

/** What takes back what a node did. */
export interface PlanUndo {
  /** Edges it begins with, and its nodes outside of loops. */
  readonly entry: readonly PlanEdge[];
  readonly nodes: readonly number[];
}

export interface JoinPolicy {
  readonly policy: 'all' | 'any' | 'count';
  readonly count: number;
}

export interface PlanNode {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly typeName: string;
  readonly version: number;
  readonly type: TypeIR;
  readonly isTrigger: boolean;
  readonly disabled: boolean;
  /** Edges in, by input port and then edge order: the order in which their items concatenate. */
  readonly incoming: readonly PlanEdge[];
  readonly outgoing: readonly PlanEdge[];
  readonly inputPorts: readonly string[];
  /** Ports the type and its literal parameters name; a disabled node hands its input to the first. */
  readonly outputPorts: readonly string[];
  /** `run` gets the whole input at once. */
  readonly wholeInput: boolean;
  /** The whole batch is one unit: it succeeds, fails and is retried together. */
  readonly perBatch: boolean;
  /** Runs without items where its branch was reached. Never true for a write with a result per item: without items it has nothing to do. */
  readonly runsOnEmpty: boolean;
  readonly effects: EffectKind;
  /** A write that may be repeated with the same key. */
  readonly repeatable: boolean;
  readonly rejectedCodes: readonly string[] | undefined;
  readonly join: JoinPolicy | undefined;
  readonly loop: PlanLoop | undefined;
  /** Ends the loop around it. */
  readonly breaks: boolean;
  /** Loops around it, outermost first. */
  readonly loops: readonly number[];
  readonly undo: PlanUndo | undefined;
  /** The node whose undo branch it belongs to. */
  readonly undoes: number | undefined;
  readonly retry: CompleteRetryPolicy;
  readonly onError: OnError;
  /** 0 = only the run's limit. */
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly limit: PlanLimit | undefined;
  readonly params: NodeParams;
  /** Keys of the credentials it uses, by slot. */
  readonly credentials: { readonly [slot: string]: string };
  /** Those slots; empty for most nodes. */
  readonly slots: readonly string[];
}

export interface Plan {
  readonly name: string;
  readonly nodes: readonly PlanNode[];
  readonly edges: readonly PlanEdge[];
  readonly byId: ReadonlyMap<string, PlanNode>;
  readonly byName: ReadonlyMap<string, PlanNode>;
  /** Nodes outside of any loop and undo branch, and those that wait for what comes from outside: looked at for every run and step. */
  readonly rootNodes: readonly number[];
  readonly signalNodes: readonly PlanNode[];
  /** What its runs undo when they do not end well; without nodes they undo nothing. */
  readonly undo: { readonly nodes: readonly PlanNode[]; readonly on: 'failures' | 'all'; readonly timeoutMs: number };
  /** Some of its nodes wait for runs they start. */
  readonly callsRuns: boolean;
  /** Nodes that ask people, at an address of their own. */
  readonly askingNodes: readonly PlanNode[];
  /** Nodes of the ordinary flow without outgoing edges, in node order: where a run's output comes from. */
  readonly ends: readonly number[];
  /** Who hears of runs that did not end well. */
  readonly errors: { readonly workflow?: string; readonly on: 'failures' | 'all' };
  /** Its published runs follow each other. */
  readonly repeat: RepeatPolicy | undefined;
  /** What another workflow has to give that calls this one. */
  readonly inputs: readonly DeclaredField[];
  /** What the last steps have to give. */
  readonly outputs: readonly DeclaredField[];
  readonly timezone: string;
  readonly timeoutMs: number;
  readonly maxParallelSteps: number;
  /** What a finished run keeps of its data; its workspace may keep less. */
  readonly keepData: KeepData;
  /** What its runs are found by. */
  readonly tags: readonly TagTemplate[];
  readonly flow: FlowPlan | undefined;
  /** What a run and all runs of its tree may spend. */
  readonly budget: BudgetSettings | undefined;
}

export type FindType = (type: string, version: number) => TypeIR | undefined;

const DEFAULT_RUN_TIMEOUT_MS = 30 * 60_000;
const DEFAULT_UNDO_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_PARALLEL_STEPS = 20;
const DEFAULT_CONCURRENCY = 10;
const DEFAULT_ROUNDS = 1000;

/** Thrown when a definition names a node type this server does not have. Install the plugin, or publish a version without it. */
export class PlanError extends Error {
  readonly code = 'TYPE_MISSING';
  readonly nodeId: string;
  constructor(nodeId: string, message: string) {
    super(message);
    this.name = 'PlanError';
    this.nodeId = nodeId;
  }
}

/**
 * Compiles a validated definition.
 * @throws PlanError when a node type is missing; expressions that do not compile fail the step that uses them.
 */
export function compilePlan(definition: WorkflowDefinition, findType: FindType): Plan {
  const indexById = new Map(definition.nodes.map((node, index) => [node.id, index]));
  const sorted = [...definition.edges].sort((a, b) => (a.order ?? 0) - (b.order ?? 0) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const edges: PlanEdge[] = [];
  const incoming: PlanEdge[][] = definition.nodes.map(() => []);
  const outgoing: PlanEdge[][] = definition.nodes.map(() => []);
  for (const edge of sorted) {
    const from = indexById.get(edge.source);
    const to = indexById.get(edge.target);
    if (from === undefined || to === undefined) continue;
    const planned = { index: edges.length, id: edge.id, from, port: edge.sourceHandle, to, input: edge.targetHandle };
    edges.push(planned);
  }
  const types = definition.nodes.map((node) => findType(node.type, node.data.typeVersion));
  const isLoop = (index: number): boolean => isLoopType(types[index]) && definition.nodes[index]?.data.disabled !== true;
  const undo = undoOf(definition.nodes, edges, types, isLoop);
  const flow = undo.foreign.size === 0 ? edges : edges.filter((edge) => !undo.foreign.has(edge));
  const loops = loopsAround(definition.nodes.length, flow, isLoop);
  const rounds = definition.nodes.map((_, index): Rounds | undefined =>
    isLoop(index)
      ? { body: definition.nodes.flatMap((__, node) => (loops[node]?.at(-1) === index ? [node] : [])), entry: [], back: [] }
      : undefined,
  );
  for (const edge of flow) {
    if (undo.entries.get(edge.from)?.includes(edge)) {
      incoming[edge.to]?.push(edge);
      continue;
    }
    const isEntry = edge.port === BODY_PORT && rounds[edge.from] !== undefined;
    const isBack = edge.input === NEXT_PORT && (loops[edge.from]?.at(-1) === edge.to || (isEntry && edge.from === edge.to));
    if (isEntry) rounds[edge.from]?.entry.push(edge);
    else outgoing[edge.from]?.push(edge);
    if (isBack) rounds[edge.to]?.back.push(edge);
    else incoming[edge.to]?.push(edge);
  }
  const nodes = definition.nodes.map((node, index) =>
    planNode(
      node,
      {
        index,
        incoming: incoming[index] ?? [],
        outgoing: outgoing[index] ?? [],
        loops: loops[index] ?? [],
        rounds: rounds[index],
        undo: branchOf(index, undo, loops),
        undoes: undo.ownerOf[index],
      },
      types[index],
    ),
  );
  return {
    name: definition.name,
    nodes,
    edges,
    byId: new Map(nodes.map((node) => [node.id, node])),
    byName: new Map(nodes.map((node) => [node.name, node])),
    rootNodes: nodes.filter((node) => node.loops.length === 0 && node.undoes === undefined).map((node) => node.index),
    signalNodes: nodes.filter(({ type }) => type.kind === 'node' && type.waits === 'signal'),
    callsRuns: nodes.some(({ type }) => type.kind === 'node' && type.waits === 'child'),
    askingNodes: nodes.filter(({ type }) => type.kind === 'node' && (type.waits === 'approval' || type.waits === 'form')),
    undo: {
      nodes: nodes.filter((node) => node.undo !== undefined),
      on: definition.settings.undoOn ?? 'all',
      timeoutMs: definition.settings.undoTimeoutMs ?? DEFAULT_UNDO_TIMEOUT_MS,
    },
    ends: nodes
      .filter((node) => node.outgoing.length === 0 && node.loops.length === 0 && node.undoes === undefined)
      .map((node) => node.index),
    errors: {
      on: definition.settings.errorOn ?? 'failures',
      ...(definition.settings.errorWorkflow === undefined ? {} : { workflow: definition.settings.errorWorkflow }),
    },
    repeat: definition.settings.repeat,
    inputs: readFields(definition.inputs),
    outputs: readFields(definition.outputs),
    timezone: definition.settings.timezone ?? 'UTC',
    timeoutMs: definition.settings.timeoutMs ?? DEFAULT_RUN_TIMEOUT_MS,
    maxParallelSteps: Math.max(1, definition.settings.maxParallelSteps ?? DEFAULT_PARALLEL_STEPS),
    keepData: definition.settings.keepData ?? 'all',
    tags: compileRunTags(definition.settings.tags),
    flow: compileFlow(definition.settings.flow),
    budget: definition.settings.budget,
  };
}

interface Rounds {
  readonly body: readonly number[];
  readonly entry: PlanEdge[];
  readonly back: PlanEdge[];
}

interface Place {
  readonly index: number;
  readonly incoming: PlanEdge[];
  readonly outgoing: readonly PlanEdge[];
  readonly loops: readonly number[];
  readonly rounds: Rounds | undefined;
  readonly undo: PlanUndo | undefined;
  readonly undoes: number | undefined;
}

/** A node of a loop has no undo branch: its rounds are forgotten. */
function undoOf(
  nodes: readonly WorkflowNode[],
  edges: readonly PlanEdge[],
  types: readonly (TypeIR | undefined)[],
  isLoop: (index: number) => boolean,
): UndoBranches<PlanEdge> {
  const isUndo = ({ from, port }: PlanEdge): boolean => {
    if (port !== UNDO_PORT) return false;
    const [node, type] = [nodes[from], types[from]];
    return node !== undefined && type !== undefined && isUndoPort(type, outputPorts(type, node), port);
  };
  const candidates = new Set(edges.filter(isUndo));
  const around = candidates.size === 0 ? [] : loopsAround(nodes.length, edges, isLoop);
  return undoBranches({
    count: nodes.length,
    edges,
    isEntry: (edge) => candidates.has(edge) && around[edge.from]?.length === 0,
    isApart: (node) => types[node]?.kind === 'trigger',
  });
}

function branchOf(
  index: number,
  { entries, ownerOf }: UndoBranches<PlanEdge>,
  loops: readonly (readonly number[])[],
): PlanUndo | undefined {
  const entry = entries.get(index);
  if (!entry) return undefined;
  const nodes = ownerOf.flatMap((owner, node) => (owner === index && loops[node]?.length === 0 ? [node] : []));
  return { entry, nodes };
}

function isLoopType(type: TypeIR | undefined): boolean {
  return type?.kind === 'node' && type.loop !== undefined;
}

function planNode(node: WorkflowNode, place: Place, type: TypeIR | undefined): PlanNode {
  const { index, incoming, outgoing, loops, rounds, undo, undoes } = place;
  if (!type)
    throw new PlanError(
      node.id,
      `Node type ${node.type} version ${node.data.typeVersion} is not installed. Install its plugin, or publish a version without it.`,
    );
  const step = type.kind === 'node' ? type : undefined;
  const ports = inputPorts(type);
  const effects = step ? effectOf(step, node) : 'none';
  const perBatch = step?.per === 'batch' && isAtomic(step, node);
  const params = compileParams(node, type);
  const uses = credentialUses(type, node);
  return {
    index,
    id: node.id,
    name: node.data.name,
    typeName: node.type,
    version: node.data.typeVersion,
    type,
    isTrigger: type.kind === 'trigger',
    disabled: node.data.disabled === true,
    incoming: ports.length > 1 ? incoming.sort((a, b) => ports.indexOf(a.input) - ports.indexOf(b.input) || a.index - b.index) : incoming,
    outgoing,
    inputPorts: ports,
    outputPorts: [...outputPorts(type, node).ids],
    wholeInput: step?.per === 'batch',
    perBatch,
    runsOnEmpty: step?.per === 'batch' && step.runsOnEmpty === true && (perBatch || effects !== 'write'),
    effects,
    repeatable: step !== undefined && isRepeatable(step, node),
    rejectedCodes: step?.rejected,
    join: step?.join ? joinOf(step.join, params) : undefined,
    loop: step?.loop && rounds ? loopOf(step.loop, params, rounds) : undefined,
    breaks: step?.breaks === true,
    loops,
    undo,
    undoes,
    retry: node.data.retry ? completeRetry(node.data.retry) : DEFAULT_RETRY,
    onError: node.data.onError ?? 'fail',
    timeoutMs: node.data.timeoutMs ?? 0,
    concurrency: Math.max(1, node.data.concurrency ?? DEFAULT_CONCURRENCY),
    limit: node.data.limit && limitOf(node.data.limit),
    params,
    credentials: Object.fromEntries(uses.map(({ slot, key }) => [slot, key])),
    slots: uses.map(({ slot }) => slot),
  };
}

function joinOf(join: NonNullable<NodeTypeIR['join']>, params: NodeParams): JoinPolicy {
  const policy = params.constants[join.policy];
  const count = params.constants[join.count];
  return {
    policy: policy === 'any' || policy === 'count' ? policy : 'all',
    count: typeof count === 'number' ? Math.max(1, count) : 1,
  };
}

function loopOf(loop: LoopIR, { constants }: NodeParams, rounds: Rounds): PlanLoop {
  const count = (name: string, otherwise: number): number => {
    const value = constants[name];
    return typeof value === 'number' ? Math.max(1, Math.floor(value)) : otherwise;
  };
  return {
    ...rounds,
    mode: constants[loop.mode] === 'items' ? 'items' : 'rounds',
    batchSize: count(loop.batchSize, 1),
    concurrency: count(loop.concurrency, 1),
    limit: count(loop.limit, DEFAULT_ROUNDS),
  };
}
