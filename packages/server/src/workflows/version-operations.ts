/** Published versions: looked at, compared, brought back into the draft; and what is live, paused or taken out of service. */
import { type WorkflowDefinition, diffDefinitions } from '@plugboard/engine';
import { type WorkspaceTransaction, findDisplayNames, findDeployment, getDraft, getVersion, liveVersion } from '@plugboard/persistence';
import { z } from 'zod';
import { demandNotHeld, replaceDraft } from '../drafts/draft-edits.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, personRef } from '../operation/shapes.ts';
import type { Publisher } from './publisher.ts';
import { demandWorkflow, workflowResource } from './workflow-access.ts';

/** Stands in a path, so it comes as text. */
const versionNumber = z.coerce.number().int().min(1).max(2_147_483_647);
const side = z.string().regex(/^(draft|live|[1-9]\d{0,8})$/, 'use draft, live or the number of a version');

const versionDetail = z
  .object({
    number: z.int(),
    publishedAt: z.iso.datetime(),
    publishedBy: personRef,
    note: z.string().optional(),
    isLive: z.boolean(),
    definition: json,
    /** Package and version behind each node type. */
    typePins: json,
  })
  .meta({ id: 'VersionDetail' });
const fieldChange = z.object({ path: z.array(z.string()), before: json.optional(), after: json.optional() }).meta({ id: 'FieldChange' });
const changedPart = z
  .object({
    id: z.string(),
    renamed: z.object({ from: z.string(), to: z.string() }).meta({ id: 'Renaming' }).optional(),
    changes: z.array(fieldChange),
    isMoved: z.boolean(),
  })
  .meta({ id: 'ChangedPart' });
const partsDiff = z
  .object({ added: z.array(z.string()), removed: z.array(z.string()), changed: z.array(changedPart) })
  .meta({ id: 'PartsDiff' });
const workflowDiff = z
  .object({
    isEqual: z.boolean(),
    nodes: partsDiff,
    edges: partsDiff,
    groups: partsDiff,
    notes: partsDiff,
    workflow: z.array(fieldChange),
    /** Both sides, to draw them. */
    before: json,
    after: json,
  })
  .meta({ id: 'WorkflowDiff' });
const deployment = z
  .object({
    state: z.enum(['draft', 'live', 'paused', 'off']).meta({ id: 'DeploymentState' }),
    version: z.int().optional(),
    isChanged: z.boolean(),
  })
  .meta({ id: 'Deployment' });

