/** Passwords set anew by who forgot them: asking for the link by e-mail, and using it. */
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { DONE, nothing, password, text } from '../operation/shapes.ts';
import type { AuthService } from './auth-service.ts';
import type { ResetByMail } from './reset-by-mail.ts';

export interface PasswordResetOperationsOptions {
  readonly auth: Pick<AuthService, 'resetPassword'>;
  readonly byMail: ResetByMail;
}

export function passwordResetOperations({ auth, byMail }: PasswordResetOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'person.requestPasswordReset',
      field: 'requestPasswordReset',
      kind: 'mutation',
      summary: 'Send a link that sets a new password to this address, if somebody has it; the answer does not tell.',
      permission: { public: 'Who forgot the password cannot sign in.' },
      input: z.strictObject({ email: text(320, 1) }),
      output: nothing,
      problems: ['MAIL_NOT_SENT', 'TOO_MANY_ATTEMPTS'],
      rest: { method: 'POST', path: '/password-reset/request', status: 202 },
      audited: false,
      async handler(ctx, { email }) {
        await byMail.request(email, { ip: ctx.ip });
        return DONE;
      },
    }),
    operation({
      name: 'person.resetPassword',
      field: 'resetPassword',
      kind: 'mutation',
      summary: 'Set a password anew by the token of a link; every session ends.',
      permission: { public: 'Whoever holds the token was given it.' },
      input: z.strictObject({ token: text(200, 1), password }),
      output: nothing,
      problems: ['CONNECTION_INSECURE', 'SERVER_BUSY'],
      rest: { method: 'POST', path: '/password-reset' },
      audited: false,
      async handler(ctx, input) {
        ctx.demandSafeSignIn?.();
        await auth.resetPassword(input.token, input.password, {
          ip: ctx.ip,
          ...(ctx.userAgent === undefined ? {} : { userAgent: ctx.userAgent }),
        });
        return DONE;
      },
    }),
  ];
}
