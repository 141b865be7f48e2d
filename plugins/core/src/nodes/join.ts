/** Waits for several branches and hands their items on, in the order of the edges. The engine does the waiting. */
import { defineNode, p, when } from '@plugboard/sdk';

export const join = defineNode({
  id: 'join',
  version: 1,
  title: 'Join',
  help: 'Waits for several branches and hands their items on. A branch that was not taken counts as done, so a join never hangs.',
  icon: 'git-merge',
  group: 'Flow',
  per: 'batch',
  effects: 'none',
  runsOnEmpty: true,
  join: { policy: 'policy', count: 'count' },
  params: {
    policy: p
      .choice([
        { value: 'all', title: 'All branches', help: 'Goes on when every branch has ended or was skipped, with the items of all.' },
        { value: 'any', title: 'The first branch', help: 'Goes on with the first branch that brings items; later ones are left aside.' },
        {
          value: 'count',
          title: 'A number of branches',
          help: 'Goes on when this many branches have brought items; later ones are left aside.',
        },
      ])
      .title('Wait for')
      .help('How many branches must bring items before the run goes on.')
      .expr('deny')
      .default('all'),
    count: p
      .number()
      .title('Number of branches')
      .help('If fewer branches can still bring items, the step fails with JOIN_UNREACHABLE.')
      .integer()
      .min(1)
      .expr('deny')
      .default(2)
      .when(when.eq('policy', 'count')),
  },
  run: ({ items }) => items,
});
