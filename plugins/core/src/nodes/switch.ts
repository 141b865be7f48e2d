/** Sends each item to the branch of the first rule it meets, or to the branches of all rules it meets. */
import type { Output } from '@plugboard/sdk';
import { defineNode, p } from '@plugboard/sdk';
import { sendTo } from '../data/send-to.ts';

/** Where items go that meet no rule. */
const FALLBACK_PORT = 'default';

export const switchNode = defineNode({
  id: 'switch',
  version: 1,
  title: 'Switch',
  help: 'Sends each item to the branch of a rule it meets.',
  icon: 'route',
  group: 'Flow',
  per: 'item',
  effects: 'none',
  ports: { dynamicOutputs: { param: 'rules', field: 'port', fallback: { param: 'fallback', port: FALLBACK_PORT } } },
  params: {
    rules: p
      .list(
        p
          .object({
            port: p
              .text()
              .title('Branch')
              .help(
                'Name of the output: letters, digits, - and _. Rules with the same name share the output. error is reserved for failed items.',
              )
              .pattern('[A-Za-z0-9_-]{1,64}')
              .expr('deny')
              .required(),
            condition: p.conditions().title('Condition').help('A question, or an expression that gives true or false.').required(),
          })
          .title('Rule'),
      )
      .title('Rules')
      .help('Looked at from the first to the last.')
      .min(1)
      .required(),
    mode: p
      .choice([
        { value: 'first', title: 'First rule met', help: 'Each item takes one branch.' },
        { value: 'all', title: 'All rules met', help: 'An item takes the branch of every rule it meets, each branch once.' },
      ])
      .title('Match')
      .help('Which branches an item takes when it meets several rules.')
      .default('first'),
    fallback: p
      .boolean()
      .title('Branch for the rest')
      .help('When on, items that meet no rule leave by the output default. When off, they are dropped.')
      .expr('deny')
      .default(true),
  },
  run({ params, item }) {
    const ports: string[] = [];
    for (const rule of params.rules) {
      if (!rule.condition || ports.includes(rule.port)) continue;
      if (params.mode === 'first') return sendTo(item, rule.port);
      ports.push(rule.port);
    }
    if (ports.length > 0) return ports.map((port): Output => sendTo(item, port));
    return params.fallback ? sendTo(item, FALLBACK_PORT) : undefined;
  },
});
