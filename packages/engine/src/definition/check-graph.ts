/** Nodes and edges as a graph: dangling edges, ports, cycles, what starts the workflow and what never runs. */
import type { TypeIR } from '@plugboard/sdk';
import { BODY_PORT, NEXT_PORT, loopsAround } from '../plan/loops.ts';
import { ancestry, findCycles, reachableFrom } from './graph.ts';
import type { Successors } from './graph.ts';
import { checkUndo } from './check-undo.ts';
import { problem } from './problems.ts';
import type { Subject } from './subject.ts';
import { suggest } from './suggest.ts';
import { ERROR_PORT, inputPorts, isUndoPort, outputPorts } from './type-facts.ts';
import type { OutputPorts } from './type-facts.ts';
import type { Problem, WorkflowDefinition, WorkflowEdge } from './types.ts';

export interface GraphCheck {
  readonly problems: readonly Problem[];
  readonly successors: Successors;
  /** Whether a path of edges leads from one node to another, by index. */
  readonly leadsTo: (from: number, to: number) => boolean;
}

export function checkGraph(definition: WorkflowDefinition, subjects: readonly Subject[]): GraphCheck {
  const byId = new Map<string, Subject>();
  // Of two nodes with one id the first counts; the second is reported where ids are read.
  for (const subject of subjects) if (!byId.has(subject.node.id)) byId.set(subject.node.id, subject);
  const successors: number[][] = subjects.map(() => []);
  /** Without the edges that end a round of a loop: what leads back in another way would wait for itself. */
  const onward: number[][] = subjects.map(() => []);
  const problems: Problem[] = [];
  const seen = new Map<string, WorkflowEdge>();
  const outputs = new Map<Subject, OutputPorts>();
  for (const [index, edge] of definition.edges.entries()) {
    const path = `edges[${index}]`;
    const source = byId.get(edge.source);
    const target = byId.get(edge.target);
    if (source === undefined) problems.push(missingNode(edge, edge.source, `${path}.source`));
    if (target === undefined) problems.push(missingNode(edge, edge.target, `${path}.target`));
    if (source && target) {
      successors[source.index]?.push(target.index);
      if (!isLoop(target) || edge.targetHandle !== NEXT_PORT) onward[source.index]?.push(target.index);
    }
    if (source?.type) {
      let ports = outputs.get(source);
      if (ports === undefined) outputs.set(source, (ports = outputPorts(source.type, source.node)));
      problems.push(...checkSource(edge, path, source, ports));
    }
    if (target?.type) problems.push(...checkTarget(edge, path, target, target.type));
    const ends = JSON.stringify([edge.source, edge.sourceHandle, edge.target, edge.targetHandle]);
    const before = seen.get(ends);
    if (before) problems.push(problem('EDGE_DUPLICATE', { path, edgeId: edge.id }, { edge: edge.id, other: before.id }));
    else seen.set(ends, edge);
  }
  problems.push(
    ...checkGroups(definition, byId),
    ...checkCycles(subjects, onward),
    ...checkLoops(definition, subjects, byId),
    ...checkUndo(definition, subjects, byId, isLoop),
    ...checkReach(subjects, successors),
  );
  let leads: ((from: number, to: number) => boolean) | undefined;
  return { problems, successors, leadsTo: (from, to) => (leads ??= ancestry(successors))(from, to) };
}

function missingNode(edge: WorkflowEdge, id: string, path: string): Problem {
  return problem('EDGE_NODE_MISSING', { path, edgeId: edge.id }, { edge: edge.id, id });
}

function checkSource(edge: WorkflowEdge, path: string, source: Subject, ports: OutputPorts): Problem[] {
  const port = edge.sourceHandle;
  if (ports.ids.has(port) || (source.type && isUndoPort(source.type, ports, port))) return [];
  const place = { path: `${path}.sourceHandle`, edgeId: edge.id, nodeId: source.node.id };
  if (port === ERROR_PORT) return source.node.data.onError === 'route' ? [] : [problem('ERROR_PORT_CLOSED', place, { node: source.name })];
  if (!ports.complete) return [];
  return [portMissing(place, source, 'output', port, [...ports.ids])];
}

function checkTarget(edge: WorkflowEdge, path: string, target: Subject, type: TypeIR): Problem[] {
  const place = { path: `${path}.targetHandle`, edgeId: edge.id, nodeId: target.node.id };
  if (type.kind === 'trigger') return [problem('EDGE_INTO_TRIGGER', { ...place, path: `${path}.target` }, { node: target.name })];
  const ports = inputPorts(type);
  return ports.includes(edge.targetHandle) ? [] : [portMissing(place, target, 'input', edge.targetHandle, ports)];
}

