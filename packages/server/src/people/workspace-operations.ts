/** Workspaces: the one at hand for its members, all of them and their plans for operators of the server. */
import {
  type WorkspaceTransaction,
  COUNTED_LIMITS,
  FILE_BYTES_LIMIT,
  PAYLOAD_BYTES_LIMIT,
  type Workspace,
  createWorkspace,
  deleteWorkspace,
  findPerson,
  findWorkspace,
  listDeletedWorkspaces,
  listInstanceAudit,
  listPlans,
  listWorkspaces,
  readEntitlements,
  readLimits,
  readStoredPayloads,
  removeMember,
  restoreWorkspace,
  savePlan,
  setWorkspacePlan,
  updateWorkspace,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, page, pageInput, pageOf, text } from '../operation/shapes.ts';
import { lastOwner } from './member-operations.ts';
import { zone } from './profile-operations.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const INSTANCE = { kind: 'instance' } as const;
const OPERATE = { action: 'instance.operate', on: () => INSTANCE } as const;

const slug = text(63, 1).regex(/^[a-z0-9][a-z0-9-]*$/, 'has small letters, digits and dashes');
const name = text(200, 1);
const planKey = text(60, 1).regex(/^[a-z0-9][a-z0-9-]*$/, 'has small letters, digits and dashes');
/** Bytes a workspace keeps beside the database. */
const STORED_LIMITS = [FILE_BYTES_LIMIT, PAYLOAD_BYTES_LIMIT] as const;
const LIMITS: readonly string[] = [...COUNTED_LIMITS, ...STORED_LIMITS];
const limitKey = z.enum(LIMITS as [string, ...string[]]).meta({ id: 'LimitKey' });

const workspaceView = z
  .object({ id, slug: z.string(), name: z.string(), zone: z.string(), plan: z.string(), rev: z.int(), createdAt: z.iso.datetime() })
  .meta({ id: 'WorkspaceView' });
const workspaceRow = workspaceView
  .extend({ deletedAt: z.iso.datetime().optional(), purgeAt: z.iso.datetime().optional() })
  .meta({ id: 'WorkspaceRow' });
const limits = z
  .array(z.object({ limit: limitKey, used: z.number(), allowed: z.number().optional() }).meta({ id: 'LimitUse' }))
  .meta({ id: 'LimitUses' });
const plan = z
  .object({ key: z.string(), name: z.string(), limits: z.record(z.string(), z.number()), rev: z.int() })
  .meta({ id: 'PlanView' });

export interface WorkspaceOperationsOptions {
  /** Webhooks of a workspace that is gone answer no more. */
  readonly reloadRoutes: () => Promise<void>;
  /** How long a closed workspace may come back. */
  readonly graceDays: () => number;
}

const DAY_MS = 24 * 60 * 60_000;

