/** Approvals as people and programs see them: a list with counts, one with its history, a decision. */
import {
  type Approval,
  type ApprovalDecision,
  countApprovals,
  findApproval,
  findDisplayNames,
  listApprovalDecisions,
  listApprovals,
} from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { safeMarkdown } from '../forms/safe-markdown.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { id, json, page, pageInput, pageOf, personRef, text } from '../operation/shapes.ts';
import type { KeptRequest } from './approval-request.ts';
import { type ApprovalService, type Decided, fieldValues, noApproval } from './approval-service.ts';
import { approvalViewer } from './approval-viewer.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const READ = { action: 'approval.read', on: () => WORKSPACE } as const;

const state = z.enum(['open', 'approved', 'rejected', 'late', 'closed']).meta({ id: 'ApprovalState' });
const decisionKind = z.enum(['approve', 'reject']).meta({ id: 'ApprovalDecisionKind' });

const head = {
  id,
  title: z.string(),
  workflow: z.object({ id, name: z.string() }).meta({ id: 'ApprovalWorkflow' }),
  runId: id,
  state: state.describe('late: nobody decided in time. closed: the run ended first.'),
  approved: z.int().describe('Approvals so far.'),
  needed: z.int(),
  isMine: z.boolean().describe('Whether you may decide.'),
  isDecidedByYou: z.boolean(),
  isEscalated: z.boolean(),
  createdAt: z.iso.datetime(),
  dueAt: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
};

const approvalRow = z.object(head).meta({ id: 'ApprovalRow' });

const approvalField = z
  .object({
    name: z.string(),
    title: z.string(),
    kind: z.string(),
    help: z.string().optional(),
    value: z.unknown().optional(),
    edit: z.boolean().describe('Whether a decider may change it.'),
    required: z.boolean(),
    options: z.array(z.object({ value: z.string(), title: z.string() }).meta({ id: 'FieldOption' })),
    min: z.string().optional(),
    max: z.string().optional(),
  })
  .meta({ id: 'ApprovalField' });

const approvalView = z
  .object({
    ...head,
    messageHtml: z.string().describe('Safe to put into a page.'),
    fields: z.array(approvalField),
    nodeId: z.string(),
    requestedBy: personRef.optional(),
    commentOn: z.enum(['never', 'rejection', 'always']).meta({ id: 'ApprovalCommentOn' }),
    deciders: z
      .object({ persons: z.array(z.string()), roles: z.array(z.string()), teams: z.array(z.string()) })
      .meta({ id: 'ApprovalDeciders' }),
    escalatedAt: z.iso.datetime().optional(),
    reminders: z.int(),
    decisions: z.array(
      z
        .object({
          by: personRef.optional().describe('Absent for whoever had the link.'),
          decision: decisionKind,
          comment: z.string().optional(),
          changed: z.array(z.string()).describe('Names of fields this person changed.'),
          via: z.enum(['page', 'api', 'link']).meta({ id: 'ApprovalVia' }),
          at: z.iso.datetime(),
        })
        .meta({ id: 'ApprovalDecision' }),
    ),
  })
  .meta({ id: 'Approval' });

const outcome = z
  .object({
    outcome: z
      .enum(['counted', 'already_decided', 'closed'])
      .describe('already_decided: you decided before. closed: it is over. Nothing was counted in both cases.')
      .meta({ id: 'ApprovalOutcome' }),
    state,
    approved: z.int().optional(),
    needed: z.int().optional(),
  })
  .meta({ id: 'DecidedApproval' });

