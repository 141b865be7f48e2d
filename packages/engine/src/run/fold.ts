/**
 * `fold(run, event)`: the only way a run's state changes. Deterministic: the same events give the same state, live and after a crash.
 * The state is changed in place and given back; whoever folds owns it. Facts that come too late (a result of a step that was stopped) change nothing.
 */
import type { StepError } from '@plugboard/sdk';
import type { PlanNode } from '../plan/plan.ts';
import { answered } from './answered.ts';
import { carryItems, carryParts, carryRounds, carryStep, giveInput, leaveOut, oneCarried, pinNode } from './carried.ts';
import type { RunEvent } from './events.ts';
import { activate, complete, skip } from './firing.ts';
import { whyImpossible } from './impossible-event.ts';
import { advance, failAskedUnit, failAttempt, moveUnit, settleUnits, unitsOf } from './settle.ts';
import { UNIT, type RunGate, type RunState, type StepState } from './state.ts';
import { type WaitingFor, waitingForOf } from './status.ts';
import { allSteps, everyStep, findStep, isFinal, makeReady, nodeAt, occupies, setPhase } from './steps.ts';
import { giveUpUndo, isStopped, stopRun } from './stop.ts';
import { settleParts, takePart } from './wait-parts.ts';

type OfStep = Extract<RunEvent, { node: string }>;

type Handlers = { readonly [T in RunEvent['type']]: (run: RunState, event: Extract<RunEvent, { type: T }>) => void };

/**
 * Thrown when an event cannot belong to this run: the journal or the caller is wrong, and going on would corrupt it.
 * The state is as it was before. A caller drops the event or ends the run with `run.broken`; a reader of a journal stops there.
 */
export class ImpossibleEventError extends Error {
  readonly code = 'IMPOSSIBLE_EVENT';
  constructor(message: string) {
    super(message);
    this.name = 'ImpossibleEventError';
  }
}

/** @throws ImpossibleEventError for an event no run in this state can have; the state is then unchanged. */
export function fold(run: RunState, event: RunEvent): RunState {
  const impossible = whyImpossible(run, event);
  if (impossible !== undefined) throw new ImpossibleEventError(impossible);
  // Between a crash and the recovery nothing was under way.
  if (run.running > 0 && event.type !== 'run.recovered' && event.type !== 'run.quarantined') run.activeMs += Math.max(0, event.at - run.at);
  run.at = event.at;
  while (run.changed.length > 0) run.changed.pop();
  if (isProgress(event)) run.trial = undefined;
  (HANDLERS[event.type] as (run: RunState, event: RunEvent) => void)(run, event);
  if (!run.ended) {
    activate(run);
    updateStatus(run);
  }
  run.seq += 1;
  return run;
}

