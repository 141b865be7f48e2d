/** How people get in: the first owner with the one-time token, sign-in with throttling and a second factor, sessions, invitations. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type Database,
  type Defaults,
  type InvitationOffer,
  type LoginFailures,
  type Session,
  acceptInvitation,
  addMember,
  createPerson,
  disableTotp,
  enableTotp,
  findInvitation,
  findPerson,
  findPersonByEmail,
  findPasswordReset,
  findPersonSecrets,
  forgetLoginFailures,
  grantInstanceRole,
  hasOperator,
  holdLimit,
  inInstance,
  listSessions,
  lockOwnerCreation,
  offerTotp,
  openSession,
  readLoginFailures,
  recordAudit,
  recordLoginFailure,
  revokeSession,
  revokeSessions,
  setPassword,
  usePasswordReset,
  useRecoveryCode,
  useTotpStep,
} from '@plugboard/persistence';
import { tell } from '../notifications/tell.ts';
import { demandEntitled } from '../operation/execute.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { newToken, tokenHash } from './opaque-token.ts';
import { type Passwords, weakness } from './passwords.ts';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from './session-limits.ts';
import { base32, matchTotp, newTotpSecret, openTotp, sealTotp, totpAddress } from './totp.ts';

/** Failures are counted over this window, in milliseconds. */
export const FAILURE_WINDOW_MS = 15 * 60_000;
/** So many are free; each further one doubles the wait, up to the window. */
const FREE_FAILURES = { account: 5, ip: 30 } as const;
const RECOVERY_CODES = 10;

export interface From {
  readonly ip: string;
  readonly userAgent?: string;
}

