/** Keeps the items that meet a condition. Use If where the others are needed too. */
import { defineNode, p } from '@plugboard/sdk';

export const filter = defineNode({
  id: 'filter',
  version: 1,
  title: 'Filter',
  help: 'Keeps the items that meet the condition and drops the others. Use If to go on with both.',
  icon: 'funnel',
  group: 'Flow',
  per: 'item',
  effects: 'none',
  params: {
    condition: p
      .conditions()
      .title('Keep the item when')
      .help(
        'A question, or an expression that gives true or false. An expression that gives no value is an error; write ?? false after it where a field may be missing.',
      )
      .required(),
  },
  run: ({ params, item }) => (params.condition ? item : undefined),
});
