/** What a person is and may read about himself: profile, and everything that is kept. */
import { exportPerson, findPerson, findPersonSecrets, updatePerson } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, text } from '../operation/shapes.ts';

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
/** A name of the IANA time zones. */
export const zone = text(100, 1).refine(isZone, 'is no time zone such as Europe/Berlin');
const locale = text(35, 2).refine(isLocale, 'is no language such as en or pt-BR');

export function profileOperations(): readonly Operation[] {
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
