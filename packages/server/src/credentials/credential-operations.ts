/** Credentials for people and programs: made, changed, tested, given up. A secret goes in and never comes out; which ones are set is told. */
import {
  type BindingUse,
  type Credential,
  type WorkspaceTransaction,
  countBindings,
  createCredential,
  deleteCredential,
  findCredential,
  findDisplayNames,
  findMember,
  listBindingsGrantedBy,
  listBindingsOfCredential,
  listCredentials,
  listProjects,
  setCredentialHealth,
  updateCredential,
  uuidv7,
} from '@plugboard/persistence';
import type { CredentialTypeIR, JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, moment, namedRef, nothing, page, pageInput, pageOf, personRef, text } from '../operation/shapes.ts';
import { SealBrokenError } from '../vault/sealed.ts';
import { projectResource } from '../workflows/workflow-access.ts';
import { widens } from './allowed-hosts.ts';
import { whyUnusable } from './attach.ts';
import type { CredentialService } from './credential-service.ts';
import { type OpenedCredential, secretsSet } from './credential-store.ts';
import {
  type FieldProblem,
  type FilledIn,
  type SecretContent,
  addressProblems,
  certificateEnd,
  checkHosts,
  fieldProblems,
  hostsOfType,
  movesSecrets,
  partFields,
  secretFields,
  valuesOf,
} from './credential-types.ts';

const HEALTH = ['untested', 'ok', 'failing', 'expired', 'needsSignIn'] as const;
type Health = (typeof HEALTH)[number];
const health = z.enum(HEALTH).meta({ id: 'CredentialHealth' });
const key = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'use lower case letters, digits, - and _; begin with a letter or digit; at most 63');
const environment = z.enum(['draft', 'live']).meta({ id: 'CredentialEnvironment' });
const ENVIRONMENTS = ['draft', 'live'] as const;

const row = {
  id,
  key: z.string(),
  name: z.string(),
  type: z.string(),
  typeTitle: z.string(),
  project: namedRef,
  environment: environment.optional(),
  allowedHosts: z.array(z.string()),
  health,
  healthText: z.string().optional(),
  testedAt: z.iso.datetime().optional(),
  expiresAt: z.iso.datetime().optional(),
  usedIn: z.int(),
  updatedBy: personRef,
  updatedAt: z.iso.datetime(),
  rev: z.int(),
  may: z.object({ use: z.boolean(), edit: z.boolean() }).meta({ id: 'CredentialRights' }),
};
const credentialRow = z.object(row).meta({ id: 'CredentialRow' });
const usedInWorkflow = z.object({ id, name: z.string(), isLive: z.boolean() }).meta({ id: 'CredentialWorkflow' });
const credentialDetail = z
  .object({ ...row, publicData: json, secretsSet: z.array(z.string()), signsIn: z.boolean(), usedInWorkflows: z.array(usedInWorkflow) })
  .meta({ id: 'CredentialDetail' });
const use = z
  .object({ workflow: namedRef, environment, key: z.string(), grantedBy: personRef, credentialId: id })
  .meta({ id: 'CredentialUse' });
const uses = z.object({ rows: z.array(use), hidden: z.int() }).meta({ id: 'CredentialUses' });

