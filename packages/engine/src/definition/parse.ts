/**
 * Reads a workflow definition from untrusted input: its structure only. What the parts mean together is for `validateDefinition`.
 * Everything wrong is reported at once, and no input makes it throw.
 */
import { MOST_DOLLARS } from '@plugboard/sdk';
import { FORMAT } from './limits.ts';
import { describe, hasErrors, problem } from './problems.ts';
import { readTest } from './read-tests.ts';
import {
  ReadingStopped,
  at,
  boolean,
  id,
  isPlainObject,
  joinPath,
  json,
  jsonObject,
  list,
  number,
  object,
  oneOf,
  optional,
  pattern,
  record,
  report,
  required,
  startReading,
  text,
  withDefault,
} from './reading.ts';
import type { Reader, Reading } from './reading.ts';
import type {
  BudgetSettings,
  FlowControl,
  StepLimit,
  KeepRuns,
  RepeatPolicy,
  NodeData,
  Problem,
  RetryPolicy,
  WorkflowDefinition,
  WorkflowEdge,
  WorkflowGroup,
  WorkflowNode,
  WorkflowNote,
  WorkflowSettings,
} from './types.ts';

/**
 * `problems` of a good result are warnings. A bad result may carry what could be read, with stand-ins for the rest:
 * enough to look for further problems, never to be stored or run.
 */
export type ParseResult =
  | { readonly ok: true; readonly definition: WorkflowDefinition; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly partial?: WorkflowDefinition };

export function parseDefinition(input: unknown): ParseResult {
  const reading = startReading();
  try {
    const definition = readDefinition(input, reading);
    if (definition === undefined || hasErrors(reading.problems)) return { ok: false, problems: reading.problems, partial: definition };
    return { ok: true, definition, problems: reading.problems };
  } catch (error) {
    // Only getters and proxies throw while being read. Their error says nothing to the person who sent them.
    if (!(error instanceof ReadingStopped)) reading.problems.push(problem('DEFINITION_UNREADABLE', { path: '' }, {}));
    return { ok: false, problems: reading.problems };
  }
}

/** Begins the id of an entry whose own id cannot be read; no readable id begins so. */
export const STAND_IN = '?';

const nodeType = pattern(/^(?=.{1,200}$)@?[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)+$/, (found, place) =>
  problem('NODE_TYPE_INVALID', place, { found }),
);

const positionOf: Reader<{ x: number; y: number }> = object({
  x: required(number({ min: -FORMAT.maxCoordinate, max: FORMAT.maxCoordinate }), 0),
  y: required(number({ min: -FORMAT.maxCoordinate, max: FORMAT.maxCoordinate }), 0),
});

const retryPolicy: Reader<RetryPolicy> = object<RetryPolicy>({
  maxAttempts: optional(number({ min: 1, max: FORMAT.maxAttempts, whole: true })),
  firstDelayMs: optional(number({ min: 0, max: FORMAT.maxDelayMs })),
  factor: optional(number({ min: 1, max: 100 })),
  maxDelayMs: optional(number({ min: 0, max: FORMAT.maxDelayMs })),
  jitter: optional(oneOf('full', 'none')),
  retryOn: optional(list(text({ min: 1, max: 100, oneLine: true }))),
});

const nodeName = text({ min: 1, max: FORMAT.maxNodeNameLength, oneLine: true });

const stepLimit: Reader<StepLimit> = object<StepLimit>({
  name: optional(text({ min: 1, max: FORMAT.maxNameLength, oneLine: true })),
  key: optional(text({ max: 2000, oneLine: true })),
  concurrency: optional(number({ min: 1, max: FORMAT.maxConcurrency, whole: true })),
  requests: optional(number({ min: 1, max: 1_000_000, whole: true })),
  periodMs: optional(number({ min: 1, max: FORMAT.maxTimeoutMs, whole: true })),
});

const nodeData: Reader<NodeData> = object<NodeData>({
  name: required(nodeName, ''),
  typeVersion: required(number({ min: 1, max: 1_000_000, whole: true }), 0),
  params: withDefault(jsonObject, {}),
  credentials: optional(record(id)),
  retry: optional(retryPolicy),
  timeoutMs: optional(number({ min: 1, max: FORMAT.maxTimeoutMs, whole: true })),
  onError: optional(oneOf('fail', 'continue', 'route')),
  concurrency: optional(number({ min: 1, max: FORMAT.maxConcurrency, whole: true })),
  limit: optional(stepLimit),
  durability: optional(oneOf('default', 'sync')),
  disabled: optional(boolean),
  notes: optional(text({ max: FORMAT.maxNotesLength })),
});

const nodeFields = object<WorkflowNode>({
  id: required(id, STAND_IN),
  type: required(nodeType, ''),
  position: withDefault(positionOf, { x: 0, y: 0 }),
  data: required(nodeData, { name: '', typeVersion: 0, params: {} }),
});

/** Vue Flow writes null for the only port of a node. */
const handle: Reader<string> = (value, place, reading) => (value === null ? 'main' : id(value, place, reading));

