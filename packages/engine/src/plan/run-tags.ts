/**
 * Tags a workflow gives each of its runs: texts, or expressions on the first item of the trigger, settled once when the run starts. A tag that
 * cannot be settled, or comes to nothing, is left out: what a run is found by never keeps it from running.
 */
import { type CompiledValue, compileValue } from '@plugboard/expression';
import type { Item, Json } from '@plugboard/sdk';
import { type StartFacts, settleAtStart } from './start-scope.ts';

export interface RunTag {
  readonly key: string;
  /** At most 200 characters. */
  readonly value: string;
}

export interface TagTemplate {
  readonly key: string;
  readonly value: CompiledValue;
}

/** Characters of a value that are kept. */
const VALUE_LENGTH = 200;

export function compileRunTags(tags: { readonly [key: string]: string } = {}): readonly TagTemplate[] {
  return Object.entries(tags).map(([key, text]) => ({ key, value: compileValue(text) }));
}

export function settleRunTags(templates: readonly TagTemplate[], items: readonly Item[], facts: StartFacts): readonly RunTag[] {
  const settle = settleAtStart(items, facts);
  return templates.flatMap(({ key, value }) => {
    const text = textOf(settle(value));
    return text === '' ? [] : [{ key, value: text }];
  });
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null || typeof value === 'object') return '';
  return String(value).slice(0, VALUE_LENGTH);
}
