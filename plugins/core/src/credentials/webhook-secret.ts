/** A secret that a service and this server share, so that a webhook knows who sends. It is only compared, and never sent. */
import { defineCredential, p } from '@plugboard/sdk';

export const webhookSecret = defineCredential({
  id: 'webhook-secret',
  title: 'Webhook secret',
  help: 'Checks signatures of requests to a webhook, and tokens signed with a secret. Never sent anywhere.',
  fields: {
    secret: p.text().title('Secret').help('As the sender shows it, such as whsec_…').secret().max(8000).required(),
    previousSecret: p
      .text()
      .title('Previous secret')
      .help('Counts too while the sender changes over. Empty it when that is done.')
      .secret()
      .max(8000),
  },
  hosts: [],
});
