/** What a finished run gives back: the items of its end nodes. */
import type { Item } from '@plugboard/sdk';
import { allItems } from './lineage.ts';
import { nodeAt } from './steps.ts';
import type { RunState } from './state.ts';

/** Items of the end nodes that ran, in node order. */
export function runOutput(run: RunState): Item[] {
  const items: Item[] = [];
  for (const index of run.plan.ends) {
    if (run.root.steps[index]?.phase !== 'succeeded') continue;
    for (const item of allItems(run.root, nodeAt(run, index))) items.push(item);
  }
  return items;
}