export function workspaceOperations({ reloadRoutes, graceDays }: WorkspaceOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'workspace.get',
      field: 'workspace',
      kind: 'query',
      summary: 'The workspace at hand.',
      permission: { action: 'workspace.read', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: workspaceView,
      problems: [],
      rest: { method: 'GET', path: '/workspace' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const found = await findWorkspace(tx, ctx.workspaceId);
          if (!found) throw notFound();
          return viewOf(found);
        }),
    }),
    operation({
      name: 'workspace.update',
      field: 'updateWorkspace',
      kind: 'mutation',
      summary: 'Give the workspace at hand another name or time zone.',
      permission: { action: 'workspace.update', on: () => WORKSPACE },
      input: z.strictObject({ name: name.optional(), zone: zone.optional(), expectedRev: z.int().optional() }),
      output: workspaceView,
      problems: [],
      rest: { method: 'PATCH', path: '/workspace' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const saved = await updateWorkspace(tx, {
            ...(input.name === undefined ? {} : { name: input.name }),
            ...(input.zone === undefined ? {} : { zone: input.zone }),
            ...(input.expectedRev === undefined ? {} : { expectedRev: input.expectedRev }),
          });
          ctx.audit({ kind: 'workspace', id: ctx.workspaceId, payload: { name: input.name ?? null, zone: input.zone ?? null } });
          if (saved.kind === 'saved') return viewOf(saved.workspace);
          const { rev, name: theirName, zone: theirZone } = saved.workspace;
          throw new OperationProblem('CONFLICT', 'The workspace was changed in between', {
            params: { rev, theirs: { name: theirName, zone: theirZone } },
          });
        }),
    }),
    operation({
      name: 'workspace.limits',
      field: 'workspaceLimits',
      kind: 'query',
      summary: 'What there is in the workspace, and what its plan allows.',
      // It counts what is in projects that not everybody may see.
      permission: { action: 'settings.update', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: limits,
      problems: [],
      rest: { method: 'GET', path: '/workspace/limits' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) =>
          [...(await readLimits(tx)), ...(await storageUse(tx))].map((one) => ({
            limit: one.key,
            used: one.used,
            ...(one.limit === undefined ? {} : { allowed: one.limit }),
          })),
        ),
    }),
    operation({
      name: 'workspace.leave',
      field: 'leaveWorkspace',
      kind: 'mutation',
      summary: 'Leave the workspace at hand, with one’s teams, grants and keys there.',
      permission: { member: 'Whoever is in may leave.' },
      input: z.strictObject({}),
      output: nothing,
      problems: ['LAST_OWNER'],
      rest: { method: 'POST', path: '/workspace/leave' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          if (ctx.sessionId === undefined)
            throw new OperationProblem('FORBIDDEN', 'Only a person who is signed in may leave', { hint: 'Sign in first.' });
          ctx.audit({ kind: 'member', id: ctx.actor.principalId });
          const result = await removeMember(tx, ctx.actor.principalId);
          if (result.kind === 'last-owner') throw lastOwner();
          if (result.kind === 'not-found') throw notFound();
          return DONE;
        }),
    }),
    operation({
      name: 'workspace.list',
      field: 'allWorkspaces',
      kind: 'query',
      summary: 'All workspaces of the server, those in the trash too; for operators.',
      permission: OPERATE,
      input: z.strictObject({}),
      output: z.array(workspaceRow),
      problems: [],
      rest: { method: 'GET', path: '/workspaces' },
      handler: (ctx) =>
        ctx.inInstance(async (tx) => {
          const deleted = await listDeletedWorkspaces(tx);
          return [
            ...(await listWorkspaces(tx)).map((one) => viewOf(one)),
            ...deleted.map((one) => ({
              ...viewOf(one),
              deletedAt: one.deletedAt.toISOString(),
              purgeAt: new Date(one.deletedAt.getTime() + graceDays() * DAY_MS).toISOString(),
            })),
          ];
        }),
    }),
    operation({
      name: 'workspace.create',
      field: 'createWorkspace',
      kind: 'mutation',
      summary: 'Make a workspace, with a first project and an owner: oneself, unless somebody else is named.',
      permission: OPERATE,
      input: z.strictObject({ slug, name, zone: zone.optional(), ownerId: id.optional(), plan: planKey.optional() }),
      output: z.object({ id, slug: z.string(), projectId: id }).meta({ id: 'CreatedWorkspace' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'POST', path: '/workspaces', status: 201 },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          const ownerId = input.ownerId ?? ctx.actor.principalId;
          const owner = await findPerson(tx, ownerId);
          if (!owner || owner.disabledAt)
            throw new OperationProblem('INPUT_INVALID', 'There is no such person who may sign in', { path: 'input.ownerId' });
          const plans = await listPlans(tx);
          if (input.plan !== undefined && !plans.some((one) => one.key === input.plan)) throw noPlan();
          const made = await createWorkspace(tx, {
            slug: input.slug,
            name: input.name,
            ownerId,
            ...(input.zone === undefined ? {} : { zone: input.zone }),
            ...(input.plan === undefined ? {} : { planKey: input.plan }),
            createdBy: ctx.actor.principalId,
          });
          if (made.kind !== 'created')
            throw new OperationProblem('NAME_TAKEN', 'There is, or was, a workspace with this address', { path: 'input.slug' });
          ctx.audit({ kind: 'workspace', id: made.workspaceId, payload: { slug: input.slug, ownerId } });
          return { id: made.workspaceId, slug: input.slug, projectId: made.projectId };
        }),
    }),
    operation({
      name: 'workspace.delete',
      field: 'deleteWorkspace',
      kind: 'mutation',
      summary:
        'Close a workspace: nobody gets in, nothing in it starts by itself. It can come back until its grace is over; then it is removed for good.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/workspaces/{id}' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          const result = await deleteWorkspace(tx, input.id);
          if (result.kind === 'not-found') throw notFound('There is no such workspace');
          if (result.kind === 'is-default')
            throw new OperationProblem('CONFLICT', 'The workspace default stays: the command line works in it');
          ctx.afterCommit(reloadRoutes);
          return DONE;
        }),
    }),
    operation({
      name: 'workspace.restore',
      field: 'restoreWorkspace',
      kind: 'mutation',
      summary: 'Open a closed workspace again; its workflows are there and none is live.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/workspaces/{id}/restore' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          if (!(await restoreWorkspace(tx, input.id))) throw notFound('There is no such closed workspace');
          return DONE;
        }),
    }),
    operation({
      name: 'workspace.setPlan',
      field: 'setWorkspacePlan',
      kind: 'mutation',
      summary: 'Put a workspace under another plan. What is there beyond its limits stays and goes on; only more is refused.',
      permission: OPERATE,
      input: z.strictObject({ id, plan: planKey }),
      output: nothing,
      problems: [],
      rest: { method: 'PUT', path: '/workspaces/{id}/plan' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          if (!(await findWorkspace(tx, input.id))) throw notFound('There is no such workspace');
          if (!(await setWorkspacePlan(tx, input.id, input.plan))) throw noPlan();
          ctx.audit({ kind: 'workspace', id: input.id, payload: { plan: input.plan } });
          return DONE;
        }),
    }),
    operation({
      name: 'plan.list',
      field: 'plans',
      kind: 'query',
      summary: 'Plans workspaces can be under; for operators.',
      permission: OPERATE,
      input: z.strictObject({}),
      output: z.array(plan),
      problems: [],
      rest: { method: 'GET', path: '/plans' },
      handler: (ctx) => ctx.inInstance(async (tx) => (await listPlans(tx)).map((one) => ({ ...one, limits: { ...one.limits } }))),
    }),
    operation({
      name: 'plan.save',
      field: 'savePlan',
      kind: 'mutation',
      summary: 'Make or replace a plan; a limit that is left out does not limit.',
      permission: OPERATE,
      input: z.strictObject({ key: planKey, name: text(100, 1), limits: planLimits() }),
      output: nothing,
      problems: [],
      rest: { method: 'PUT', path: '/plans/{key}' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          if (input.key === 'unlimited' && Object.values(input.limits).some((one) => one !== undefined))
            throw new OperationProblem('INPUT_INVALID', 'The plan unlimited has no limits; make another one', { path: 'input.key' });
          const given = Object.entries(input.limits).flatMap(([one, allowed]) => (allowed === undefined ? [] : [[one, allowed] as const]));
          await savePlan(tx, { key: input.key, name: input.name, limits: Object.fromEntries(given) });
          ctx.audit({ kind: 'plan', id: input.key, payload: { limits: Object.fromEntries(given) } });
          return DONE;
        }),
    }),
    operation({
      name: 'instance.audit',
      field: 'instanceAudit',
      kind: 'query',
      summary: 'Who did what above the workspaces, newest first; for operators.',
      permission: OPERATE,
      input: z.strictObject({ action: text(100).optional(), first: pageInput.first, after: id.optional() }),
      output: pageOf(
        z
          .object({
            id,
            at: z.iso.datetime(),
            principalId: id,
            action: z.string(),
            resourceKind: z.string(),
            resourceId: z.string().optional(),
            ip: z.string().optional(),
            changes: json.optional(),
          })
          .meta({ id: 'InstanceAuditRow' }),
      ).meta({ id: 'InstanceAuditRows' }),
      problems: [],
      rest: { method: 'GET', path: '/instance/audit' },
      handler: (ctx, { action, first, after }) =>
        ctx.inInstance(async (tx) => {
          const found = await listInstanceAudit(tx, {
            ...(action === undefined ? {} : { action }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(
            found.entries.map((one) => ({
              id: one.id,
              at: one.at.toISOString(),
              principalId: one.principalId,
              action: one.action,
              resourceKind: one.resourceKind,
              ...(one.resourceId === undefined ? {} : { resourceId: one.resourceId }),
              ...(one.ip === undefined ? {} : { ip: one.ip }),
              ...(one.payload === undefined ? {} : { changes: one.payload }),
            })),
            found.nextCursor,
          );
        }),
    }),
  ];
}

function planLimits() {
  const allowed = z.int().min(0).max(1_000_000_000).optional();
  const bytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
  return z
    .strictObject({ workflows: allowed, projects: allowed, credentials: allowed, members: allowed, fileBytes: bytes, payloadBytes: bytes })
    .meta({ id: 'PlanLimits' });
}

function viewOf(one: Workspace): z.input<typeof workspaceView> {
  const { id: workspaceId, slug: address, name: title, zone: place, planKey: underPlan, rev, createdAt } = one;
  return { id: workspaceId, slug: address, name: title, zone: place, plan: underPlan, rev, createdAt: createdAt.toISOString() };
}

function noPlan(): OperationProblem {
  return new OperationProblem('INPUT_INVALID', 'There is no such plan', { path: 'input.plan', hint: 'See the list of plans.' });
}

async function storageUse(
  tx: WorkspaceTransaction,
): Promise<readonly { readonly key: string; readonly used: number; readonly limit?: number }[]> {
  const files = (await readEntitlements(tx)).get(FILE_BYTES_LIMIT) ?? { used: 0 };
  const { usedBytes, allowedBytes } = await readStoredPayloads(tx, tx.context.workspaceId);
  return [
    { key: FILE_BYTES_LIMIT, ...files },
    { key: PAYLOAD_BYTES_LIMIT, used: usedBytes, ...(allowedBytes === undefined ? {} : { limit: allowedBytes }) },
  ];
}
