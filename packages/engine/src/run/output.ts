/** What a finished run gives back: the items of its end nodes. */
import type { Item } from '@plugboard/sdk';
import { allItems } from './lineage.ts';
import { nodeAt } from './steps.ts';
import type { RunState } from './state.ts';

/** Items of the end nodes that ran, in node order. */
export function runOutput(run: RunState): readonly Item[] {
  const { ends } = run.plan;
  const [only] = ends;
  // Most workflows end with one step: its items are given as they are.
  if (ends.length === 1 && only !== undefined) return itemsOfEnd(run, only);
  return ends.flatMap((index) => itemsOfEnd(run, index));
}

function itemsOfEnd(run: RunState, index: number): readonly Item[] {
  return run.root.steps[index]?.phase === 'succeeded' ? allItems(run.root, nodeAt(run, index)) : NOTHING;
}

const NOTHING: readonly Item[] = [];