export function credentialOperations({ credentials }: { readonly credentials: CredentialService }): readonly Operation[] {
  const { store, tester } = credentials;
  const { types } = store;

  const viewsOf = async (
    ctx: OperationContext,
    tx: WorkspaceTransaction,
    rows: readonly Credential[],
  ): Promise<z.input<typeof credentialRow>[]> => {
    const counts = await countBindings(
      tx,
      rows.map((one) => one.id),
    );
    const names = await findDisplayNames(
      tx,
      rows.map((one) => one.createdBy),
    );
    const projects = await listProjects(tx, { ids: [...new Set(rows.map((one) => one.projectId))] });
    return rows.map((one) => {
      const resource = resourceOf(one);
      return {
        id: one.id,
        key: one.key,
        name: one.name,
        type: one.type,
        typeTitle: types.find(one.type)?.title ?? one.type,
        project: { id: one.projectId, name: projects.find((project) => project.id === one.projectId)?.name ?? '' },
        ...(one.environment === undefined ? {} : { environment: ENVIRONMENTS[one.environment] ?? 'live' }),
        allowedHosts: [...one.allowedHosts],
        health: healthOf(one, credentials.now()),
        ...(one.healthError === undefined ? {} : { healthText: one.healthError }),
        ...(one.healthAt ? { testedAt: one.healthAt.toISOString() } : {}),
        ...(one.expiresAt ? { expiresAt: one.expiresAt.toISOString() } : {}),
        usedIn: counts.get(one.id) ?? 0,
        updatedBy: { id: one.createdBy, name: names.get(one.createdBy) ?? '' },
        updatedAt: one.updatedAt.toISOString(),
        rev: one.rev,
        may: { use: may(ctx, 'credential.use', resource), edit: may(ctx, 'credential.edit', resource) },
      };
    });
  };

  const typeOf = (name: string): CredentialTypeIR => {
    const type = types.find(name);
    if (type) return type;
    throw new OperationProblem('INPUT_INVALID', `There is no kind of credential "${name}"`, {
      path: 'input.type',
      hint: 'credential.types lists them.',
    });
  };

  /** One whose secret does not open any more can still be filled in anew. */
  const opened = async (tx: WorkspaceTransaction, credentialId: string): Promise<OpenedCredential> => {
    try {
      const found = await store.open(tx, credentialId);
      if (found) return found;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      const stored = await findCredential(tx, credentialId);
      const type = stored && types.find(stored.type);
      if (type) return { workspaceId: tx.context.workspaceId, row: stored, type, version: 0, content: { fields: {} }, values: {} };
    }
    throw notFound(
      'The kind of this credential is of a plugin that is not here any more, or it was deleted',
      'Install the plugin again, or delete the credential.',
    );
  };

  /** @throws OperationProblem INPUT_INVALID for what would fail at its first use */
  const refuseUnusable = async (type: CredentialTypeIR, parted: FilledIn): Promise<void> => {
    const values = valuesOf(type, parted.publicData, parted.secrets);
    const why = await whyUnusable({ type, values, content: { fields: parted.secrets }, id: '' }, credentials.now());
    if (why !== undefined) refuse([{ path: 'input.data', message: why }]);
  };

  return [
    operation({
      name: 'credential.types',
      field: 'credentialTypes',
      kind: 'query',
      summary: 'Kinds of credentials there are, with the fields of their forms.',
      permission: { action: 'catalog.read', on: () => ({ kind: 'workspace' }) },
      input: z.strictObject({}),
      output: json,
      problems: [],
      rest: { method: 'GET', path: '/credential-types' },
      handler: () => Promise.resolve(types.all()),
    }),
    operation({
      name: 'credential.list',
      field: 'credentials',
      kind: 'query',
      summary: 'A page of the credentials one may see, newest first. Never their secrets.',
      permission: { member: 'The list shows what each may see.' },
      input: z.strictObject({
        search: text(200).optional(),
        projectId: id.optional(),
        type: text(200).optional(),
        health: health.optional(),
        first: pageInput.first,
        after: z.guid('this is not what a page before gave as endCursor').optional(),
      }),
      output: pageOf(credentialRow).meta({ id: 'CredentialRows' }),
      problems: [],
      rest: { method: 'GET', path: '/credentials' },
      handler: (ctx, { search, projectId, type, first, after, health: wanted }) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'credential.read');
          const found = await listCredentials(tx, {
            ...(visible.kind === 'some' ? { visible: { projectIds: visible.projectIds, ids: visible.ids } } : {}),
            ...(search === undefined ? {} : { search }),
            ...(projectId === undefined ? {} : { projectId }),
            ...(type === undefined ? {} : { type }),
            ...(wanted === undefined ? {} : { health: STORED[wanted] }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(await viewsOf(ctx, tx, found.credentials), found.nextCursor);
        }),
    }),
    operation({
      name: 'credential.get',
      field: 'credential',
      kind: 'query',
      summary: 'One credential: what may be shown, and which secrets are set.',
      permission: { action: 'credential.read', on: (ctx, input) => ctx.inTransaction((tx) => credentialResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: credentialDetail,
      problems: [],
      rest: { method: 'GET', path: '/credentials/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const found = await demandCredential(tx, input.id);
          const [view] = await viewsOf(ctx, tx, [found]);
          if (!view) throw notFound();
          const open = await opened(tx, found.id).catch(() => undefined);
          const bound = (await listBindingsOfCredential(tx, found.id)).filter((one) => mayRead(ctx, one));
          const workflows = new Map(bound.map((one) => [one.workflowId, one]));
          return {
            ...view,
            publicData: found.publicData,
            secretsSet: open ? secretsSet(open) : [],
            signsIn: signsIn(types.find(found.type)),
            usedInWorkflows: [...workflows.values()].map((one) => ({
              id: one.workflowId,
              name: one.workflowName,
              isLive: one.isLive,
            })),
          };
        }),
    }),
    operation({
      name: 'credential.create',
      field: 'createCredential',
      kind: 'mutation',
      summary: 'Make a credential. Its secrets are sealed and never shown again.',
      permission: { action: 'credential.create', on: (ctx, input) => ctx.inTransaction((tx) => projectResource(tx, ctx, input.projectId)) },
      input: z.strictObject({
        key,
        name: text(200, 1),
        type: text(200, 1),
        projectId: id.optional(),
        environment: environment.optional(),
        allowedHosts: z.array(text(300)).max(100).optional(),
        data: z.record(z.string(), json),
        expiresAt: moment.optional(),
      }),
      output: z.object({ id, rev: z.int() }).meta({ id: 'CreatedCredential' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'POST', path: '/credentials', status: 201 },
      counts: ['credentials'],
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const type = typeOf(input.type);
          const data = input.data as JsonObject;
          const parted = partFields(type, data);
          const { hosts, problems } = checkHosts(input.allowedHosts ?? hostsOfType(type, parted.publicData));
          if (input.allowedHosts === undefined && hosts.length === 0)
            problems.push({ path: 'input.allowedHosts', message: 'Name the hosts the credential may go to; an empty list for none.' });
          refuse([...fieldProblems(type, data, parted), ...problems, ...addressProblems(type, parted.publicData, hosts)]);
          await refuseUnusable(type, parted);
          const project = await projectResource(tx, ctx, input.projectId);
          if (!project) throw notFound();
          const expiresAt = input.expiresAt === undefined ? certificateEnd(type, parted.publicData) : new Date(input.expiresAt);
          const credentialId = uuidv7();
          const made = await createCredential(tx, {
            id: credentialId,
            projectId: project.id,
            key: input.key,
            ...(input.environment === undefined ? {} : { environment: ENVIRONMENTS.indexOf(input.environment) }),
            name: input.name,
            type: type.type,
            allowedHosts: hosts,
            publicData: parted.publicData,
            ...(expiresAt ? { expiresAt } : {}),
          });
          if (made.kind === 'project-not-found') throw notFound();
          if (made.kind === 'key-taken') throw keyTaken(input.key);
          await store.write(tx, credentialId, { fields: parted.secrets });
          if (signsIn(type)) await setCredentialHealth(tx, credentialId, { health: 'signed_out', error: 'Sign in once to use it.' });
          ctx.audit({ kind: 'credential', id: credentialId, payload: { key: input.key, type: type.type, allowedHosts: hosts } });
          return { id: credentialId, rev: 1 };
        }),
    }),
    operation({
      name: 'credential.update',
      field: 'updateCredential',
      kind: 'mutation',
      summary: 'Change a credential. An absent secret stays; to send secrets to further hosts, they are entered again.',
      permission: { action: 'credential.edit', on: (ctx, input) => ctx.inTransaction((tx) => credentialResource(tx, input.id)) },
      input: z.strictObject({
        id,
        expectedRev: z.int().min(1),
        name: text(200, 1).optional(),
        key: key.optional(),
        allowedHosts: z.array(text(300)).max(100).optional(),
        data: z.record(z.string(), json).optional(),
        expiresAt: moment.nullable().optional(),
      }),
      output: z.object({ id, rev: z.int() }).meta({ id: 'ChangedCredential' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'PATCH', path: '/credentials/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const before = await opened(tx, input.id);
          if (before.row.rev !== input.expectedRev) throw conflict(before.row);
          const { type, row: stored } = before;
          const data = input.data as JsonObject | undefined;
          const parted: FilledIn = data
            ? partFields(type, data, before.content.fields)
            : { publicData: stored.publicData, secrets: before.content.fields };
          const { hosts, problems } = input.allowedHosts
            ? checkHosts(input.allowedHosts)
            : { hosts: [...stored.allowedHosts], problems: [] };
          refuse([...fieldProblems(type, data ?? {}, parted), ...problems, ...addressProblems(type, parted.publicData, hosts)]);
          if (data) await refuseUnusable(type, parted);
          // Whoever may change a credential may still not read it, and so must not send it where they could.
          const isMoved = widens(stored.allowedHosts, hosts) || movesSecrets(type, stored.publicData, parted.publicData);
          if (isMoved) refuse(notEnteredAgain(before, data));
          const given = input.expiresAt === undefined || input.expiresAt === null ? input.expiresAt : new Date(input.expiresAt);
          const expiresAt = given === undefined && data ? certificateEnd(type, parted.publicData) : given;
          const saved = await updateCredential(tx, input.id, {
            ...(input.name === undefined ? {} : { name: input.name }),
            ...(input.key === undefined ? {} : { key: input.key }),
            allowedHosts: hosts,
            publicData: parted.publicData,
            ...(expiresAt === undefined ? {} : { expiresAt }),
            expectedRev: input.expectedRev,
          });
          if (saved.kind === 'not-found') throw notFound();
          if (saved.kind === 'key-taken') throw keyTaken(input.key ?? stored.key);
          if (saved.kind === 'conflict') throw conflict(saved.credential);
          const { tokens } = before.content;
          const hasNewSecret = data !== undefined && JSON.stringify(parted.secrets) !== JSON.stringify(before.content.fields);
          // Tokens were given for the client and the addresses of before.
          const keepsTokens = tokens !== undefined && !isMoved && !hasNewSecret;
          if (hasNewSecret || isMoved) {
            const content: SecretContent = { fields: parted.secrets, ...(keepsTokens ? { tokens } : {}) };
            await store.write(tx, input.id, content);
            await setCredentialHealth(
              tx,
              input.id,
              signsIn(type) ? { health: 'signed_out', error: 'Sign in again to use it.' } : { health: 'unknown' },
            );
          }
          const changed = Object.keys(input).filter((name) => name !== 'id' && name !== 'expectedRev');
          const filled = Object.keys(data ?? {}).filter((name) => secretFields(type).includes(name));
          ctx.audit({ kind: 'credential', id: input.id, payload: { changed, secrets: filled, allowedHosts: hosts } });
          return { id: input.id, rev: saved.rev };
        }),
    }),
    operation({
      name: 'credential.delete',
      field: 'deleteCredential',
      kind: 'mutation',
      summary: 'Give a credential up. Its secret is destroyed at once; workflows that use it fail from then on.',
      permission: { action: 'credential.edit', on: (ctx, input) => ctx.inTransaction((tx) => credentialResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/credentials/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (!(await deleteCredential(tx, input.id))) throw notFound();
          return DONE;
        }),
    }),
    operation({
      name: 'credential.test',
      field: 'testCredential',
      kind: 'mutation',
      summary: 'Ask the service whether it takes the credential.',
      permission: { action: 'credential.use', on: (ctx, input) => ctx.inTransaction((tx) => credentialResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: z.object({ health, text: z.string() }).meta({ id: 'TestedCredential' }),
      problems: [],
      rest: { method: 'POST', path: '/credentials/{id}/test' },
      transactional: false,
      async handler(ctx, input) {
        const credential = await ctx.inTransaction((tx) => opened(tx, input.id));
        const { text: said } = await tester.test(credential);
        const now = await ctx.inTransaction((tx) => demandCredential(tx, input.id));
        ctx.audit({ kind: 'credential', id: input.id, payload: { health: now.health } });
        return { health: healthOf(now, credentials.now()), text: said };
      },
    }),
    operation({
      name: 'credential.usedBy',
      field: 'credentialUses',
      kind: 'query',
      summary: 'Published workflows that use a credential, and who allowed it.',
      permission: { action: 'credential.read', on: (ctx, input) => ctx.inTransaction((tx) => credentialResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: uses,
      problems: [],
      rest: { method: 'GET', path: '/credentials/{id}/uses' },
      handler: (ctx, input) => ctx.inTransaction(async (tx) => usesView(ctx, tx, await listBindingsOfCredential(tx, input.id))),
    }),
    operation({
      name: 'credential.grantedBy',
      field: 'credentialsGrantedBy',
      kind: 'query',
      summary: 'What runs on the right of somebody to use credentials: look before removing them.',
      permission: {
        action: 'member.manage',
        on: (ctx, input) => ctx.inTransaction(async (tx) => ((await isKnown(tx, input.principalId)) ? { kind: 'workspace' } : undefined)),
      },
      input: z.strictObject({ principalId: id }),
      output: uses,
      problems: [],
      rest: { method: 'GET', path: '/members/{principalId}/credential-uses' },
      handler: (ctx, input) => ctx.inTransaction(async (tx) => usesView(ctx, tx, await listBindingsGrantedBy(tx, input.principalId))),
    }),
  ];
}

/** As something permission is asked on; undefined when there is none. */
export async function credentialResource(tx: WorkspaceTransaction, credentialId: string): Promise<Resource | undefined> {
  const found = await findCredential(tx, credentialId);
  return found && resourceOf(found);
}

function resourceOf({ id: credentialId, projectId }: Credential): Resource {
  return { kind: 'credential', id: credentialId, projectId };
}

async function demandCredential(tx: WorkspaceTransaction, credentialId: string): Promise<Credential> {
  const found = await findCredential(tx, credentialId);
  if (!found) throw notFound();
  return found;
}

/** A member, or somebody who was one and whose grants still count. */
async function isKnown(tx: WorkspaceTransaction, principalId: string): Promise<boolean> {
  return (await findMember(tx, principalId)) !== undefined || (await listBindingsGrantedBy(tx, principalId)).length > 0;
}

export function signsIn(type: CredentialTypeIR | undefined): boolean {
  return type?.auth?.scheme === 'oauth2' && type.auth.grant === 'authorizationCode';
}

const STORED = { untested: 'unknown', ok: 'healthy', failing: 'failing', expired: 'expired', needsSignIn: 'signed_out' } as const;
const TOLD = { unknown: 'untested', healthy: 'ok', failing: 'failing', signed_out: 'needsSignIn' } as const;

function healthOf({ health: stored, expiresAt }: Credential, now: number): Health {
  return expiresAt !== undefined && expiresAt.getTime() <= now ? 'expired' : TOLD[stored];
}

function mayRead(ctx: OperationContext, { workflowId, projectId }: BindingUse): boolean {
  return may(ctx, 'workflow.read', { kind: 'workflow', id: workflowId, projectId });
}

/** Of workflows one may not see only how many there are. */
async function usesView(ctx: OperationContext, tx: WorkspaceTransaction, found: readonly BindingUse[]): Promise<z.input<typeof uses>> {
  const visible = found.filter((one) => mayRead(ctx, one));
  const names = await findDisplayNames(
    tx,
    visible.map((one) => one.grantedBy),
  );
  return {
    rows: visible.map((one) => ({
      workflow: { id: one.workflowId, name: one.workflowName },
      environment: ENVIRONMENTS[one.environment] ?? 'live',
      key: one.key,
      grantedBy: { id: one.grantedBy, name: names.get(one.grantedBy) ?? '' },
      credentialId: one.credentialId,
    })),
    hidden: found.length - visible.length,
  };
}

/** @throws OperationProblem INPUT_INVALID naming every wrong field */
function refuse(problems: readonly FieldProblem[]): void {
  const [first] = problems;
  if (!first) return;
  const fields = problems.map(({ path, message }) => ({ field: path.replace(/^input\./, ''), message }));
  throw new OperationProblem('INPUT_INVALID', problems.map((one) => one.message).join(' '), { path: first.path, params: { fields } });
}

function notEnteredAgain({ type, ...credential }: OpenedCredential, data: JsonObject | undefined): FieldProblem[] {
  return secretsSet({ type, ...credential })
    .filter((name) => data?.[name] === undefined || data[name] === '')
    .map((name) => ({
      path: `input.data.${name}`,
      message: `${type.fields[name]?.title ?? name}: enter it again, because the credential is to go somewhere new.`,
    }));
}

function keyTaken(taken: string): OperationProblem {
  return new OperationProblem('NAME_TAKEN', `Another credential of the project has the key "${taken}"`, {
    path: 'input.key',
    hint: 'Choose another key.',
  });
}

function conflict({ rev, name, allowedHosts, publicData }: Credential): OperationProblem {
  return new OperationProblem('CONFLICT', 'Somebody has changed the credential in between', {
    hint: 'Look at it as it is now, then change it again.',
    params: { rev, current: { name, allowedHosts, publicData } },
  });
}
