/** Keeps some of the items: the first ones, the last ones, or a page out of the middle. */
import { defineNode, p } from '@plugboard/sdk';

export const limit = defineNode({
  id: 'limit',
  version: 1,
  title: 'Limit',
  help: 'Keeps the first or the last items and drops the others.',
  icon: 'list-end',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  params: {
    count: p.number().title('Number of items').help('At most this many go on.').integer().min(0).required(),
    from: p.choice({ first: 'The beginning', last: 'The end' }).title('Count from').help('Which end of the list to keep.').default('first'),
    offset: p.number().title('Leave out').help('Items to leave out at that end before counting.').integer().min(0).default(0),
  },
  run({ params, items }) {
    const { count, from, offset } = params;
    const start = from === 'first' ? offset : Math.max(0, items.length - offset - count);
    const end = from === 'first' ? offset + count : Math.max(0, items.length - offset);
    return items.slice(start, end);
  },
});
