/** What undoes a step is apart from the ordinary flow, hangs on a step that does something, and lies in no loop. */
import { loopsAround } from '../plan/loops.ts';
import { undoBranches } from '../plan/undo-branches.ts';
import { problem } from './problems.ts';
import type { Subject } from './subject.ts';
import { UNDO_PORT, effectOf, isUndoPort, outputPorts } from './type-facts.ts';
import type { Problem, WorkflowDefinition, WorkflowEdge } from './types.ts';

interface CheckedEdge {
  readonly edge: WorkflowEdge;
  readonly path: string;
  readonly source: Subject;
  readonly target: Subject;
  readonly from: number;
  readonly port: string;
  readonly to: number;
  readonly input: string;
}

export function checkUndo(
  { edges: all }: WorkflowDefinition,
  subjects: readonly Subject[],
  byId: ReadonlyMap<string, Subject>,
  isLoop: (subject: Subject | undefined) => boolean,
): Problem[] {
  const edges = all.flatMap((edge, index): CheckedEdge[] => {
    const [source, target] = [byId.get(edge.source), byId.get(edge.target)];
    if (!source || !target) return [];
    const ends = { from: source.index, port: edge.sourceHandle, to: target.index, input: edge.targetHandle };
    return [{ edge, path: `edges[${index}]`, source, target, ...ends }];
  });
  const entries = new Set(
    edges.filter(({ source: { type, node }, port }) => port === UNDO_PORT && type && isUndoPort(type, outputPorts(type, node), port)),
  );
  if (entries.size === 0) return [];
  const around = loopsAround(subjects.length, edges, (index) => isLoop(subjects[index]));
  const { ownerOf, foreign, nested } = undoBranches({
    count: subjects.length,
    edges,
    isEntry: (edge) => entries.has(edge) && around[edge.from]?.length === 0,
    isApart: (index) => subjects[index]?.type?.kind === 'trigger',
  });
  const nameOf = (index: number | undefined): string => subjects[index ?? -1]?.name ?? '';
  const problems: Problem[] = [];
  for (const edge of foreign) {
    const owner = ownerOf[edge.to];
    if (owner === undefined) continue;
    const values = { edge: edge.edge.id, source: edge.source.name, node: edge.target.name, undone: nameOf(owner) };
    problems.push(problem('UNDO_JOINED', placeOf(edge), values));
  }
  for (const { edge, path, source, from } of firstOfEach(entries)) {
    const place = { path, edgeId: edge.id, nodeId: source.node.id };
    const loop = around[from]?.at(-1);
    if (loop !== undefined) problems.push(problem('UNDO_IN_LOOP', place, { node: source.name, loop: nameOf(loop) }));
    else if (nested.has(from)) problems.push(problem('UNDO_IN_UNDO', place, { node: source.name }));
    else if (source.type?.kind === 'node' && effectOf(source.type, source.node) !== 'write')
      problems.push(problem('UNDO_NOTHING', place, { node: source.name }));
  }
  return problems;
}

function placeOf({ edge, path, target }: CheckedEdge): { path: string; edgeId: string; nodeId: string } {
  return { path, edgeId: edge.id, nodeId: target.node.id };
}

function firstOfEach(entries: ReadonlySet<CheckedEdge>): CheckedEdge[] {
  const first = new Map<number, CheckedEdge>();
  for (const edge of entries) if (!first.has(edge.from)) first.set(edge.from, edge);
  return [...first.values()];
}
