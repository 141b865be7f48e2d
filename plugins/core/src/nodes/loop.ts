/** Sends items through its body in rounds: a batch after the other, a number of times, or until something holds. */
import { defineNode, item, p, waitUntil, when } from '@plugboard/sdk';
import type { Item, OutputItem } from '@plugboard/sdk';

const counted = when.in('mode', ['times', 'until', 'while']);

export const loop = defineNode({
  id: 'loop',
  version: 1,
  title: 'Loop',
  help: 'Sends items through the steps behind its port body, which lead back to its input next. What came back goes on at done.',
  icon: 'repeat',
  group: 'Flow',
  per: 'batch',
  effects: 'none',
  runsOnEmpty: true,
  waits: 'timer',
  loop: { mode: 'mode', batchSize: 'batchSize', concurrency: 'parallel', limit: 'limit' },
  ports: {
    inputs: [
      { id: 'main', title: 'Items' },
      { id: 'next', title: 'End of a round' },
    ],
    outputs: [
      { id: 'body', title: 'Round' },
      { id: 'done', title: 'Done' },
    ],
  },
  params: {
    mode: p
      .choice({ items: 'For each item', times: 'A number of times', while: 'While something holds', until: 'Until something holds' })
      .title('Repeat')
      .help(
        'For each item: the items in rounds. Otherwise all items go through each round, and what came back begins the next one; a round that gives nothing ends the loop.',
      )
      .default('items')
      .expr('deny'),
    batchSize: p
      .number()
      .title('Items in a round')
      .help('1 or more.')
      .integer()
      .min(1)
      .max(100_000)
      .default(1)
      .expr('deny')
      .when(when.eq('mode', 'items')),
    parallel: p
      .number()
      .title('Rounds at the same time')
      .help('What came back keeps the order of the items.')
      .integer()
      .min(1)
      .max(100)
      .default(1)
      .expr('deny')
      .when(when.eq('mode', 'items')),
    times: p.number().title('How often').help('Rounds in all.').integer().min(0).max(100_000).required().when(when.eq('mode', 'times')),
    condition: p
      .conditions()
      .title('Condition')
      .help('Looked at before each round. Items of the last round are in $input.all().')
      .required()
      .when(when.in('mode', ['while', 'until'])),
    delayMs: p.number().title('Pause').help('Milliseconds between two rounds.').integer().min(0).max(86_400_000).default(0).when(counted),
    limit: p
      .number()
      .title('Most rounds')
      .help('More than that is an error, so that no loop goes on for ever.')
      .integer()
      .min(1)
      .max(100_000)
      .default(1000)
      .expr('deny')
      .when(counted),
  },
  run({ params, items, ctx }) {
    const { mode, condition, times = 0, delayMs = 0 } = params;
    const goesOn = mode === 'times' ? ctx.round < times : mode === 'while' ? condition === true : condition !== true;
    const outputs = to(items, goesOn ? 'body' : 'done');
    return goesOn && ctx.round > 0 && delayMs > 0 ? waitUntil(Date.parse(ctx.now) + delayMs, outputs) : outputs;
  },
});

function to(items: readonly Item[], port: 'body' | 'done'): OutputItem[] {
  return items.map(({ json, files }, from) => item(json, { port, from, ...(files ? { files } : {}) }));
}
