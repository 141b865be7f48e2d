/** Parameters of the steps that match the items of two inputs by key. */
import { fail, p } from '@plugboard/sdk';

export const keysOfA = p
  .list(p.text().title('Field').help('Name or path, such as customer.id.').min(1).max(500))
  .title('Key in A')
  .help('Fields whose values must be equal. An item without one of them, or with null there, matches nothing.');

export const keysOfB = p
  .list(p.text().title('Field').help('Name or path, such as id.').min(1).max(500))
  .title('Key in B')
  .help('The fields of B in the same order. Left empty: named as in A.');

export const looseKeys = p
  .boolean()
  .title('Text equals numbers')
  .help('When on, 7 and "7" are equal. When off, values of different types never are.');

/** The key fields of both inputs. @throws StepFailure KEYS_MISSING, KEYS_UNEVEN */
export function keyFields(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): { readonly a: readonly string[]; readonly b: readonly string[] } {
  if (a === undefined || a.length === 0) fail('KEYS_MISSING', 'Name at least one key field of A.');
  if (b === undefined || b.length === 0) return { a, b: a };
  if (a.length !== b.length)
    fail('KEYS_UNEVEN', `A has ${a.length} key fields and B has ${b.length}. Name as many fields of B, or none to use the names of A.`);
  return { a, b };
}
