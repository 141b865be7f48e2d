/** Starts a run for each request to an address of this server. The item is `{ body, headers, query, params, method, path }`. */
import { defineTrigger, p } from '@plugboard/sdk';

export const webhook = defineTrigger({
  id: 'webhook',
  version: 1,
  kind: 'webhook',
  title: 'Webhook',
  help: 'Starts for each request to /hooks/<path>. The item holds body, headers, query, params, method and path; authorization and cookie headers are left out.',
  icon: 'webhook',
  group: 'Triggers',
  params: {
    path: p
      .text()
      .title('Path')
      .help('The part of the address after /hooks/. A segment such as :id takes any text and is found in params.id.')
      .placeholder('orders/new')
      .expr('deny')
      .max(200)
      .required(),
    method: p
      .choice(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'])
      .title('Method')
      .help('Requests with another method get the answer 405.')
      .expr('deny')
      .default('POST'),
    reply: p
      .choice([
        { value: 'immediate', title: 'At once', help: 'Answers 202 with the id of the run as soon as the run is stored.' },
        {
          value: 'last-step',
          title: 'When the last step ends',
          help: 'Answers 200 with the items of the last step: one item as an object, several as a list.',
        },
        { value: 'respond', title: 'By a Respond step', help: 'Answers with what a Respond step sends.' },
      ])
      .title('Answer')
      .help('When the caller gets its answer. A run that takes longer than the reply timeout is answered 202 and goes on.')
      .expr('deny')
      .default('immediate'),
  },
});
