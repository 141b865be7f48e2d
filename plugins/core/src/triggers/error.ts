/** Starts a run when a run of another workflow did not end well, however it came to its end. */
import { defineTrigger } from '@plugboard/sdk';

export const errorTrigger = defineTrigger({
  id: 'error-trigger',
  version: 1,
  kind: 'error',
  title: 'When a run fails',
  help: 'Starts once for each run that failed or ran out of time, of workflows that name this one as their error workflow. The item says which workflow and run, the error, the step and item, and how often it was tried.',
  icon: 'siren',
  group: 'Triggers',
  params: {},
});
