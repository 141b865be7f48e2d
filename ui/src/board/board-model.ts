/** The drawing of a workflow: its definition and the catalog turned into plates, sockets and cables. Pure. */
import { ERROR_PORT, UNDO_PORT, effectOf, inputPorts, outputPorts, type WorkflowDefinition, type WorkflowNode } from '@plugboard/engine';
import type { Json, TypeIR } from '@plugboard/sdk';
import { type BoardLoop, loopsOf } from '../graph/loop-frames.ts';
import type { PlateNode } from '../graph/plate.ts';

/** What a node is for; its tile has this colour. */
export type NodeKind = 'trigger' | 'people' | 'data' | 'ai' | 'action' | 'logic';

export interface BoardNode extends PlateNode {
  readonly name: string;
  /** One line of its real configuration, never the name of its type. */
  readonly line: string;
  readonly typeTitle: string;
  readonly icon: string | undefined;
  readonly kind: NodeKind;
  readonly portTitles: { readonly [port: string]: string };
  readonly isDisabled: boolean;
  /** The catalog has no such type. */
  readonly isMissing: boolean;
  /** Changes something outside when it runs. */
  readonly writes: boolean;
  /** Takes back what another one did; runs only when its run does not end well. */
  readonly isUndo: boolean;
}

export interface BoardEdge {
  readonly id: string;
  readonly source: string;
  readonly sourceHandle: string;
  readonly target: string;
  readonly targetHandle: string;
}

export interface BoardNote {
  readonly id: string;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number | undefined;
}

export interface BoardDrawing {
  readonly nodes: readonly BoardNode[];
  readonly edges: readonly BoardEdge[];
  readonly notes: readonly BoardNote[];
  /** Outer ones first. */
  readonly loops: readonly BoardLoop[];
  readonly groups: readonly { readonly id: string; readonly title: string; readonly nodes: readonly string[] }[];
}

export function drawingOf(definition: WorkflowDefinition, catalog: readonly TypeIR[]): BoardDrawing {
  const byKey = new Map(catalog.map((type) => [`${type.type}@${type.version}`, type]));
  const newest = new Map(catalog.map((type) => [type.type, type]));
  const undone = new Set(definition.edges.flatMap((edge) => (edge.sourceHandle === UNDO_PORT ? [edge.source] : [])));
  const undoing = undoBranches(definition);
  const nodes = definition.nodes.map((node) => {
    const type = byKey.get(`${node.type}@${node.data.typeVersion}`) ?? newest.get(node.type);
    const drawn = type ? knownNode(node, type, undone.has(node.id)) : missingNode(node, definition);
    return { ...drawn, isUndo: undoing.has(node.id) };
  });
  return {
    nodes,
    loops: loopsOf(nodes, definition.edges),
    edges: definition.edges.map(({ id, source, sourceHandle, target, targetHandle }) => ({
      id,
      source,
      sourceHandle,
      target,
      targetHandle,
    })),
    notes: (definition.notes ?? []).map(({ id, text, position, size }) => ({
      id,
      text,
      ...position,
      width: size?.width ?? 188,
      height: size?.height,
    })),
    groups: (definition.groups ?? []).map(({ id, title, nodes }) => ({ id, title: title ?? 'Group', nodes })),
  };
}

/** What is connected to a port "undo", and what follows it: the ordinary flow joins it nowhere. */
function undoBranches({ edges }: WorkflowDefinition): ReadonlySet<string> {
  const found = new Set(edges.flatMap((edge) => (edge.sourceHandle === UNDO_PORT ? [edge.target] : [])));
  // A set hands on what is added while it is walked.
  for (const id of found) for (const edge of edges) if (edge.source === id) found.add(edge.target);
  return found;
}

function knownNode(node: WorkflowNode, type: TypeIR, isUndone: boolean): Omit<BoardNode, 'isUndo'> {
  const outputs = [...outputPorts(type, node).ids];
  if (node.data.onError === 'route' && !outputs.includes(ERROR_PORT)) outputs.push(ERROR_PORT);
  if (isUndone && !outputs.includes(UNDO_PORT)) outputs.push(UNDO_PORT);
  const titles = [...(type.ports.inputs ?? []), ...(type.ports.outputs ?? [])];
  return {
    id: node.id,
    position: node.position,
    inputs: inputPorts(type),
    outputs,
    name: node.data.name,
    line: configurationLine(node, type),
    typeTitle: type.title,
    icon: type.icon,
    kind: kindOf(node, type),
    portTitles: Object.fromEntries(titles.map((port) => [port.id, port.title ?? port.id])),
    isDisabled: node.data.disabled ?? false,
    isMissing: false,
    writes: type.kind === 'node' && effectOf(type, node) === 'write',
  };
}

/** A node whose type is not installed keeps its place, its cables and all its data. */
function missingNode(node: WorkflowNode, definition: WorkflowDefinition): Omit<BoardNode, 'isUndo'> {
  const used = (pick: (edge: WorkflowDefinition['edges'][number]) => string | false): string[] => [
    ...new Set(definition.edges.map(pick).filter((port) => port !== false)),
  ];
  return {
    id: node.id,
    position: node.position,
    inputs: used((edge) => edge.target === node.id && edge.targetHandle),
    outputs: used((edge) => edge.source === node.id && edge.sourceHandle),
    name: node.data.name,
    line: node.type,
    typeTitle: node.type,
    icon: undefined,
    kind: 'logic',
    portTitles: {},
    isDisabled: node.data.disabled ?? false,
    isMissing: true,
    writes: false,
  };
}

