/** What can be asked of `$('Name')` and `$input`. */
import type { MethodTable } from './method.ts';
import { numberArg } from './method.ts';
import type { NodeValue, Value } from './values.ts';

export const nodeMethods: MethodTable<NodeValue> = {
  all: { signature: '() => Item[]', doc: 'Every item.', run: (self) => self.view.all() as unknown as Value },
  first: { signature: '() => Item', doc: 'The first item; undefined for none.', run: (self) => self.view.all()[0] as Value },
  last: { signature: '() => Item', doc: 'The last item; undefined for none.', run: (self) => self.view.all().at(-1) as Value },
  at: {
    signature: '(index: number) => Item',
    doc: 'One item by its place, from the end when negative.',
    run: (self, args) => self.view.all().at(numberArg(args, 0)) as Value,
  },
  count: { signature: '() => number', doc: 'How many items there are.', run: (self) => self.view.all().length },
};
