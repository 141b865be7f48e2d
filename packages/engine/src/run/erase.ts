/**
 * What stays of an event once the data of its run is forgotten: type, node, times, states and how many items there were. Folding the events of
 * an ended run gives the same steps as before, with empty items. Why something failed stays: it is told to whoever may see the run.
 */
import type { Item, StepError } from '@plugboard/sdk';
import type { Batch, ItemOutcome, KeptParams, Outputs, RunEvent, StartedItem } from './events.ts';

type Erasers = { [T in RunEvent['type']]: (event: Extract<RunEvent, { type: T }>) => RunEvent };

const same = <Event extends RunEvent>(event: Event): Event => event;
/** What is logged is data. */
const quiet = <Event extends RunEvent & { readonly logs?: unknown }>({ logs: _, ...event }: Event): Event => event as Event;

const ERASERS: Erasers = {
  'run.started': (event) => ({ ...event, outputs: outputs(event.outputs), ...(event.mocks ? { mocks: [] } : {}), erased: true }),
  'run.joined': (event) => ({ ...event, items: event.items.map(() => EMPTY) }),
  'run.admitted': same,
  'step.carried': (event) => ({ ...event, outputs: outputs(event.outputs) }),
  'items.carried': (event) => ({
    ...event,
    outcomes: event.outcomes.map(outcome),
    ...(event.kept ? { kept: event.kept.map(withoutParams) } : {}),
  }),
  'parts.carried': (event) => ({ ...event, came: event.came.map(([part, items]) => [part, items.map(() => EMPTY)] as const) }),
  'rounds.carried': (event) => ({
    ...event,
    ended: event.ended.map(([round, items]) => [round, batch(items)] as const),
    ...(event.entry ? { entry: batch(event.entry) } : {}),
    ...(event.input ? { input: batch(event.input) } : {}),
  }),
  'step.given': (event) => ({ ...event, ports: outputs(event.ports) }),
  'node.pinned': (event) => ({ ...event, outputs: outputs(event.outputs) }),
  'nodes.left_out': same,
  'step.started': same,
  'step.finished': (event) => quiet({ ...event, outputs: outputs(event.outputs) }),
  'step.failed': (event) => quiet({ ...event, error: failure(event.error) }),
  'items.started': (event) => ({ ...event, items: event.items.map(withoutParams) }),
  'items.settled': (event) => quiet({ ...event, outcomes: event.outcomes.map(outcome) }),
  'retry.scheduled': same,
  'retry.due': same,
  'step.waiting': (event) => quiet({ ...event, outputs: outputs(event.outputs) }),
  'wait.over': ({ outputs: given, answer, error, ...event }) => ({
    ...event,
    ...(given ? { outputs: outputs(given) } : {}),
    ...(answer ? { answer: { port: answer.port, json: {} } } : {}),
    ...(error ? { error: failure(error) } : {}),
  }),
  'unknown.resolved': (event) => ({ ...event, ...(event.output ? { output: EMPTY } : {}) }),
  'run.recovered': same,
  'run.quarantined': same,
  'pause.requested': same,
  'run.resumed': same,
  'cancel.requested': same,
  'run.timed_out': same,
  'run.broken': (event) => ({ ...event, error: failure(event.error) }),
  'run.ended': same,
};

/** The event without the data of its run. */
export function eraseEvent(event: RunEvent): RunEvent {
  return (ERASERS[event.type] as (event: RunEvent) => RunEvent)(event);
}

/** True when the data of the run these events are of is forgotten. */
export function isErased([first]: readonly RunEvent[]): boolean {
  return first?.type === 'run.started' && first.erased === true;
}

const EMPTY: Item = { json: {} };

function outputs(given: Outputs): Outputs {
  return Object.fromEntries(Object.entries(given).map(([port, items]) => [port, batch(items)]));
}

/** Where items came from is asked by later steps only; none follow. */
function batch({ items }: Batch): Batch {
  return { items: items.map(() => EMPTY) };
}

function outcome(given: ItemOutcome): ItemOutcome {
  if ('error' in given) return { ...given, error: failure(given.error) };
  return { i: given.i, ok: given.ok.map(({ port }) => ({ ...(port === undefined ? {} : { port }), item: EMPTY })) };
}

function withoutParams<Of extends StartedItem | KeptParams>(item: Of): Of {
  return item.params === undefined ? item : { ...item, params: {} };
}

function failure({ code, kind, message, status }: StepError): StepError {
  return { code, kind, message, ...(status === undefined ? {} : { status }) };
}
