/**
 * Where an item came from: follows ancestors backwards through the steps of a run, as `$('Node').item` needs.
 */
import type { Item } from '@plugboard/sdk';
import { UNDO_PORT } from '../definition/type-facts.ts';
import { BODY_PORT } from '../plan/loops.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { Batch, Lineage, Outputs } from './events.ts';
import type { InputPart, RunState, Scope, StepInput, StepState } from './state.ts';
import { stepSeenFrom } from './steps.ts';

/** The item of `target` that input item `index` of a step in this scope descends from; the first one where several do. */
export function ancestorItem(run: RunState, scope: Scope, input: StepInput, index: number, target: PlanNode): Item | undefined {
  const found = findAncestor(run, scope, input, index, target, undefined);
  return found && outputsSeenFrom(scope, target)?.[found.port]?.items[found.index];
}

/** As {@link ancestorItem}, but the position among all items `target` emitted. */
export function ancestorIndex(run: RunState, scope: Scope, input: StepInput, index: number, target: PlanNode): number | undefined {
  const found = findAncestor(run, scope, input, index, target, undefined);
  return found && offsetOfPort(scope, target, found.port) + found.index;
}

/** Where in the loop's input an output of a step of its round comes from. */
export function ancestorOfRound(run: RunState, { scope, input }: StepState, batch: Batch, index: number): Lineage[number] | undefined {
  const target = scope.of && run.plan.nodes[scope.of.index];
  if (!target || !input) return undefined;
  const from = batch.from ? batch.from[index] : index;
  const first = typeof from === 'number' ? from : from?.[0];
  const found = first === undefined ? undefined : findAncestor(run, scope, input, first, target, undefined);
  return found && scope.entry?.from?.[found.index];
}

/** All items a node emitted, over its ports in the order of its type, as steps of this scope see it. */
export function allItems(scope: Scope, node: PlanNode): readonly Item[] {
  const batches = batchesByPort(node, outputsSeenFrom(scope, node) ?? {});
  const [first] = batches;
  if (!first) return [];
  return batches.length === 1 ? first[1].items : batches.flatMap(([, batch]) => batch.items);
}

/** Of the loop around it a round sees what it began with, and a branch of the step it undoes what is to be taken back. */
export function outputsSeenFrom(scope: Scope, node: PlanNode): Outputs | undefined {
  for (let at: Scope | undefined = scope; at; at = at.of?.scope) {
    const step = at.steps[node.index];
    if (step) return step.outputs;
    if (at.of?.index === node.index) return at.entry && { [at.isUndo ? UNDO_PORT : BODY_PORT]: at.entry };
  }
  return undefined;
}

interface Position {
  readonly port: string;
  /** Among the items of the port. */
  readonly index: number;
}

/** Items seen already, by node and position: with many ancestors per item there are many ways to the same one. */
type Seen = Set<string>;

function findAncestor(
  run: RunState,
  scope: Scope,
  input: StepInput,
  index: number,
  target: PlanNode,
  seen: Seen | undefined,
): Position | undefined {
  const part = partOf(input, index);
  const edge = part && run.plan.edges[part.edge];
  if (!edge) return undefined;
  const local = index - part.offset;
  if (local >= part.batch.items.length) return undefined;
  if (edge.from === target.index) return { port: edge.port, index: local };
  const source = stepSeenFrom(scope, edge.from);
  if (!source?.input || run.plan.nodes[edge.from]?.isTrigger) return undefined;
  const from = part.batch.from ? (part.batch.from[local] ?? []) : local;
  if (typeof from === 'number') return findAncestor(run, source.scope, source.input, from, target, seen);
  const visited: Seen = seen ?? new Set();
  // Of the whole input: one item of each branch stands for all.
  for (const one of from.length > 0 ? from : source.input.parts.map((each) => each.offset)) {
    const key = `${edge.from}:${one}`;
    if (visited.has(key)) continue;
    visited.add(key);
    const found = findAncestor(run, source.scope, source.input, one, target, visited);
    if (found) return found;
  }
  return undefined;
}

function partOf(input: StepInput, index: number): InputPart | undefined {
  for (let n = input.parts.length - 1; n >= 0; n -= 1) {
    const part = input.parts[n];
    if (part && index >= part.offset) return part;
  }
  return undefined;
}

function offsetOfPort(scope: Scope, node: PlanNode, port: string): number {
  let offset = 0;
  for (const [name, batch] of batchesByPort(node, outputsSeenFrom(scope, node) ?? {})) {
    if (name === port) return offset;
    offset += batch.items.length;
  }
  return offset;
}

/** Ports the type does not name (an expression does, or the error policy) come last, by name. */
function batchesByPort(node: PlanNode, outputs: Outputs): [string, Batch][] {
  const batches = Object.entries(outputs);
  if (batches.length < 2) return batches;
  const rank = (port: string): number => {
    const place = node.outputPorts.indexOf(port);
    return place < 0 ? node.outputPorts.length : place;
  };
  return batches.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