const KIND_OF_GROUP: { readonly [group: string]: NodeKind } = {
  triggers: 'trigger',
  people: 'people',
  ai: 'ai',
  databases: 'data',
  'data sources': 'data',
  network: 'action',
};

function kindOf(node: WorkflowNode, type: TypeIR): NodeKind {
  if (type.kind === 'trigger') return 'trigger';
  return KIND_OF_GROUP[type.group.toLowerCase()] ?? (effectOf(type, node) === 'none' ? 'logic' : 'action');
}

/** For the mini-board, where only the type's name is known. */
export function kindOfType(typeName: string, catalog: readonly TypeIR[]): NodeKind {
  const type = catalog.find((one) => one.type === typeName);
  if (!type) return 'logic';
  return kindOf({ id: '', type: typeName, position: { x: 0, y: 0 }, data: { name: '', typeVersion: type.version, params: {} } }, type);
}

const LONGEST_LINE = 64;

function configurationLine(node: WorkflowNode, type: TypeIR): string {
  const { params } = node.data;
  if (node.data.disabled) return 'turned off';
  const text = (name: string): string | undefined => plainText(params[name] ?? type.params[name]?.default);
  const method = text('method');
  const address = text('url') ?? text('path');
  if (address !== undefined) return shorten(method === undefined ? address : `${method} ${pathOf(address)}`);
  if (type.type.endsWith('/code')) return text('language') ?? 'Code';
  const conditions = params['conditions'] ?? params['condition'];
  const sentence = conditionWords(conditions);
  if (sentence !== undefined) return shorten(sentence);
  // A chosen mode says less than what was typed, so choices come last.
  const entries = Object.entries(type.params);
  const byWeight = [...entries.filter(([, one]) => one.kind !== 'choice'), ...entries.filter(([, one]) => one.kind === 'choice')];
  for (const [name, description] of byWeight) {
    const value = params[name];
    if (value === undefined) continue;
    if (description.kind === 'choice') {
      const option = description.options.find((one) => one.value === value);
      if (option) return shorten(option.title);
    }
    const words = plainText(value);
    if (words !== undefined && words !== '') return shorten(withMeaning(name, words, type, params));
    if ((description.kind === 'object' || description.kind === 'map') && isObject(value)) return shorten(Object.keys(value).join(', '));
    if (description.kind === 'list' && Array.isArray(value)) return value.length === 1 ? '1 entry' : `${value.length} entries`;
  }
  return shorten(type.help ?? '');
}

/** A bare number says nothing: it is told with its unit, or with the title of its field. */
function withMeaning(name: string, words: string, type: TypeIR, params: { readonly [name: string]: Json }): string {
  if (!/^\d+(\.\d+)?$/.test(words)) return words;
  const unit = type.params['unit'];
  if (name === 'amount' && unit?.kind === 'choice') {
    const chosen = params['unit'] ?? unit.default;
    const title = unit.options.find((one) => one.value === chosen)?.title;
    const named = title?.toLowerCase() ?? '';
    return `${words} ${words === '1' ? named.replace(/s$/, '') : named}`.trim();
  }
  const title = type.params[name]?.title;
  return title === undefined ? words : `${title}: ${words}`;
}

/** Text as people read it: an expression without its braces. */
function plainText(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return undefined;
  if (value.startsWith('==')) return value.slice(1);
  if (!value.startsWith('=')) return value;
  return value
    .slice(1)
    .replaceAll(/\{\{\s*(.*?)\s*\}\}/gs, '$1')
    .replaceAll('$json.', '');
}

function conditionWords(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return plainText(value);
  if (!isObject(value)) return undefined;
  const word = Array.isArray(value['any']) ? 'or' : 'and';
  const rules = value['all'] ?? value['any'];
  if (!Array.isArray(rules) || rules.length === 0) return undefined;
  const words = rules.slice(0, 2).map((rule: Json) => {
    if (!isObject(rule) || typeof rule['op'] !== 'string') return '(…)';
    return [plainText(rule['left']), OP_WORDS[rule['op']] ?? rule['op'], plainText(rule['right'])].filter(Boolean).join(' ');
  });
  return words.join(` ${word} `);
}

const OP_WORDS: { readonly [op: string]: string } = {
  eq: 'is',
  ne: 'is not',
  lt: 'under',
  lte: 'at most',
  gt: 'over',
  gte: 'at least',
  contains: 'contains',
  notContains: 'does not contain',
  startsWith: 'starts with',
  endsWith: 'ends with',
  empty: 'is empty',
  notEmpty: 'is not empty',
  true: 'is true',
  false: 'is false',
};

function pathOf(address: string): string {
  try {
    const url = new URL(address);
    return url.pathname === '/' ? url.host : url.pathname;
  } catch {
    return address; // a path, or an expression
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line;
}