function portMissing(
  place: { path: string; edgeId: string; nodeId: string },
  subject: Subject,
  side: 'input' | 'output',
  port: string,
  ports: readonly string[],
): Problem {
  const near = suggest(port, ports);
  const list = ports.length === 0 ? 'none' : ports.join(', ');
  const values = { node: subject.name, side, port, ports: list };
  return problem('EDGE_PORT_MISSING', place, values, near === undefined ? {} : { hint: `Did you mean "${near}"? Its ports are: ${list}.` });
}

function checkGroups(definition: WorkflowDefinition, byId: ReadonlyMap<string, Subject>): Problem[] {
  return (definition.groups ?? []).flatMap((group, index) =>
    group.nodes.flatMap((id, entry) =>
      byId.has(id) ? [] : [problem('GROUP_NODE_MISSING', { path: `groups[${index}].nodes[${entry}]` }, { id })],
    ),
  );
}

function isLoop(subject: Subject | undefined): boolean {
  return subject?.type?.kind === 'node' && subject.type.loop !== undefined && subject.node.data.disabled !== true;
}

/** What lies inside a loop is reached through it alone, and a break lies inside one. */
function checkLoops(definition: WorkflowDefinition, subjects: readonly Subject[], byId: ReadonlyMap<string, Subject>): Problem[] {
  const edges = definition.edges.flatMap((edge, index) => {
    const [source, target] = [byId.get(edge.source), byId.get(edge.target)];
    return source && target
      ? [{ from: source.index, port: edge.sourceHandle, to: target.index, input: edge.targetHandle, edge, index, source, target }]
      : [];
  });
  const around = loopsAround(subjects.length, edges, (index) => isLoop(subjects[index]));
  const problems: Problem[] = [];
  for (const { from, port, to, input, edge, index, source, target } of edges) {
    const place = { path: `edges[${index}]`, edgeId: edge.id, nodeId: target.node.id };
    const [outside = [], inside = []] = [around[from], around[to]];
    const isEntry = isLoop(source) && port === BODY_PORT;
    const isBack = isLoop(target) && input === NEXT_PORT;
    if (isBack) {
      if (outside.at(-1) !== to && !(isEntry && from === to))
        problems.push(problem('LOOP_NEXT', place, { node: source.name, loop: target.name }));
    } else if (inside.length > 0 && !isEntry && inside.at(-1) !== outside.at(-1)) {
      const loop = subjects[inside.at(-1) ?? -1]?.name ?? '';
      problems.push(problem('LOOP_ENTRY', place, { node: target.name, source: source.name, loop }));
    }
  }
  for (const { index, type, node, path, name } of subjects) {
    if (type?.kind === 'node' && type.breaks && (around[index] ?? []).length === 0)
      problems.push(problem('BREAK_OUTSIDE', { path, nodeId: node.id }, { node: name }));
  }
  return problems;
}

function checkCycles(subjects: readonly Subject[], onward: Successors): Problem[] {
  return findCycles(onward).map((cycle) => {
    const names = [...cycle, ...cycle.slice(0, 1)].map((index) => subjects[index]?.name ?? '');
    const shown = names.length <= 12 ? names : [...names.slice(0, 6), '…', ...names.slice(-5)];
    const first = subjects[cycle[0] ?? 0];
    return problem('CYCLE', { path: first?.path ?? 'nodes', nodeId: first?.node.id }, { cycle: shown.join(' → ') });
  });
}

function checkReach(subjects: readonly Subject[], successors: Successors): Problem[] {
  const hasIncoming = new Set(successors.flat());
  // A type that is not installed may be a trigger when nothing leads to it; what follows it is not called unreachable.
  const roots = subjects.filter(({ type, node, index }) =>
    type ? type.kind === 'trigger' && node.data.disabled !== true : !hasIncoming.has(index),
  );
  if (roots.length === 0) return [problem('NO_TRIGGER', { path: 'nodes' }, {})];
  const reached = reachableFrom(
    successors,
    roots.map((root) => root.index),
  );
  return subjects
    .filter(({ index, node, type }) => !reached[index] && node.data.disabled !== true && type?.kind !== 'trigger')
    .map((subject) => problem('NODE_UNREACHABLE', { path: subject.path, nodeId: subject.node.id }, { node: subject.name }));
}
