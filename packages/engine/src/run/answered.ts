/** What a step gives whose wait was answered: the items it held back, at the port of the answer and with what it adds. */
import type { Item } from '@plugboard/sdk';
import type { Outputs, WaitAnswer } from './events.ts';

/** Without an answer they go on as they are held. */
export function answered(held: Outputs, answer: WaitAnswer | undefined): Outputs {
  if (!answer) return held;
  const batches = Object.values(held);
  const items = batches.flatMap((batch) => batch.items.map((item) => withAnswer(item, answer)));
  const [only] = batches;
  if (batches.length === 1 && only) return { [answer.port]: { ...only, items } };
  return { [answer.port]: { items, from: items.map(() => []) } };
}

function withAnswer(item: Item, { json }: WaitAnswer): Item {
  return { ...item, json: { ...item.json, ...json } };
}