const HANDLERS: Handlers = {
  'run.started': (run, event) => {
    const trigger = run.plan.byId.get(event.trigger);
    if (!trigger) return;
    run.semantics = event.semantics;
    run.startedAt = event.at;
    run.triggerNode = trigger.index;
    run.origin = event.origin;
    run.mocks = event.mocks;
    run.toCarry = event.carries ?? 0;
    run.priority = event.priority ?? 0;
    const gate = { outputs: event.outputs, given: event.given ?? [] };
    if (event.gated) run.gate = gate;
    else begin(run, gate);
  },

  'run.joined': (run, event) => {
    if (!run.gate) return;
    const { main, ...others } = run.gate.outputs;
    run.gate = { ...run.gate, outputs: { ...others, main: { items: [...(main?.items ?? []), ...event.items] } } };
  },

  'run.admitted': (run) => {
    const { gate } = run;
    run.gate = undefined;
    if (gate && !run.stop) begin(run, gate);
  },

  'step.carried': (run, event) => {
    const { node, step } = stepOf(run, event);
    oneCarried(run);
    carryStep(run, node, step, event);
  },

  'items.carried': (run, event) => {
    const { node, step } = stepOf(run, event);
    oneCarried(run);
    carryItems(run, node, step, event);
  },

  'parts.carried': (run, event) => {
    const { step } = stepOf(run, event);
    oneCarried(run);
    carryParts(step, event);
  },

  'rounds.carried': (run, event) => {
    const { node, step } = stepOf(run, event);
    oneCarried(run);
    carryRounds(run, node, step, event);
  },

  'step.given': (run, event) => {
    const { node, step } = stepOf(run, event);
    oneCarried(run);
    giveInput(run, node, step, event.ports);
  },

  'node.pinned': (run, event) => {
    oneCarried(run);
    pinNode(run, event);
  },

  'nodes.left_out': (run, event) => {
    oneCarried(run);
    leaveOut(run, event.nodes);
  },

  'step.started': (run, event) => {
    const { step } = stepOf(run, event);
    if (step.phase === 'active' && step.attempt === 1 && !step.units) step.startedAt = event.at;
  },

  'step.finished': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (!occupies(step.phase)) return;
    if (step.attempt === 1 && !step.units) step.startedAt = event.startedAt;
    keepLogs(step, event.logs);
    complete(run, node, step, event.outputs);
  },

  'step.failed': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (!occupies(step.phase) || event.attempt !== step.attempt) return;
    keepLogs(step, event.logs);
    failAttempt(run, node, step, event.error, event.unknown === true);
  },

  'items.started': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (!occupies(step.phase)) return;
    const units = unitsOf(node, step);
    for (const item of event.items) {
      moveUnit(units, item.i, UNIT.started);
      units.tries.set(item.i, item.attempt);
      if (item.params !== undefined && !units.params.has(item.i)) units.params.set(item.i, item.params);
    }
  },

  'items.settled': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (isFinal(step.phase) || step.phase === 'waiting' || step.phase === 'looping') return;
    keepLogs(step, event.logs);
    settleUnits(run, node, step, event.outcomes);
  },

  'retry.scheduled': (run, event) => {
    const { step } = stepOf(run, event);
    if (step.phase !== 'retry' || event.attempt !== step.attempt + 1) return;
    step.dueAt = event.dueAt;
    setPhase(run, step, 'backoff');
  },

  'retry.due': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (step.phase !== 'backoff' || event.attempt !== step.attempt + 1) return;
    step.attempt = event.attempt;
    step.retryAfterMs = 0;
    const { units } = step;
    units?.states.forEach((state, i) => {
      if (state === UNIT.again) moveUnit(units, i, UNIT.idle);
    });
    makeReady(run, step);
    if (units) advance(run, node, step, units);
  },

  'step.waiting': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (step.phase !== 'active' || event.attempt !== step.attempt) return;
    if (step.attempt === 1) step.startedAt = event.startedAt;
    keepLogs(step, event.logs);
    step.units = undefined;
    if (step.early?.wait === event.wait.id) {
      const { outputs, answer } = step.early;
      step.early = undefined;
      return complete(run, node, step, outputs ?? answered(event.outputs, answer));
    }
    step.held = { wait: event.wait, outputs: event.outputs };
    setPhase(run, step, 'waiting');
    if (event.wait.parts !== undefined) settleParts(run, node, step);
  },

  'wait.over': (run, event) => {
    const { node, step } = stepOf(run, event);
    if (event.part !== undefined) return takePart(run, node, step, { ...event, part: event.part });
    const { held } = step;
    const { outputs, answer } = event;
    if (!held && (outputs || answer) && !isFinal(step.phase) && !isStopped(run)) step.early ??= { wait: event.wait, outputs, answer };
    if (!held || held.wait.id !== event.wait) return;
    step.held = undefined;
    complete(run, node, step, outputs ?? answered(held.outputs, answer));
  },

  'unknown.resolved': (run, event) => {
    const { node, step } = stepOf(run, event);
    const { units } = step;
    if (isFinal(step.phase) || !units || units.states[event.i] !== UNIT.asking) return;
    switch (event.decision) {
      case 'retry':
        moveUnit(units, event.i, UNIT.idle);
        if (step.phase === 'asking') makeReady(run, step);
        return;
      case 'done':
        return settleUnits(run, node, step, [{ i: event.i, ok: event.output ? [{ item: event.output }] : [] }]);
      case 'fail':
        failAskedUnit(run, node, step, units, event.i);
    }
  },

  'run.recovered': (run, event) => {
    run.trial = event.trial;
    loseAllInFlight(run);
  },

  'run.quarantined': (run, event) => {
    run.trial = undefined;
    loseAllInFlight(run);
    // What undoes a run cannot be held back for long: it would go unseen.
    giveUpUndo(run, { code: 'RUN_QUARANTINED', message: quarantineMessage(event.deaths) });
    // A run that only has to end does so.
    if (run.stop || run.root.open === 0) return;
    run.quarantined = true;
    run.error = { code: 'RUN_QUARANTINED', message: quarantineMessage(event.deaths) };
    for (const step of allSteps(run.root)) if (step.phase === 'active') makeReady(run, step);
  },

  'pause.requested': (run) => {
    if (!run.stop && run.root.open > 0) run.paused = true;
  },

  'run.resumed': (run) => {
    run.paused = false;
    if (!run.quarantined) return;
    run.quarantined = false;
    run.error = undefined;
  },

  'cancel.requested': (run) => {
    if (run.undo) giveUpUndo(run, { code: 'UNDO_STOPPED', message: 'Somebody stopped it.' });
    else stopRun(run, 'cancelled');
  },

  'run.timed_out': (run, event) => {
    if (run.undo) {
      const limit = Math.round(run.plan.undo.timeoutMs / 1000);
      return giveUpUndo(run, { code: 'UNDO_TIMEOUT', message: `It took longer than its limit of ${limit} s.` });
    }
    stopRun(run, 'timed_out', {
      code: 'RUN_TIMEOUT',
      message: `The run was active for ${Math.round(event.activeMs / 1000)} s, longer than its limit of ${Math.round(run.plan.timeoutMs / 1000)} s.`,
    });
  },

  'run.broken': (run, { error: { code, message } }) => {
    if (run.undo) giveUpUndo(run, { code, message });
    else stopRun(run, 'failed', { code, message });
  },

  'run.ended': (run, event) => {
    run.status = event.status;
    run.waitingFor = undefined;
    run.error = event.error;
    run.activeMs = event.activeMs;
    run.endedAt = event.at;
    run.ended = true;
  },
};