export function versionOperations({ publisher }: { readonly publisher: Publisher }): readonly Operation[] {
  const byWorkflowId = (ctx: OperationContext, input: { readonly workflowId: string }) =>
    ctx.inTransaction((tx) => workflowResource(tx, input.workflowId));
  const byId = (ctx: OperationContext, input: { readonly id: string }) => ctx.inTransaction((tx) => workflowResource(tx, input.id));

  return [
    operation({
      name: 'workflow.version',
      field: 'version',
      kind: 'query',
      summary: 'One published version with what it says.',
      permission: { action: 'workflow.read', on: byWorkflowId },
      input: z.strictObject({ workflowId: id, number: versionNumber }),
      output: versionDetail,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/versions/{number}' },
      handler: (ctx, { workflowId, number }) =>
        ctx.inTransaction(async (tx) => {
          const version = await demandVersion(tx, workflowId, number);
          const names = await findDisplayNames(tx, [version.publishedBy]);
          return {
            number: version.n,
            publishedAt: version.publishedAt.toISOString(),
            publishedBy: { id: version.publishedBy, name: names.get(version.publishedBy) ?? '' },
            ...(version.note === undefined ? {} : { note: version.note }),
            isLive: (await liveVersion(tx, workflowId)) === version.n,
            definition: version.definition,
            typePins: version.typePins,
          };
        }),
    }),
    operation({
      name: 'workflow.diff',
      field: 'workflowDiff',
      kind: 'query',
      summary: 'What differs between two versions, or a version and the draft, by node, edge and field.',
      permission: { action: 'workflow.read', on: byWorkflowId },
      input: z.strictObject({ workflowId: id, from: side, to: side.default('draft') }),
      output: workflowDiff,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/diff' },
      handler: (ctx, { workflowId, from, to }) =>
        ctx.inTransaction(async (tx) => {
          const before = await sideOf(tx, workflowId, from);
          const after = await sideOf(tx, workflowId, to);
          const diff = diffDefinitions(before, after);
          const parts = ({ added, removed, changed }: typeof diff.nodes) => ({
            added: [...added],
            removed: [...removed],
            changed: changed.map((part) => ({ ...part, changes: part.changes.map(fieldView) })),
          });
          return {
            isEqual: diff.isEqual,
            nodes: parts(diff.nodes),
            edges: parts(diff.edges),
            groups: parts(diff.groups),
            notes: parts(diff.notes),
            workflow: diff.workflow.map(fieldView),
            before,
            after,
          };
        }),
    }),
    operation({
      name: 'workflow.restoreVersion',
      kind: 'mutation',
      summary: 'Make the draft what a version says, under the name the workflow has now. It can be undone like any other change.',
      permission: { action: 'workflow.edit', on: byWorkflowId },
      input: z.strictObject({ workflowId: id, number: versionNumber, expectedRev: z.int().min(0) }),
      output: z.object({ rev: z.int(), isChanged: z.boolean() }).meta({ id: 'RestoredVersion' }),
      problems: ['DRAFT_HELD'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/versions/{number}/restore' },
      handler: (ctx, { workflowId, number, expectedRev }) =>
        ctx.inTransaction(async (tx) => {
          const { name } = await demandWorkflow(tx, workflowId);
          const version = await demandVersion(tx, workflowId, number);
          await demandNotHeld(tx, workflowId);
          const saved = await replaceDraft(tx, { workflowId, definition: { ...version.definition, name }, expectedRev });
          ctx.audit({ kind: 'workflow', id: workflowId, payload: { version: number, rev: saved.rev } });
          if (!saved.isChanged) ctx.noAudit();
          return saved;
        }),
    }),
    operation({
      name: 'workflow.deployment',
      kind: 'query',
      summary: 'What of a workflow is live, and whether it takes work.',
      permission: { action: 'workflow.read', on: byId },
      input: z.strictObject({ id }),
      output: deployment,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{id}/deployment' },
      handler: (ctx, input) => ctx.inTransaction((tx) => deploymentView(tx, input.id)),
    }),
    operation({
      name: 'workflow.unpublish',
      kind: 'mutation',
      summary: 'Take a workflow out of service: its webhooks answer no more and their paths are free. Runs under way go on.',
      permission: { action: 'workflow.publish', on: byId },
      input: z.strictObject({ id }),
      output: deployment,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{id}/unpublish' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const isChanged = await publisher.takeOut(ctx, tx, input.id);
          if (!isChanged) ctx.noAudit();
          return { ...(await deploymentView(tx, input.id)), isChanged };
        }),
    }),
    operation({
      name: 'workflow.pause',
      kind: 'mutation',
      summary:
        'Let what is live do no new work for a while; its paths stay its own, and runs under way go on. What its webhooks and forms get meanwhile is stored and begins when it goes on, or is refused.',
      permission: { action: 'workflow.publish', on: byId },
      input: z.strictObject({ id, webhooks: z.enum(['hold', 'refuse']).meta({ id: 'WhilePaused' }).optional() }),
      output: deployment,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{id}/pause' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) =>
          deploymentChanged(ctx, tx, input.id, await publisher.pause(ctx, tx, input.id, input.webhooks ?? 'hold')),
        ),
    }),
    operation({
      name: 'workflow.resume',
      kind: 'mutation',
      summary: 'Let a paused workflow take work again, on the version it was paused on, and begin what came meanwhile.',
      permission: { action: 'workflow.publish', on: byId },
      input: z.strictObject({ id }),
      output: deployment,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{id}/resume' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => deploymentChanged(ctx, tx, input.id, await publisher.resume(ctx, tx, input.id))),
    }),
  ];
}

async function deploymentChanged(
  ctx: OperationContext,
  tx: WorkspaceTransaction,
  workflowId: string,
  isChanged: boolean,
): Promise<z.input<typeof deployment>> {
  const now = await deploymentView(tx, workflowId);
  if (!isChanged && (now.state === 'draft' || now.state === 'off'))
    throw new OperationProblem('CONFLICT', 'Nothing of this workflow is in service', { hint: 'Publish it first.' });
  if (!isChanged) ctx.noAudit();
  return { ...now, isChanged };
}

async function deploymentView(tx: WorkspaceTransaction, workflowId: string): Promise<z.input<typeof deployment>> {
  const found = await findDeployment(tx, workflowId);
  if (!found) return { state: 'draft', isChanged: false };
  return { state: found.state === 'active' ? 'live' : found.state, version: found.version, isChanged: false };
}

async function demandVersion(tx: WorkspaceTransaction, workflowId: string, n: number) {
  const version = await getVersion(tx, workflowId, n);
  if (!version) throw notFound(`The workflow has no version ${n}`, 'Its versions are listed under versions.');
  return version;
}

/** @throws OperationProblem NOT_FOUND */
async function sideOf(tx: WorkspaceTransaction, workflowId: string, which: string): Promise<WorkflowDefinition> {
  if (which === 'draft') {
    const draft = await getDraft(tx, workflowId);
    if (!draft) throw notFound('The workflow has no draft');
    return draft.definition;
  }
  const n = which === 'live' ? await liveVersion(tx, workflowId) : Number(which);
  if (n === undefined) throw notFound('The workflow has no live version', 'Publish it first, or name a version by its number.');
  return (await demandVersion(tx, workflowId, n)).definition;
}

function fieldView({ path, before, after }: { readonly path: readonly string[]; readonly before?: unknown; readonly after?: unknown }) {
  return { path: [...path], ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}
