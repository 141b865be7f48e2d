/** What a person is and may read about himself: profile, everything that is kept, notifications; and a password set anew by a link. */
import {
  exportPerson,
  findPerson,
  findPersonSecrets,
  listNotifications,
  markNotificationsRead,
  updatePerson,
} from '@plugboard/persistence';
import { z } from 'zod';
import type { AuthService } from '../auth/auth-service.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, page, pageInput, pageOf, password, text } from '../operation/shapes.ts';

const OWN = { person: 'what is their own' } as const;

const profile = z
  .object({
    id,
    name: z.string(),
    email: z.string(),
    locale: z.string(),
    zone: z.string(),
    hasPassword: z.boolean(),
    hasTotp: z.boolean(),
    rev: z.int(),
  })
  .meta({ id: 'Profile' });
const notification = z
  .object({ id, kind: z.string(), params: json, createdAt: z.iso.datetime(), readAt: z.iso.datetime().optional() })
  .meta({ id: 'NotificationRow' });

/** A name of the IANA time zones. */
export const zone = text(100, 1).refine(isZone, 'is no time zone such as Europe/Berlin');
const locale = text(35, 2).refine(isLocale, 'is no language such as en or pt-BR');

export function profileOperations({ auth }: { readonly auth: Pick<AuthService, 'resetPassword'> }): readonly Operation[] {
  return [
    operation({
      name: 'person.profile',
      field: 'profile',
      kind: 'query',
      summary: 'The own profile.',
      permission: OWN,
      input: z.strictObject({}),
      output: profile,
      problems: [],
      rest: { method: 'GET', path: '/person' },
      handler: (ctx) =>
        ctx.inInstance(async (tx) => {
          const person = await findPerson(tx, ctx.actor.principalId);
          const secrets = await findPersonSecrets(tx, ctx.actor.principalId);
          if (!person) throw notFound();
          const { displayName: name, email, rev } = person;
          const hasPassword = secrets?.passwordPhc !== undefined;
          return { id: person.id, name, email, locale: person.locale, zone: person.zone, hasPassword, hasTotp: person.hasTotp, rev };
        }),
    }),
    operation({
      name: 'person.update',
      field: 'updateProfile',
      kind: 'mutation',
      summary: 'Change the own name, language or time zone.',
      permission: OWN,
      input: z.strictObject({
        name: text(200, 1).optional(),
        locale: locale.optional(),
        zone: zone.optional(),
        expectedRev: z.int().optional(),
      }),
      output: z.object({ rev: z.int() }).meta({ id: 'SavedProfile' }),
      problems: [],
      rest: { method: 'PATCH', path: '/person' },
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          ctx.audit({ kind: 'person', id: ctx.actor.principalId });
          const saved = await updatePerson(tx, ctx.actor.principalId, {
            ...(input.name === undefined ? {} : { displayName: input.name }),
            ...(input.locale === undefined ? {} : { locale: input.locale }),
            ...(input.zone === undefined ? {} : { zone: input.zone }),
            ...(input.expectedRev === undefined ? {} : { expectedRev: input.expectedRev }),
          });
          if (saved.kind === 'not-found') throw notFound();
          if (saved.kind === 'saved') return { rev: saved.rev };
          const { rev, displayName, locale: language, zone: place } = saved.person;
          throw new OperationProblem('CONFLICT', 'The profile was changed in between', {
            params: { rev, theirs: { name: displayName, locale: language, zone: place } },
          });
        }),
    }),
    operation({
      name: 'person.export',
      field: 'exportPerson',
      kind: 'query',
      summary: 'Everything that is kept about oneself, as JSON.',
      permission: OWN,
      input: z.strictObject({}),
      output: json,
      problems: [],
      rest: { method: 'GET', path: '/person/export' },
      handler: (ctx) => ctx.inInstance((tx) => exportPerson(tx, ctx.actor.principalId)),
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
    operation({
      name: 'notification.list',
      field: 'notifications',
      kind: 'query',
      summary: 'What one is to be told, newest first: of this workspace and of the server.',
      permission: { member: 'Each sees the own ones.' },
      input: z.strictObject({ unreadOnly: z.boolean().optional(), first: pageInput.first, after: id.optional() }),
      output: pageOf(notification).meta({ id: 'NotificationRows' }),
      problems: [],
      rest: { method: 'GET', path: '/notifications' },
      handler: (ctx, { unreadOnly, first, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listNotifications(tx, {
            ...(unreadOnly === undefined ? {} : { isUnreadOnly: unreadOnly }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(
            found.notifications.map(({ createdAt, readAt, ...one }) => ({
              ...one,
              createdAt: createdAt.toISOString(),
              ...(readAt ? { readAt: readAt.toISOString() } : {}),
            })),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'notification.markRead',
      field: 'markNotificationsRead',
      kind: 'mutation',
      summary: 'Mark these notifications as read, or all.',
      permission: { member: 'Each has the own ones.' },
      input: z.strictObject({ ids: z.array(id).max(500).optional() }),
      output: z.object({ count: z.int() }).meta({ id: 'MarkedNotifications' }),
      problems: [],
      rest: { method: 'POST', path: '/notifications/read' },
      audited: false,
      handler: (ctx, { ids }) => ctx.inTransaction(async (tx) => ({ count: await markNotificationsRead(tx, ids) })),
    }),
  ];
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function isLocale(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name).length === 1;
  } catch {
    return false;
  }
}
