/** Starts a run when a step of another workflow calls this one. What it was called with are the items. */
import { defineTrigger } from '@plugboard/sdk';

export const called = defineTrigger({
  id: 'called',
  version: 1,
  kind: 'called',
  title: 'When called by a workflow',
  help: 'Starts when a step "Call a workflow" of another workflow says so. The items are those it was called with, checked against the inputs of this workflow; what the last steps give is the answer.',
  icon: 'log-in',
  group: 'Triggers',
  params: {},
});
