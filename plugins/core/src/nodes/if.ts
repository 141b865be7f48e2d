/** Sends each item to one of two branches. */
import { defineNode, p } from '@plugboard/sdk';
import { sendTo } from '../data/send-to.ts';

export const ifNode = defineNode({
  id: 'if',
  version: 1,
  title: 'If',
  help: 'Sends each item to the branch true or the branch false.',
  icon: 'git-branch',
  group: 'Flow',
  per: 'item',
  effects: 'none',
  ports: {
    outputs: [
      { id: 'true', title: 'True' },
      { id: 'false', title: 'False' },
    ],
  },
  params: {
    condition: p
      .conditions()
      .title('Condition')
      .help(
        'A question, or an expression that gives true or false. An expression that gives no value is an error; write ?? false after it where a field may be missing.',
      )
      .required(),
  },
  run: ({ params, item }) => sendTo(item, params.condition ? 'true' : 'false'),
});
