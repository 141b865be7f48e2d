/** Ends the run as failed, with a message of the author's. */
import { defineNode, p, StepFailure } from '@plugboard/sdk';

export const stop = defineNode({
  id: 'stop',
  version: 1,
  title: 'Stop with error',
  help: 'Fails with your message when an item gets here. The run fails too, unless the step continues or routes its errors.',
  icon: 'octagon-x',
  group: 'Flow',
  per: 'item',
  effects: 'none',
  params: {
    message: p.text().title('Message').help('What went wrong and what to do about it. Callers of a webhook see it.').multiline().required(),
    details: p.json().title('Details').help('Any value that helps to find the cause. It is shown with the failed step, not to callers.'),
  },
  run({ params }) {
    throw new StepFailure('STOPPED_BY_WORKFLOW', params.message, { kind: 'input', data: params.details });
  },
});
