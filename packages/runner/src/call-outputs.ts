/** What a call gave back, as the outputs an event holds. */
import type { BatchOutput, ItemOutcome, ItemOutput, Outputs } from '@plugboard/engine';
import type { Item, StepError } from '@plugboard/sdk';
import type { Sliced } from './turns.ts';

/** Outputs taken in between two looks at the clock. */
const PART = 1024;

/** Outputs of a whole-batch call, by port. One without ancestors descends from the whole input, which an absent entry of `from` says. */
export function batchOutputs(outputs: readonly BatchOutput[]): Outputs {
  const ports: BatchPorts = {};
  for (const output of outputs) addBatchOutput(ports, output);
  return ports;
}

/** As {@link batchOutputs}, for many outputs. */
export function* batchOutputsInParts(outputs: readonly BatchOutput[]): Sliced<Outputs> {
  const ports: BatchPorts = {};
  let n = 0;
  for (const output of outputs) {
    addBatchOutput(ports, output);
    if (++n % PART === 0) yield;
  }
  return ports;
}

type BatchPorts = { [port: string]: { readonly items: Item[]; readonly from: (readonly number[])[] } };

function addBatchOutput(ports: BatchPorts, output: BatchOutput): void {
  const batch = (ports[output.port ?? 'main'] ??= { items: [], from: [] });
  if (output.from && output.from.length > 0) {
    while (batch.from.length < batch.items.length) batch.from.push([]);
    batch.from.push(output.from);
  }
  batch.items.push(asItem(output));
}

/** Outputs of an atomic write, as those of its one unit. */
export function unitOutputs(outputs: readonly BatchOutput[]): ItemOutput[] {
  return outputs.map((output) => ({ port: output.port ?? 'main', item: asItem(output), from: output.from ?? [] }));
}

/** Outputs of items that all ended well, in input order; lineage is left out where each item gave exactly one. */
export function itemOutputs(outcomes: readonly ItemOutcome[]): Outputs {
  const [only] = outcomes;
  if (outcomes.length === 1 && only?.i === 0 && 'ok' in only && only.ok.length === 1) {
    const [output] = only.ok;
    if (output && !output.from) {
      const batch = { items: [output.item] };
      return output.port === undefined ? { main: batch } : { [output.port]: batch };
    }
  }
  const ports: ItemPorts = {};
  for (const outcome of inInputOrder(outcomes)) addItemOutputs(ports, outcome);
  return withLineage(ports);
}

/** As {@link itemOutputs}, for many outcomes. */
export function* itemOutputsInParts(outcomes: readonly ItemOutcome[]): Sliced<Outputs> {
  const ports: ItemPorts = {};
  let n = 0;
  for (const outcome of inInputOrder(outcomes)) {
    addItemOutputs(ports, outcome);
    if (++n % PART === 0) yield;
  }
  return withLineage(ports);
}

type ItemPorts = { [port: string]: { readonly items: Item[]; readonly from: (number | readonly number[])[]; straight: boolean } };

function addItemOutputs(ports: ItemPorts, outcome: ItemOutcome): void {
  if (!('ok' in outcome)) return;
  for (const output of outcome.ok) {
    const batch = (ports[output.port ?? 'main'] ??= { items: [], from: [], straight: true });
    if (output.from || outcome.i !== batch.items.length) batch.straight = false;
    batch.items.push(output.item);
    batch.from.push(output.from ? [outcome.i, ...output.from] : outcome.i);
  }
}

function withLineage(ports: ItemPorts): Outputs {
  const result: { [port: string]: { items: Item[]; from?: (number | readonly number[])[] } } = {};
  for (const port in ports) {
    const batch = ports[port];
    if (batch) result[port] = batch.straight ? { items: batch.items } : { items: batch.items, from: batch.from };
  }
  return result;
}

/** The error of a step that gave more items than a step may; undefined when it did not. */
export function tooManyItems(count: number, limit: number): StepError | undefined {
  if (count <= limit) return undefined;
  return {
    code: 'TOO_MANY_ITEMS',
    kind: 'input',
    message: `The step gave ${count} items; at most ${limit} are allowed. Split the work, or raise the limit in the settings.`,
  };
}

export function countItems(outputs: Outputs): number {
  let count = 0;
  for (const port in outputs) count += outputs[port]?.items.length ?? 0;
  return count;
}

/** Outcomes mostly come in order; sorting is left out then. */
function inInputOrder(outcomes: readonly ItemOutcome[]): readonly ItemOutcome[] {
  for (let n = 1; n < outcomes.length; n += 1) {
    if ((outcomes[n]?.i ?? 0) < (outcomes[n - 1]?.i ?? 0)) return [...outcomes].sort((a, b) => a.i - b.i);
  }
  return outcomes;
}

function asItem(output: BatchOutput): Item {
  return output.files ? { json: output.json, files: output.files } : { json: output.json };
}
