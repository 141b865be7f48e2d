/** What a run that would succeed gives, against what its workflow declares: everything that does not fit is said at once. */
import type { StepError } from '@plugboard/sdk';
import { wrongFields } from '../definition/declared-fields.ts';
import { allItems } from './lineage.ts';
import type { RunState } from './state.ts';
import { nodeAt } from './steps.ts';

/** Fields that are said one by one; more only count. */
const SAID = 20;
/** Items between two places where the work may be put aside. */
const ITEMS_AT_ONCE = 64;

/** Why the run fails although all its steps are through; undefined when what it gives fits. Says by `yield` where it may be put aside. */
export function* outputFault(run: RunState): Generator<undefined, StepError | undefined> {
  const { plan, root } = run;
  const said: string[] = [];
  let count = 0;
  for (const index of plan.ends) {
    if (root.steps[index]?.phase !== 'succeeded') continue;
    const node = nodeAt(run, index);
    for (const [n, { json }] of allItems(root, node).entries()) {
      for (const wrong of wrongFields(plan.outputs, json)) {
        count += 1;
        if (said.length < SAID) said.push(`${wrong.said} in item ${n} of "${node.name}"`);
      }
      if (n % ITEMS_AT_ONCE === ITEMS_AT_ONCE - 1) yield;
    }
  }
  return count === 0 ? undefined : fault(said, count);
}

function fault(said: readonly string[], count: number): StepError {
  const more = count > said.length ? `; and ${count - said.length} more` : '';
  return {
    code: 'OUTPUT_INVALID',
    kind: 'input',
    message: `The last steps do not give what the workflow declares: ${said.join('; ')}${more}. Change the steps, or the "outputs" of the workflow.`,
  };
}