const edgeFields = object<WorkflowEdge>({
  id: required(id, STAND_IN),
  source: required(id, STAND_IN),
  sourceHandle: withDefault(handle, 'main'),
  target: required(id, STAND_IN),
  targetHandle: withDefault(handle, 'main'),
  order: optional(number({ min: -FORMAT.maxCoordinate, max: FORMAT.maxCoordinate })),
});

export const readNode: Reader<WorkflowNode> = aboutItself('nodeId', nodeFields);
export const readEdge: Reader<WorkflowEdge> = aboutItself('edgeId', edgeFields);

export const readGroup: Reader<WorkflowGroup> = object<WorkflowGroup>({
  id: required(id, STAND_IN),
  title: optional(text({ max: FORMAT.maxNameLength })),
  nodes: required(list(id), []),
  collapsed: optional(boolean),
});

export const readNote: Reader<WorkflowNote> = object<WorkflowNote>({
  id: required(id, STAND_IN),
  text: required(text({ max: FORMAT.maxNotesLength }), ''),
  position: withDefault(positionOf, { x: 0, y: 0 }),
  size: optional(
    object({
      width: required(number({ min: 0, max: FORMAT.maxCoordinate }), 0),
      height: required(number({ min: 0, max: FORMAT.maxCoordinate }), 0),
    }),
  ),
  tint: optional(text({ max: 40, oneLine: true })),
});

/** A text or an expression; what it comes to is kept to its first 200 characters. */
const runTag = text({ max: 2000, oneLine: true });

const flowKey = optional(text({ max: 2000, oneLine: true }));
const starts = required(number({ min: 1, max: FORMAT.maxConcurrency, whole: true }), 1);
const span = number({ min: 1, max: FORMAT.maxTimeoutMs, whole: true });

const flow: Reader<FlowControl> = object<FlowControl>({
  concurrency: optional(object({ limit: starts, key: flowKey })),
  throttle: optional(object({ limit: starts, periodMs: required(span, 1000), key: flowKey })),
  debounce: optional(object({ delayMs: required(span, 1000), longestMs: optional(span), key: flowKey })),
  batch: optional(object({ size: starts, waitMs: required(span, 1000), key: flowKey })),
  singleton: optional(object({ whenBusy: optional(oneOf('skip', 'replace')), key: flowKey })),
  priority: optional(text({ max: 2000, oneLine: true })),
});

/** Ten years. */
const LONGEST_REPEAT_MS = 3650 * 24 * 60 * 60_000;

const dollars = number({ min: 0, max: MOST_DOLLARS });

const settings: Reader<WorkflowSettings> = object<WorkflowSettings>({
  timezone: optional(text({ min: 1, max: 64, oneLine: true })),
  timeoutMs: optional(number({ min: 1, max: FORMAT.maxTimeoutMs, whole: true })),
  maxParallelSteps: optional(number({ min: 1, max: FORMAT.maxConcurrency, whole: true })),
  undoOn: optional(oneOf('failures', 'all')),
  undoTimeoutMs: optional(number({ min: 1, max: FORMAT.maxTimeoutMs, whole: true })),
  keepData: optional(oneOf('all', 'failures', 'none')),
  keepRuns: optional(
    object<KeepRuns>({
      days: optional(number({ min: 1, max: 3650, whole: true })),
      count: optional(number({ min: 1, max: 10_000_000, whole: true })),
    }),
  ),
  budget: optional(object<BudgetSettings>({ warn: optional(dollars), stop: optional(dollars) })),
  tags: optional(record(runTag)),
  flow: optional(flow),
  errorWorkflow: optional(text({ min: 1, max: FORMAT.maxNameLength, oneLine: true })),
  errorOn: optional(oneOf('failures', 'all')),
  repeat: optional(
    object<RepeatPolicy>({
      delayMs: optional(number({ min: 0, max: LONGEST_REPEAT_MS, whole: true })),
      input: optional(oneOf('output', 'same')),
      times: optional(number({ min: 1, max: 1_000_000_000, whole: true })),
      forMs: optional(number({ min: 1, max: LONGEST_REPEAT_MS, whole: true })),
      onFailure: optional(oneOf('stop', 'go-on')),
    }),
  ),
});

const header = {
  name: required(text({ min: 1, max: FORMAT.maxNameLength, oneLine: true }), ''),
  description: optional(text({ max: FORMAT.maxNotesLength })),
};

/** The fields of a workflow that are neither nodes, edges, groups nor notes. */
export const readHeader = object<Pick<WorkflowDefinition, 'name' | 'description' | 'inputs' | 'outputs' | 'tests' | 'settings'>>({
  ...header,
  inputs: optional(jsonObject),
  outputs: optional(jsonObject),
  tests: optional(list(readTest)),
  settings: withDefault(settings, {}),
});

