/** What expressions in the settings of a workflow see when a run starts: the first item of its trigger, and what is known of the run. */
import { type CompiledValue, type Scope, createBudget } from '@plugboard/expression';
import type { Item, Json, JsonObject } from '@plugboard/sdk';

/** What such expressions see besides the items. */
export interface StartFacts {
  readonly run: JsonObject;
  readonly workflow: JsonObject;
  readonly vars: JsonObject;
  /** ISO instant of the start. */
  readonly now: string;
  readonly zone: string;
}

/** Steps that all settings of a run may take together. */
const FUEL = 20_000;

/** Settles one value after the other under one budget; one that cannot be settled is undefined, and the run goes on without it. */
export function settleAtStart(items: readonly Item[], facts: StartFacts): (value: CompiledValue) => Json | undefined {
  const [first] = items;
  const scope: Scope = {
    ...facts,
    json: first?.json,
    files: first?.files,
    itemIndex: first ? 0 : undefined,
    node: () => undefined,
    input: { item: () => first, all: () => items },
  };
  const budget = createBudget(FUEL);
  return (value) => {
    if (value.constant) return value.value;
    try {
      return value.evaluate(scope, budget);
    } catch {
      // An expression of somebody's on data of somebody's.
      return undefined;
    }
  };
}
