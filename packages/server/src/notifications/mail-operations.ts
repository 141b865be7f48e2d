/** Trying the mail server of the settings. */
import { findPerson } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { email, nothing, DONE } from '../operation/shapes.ts';
import { MailError, type MailServer } from './mail-server.ts';

export function mailOperations({ server }: { readonly server: MailServer }): readonly Operation[] {
  return [
    operation({
      name: 'instance.testMail',
      field: 'testMail',
      kind: 'mutation',
      summary: 'Send an e-mail by the mail server of the settings, to see whether they are right; to oneself unless an address is given.',
      permission: { action: 'instance.operate', on: () => ({ kind: 'instance' }) },
      input: z.strictObject({ to: email.optional() }),
      output: nothing,
      problems: ['MAIL_NOT_SENT'],
      rest: { method: 'POST', path: '/instance/test-mail' },
      transactional: false,
      async handler(ctx, input) {
        const to = input.to ?? (await ctx.inInstance((tx) => findPerson(tx, ctx.actor.principalId)))?.email;
        if (to === undefined) throw new OperationProblem('INPUT_INVALID', 'Give an address; you have none yourself', { path: 'input.to' });
        try {
          await server.send({ to, subject: 'An e-mail from Plugboard', text: 'The mail server is set up.' }, crypto.randomUUID());
        } catch (error) {
          if (!(error instanceof MailError)) throw error;
          throw new OperationProblem('MAIL_NOT_SENT', error.message, { hint: 'Change the settings under E-mail, then try again.' });
        }
        return DONE;
      },
    }),
  ];
}
