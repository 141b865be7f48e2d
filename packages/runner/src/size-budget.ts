/** How much a step and a run may hold, in JSON text: what is larger ends with an error before it can use up the memory of the server. */
import type { BatchOutput, ItemOutcome, StepInput } from '@plugboard/engine';
import { inputItem } from '@plugboard/engine';
import type { Item, Json, JsonObject, StepError } from '@plugboard/sdk';
import { jsonSize } from './json-size.ts';

const MIB = 1024 * 1024;

/** The error of a step whose parameters or items take more than `limit` bytes. */
export function tooLarge(what: 'parameters' | 'items', limit: number): StepError {
  const made = what === 'items' ? 'The items the step gave' : 'The parameters of the step, evaluated for all its items,';
  return {
    code: 'OUTPUT_TOO_LARGE',
    kind: 'input',
    message: `${made} take more than ${inMib(limit)} MiB as JSON; that is the limit of one step. Split the work, or raise the limit in the settings.`,
  };
}

/** The error of a run that holds more than `limit` bytes. */
export function runTooLarge(limit: number): StepError {
  return {
    code: 'RUN_TOO_LARGE',
    kind: 'input',
    message: `The steps of the run hold more than ${inMib(limit)} MiB of items as JSON; that is the limit of one run. Keep fewer fields, or split the work into several runs.`,
  };
}

function inMib(bytes: number): number {
  return Math.round((bytes / MIB) * 100) / 100;
}

/** Counts the items of one attempt as they are made. */
export class SizeCount {
  readonly #input: StepInput;
  readonly #limit: number;
  /** JSON text of everything counted. */
  text = 0;
  /** Of that, what is not simply an item of the input handed on: it takes new memory. */
  added = 0;

  constructor(input: StepInput, limit: number) {
    this.#input = input;
    this.#limit = limit;
  }

  get isOver(): boolean {
    return this.text > this.#limit;
  }

  outcome(outcome: ItemOutcome): void {
    if (!('ok' in outcome)) return;
    for (const { item } of outcome.ok) this.#item(item, outcome.i);
  }

  batchOutput(output: BatchOutput): void {
    this.#item(output, output.from?.[0]);
  }

  #item(item: Item, ancestor: number | undefined): void {
    const size = jsonSize(item.json, this.#limit - this.text) + (item.files ? jsonSize(item.files as unknown as Json) : 0);
    this.text += size;
    const given: JsonObject | undefined = ancestor === undefined ? undefined : inputItem(this.#input, ancestor)?.json;
    if (given !== item.json) this.added += size;
  }
}