/** Writes that were in flight in a process that is gone: done again where the key makes that safe, else a person is asked. */
function loseInFlight(run: RunState, node: PlanNode, step: StepState): void {
  const { units } = step;
  if (!units || units.inFlight === 0) return;
  units.states.forEach((state, i) => {
    if (state !== UNIT.started) return;
    if (node.repeatable && step.phase === 'active') return moveUnit(units, i, UNIT.idle);
    units.outcomes[i] = { i, error: lostError(node.name), unknown: true };
    moveUnit(units, i, UNIT.asking);
  });
  advance(run, node, step, units);
}

function loseAllInFlight(run: RunState): void {
  for (const step of everyStep(run)) if (occupies(step.phase)) loseInFlight(run, nodeAt(run, step.index), step);
}

/** The trigger gives its items; nodes that nothing leads to are left out. */
function begin(run: RunState, { outputs, given }: RunGate): void {
  const trigger = nodeAt(run, run.triggerNode);
  const first = run.root.steps[trigger.index];
  if (first) complete(run, trigger, first, outputs);
  for (const step of run.root.steps) {
    const node = step && run.plan.nodes[step.index];
    if (node && node !== trigger && node.incoming.length === 0 && !given.includes(node.id)) skip(run, step, 'not_taken');
  }
}

/** What shows that a run gets on: a step, or some of its items, came to an end. */
function isProgress({ type }: RunEvent): boolean {
  return type === 'step.finished' || type === 'step.waiting' || type === 'step.failed' || type === 'items.settled' || type === 'run.ended';
}

function quarantineMessage(deaths: number): string {
  return `The server ended ${deaths} times while this run was the only one under suspicion, each time at the same steps. It is held back so that the server can go on: change what it works on, then resume or cancel it.`;
}

function lostError(name: string): StepError {
  return {
    code: 'OUTCOME_UNKNOWN',
    kind: 'unavailable',
    message: `The server stopped while ${name} was acting. The call may have happened; look, then decide.`,
  };
}

function keepLogs(step: StepState, lines: readonly NonNullable<StepState['logs']>[number][] | undefined): void {
  if (!lines || lines.length === 0) return;
  step.logs ??= [];
  for (const line of lines) step.logs.push(line);
}

function stepOf(run: RunState, { node: nodeId, path }: OfStep): { readonly node: PlanNode; readonly step: StepState } {
  const node = run.plan.byId.get(nodeId);
  const step = node && findStep(run, node, path);
  if (!step) throw new ImpossibleEventError(`The run has no step of ${nodeId} there`);
  return { node, step };
}

/** Status between start and end: running while a step works or can, waiting when all that is left waits. */
function updateStatus(run: RunState): void {
  run.waitingFor = undefined;
  run.status = 'running';
  const scope = run.undo?.current ?? run.root;
  if (isStopped(run) || run.running > 0 || scope.open === 0) return;
  if (run.quarantined) {
    run.status = 'waiting';
    run.waitingFor = 'quarantine';
    return;
  }
  if (run.paused) {
    run.status = 'paused';
    return;
  }
  if (run.gate) {
    run.status = 'waiting';
    run.waitingFor = 'turn';
    return;
  }
  if (run.readyQueue.length > 0) return;
  let waitingFor: WaitingFor | undefined;
  for (const step of allSteps(scope)) {
    if (step.phase === 'retry' || step.phase === 'backoff' || step.held?.wait.short) return;
    // What a person has to do is said before what comes by itself.
    if (step.phase === 'asking') waitingFor = 'unknown_effect';
    else if (step.held) waitingFor ??= waitingForOf(step.held.wait.kind);
  }
  if (waitingFor === undefined) return;
  run.status = 'waiting';
  run.waitingFor = waitingFor;
}
