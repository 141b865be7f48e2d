/** Keeps one of the items that are equal, within the items of one run of the step. */
import { defineNode, p } from '@plugboard/sdk';
import type { Item } from '@plugboard/sdk';
import { fieldReader } from '../data/field-path.ts';
import { identity } from '../data/identity.ts';

export const dedupe = defineNode({
  id: 'dedupe',
  version: 1,
  title: 'Remove duplicates',
  help: 'Keeps one of the items that are equal, as a whole or in the fields you name. Earlier runs are not remembered.',
  icon: 'copy-x',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  cpu: 'heavy',
  params: {
    fields: p
      .list(p.text().title('Field').help('Name or path, such as customer.email.').min(1).max(500))
      .title('Fields')
      .help('Items with equal values in all of them are duplicates. A missing field counts as null. Left empty: the whole item counts.')
      .default([]),
    keep: p
      .choice([
        { value: 'first', title: 'The first' },
        { value: 'last', title: 'The last', help: 'Each stays at its own place among the others.' },
      ])
      .title('Keep')
      .help('Which of the duplicates goes on.')
      .default('first'),
  },
  run({ params, items }) {
    const readers = params.fields.map(fieldReader);
    const keyOf = ({ json }: Item): string =>
      readers.length === 0 ? identity(json) : readers.map((read) => identity(read(json) ?? null)).join(',');
    const seen = new Set<string>();
    const isNew = (item: Item): boolean => {
      const before = seen.size;
      return seen.add(keyOf(item)).size > before;
    };
    return params.keep === 'first' ? items.filter(isNew) : items.toReversed().filter(isNew).toReversed();
  },
});
