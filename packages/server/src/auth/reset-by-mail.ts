/**
 * A link that sets a new password, sent to who asks for it. The answer is the same whether there is such a person or not, and comes before
 * anything is looked up, so that neither its words nor its time tell accounts apart.
 */
import {
  type Database,
  createPasswordReset,
  findPersonByEmail,
  inInstance,
  readLoginFailures,
  recordAudit,
  recordLoginFailure,
} from '@plugboard/persistence';
import type { Post } from '../notifications/post.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { From } from './auth-service.ts';
import { newToken } from './opaque-token.ts';

export interface ResetByMail {
  /** False while no mail server is set. */
  readonly isOffered: boolean;
  /** @throws OperationProblem MAIL_NOT_SENT, TOO_MANY_ATTEMPTS */
  request(email: string, from: From): Promise<void>;
  /** Waits for what is under way. */
  settle(): Promise<void>;
}

export interface ResetByMailOptions {
  readonly database: Database;
  readonly post: Post;
  /** The address of the page that sets the password. */
  readonly linkOf: (token: string) => string;
  readonly log: { warn(fields: object, message: string): void };
}

/** How long a link works, in milliseconds. */
const LINK_MS = 30 * 60_000;
const WINDOW_MS = 15 * 60_000;
/** Requests within the window: more for one account send nothing, more from one address are refused. */
const MOST = { account: 3, ip: 30 } as const;

export function createResetByMail({ database, post, linkOf, log }: ResetByMailOptions): ResetByMail {
  const underWay = new Set<Promise<void>>();

  const send = async (email: string, { ip }: From): Promise<void> => {
    const person = await findPersonByEmail(database, email);
    if (!person || person.disabledAt) return;
    const { token, hash } = newToken();
    await inInstance(database, async (tx) => {
      const made = await createPasswordReset(tx, { personId: person.id, tokenHash: hash, validMs: LINK_MS, createdBy: person.id });
      // A link somebody was given by an operator stays the one that works.
      if (!made) return;
      await post.queue(tx, mailWith(person.email, linkOf(token)));
      await recordAudit(tx, {
        principalId: person.id,
        actorKind: 'person',
        action: 'person.requestPasswordReset',
        resourceKind: 'person',
        resourceId: person.id,
        ip,
      });
    });
  };

  return {
    get isOffered() {
      return post.isSet;
    },

    async request(email, from) {
      if (!post.isSet) {
        throw new OperationProblem('MAIL_NOT_SENT', 'This server sends no e-mail', {
          hint: 'Ask an operator of the server for a link that sets a new password.',
        });
      }
      const subjects = [
        { kind: 'account', value: `reset ${email.trim().toLowerCase()}` },
        { kind: 'ip', value: `reset ${from.ip}` },
      ] as const;
      const before = await readLoginFailures(database, subjects, { windowMs: WINDOW_MS });
      const countOf = (kind: 'account' | 'ip'): number => before.find((one) => one.subject.kind === kind)?.failures ?? 0;
      if (countOf('ip') >= MOST.ip) {
        throw new OperationProblem('TOO_MANY_ATTEMPTS', 'Too many requests from your address; try again later', {
          params: { retryAfterSeconds: WINDOW_MS / 1000 },
        });
      }
      await recordLoginFailure(database, subjects, { windowMs: WINDOW_MS });
      if (countOf('account') >= MOST.account) return;
      const work: Promise<void> = send(email, from)
        .catch((error: unknown) => log.warn({ err: error }, 'a link that sets a password could not be made'))
        .finally(() => underWay.delete(work));
      underWay.add(work);
    },

    settle: async () => void (await Promise.all(underWay)),
  };
}

function mailWith(to: string, link: string): Parameters<Post['queue']>[1] {
  const lines = [
    'Somebody, probably you, asked for a new password for this address.',
    '',
    `This link sets it, once and within ${LINK_MS / 60_000} minutes:`,
    link,
    '',
    'It ends every session of yours. If you did not ask for it, do nothing: your password stays.',
  ];
  return { to, subject: 'Set a new password', text: lines.join('\n') };
}