export interface NewPerson {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export interface SignIn {
  readonly email: string;
  readonly password: string;
  /** Code of the second factor, or a recovery code. */
  readonly totp?: string;
}

export interface AuthService {
  needsSetUp(): Promise<boolean>;
  /** Makes the first person, owner of everything, once. Gives the session's token. @throws OperationProblem */
  setUp(owner: NewPerson & { readonly token: string }, from: From): Promise<string>;
  /** The same without a token, from the server's own settings; false when an owner is there. */
  setUpFromSettings(owner: Omit<NewPerson, 'name'>): Promise<boolean>;
  /** Gives the session's token. @throws OperationProblem SIGN_IN_FAILED, TOTP_REQUIRED, TOO_MANY_ATTEMPTS */
  signIn(credentials: SignIn, from: From): Promise<string>;
  /** A session for somebody who proved who he is in another way. Gives its token. */
  open(personId: string, from: From): Promise<string>;
  /** Sets a password anew by the token of a link; every session ends. @throws OperationProblem NOT_FOUND, INPUT_INVALID */
  resetPassword(token: string, password: string, from: From): Promise<void>;
  signOut(personId: string, sessionId: string): Promise<void>;
  sessions(personId: string): Promise<readonly Session[]>;
  revoke(personId: string, sessionId: string): Promise<boolean>;
  /** Ends every other session. @throws OperationProblem */
  changePassword(
    personId: string,
    change: { readonly current: string; readonly next: string },
    keepSessionId: string | undefined,
  ): Promise<void>;
  /** A secret for an authenticator app; asked for only once a code of it was given. @throws OperationProblem */
  offerTotp(personId: string): Promise<{ readonly address: string; readonly secret: string }>;
  /** Turns the second factor on; gives the recovery codes, once. @throws OperationProblem */
  confirmTotp(personId: string, code: string): Promise<readonly string[]>;
  /** @throws OperationProblem */
  disableTotp(personId: string, password: string, keepSessionId: string | undefined): Promise<void>;
  /** @throws OperationProblem NOT_FOUND */
  invitation(token: string): Promise<InvitationOffer>;
  /** Joins the workspace, as who is signed in or as a new person. Gives the token of a session for a new one. @throws OperationProblem */
  accept(token: string, who: { readonly personId: string } | Omit<NewPerson, 'email'>, from: From): Promise<string | undefined>;
}

export interface AuthServiceOptions {
  readonly database: Database;
  readonly defaults: Defaults;
  readonly passwords: Passwords;
  /** Printed at the start of a server that has no owner. */
  readonly setUpToken: string;
  /** 32 bytes that seal the secrets of second factors. */
  readonly totpKey: Uint8Array;
  /** @default 8 hours without a request, 7 days in any case */
  readonly sessionLasts?: () => SessionLimits;
  /** Characters of a new password. @default 12 */
  readonly shortestPassword?: () => number;
  /** @default the clock of this process */
  readonly now?: () => number;
}

/** Makes the problem of a wrong guess, which is counted. */
type Fail = (message?: string, path?: string) => OperationProblem;

export function createAuthService(options: AuthServiceOptions): AuthService {
  const { database, defaults, passwords, setUpToken, totpKey, now = Date.now, sessionLasts = () => DEFAULT_SESSION_LIMITS } = options;
  const refuseWeak = (password: string, path: string): void => {
    const weak = weakness(password, options.shortestPassword?.());
    if (weak !== undefined) throw new OperationProblem('INPUT_INVALID', weak, { path });
  };
  const oneByOne = inTurns();
  const fewFrom = fewAtOnce();

  const open = async (personId: string, { ip, userAgent }: From): Promise<string> => {
    const { token, hash } = newToken();
    await inInstance(database, async (tx) => {
      const id = await openSession(tx, {
        tokenHash: hash,
        personId,
        idleMs: sessionLasts().idleMs,
        absoluteMs: sessionLasts().longestMs,
        ip,
        ...(userAgent === undefined ? {} : { userAgent }),
      });
      await recordAudit(tx, {
        principalId: personId,
        actorKind: 'person',
        action: 'session.open',
        resourceKind: 'session',
        resourceId: id,
        ip,
      });
    });
    return token;
  };

  const makeOwner = async (owner: NewPerson, ip: string | undefined): Promise<string | undefined> => {
    refuseWeak(owner.password, 'input.password');
    const passwordPhc = await passwords.hash(owner.password);
    return inInstance(database, async (tx) => {
      if (!(await lockOwnerCreation(tx))) return undefined;
      const made = await createPerson(tx, { email: owner.email, displayName: owner.name, passwordPhc });
      if (made.kind !== 'created')
        throw new OperationProblem('NAME_TAKEN', 'There is somebody with this address already', { path: 'input.email' });
      const { personId } = made;
      await addMember(tx, { workspaceId: defaults.workspaceId, principalId: personId, role: 'owner', createdBy: personId });
      await grantInstanceRole(tx, { principalId: personId, role: 'operator' });
      await recordAudit(
        tx,
        {
          principalId: personId,
          actorKind: 'person',
          action: 'instance.setUp',
          resourceKind: 'person',
          resourceId: personId,
          ...(ip === undefined ? {} : { ip }),
        },
        { workspaceId: defaults.workspaceId },
      );
      return personId;
    });
  };

  /** Wrong passwords and wrong codes of one account are counted together; guesses at once are looked at one after the other. */
  const guarded = <Result>(email: string, ip: string, check: (fail: Fail) => Promise<Result>): Promise<Result> => {
    const account = { kind: 'account', value: email.trim().toLowerCase() } as const;
    const subjects = [account, { kind: 'ip', value: ip } as const];
    const look = async (): Promise<Result> => {
      const waitMs = waitAfterFailuresMs(await readLoginFailures(database, subjects, { windowMs: FAILURE_WINDOW_MS }));
      if (waitMs > 0) {
        const retryAfterSeconds = Math.ceil(waitMs / 1000);
        throw new OperationProblem('TOO_MANY_ATTEMPTS', `Too many wrong attempts; try again in ${retryAfterSeconds} s`, {
          params: { retryAfterSeconds },
        });
      }
      const failed = new Set<OperationProblem>();
      try {
        const result = await check((message = 'Address and password, or the code, do not belong together', path) => {
          const problem = new OperationProblem('SIGN_IN_FAILED', message, path === undefined ? {} : { path });
          failed.add(problem);
          return problem;
        });
        await forgetLoginFailures(database, account);
        return result;
      } catch (error) {
        if (failed.has(error as OperationProblem)) await recordLoginFailure(database, subjects, { windowMs: FAILURE_WINDOW_MS });
        throw error;
      }
    };
    return fewFrom(ip, () => oneByOne(account.value, look));
  };

  const checkPassword = async (personId: string, password: string, path: string): Promise<void> => {
    const person = await findPerson(database, personId);
    if (!person) throw notFound();
    await guarded(person.email, `of ${personId}`, async (fail) => {
      const secrets = await findPersonSecrets(database, personId);
      if (!(await passwords.verify(secrets?.passwordPhc, password))) throw fail('The present password is not right', path);
    });
  };

  const secondFactor = async (personId: string, sealed: Uint8Array, code: string): Promise<boolean> => {
    const step = /^\s*\d[\d\s]*$/.test(code) ? matchTotp(openTotp(totpKey, personId, sealed), code, now()) : undefined;
    if (step !== undefined) return useTotpStep(database, personId, step);
    return useRecoveryCode(database, personId, tokenHash(recoveryText(code)));
  };

  return {
    needsSetUp: async () => !(await hasOperator(database)),

    async setUp({ token, ...owner }, from) {
      if (await hasOperator(database)) throw alreadySetUp();
      if (!sameText(token, setUpToken)) {
        throw new OperationProblem('SIGN_IN_FAILED', 'That is not the token the server printed when it started', {
          path: 'input.token',
          hint: 'Look for "one-time token" in its output.',
        });
      }
      const personId = await makeOwner(owner, from.ip);
      if (personId === undefined) throw alreadySetUp();
      return open(personId, from);
    },

    async setUpFromSettings({ email, password }) {
      if (await hasOperator(database)) return false;
      return (await makeOwner({ name: email.split('@', 1)[0] ?? email, email, password }, undefined)) !== undefined;
    },

    async signIn({ email, password, totp }, from) {
      return guarded(email, from.ip, async (fail) => {
        const person = await findPersonByEmail(database, email);
        const matches = await passwords.verify(person?.disabledAt ? undefined : person?.passwordPhc, password);
        if (!person || !matches) throw fail();
        if (person.totpEnabledAt && person.totpSecret) {
          if (totp === undefined || totp === '') {
            throw new OperationProblem('TOTP_REQUIRED', 'Give the code of your authenticator app too', { path: 'input.totp' });
          }
          if (!(await secondFactor(person.id, person.totpSecret, totp))) throw fail();
        }
        return open(person.id, from);
      });
    },

    open,

    async resetPassword(token, password, { ip }) {
      const hash = tokenHash(token);
      if ((await findPasswordReset(database, hash)) === undefined) throw linkIsOver();
      refuseWeak(password, 'input.password');
      const phc = await passwords.hash(password);
      const person = await inInstance(database, async (tx) => {
        const personId = await usePasswordReset(tx, hash);
        if (personId === undefined) throw linkIsOver();
        await setPassword(tx, personId, phc);
        await revokeSessions(tx, personId);
        await recordAudit(tx, {
          principalId: personId,
          actorKind: 'person',
          action: 'person.resetPassword',
          resourceKind: 'person',
          resourceId: personId,
          ip,
        });
        return findPerson(tx, personId);
      });
      // Who forgot the password has guessed before.
      if (person) await forgetLoginFailures(database, { kind: 'account', value: person.email });
    },

    signOut: async (personId, sessionId) => void (await revokeSession(database, personId, sessionId)),
    sessions: (personId) => listSessions(database, personId),
    revoke: (personId, sessionId) => revokeSession(database, personId, sessionId),

    async changePassword(personId, { current, next }, keepSessionId) {
      refuseWeak(next, 'input.next');
      await checkPassword(personId, current, 'input.current');
      const phc = await passwords.hash(next);
      await inInstance(database, async (tx) => {
        await setPassword(tx, personId, phc);
        await revokeSessions(tx, personId, keepSessionId === undefined ? {} : { exceptId: keepSessionId });
      });
    },

    async offerTotp(personId) {
      const person = await findPerson(database, personId);
      if (!person) throw notFound();
      const secret = newTotpSecret();
      if (!(await offerTotp(database, personId, sealTotp(totpKey, personId, secret)))) {
        throw new OperationProblem('ALREADY_DONE', 'The second factor is on already', { hint: 'Turn it off first to use another app.' });
      }
      return { address: totpAddress(secret, { account: person.email, issuer: 'Plugboard' }), secret: base32(secret) };
    },

    async confirmTotp(personId, code) {
      const person = await findPerson(database, personId);
      const secrets = await findPersonSecrets(database, personId);
      const sealed = secrets?.totpSecret;
      if (!person || !sealed || secrets.totpEnabledAt) throw new OperationProblem('ALREADY_DONE', 'No second factor waits to be confirmed');
      const codes = Array.from({ length: RECOVERY_CODES }, () => base32(randomBytes(10)));
      await guarded(person.email, `of ${personId}`, async (fail) => {
        const step = matchTotp(openTotp(totpKey, personId, sealed), code, now());
        const recoveryHashes = codes.map((one) => tokenHash(one));
        if (step === undefined || !(await enableTotp(database, personId, { step, recoveryHashes }))) throw fail();
      });
      return codes.map((one) => one.replaceAll(/(.{4})(?=.)/g, '$1-'));
    },

    async disableTotp(personId, password, keepSessionId) {
      await checkPassword(personId, password, 'input.password');
      await inInstance(database, async (tx) => {
        await disableTotp(tx, personId);
        await revokeSessions(tx, personId, keepSessionId === undefined ? {} : { exceptId: keepSessionId });
      });
    },

    async invitation(token) {
      const offer = await findInvitation(database, tokenHash(token));
      if (!offer)
        throw notFound('This invitation is not valid any more', 'It may have been used, revoked, or have run out. Ask for another one.');
      return offer;
    },

    async accept(token, who, from) {
      const hash = tokenHash(token);
      const offer = await findInvitation(database, hash);
      if (!offer)
        throw notFound('This invitation is not valid any more', 'It may have been used, revoked, or have run out. Ask for another one.');
      const isNew = !('personId' in who);
      if (isNew) refuseWeak(who.password, 'input.password');
      const passwordPhc = isNew ? await passwords.hash(who.password) : undefined;
      const personId = await inInstance(database, async (tx) => {
        const held = await holdLimit(tx, offer.workspaceId, 'members');
        let principalId: string;
        if ('personId' in who) {
          principalId = who.personId;
        } else {
          const made = await createPerson(tx, {
            email: offer.email,
            displayName: who.name,
            ...(passwordPhc === undefined ? {} : { passwordPhc }),
          });
          if (made.kind !== 'created') {
            throw new OperationProblem('NAME_TAKEN', `${offer.email} has an account here already`, {
              hint: 'Sign in, then open the invitation again.',
            });
          }
          principalId = made.personId;
        }
        const accepted = await acceptInvitation(tx, hash, principalId);
        if (accepted.kind !== 'accepted' && accepted.kind !== 'member-already') throw notFound('This invitation is not valid any more');
        await demandEntitled(tx, accepted.workspaceId, held ? [held] : []);
        await recordAudit(
          tx,
          {
            principalId,
            actorKind: 'person',
            action: 'invitation.accept',
            resourceKind: 'invitation',
            resourceId: accepted.invitationId,
            ip: from.ip,
          },
          { workspaceId: accepted.workspaceId },
        );
        if (accepted.kind === 'accepted') {
          const { invitedBy, invitationId, workspaceId, role } = accepted;
          const name = (await findPerson(tx, principalId))?.displayName ?? '';
          await tell(tx, { kind: 'invitation.accepted', to: [invitedBy], about: invitationId, params: { name, role }, workspaceId });
        }
        return principalId;
      });
      return isNew ? open(personId, from) : undefined;
    },
  };
}

function linkIsOver(): OperationProblem {
  return notFound(
    'This link is not valid any more',
    'It may have been used or have run out. Ask an operator of the server for another one.',
  );
}

function alreadySetUp(): OperationProblem {
  return new OperationProblem('ALREADY_DONE', 'This server has its owner already', {
    hint: 'Sign in, or ask the owner for an invitation.',
  });
}

/** How long whoever failed so often has to wait, in milliseconds; 0 or less for not at all. */
export function waitAfterFailuresMs(failures: readonly LoginFailures[]): number {
  return Math.max(...failures.map((one) => backOffMs(one.failures, FREE_FAILURES[one.subject.kind]) - one.sinceMs));
}

function backOffMs(failures: number, free: number): number {
  return failures < free ? 0 : Math.min(1000 * 2 ** (failures - free), FAILURE_WINDOW_MS);
}

/** Recovery codes are shown in groups and typed as people type. */
function recoveryText(code: string): string {
  return code.replaceAll(/[^a-z2-7]/gi, '').toUpperCase();
}

/** Attempts on one account that may wait for each other; more are told to come back. */
const WAITING_PER_ACCOUNT = 20;

/** Work on one key happens one after the other. */
function inTurns(): <Result>(key: string, work: () => Promise<Result>) => Promise<Result> {
  const queues = new Map<string, { last: Promise<unknown>; length: number }>();
  return async (key, work) => {
    const queue = queues.get(key) ?? { last: Promise.resolve(), length: 0 };
    if (queue.length >= WAITING_PER_ACCOUNT) throw tooManyAtOnce();
    const mine = queue.last.then(work, work);
    queue.last = mine;
    queue.length += 1;
    queues.set(key, queue);
    try {
      return await mine;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) queues.delete(key);
    }
  };
}

/** Attempts of one address that may be looked at or wait at once: whoever guesses in bulk neither outruns the count nor takes the places of others. */
const AT_ONCE_PER_ADDRESS = 10;

function fewAtOnce(): <Result>(key: string, work: () => Promise<Result>) => Promise<Result> {
  const counts = new Map<string, number>();
  return async (key, work) => {
    const before = counts.get(key) ?? 0;
    if (before >= AT_ONCE_PER_ADDRESS) throw tooManyAtOnce();
    counts.set(key, before + 1);
    try {
      return await work();
    } finally {
      const left = (counts.get(key) ?? 1) - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
    }
  };
}

function tooManyAtOnce(): OperationProblem {
  return new OperationProblem('TOO_MANY_ATTEMPTS', 'Too many attempts at once; try again in a moment', {
    params: { retryAfterSeconds: 5 },
  });
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
