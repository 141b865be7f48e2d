/**
 * How a run that did not end well takes back what it did: for each step with an undo branch that did something, the newest first, one branch after
 * the other. Each branch is a scope of its own that begins with what its step gave. It begins by itself once nothing of the run is in flight.
 */
import { ERROR_PORT } from '../definition/type-facts.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { Batch, Lineage, RunError } from './events.ts';
import { type RunState, type Scope, type StepState, type UndoState, newScope } from './state.ts';

/** The branch that begins now; undefined while one is under way, and when none is left. */
export function nextBranch(run: RunState): Scope | undefined {
  if (run.running > 0 || run.plan.undo.nodes.length === 0) return undefined;
  run.undo ??= begunUndo(run);
  const { undo } = run;
  if (!undo || (undo.current && undo.current.open > 0)) return undefined;

  const [next, ...left] = undo.left;
  const node = next === undefined ? undefined : run.plan.nodes[next];
  const step = node && run.root.steps[node.index];
  undo.left = left;
  undo.current = undefined;
  undo.isBroken = false;
  if (!step || !node.undo) return undefined;

  const branch = newScope(run.plan, node.undo.nodes, step.scope.path, step, doneBy(run, node, step));
  undo.branches.set(node.index, branch);
  undo.current = branch;
  return branch;
}

/** Why the run ended, and what of it could not be undone. */
export function withUndoFailures({ plan, stop, undo }: RunState): RunError | undefined {
  const [first] = undo?.failures ?? [];
  if (!first) return stop?.error;
  const what = undo?.failures.map(
    ({ of, error }) => `${of === undefined ? 'All that was left' : nameOf(plan.byId.get(of), of)}: ${error.message}`,
  );
  const message = `Not everything the run had done could be undone. ${what?.join(' ')}`;
  if (!stop?.error) return { code: 'UNDO_FAILED', message, ...(first.error.node === undefined ? {} : { node: first.error.node }) };
  // What could not be undone is part of the reason that callers are told.
  const { called: _, ...error } = stop.error;
  return { ...error, message: `${error.message} ${message}` };
}

function nameOf(node: PlanNode | undefined, id: string): string {
  return `"${node?.name ?? id}"`;
}

/** Undefined where nothing is to be undone. */
function begunUndo(run: RunState): UndoState | undefined {
  const { plan, stop } = run;
  // Of a run that was stopped before it knew all that it keeps, nothing has happened.
  if (run.toCarry > 0 || (stop?.status === 'cancelled' && plan.undo.on === 'failures')) return undefined;
  const steps = plan.undo.nodes.flatMap((node) => {
    const step = run.root.steps[node.index];
    return step && doneBy(run, node, step).items.length > 0 ? [step] : [];
  });
  if (steps.length === 0) return undefined;
  const left = steps.sort((a, b) => b.changedAt - a.changedAt || b.index - a.index).map((step) => step.index);
  return { left, branches: new Map(), current: undefined, isBroken: false, failures: [], sinceMs: run.activeMs };
}

/** Items of what the step did: all it gave, without those that stand for failures; of a step that did not succeed those that went well. */
function doneBy({ origin }: RunState, node: PlanNode, step: StepState): Batch {
  const items: Batch['items'][number][] = [];
  const from: Lineage[number][] = [];
  // What a person gave has not happened, and what another run did is undone only by one that goes on for it.
  const isOther = origin !== undefined && origin.keys === undefined;
  if (node.disabled || step.carried === 'skip' || step.carried === 'pin' || (isOther && (step.carried ?? step.parts?.from) !== undefined))
    return { items, from };
  const { units } = step;
  if (units) {
    units.outcomes.forEach((outcome, i) => {
      if (!outcome || 'error' in outcome || (isOther && !units.tries.has(i))) return;
      for (const output of outcome.ok) {
        items.push(output.item);
        from.push(node.perBatch ? (output.from ?? []) : i);
      }
    });
    return { items, from };
  }
  if (step.parts) {
    const { came, each } = step.parts;
    for (const part of [...came.keys()].sort((a, b) => a - b)) {
      const answer = came.get(part);
      if (!answer || 'error' in answer) continue;
      for (const item of answer.items) {
        items.push(item);
        from.push(each ? part : []);
      }
    }
    return { items, from };
  }
  // A step that went on after it had failed as a whole did nothing.
  if (step.phase !== 'succeeded' || step.error) return { items, from };
  for (const port in step.outputs) {
    const batch = step.outputs[port];
    if (!batch || (port === ERROR_PORT && node.onError === 'route')) continue;
    batch.items.forEach((item, n) => {
      items.push(item);
      from.push(batch.from ? (batch.from[n] ?? []) : n);
    });
  }
  return { items, from };
}
