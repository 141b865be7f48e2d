/** Puts items into groups of equal size, for services that take many at once. */
import type { Output } from '@plugboard/sdk';
import { defineNode, fail, item, p } from '@plugboard/sdk';

export const batch = defineNode({
  id: 'batch',
  version: 1,
  title: 'Batch',
  help: 'Puts items into groups: each new item holds a list of them. Split out takes them apart again. Files are not taken along.',
  icon: 'boxes',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  params: {
    size: p.number().title('Items in a group').help('The last group may have fewer.').integer().min(1).max(100_000).default(100),
    as: p.text().title('Put the list in').help('Field of the new item that holds the list.').min(1).max(200).default('items'),
  },
  run({ params, items }) {
    const { size, as } = params;
    if (as === '__proto__') fail('FIELD_NAME', 'A field cannot be named __proto__. Choose another name.');
    const groups: Output[] = [];
    for (let start = 0; start < items.length; start += size) {
      const members = items.slice(start, start + size);
      groups.push(item({ [as]: members.map((one) => one.json) }, { from: members.map((_, i) => start + i) }));
    }
    return groups;
  },
});