export function approvalOperations({
  approvals,
  wake,
}: {
  readonly approvals: ApprovalService;
  /** The run has something in its inbox. */
  readonly wake: () => void;
}): readonly Operation[] {
  const viewer = (ctx: OperationContext) => approvalViewer(ctx.actor, ctx.access);
  return [
    operation({
      name: 'approval.list',
      field: 'approvals',
      kind: 'query',
      summary: 'What steps of runs ask people to decide, newest first: of runs whose data you may read, and what you are asked.',
      permission: READ,
      input: z.strictObject({
        show: z
          .enum(['mine', 'open', 'ended', 'all'])
          .optional()
          .describe('mine: open, you may decide and have not.')
          .meta({ id: 'ApprovalsShown' }),
        search: text(200).optional().describe('Part of the title or of the name of the workflow.'),
        runId: id.optional(),
        ...pageInput,
      }),
      output: pageOf(approvalRow).meta({ id: 'ApprovalPage' }),
      problems: [],
      rest: { method: 'GET', path: '/approvals' },
      handler: (ctx, { show, search, runId, first, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listApprovals(tx, viewer(ctx), {
            ...(show === undefined ? {} : { show }),
            ...(search === undefined ? {} : { search }),
            ...(runId === undefined ? {} : { runId }),
            ...(after === undefined ? {} : { cursor: z.uuid().safeParse(after).data ?? NO_CURSOR }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(found.approvals.map(toHead), found.nextCursor);
        }),
    }),
    operation({
      name: 'approval.counts',
      field: 'approvalCounts',
      kind: 'query',
      summary: 'How many open approvals wait for you, and how many there are that you may see; each up to 1,000.',
      permission: READ,
      input: z.strictObject({}),
      output: z.object({ mine: z.int(), open: z.int() }).meta({ id: 'ApprovalCounts' }),
      problems: [],
      rest: { method: 'GET', path: '/approvals/counts' },
      handler: (ctx) => ctx.inTransaction((tx) => countApprovals(tx, viewer(ctx))),
    }),
    operation({
      name: 'approval.get',
      field: 'approval',
      kind: 'query',
      summary: 'An approval with what it shows and what was decided so far.',
      permission: READ,
      input: z.strictObject({ id }),
      output: approvalView,
      problems: [],
      rest: { method: 'GET', path: '/approvals/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const approval = await findApproval(tx, viewer(ctx), input.id);
          if (!approval) throw noApproval();
          const decisions = await listApprovalDecisions(tx, approval.id);
          const names = await findDisplayNames(tx, approval.requestedBy === null ? [] : [approval.requestedBy]);
          return toView(approval, decisions, names);
        }),
    }),
    operation({
      name: 'approval.decide',
      field: 'decideApproval',
      kind: 'mutation',
      summary: 'Approve or reject. A decision counts once for each person; the right to decide is looked at now.',
      permission: { action: 'approval.decide', on: () => WORKSPACE },
      input: z.strictObject({
        id,
        decision: decisionKind,
        comment: text(5000).optional(),
        changes: z.record(text(64), json).optional().describe('New values of fields that may be changed, by name.'),
      }),
      output: outcome,
      problems: ['ALREADY_DONE'],
      rest: {
        method: 'POST',
        path: '/approvals/{id}/decision',
        statusOf: (output) => ((output as z.output<typeof outcome>).outcome === 'counted' ? 200 : 409),
      },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const decided = await approvals.decide(tx, {
            approvalId: input.id,
            by: { kind: 'person', viewer: viewer(ctx) },
            decision: input.decision,
            comment: input.comment,
            changes: input.changes as JsonObject | undefined,
            via: ctx.sessionId === undefined ? 'api' : 'page',
          });
          if (decided.kind === 'counted') {
            ctx.audit({ kind: 'approval', id: input.id, payload: { decision: input.decision, state: decided.state } });
            ctx.afterCommit(wake);
          } else ctx.noAudit();
          return toOutcome(decided);
        }),
    }),
  ];
}

/** Before every row. */
const NO_CURSOR = '00000000-0000-0000-0000-000000000000';

function toOutcome(decided: Decided): z.input<typeof outcome> {
  const { kind, state: now } = decided;
  return kind === 'counted'
    ? { outcome: kind, state: now, approved: decided.approved, needed: decided.needed }
    : { outcome: kind, state: now };
}

function toHead(approval: Approval): z.input<typeof approvalRow> {
  const { dueAt, endedAt, escalatedAt } = approval;
  return {
    id: approval.id,
    title: approval.title,
    workflow: { id: approval.workflowId, name: approval.workflowName },
    runId: approval.runId,
    state: approval.state,
    approved: approval.approved,
    needed: approval.needed,
    isMine: approval.isMine,
    isDecidedByYou: approval.isDecidedByMe,
    isEscalated: escalatedAt !== null,
    createdAt: approval.createdAt.toISOString(),
    ...(dueAt === null ? {} : { dueAt: dueAt.toISOString() }),
    ...(endedAt === null ? {} : { endedAt: endedAt.toISOString() }),
  };
}

function toView(
  approval: Approval,
  decisions: readonly ApprovalDecision[],
  names: ReadonlyMap<string, string>,
): z.input<typeof approvalView> {
  const { message = '', fields, commentOn = 'never' } = approval.request as unknown as KeptRequest;
  const { requestedBy, escalatedAt } = approval;
  const values = fieldValues(approval, decisions);
  return {
    ...toHead(approval),
    messageHtml: safeMarkdown(message),
    fields: fields.map((field) => ({
      name: field.name,
      title: field.title,
      kind: field.kind,
      value: values[field.name] ?? null,
      edit: field.edit ?? false,
      required: field.required ?? false,
      options: [...(field.options ?? [])],
      ...(field.help === undefined ? {} : { help: field.help }),
      ...(field.min === undefined ? {} : { min: String(field.min) }),
      ...(field.max === undefined ? {} : { max: String(field.max) }),
    })),
    nodeId: approval.nodeId,
    commentOn,
    deciders: { persons: [...approval.persons], roles: [...approval.roles], teams: [...approval.teams] },
    reminders: approval.reminders,
    ...(requestedBy === null ? {} : { requestedBy: { id: requestedBy, name: names.get(requestedBy) ?? '' } }),
    ...(escalatedAt === null ? {} : { escalatedAt: escalatedAt.toISOString() }),
    decisions: decisions.map(({ principalId, name, decision, comment, changes, via, at }) => ({
      decision,
      changed: Object.keys(changes ?? {}),
      via,
      at: at.toISOString(),
      ...(principalId === null ? {} : { by: { id: principalId, name: name ?? '' } }),
      ...(comment === null ? {} : { comment }),
    })),
  };
}