const definitionFields = object<WorkflowDefinition>({
  schema: required<1>((value) => (value === 1 ? 1 : undefined), 1),
  ...header,
  nodes: required(
    list(readNode, (index): WorkflowNode => ({
      id: `${STAND_IN}${index}`,
      type: '',
      position: { x: 0, y: 0 },
      data: { name: '', typeVersion: 0, params: {} },
    })),
    [],
  ),
  edges: required(
    list(readEdge, (index): WorkflowEdge => ({
      id: `${STAND_IN}${index}`,
      source: STAND_IN,
      sourceHandle: 'main',
      target: STAND_IN,
      targetHandle: 'main',
    })),
    [],
  ),
  groups: optional(list(readGroup)),
  notes: optional(list(readNote)),
  inputs: optional(jsonObject),
  outputs: optional(jsonObject),
  tests: optional(list(readTest)),
  settings: withDefault(settings, {}),
});

function readDefinition(input: unknown, reading: Reading): WorkflowDefinition | undefined {
  const top = { path: '' };
  if (!isPlainObject(input)) {
    report(reading, problem('DEFINITION_NOT_OBJECT', top, { found: describe(input) }));
    return undefined;
  }
  const schema = Object.hasOwn(input, 'schema') ? input['schema'] : undefined;
  if (schema !== 1 && schema !== undefined) report(reading, problem('SCHEMA_UNSUPPORTED', at(top, 'schema'), { found: describe(schema) }));
  // Fields of a newer format would all look wrong.
  if (typeof schema === 'number' && schema > 1) return undefined;
  let rest: { readonly [key: string]: unknown } = input;
  if (Object.hasOwn(input, 'pins')) {
    report(reading, problem('PINS_IGNORED', at(top, 'pins'), {}));
    rest = Object.fromEntries(Object.entries(input).filter(([key]) => key !== 'pins'));
  }
  const definition = definitionFields(rest, top, reading);
  if (definition === undefined) return undefined;
  reportDuplicates('node', 'nodes', definition.nodes, reading);
  reportDuplicates('edge', 'edges', definition.edges, reading);
  reportDuplicates('group', 'groups', definition.groups ?? [], reading);
  reportDuplicates('note', 'notes', definition.notes ?? [], reading);
  for (const each of duplicateNames(definition.nodes)) report(reading, each);
  return placed(definition, input, reading);
}

/** Makes every problem inside a node or edge name it, as far as its id can be read. */
function aboutItself<T extends object>(kind: 'nodeId' | 'edgeId', read: Reader<T>): Reader<T> {
  return (value, place, reading) => {
    const own = isPlainObject(value) && Object.hasOwn(value, 'id') ? value['id'] : undefined;
    return read(value, typeof own === 'string' && own.length <= 64 ? { ...place, [kind]: own } : place, reading);
  };
}

function reportDuplicates(kind: string, field: string, entries: readonly { readonly id: string }[], reading: Reading): void {
  const first = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    if (entry.id.startsWith(STAND_IN)) continue;
    const before = first.get(entry.id);
    if (before === undefined) first.set(entry.id, index);
    else {
      const path = joinPath(joinPath(joinPath('', field), index), 'id');
      const about = kind === 'node' ? { nodeId: entry.id } : kind === 'edge' ? { edgeId: entry.id } : {};
      report(reading, problem('ID_DUPLICATE', { path, ...about }, { kind, id: entry.id, other: `${field}[${before}]` }));
    }
  }
}

/** Nodes whose name an earlier node has. */
export function duplicateNames(nodes: readonly WorkflowNode[]): Problem[] {
  const problems: Problem[] = [];
  const first = new Map<string, WorkflowNode>();
  for (const [index, node] of nodes.entries()) {
    const name = node.data.name;
    if (name === '') continue;
    const before = first.get(name);
    if (before === undefined) first.set(name, node);
    else problems.push(problem('NODE_NAME_DUPLICATE', { path: `nodes[${index}].data.name`, nodeId: node.id }, { name, other: before.id }));
  }
  return problems;
}

/** Puts nodes and notes without a position in a row, in their order. */
function placed(definition: WorkflowDefinition, input: { readonly [key: string]: unknown }, reading: Reading): WorkflowDefinition {
  const place = <T extends { readonly id: string; readonly position: { readonly x: number; readonly y: number } }>(
    field: 'nodes' | 'notes',
    entries: readonly T[],
    y: number,
  ): T[] => {
    const raw: unknown = input[field];
    return entries.map((entry, index) => {
      const own: unknown = Array.isArray(raw) && raw.length === entries.length ? raw[index] : undefined;
      if (!isPlainObject(own) || (Object.hasOwn(own, 'position') && own['position'] !== undefined)) return entry;
      const about = field === 'nodes' && !entry.id.startsWith(STAND_IN) ? { nodeId: entry.id } : {};
      report(reading, problem('POSITION_MISSING', { path: `${field}[${index}].position`, ...about }, {}));
      return { ...entry, position: { x: index * 240, y } };
    });
  };
  return {
    ...definition,
    nodes: place('nodes', definition.nodes, 0),
    ...(definition.notes === undefined ? {} : { notes: place('notes', definition.notes, -240) }),
  };
}

/** One JSON value of untrusted origin, read under the limits of a definition. */
export const readValue = json;
