/**
 * What a step hands on once every unit has ended: the items of those that went well, and failed ones as its error policy says.
 * Outputs are in input order whatever the order in which units ended, so that they do not depend on timing.
 */
import type { Item, Json, StepError } from '@plugboard/sdk';
import { ERROR_PORT } from '../definition/type-facts.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { Outputs, StepWait } from './events.ts';
import { type PartAnswer, type StepInput, type UnitProgress, inputItem } from './state.ts';

type Ancestors = number | readonly number[];

/** Outputs of a step whose units all ended. */
export function outputsOfUnits(node: PlanNode, input: StepInput, units: UnitProgress): Outputs {
  const ports = new PortBuilder();
  for (let i = 0; i < units.states.length; i += 1) {
    const outcome = units.outcomes[i];
    if (!outcome) continue;
    if ('error' in outcome) {
      if (node.perBatch) addFailedBatch(ports, node, input, outcome.error);
      else addFailed(ports, node, inputItem(input, i), i, outcome.error);
      continue;
    }
    for (const output of outcome.ok) {
      const from = node.perBatch ? (output.from ?? []) : output.from ? [i, ...output.from] : i;
      ports.add(output.port ?? 'main', output.item, from);
    }
  }
  return ports.outputs();
}

/** Outputs of a step that failed as a whole and goes on by its policy: each of its items with the error, or the error alone. */
export function outputsOfFailure(node: PlanNode, input: StepInput, error: StepError): Outputs {
  const ports = new PortBuilder();
  addFailedBatch(ports, node, input, error);
  return ports.outputs();
}

/** Outputs of a step that waited for several answers, in the order of the parts. */
export function outputsOfParts(
  node: PlanNode,
  input: StepInput,
  { parts = 0, each }: StepWait,
  came: ReadonlyMap<number, PartAnswer>,
): Outputs {
  const ports = new PortBuilder();
  for (let part = 0; part < parts; part += 1) {
    const answer = came.get(part);
    if (!answer) continue;
    if (!('error' in answer)) for (const item of answer.items) ports.add('main', item, each ? part : []);
    else if (each) addFailed(ports, node, inputItem(input, part), part, answer.error);
    else addFailedBatch(ports, node, input, answer.error);
  }
  return ports.outputs();
}

function addFailedBatch(ports: PortBuilder, node: PlanNode, input: StepInput, error: StepError): void {
  if (input.count === 0) return addFailed(ports, node, undefined, [], error);
  for (let i = 0; i < input.count; i += 1) addFailed(ports, node, inputItem(input, i), i, error);
}

function addFailed(ports: PortBuilder, node: PlanNode, input: Item | undefined, from: Ancestors, { code, message, data }: StepError): void {
  const json = input?.json ?? {};
  const runId = runOf(data);
  const error = { code, message, ...(runId === undefined ? {} : { runId }) };
  if (node.onError === 'route') ports.add(ERROR_PORT, { json: { error, item: json } }, from);
  else ports.add('main', { ...input, json: { ...json, error } }, from);
}

/** The run that failed, where the error is that of another run. */
function runOf(data: StepError['data']): string | undefined {
  const runId = typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as { readonly runId?: Json }).runId : undefined;
  return typeof runId === 'string' ? runId : undefined;
}

class PortBuilder {
  readonly #ports = new Map<string, { readonly items: Item[]; readonly from: Ancestors[]; isStraight: boolean }>();

  add(port: string, item: Item, from: Ancestors): void {
    let batch = this.#ports.get(port);
    if (!batch) {
      batch = { items: [], from: [], isStraight: true };
      this.#ports.set(port, batch);
    }
    if (from !== batch.items.length) batch.isStraight = false;
    batch.items.push(item);
    batch.from.push(from);
  }

  /** Lineage is left out where output `i` came from input `i` alone. */
  outputs(): Outputs {
    const outputs: { [port: string]: Outputs[string] } = {};
    for (const [port, { items, from, isStraight }] of this.#ports) outputs[port] = isStraight ? { items } : { items, from };
    return outputs;
  }
}
