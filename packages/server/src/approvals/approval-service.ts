/**
 * Asking people and taking their decisions. A decision is one transaction: it holds the approval, is written once for each person, which uses
 * up that person's link too, and, where it ends the approval, puts the answer into the inbox of the run.
 */
import {
  type Approval,
  type ApprovalViewer,
  type Database,
  type WorkspaceTransaction,
  addApprovalDecision,
  answerWait,
  endApproval,
  findApproval,
  inWorkspace,
  listApprovalDecisions,
  listAsked,
  lockApproval,
  openApproval,
} from '@plugboard/persistence';
import { type StepOwner, signalOf } from '@plugboard/runner';
import { type ApprovalRequest, type Instant, type Json, type JsonObject, StepFailure } from '@plugboard/sdk';
import { type FormProblem, checkForm } from '../forms/form-fields.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { tellAsked } from './approval-notices.ts';
import { type KeptRequest, keptDeciders, keptFurther, keptRequest, readApprovalRequest } from './approval-request.ts';

export interface Decide {
  readonly approvalId: string;
  /** `holder`: nobody in particular, with the address of the approval. */
  readonly by: { readonly kind: 'person'; readonly viewer: ApprovalViewer } | { readonly kind: 'holder'; readonly viewer: ApprovalViewer };
  readonly decision: 'approve' | 'reject';
  readonly comment?: string | undefined;
  /** New values of fields that may be changed. */
  readonly changes?: JsonObject | undefined;
  readonly via: 'page' | 'api' | 'link';
}

export type Decided =
  | { readonly kind: 'counted'; readonly state: 'open' | 'approved' | 'rejected'; readonly approved: number; readonly needed: number }
  | { readonly kind: 'already_decided'; readonly state: Approval['state'] }
  | { readonly kind: 'closed'; readonly state: Approval['state'] };

export interface ApprovalService {
  open(owner: StepOwner, request: JsonObject): Promise<Json>;
  /** @throws OperationProblem NOT_FOUND, FORBIDDEN, INPUT_INVALID with what is wrong beside each field; ALREADY_DONE when the deadline came first */
  decide(tx: WorkspaceTransaction, input: Decide): Promise<Decided>;
}

export function createApprovalService(options: {
  readonly database: Database;
  readonly systemPrincipalId: string;
  /** Told after it is there: pages that show approvals look again. */
  readonly onOpened?: (opened: { readonly workspaceId: string; readonly id: string }) => void;
}): ApprovalService {
  const { database, systemPrincipalId } = options;
  return {
    async open(owner, input) {
      const request = readApprovalRequest(input);
      const { workspaceId, runId, place, workflowId, nodeId, initiator } = owner;
      const { escalate, until } = request;
      const deciders = keptDeciders(request.deciders);
      const opened = await inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, async (tx) => {
        const made = await openApproval(tx, {
          runId,
          place,
          workflowId,
          nodeId,
          title: request.title,
          request: keptRequest(request) as unknown as JsonObject,
          ...deciders,
          needed: request.needed ?? 1,
          requesterMay: request.requesterMay ?? true,
          byLink: request.byLink ?? false,
          ...(initiator === undefined ? {} : { requestedBy: initiator }),
          ...(until === undefined ? {} : { dueAt: dateOf(until) }),
          ...(escalate === undefined ? {} : { escalateAfterMs: escalate.afterMs }),
          ...(request.remind === undefined ? {} : { remindAfterMs: request.remind.afterMs }),
        });
        if (made.isNew) await demandDeciders(tx, request, initiator);
        if (made.isNew) await tellAsked(tx, { id: made.id, title: request.title, runId, deciders, ...leftOut(request, initiator) });
        return made;
      });
      if (opened.isNew) options.onOpened?.({ workspaceId, id: opened.id });
      return { id: opened.id };
    },

    async decide(tx, { approvalId, by, decision, comment, changes, via }) {
      if (!(await lockApproval(tx, approvalId))) throw noApproval();
      const approval = await findApproval(tx, by.viewer, approvalId);
      if (!approval) throw noApproval();
      const isPerson = by.kind === 'person';
      if (isPerson ? !approval.isMine : !approval.byLink) throw mayNot(approval, by.viewer.principalId);
      if (isPerson && approval.isDecidedByMe) return { kind: 'already_decided', state: approval.state };
      if (approval.state !== 'open') return { kind: 'closed', state: approval.state };
      const edits = readChanges(approval, decision, comment, changes);
      const isNew = await addApprovalDecision(tx, {
        approvalId,
        decision,
        via,
        ...(isPerson ? { principalId: by.viewer.principalId } : {}),
        ...(comment === undefined || comment.trim() === '' ? {} : { comment: comment.trim() }),
        ...(edits === undefined ? {} : { changes: edits }),
      });
      if (!isNew) return { kind: 'already_decided', state: approval.state };
      const { needed } = approval;
      const approved = approval.approved + (decision === 'approve' ? 1 : 0);
      if (decision === 'approve' && approved < needed) return { kind: 'counted', state: 'open', approved, needed };
      const state = decision === 'approve' ? 'approved' : 'rejected';
      await endApproval(tx, approvalId, state);
      const { runId, place, dueAt } = approval;
      const answer = { port: state, json: await answerOf(tx, approval, state) };
      const isAnswered = await answerWait(tx, { runId, wait: signalOf(place), dueAt, kind: 'answer', payload: { answer } });
      // Thrown, so that nothing of this decision stays.
      if (!isAnswered) throw new OperationProblem('ALREADY_DONE', 'The time for this decision ran out a moment ago; it was not counted');
      return { kind: 'counted', state, approved, needed };
    },
  };
}

/**
 * An approval that too few people could ever give would wait for nobody. Roles are not counted: somebody always has them, or can be given them. Nor is
 * anything where the link decides.
 * @throws StepFailure NO_DECIDER
 */
async function demandDeciders(tx: WorkspaceTransaction, request: ApprovalRequest, initiator: string | undefined): Promise<void> {
  const { deciders, escalate, byLink = false, needed = 1 } = request;
  const asked = keptDeciders(deciders);
  const further = keptFurther(escalate ?? {});
  if (byLink || asked.roles.length > 0 || further.roles.length > 0) return;
  const named = { persons: [...asked.persons, ...further.persons], teams: [...asked.teams, ...further.teams], roles: [] };
  const { except } = leftOut(request, initiator);
  const who = (await listAsked(tx, named)).filter((principalId) => principalId !== except);
  if (who.length >= needed) return;
  const names = [...named.persons, ...named.teams.map((team) => `team ${team}`)].join(', ');
  const found = who.length === 0 ? 'none of them is' : `only ${who.length} of them ${who.length === 1 ? 'is' : 'are'}`;
  throw new StepFailure(
    'NO_DECIDER',
    `Nobody would ever decide: ${needed} ${needed === 1 ? 'person has' : 'people have'} to approve, and of ${names} ${found} an active member who may. Correct the addresses and team names, invite them, or name a role.`,
    { kind: 'input' },
  );
}

/** Values of the fields as they stand after all decisions so far. */
export function fieldValues(
  approval: Pick<Approval, 'request'>,
  decisions: readonly { readonly changes: JsonObject | null }[],
): JsonObject {
  const { fields } = approval.request as unknown as KeptRequest;
  const asked = Object.fromEntries(fields.map(({ name, value }) => [name, value ?? null]));
  return Object.assign(asked, ...decisions.map((one) => one.changes ?? {})) as JsonObject;
}

/** What the items go on with: the decision, and the fields that could be changed as they were left. */
async function answerOf(tx: WorkspaceTransaction, approval: Approval, state: 'approved' | 'rejected'): Promise<JsonObject> {
  const decisions = await listApprovalDecisions(tx, approval.id);
  const data = fieldValues(approval, decisions);
  const { fields } = approval.request as unknown as KeptRequest;
  const edited = fields.filter((field) => field.edit === true).map(({ name }) => [name, data[name] ?? null] as const);
  return {
    ...(state === 'approved' ? Object.fromEntries(edited) : {}),
    approval: {
      id: approval.id,
      decision: state,
      data,
      comment: decisions.findLast((one) => one.comment !== null)?.comment ?? null,
      decisions: decisions.map(({ principalId, name, decision, comment, via, at }) => ({
        by: principalId === null ? null : { id: principalId, name: name ?? '' },
        decision,
        comment,
        via,
        at: at.toISOString(),
      })),
    },
  };
}

/** The changes that really change something. @throws OperationProblem INPUT_INVALID */
function readChanges(
  { request }: Approval,
  decision: Decide['decision'],
  comment: string | undefined,
  changes: JsonObject | undefined,
): JsonObject | undefined {
  const { commentOn = 'never', fields } = request as unknown as KeptRequest;
  const problems: FormProblem[] = [];
  const needsComment = commentOn === 'always' || (commentOn === 'rejection' && decision === 'reject');
  if (needsComment && (comment ?? '').trim() === '')
    problems.push({ field: 'comment', message: decision === 'reject' ? 'Comment: say why it is rejected.' : 'Comment: say why.' });
  const editable = fields.filter((field) => field.edit === true);
  // What is rejected goes nowhere.
  const given = decision === 'approve' ? (changes ?? {}) : {};
  for (const name of Object.keys(given))
    if (!editable.some((field) => field.name === name)) problems.push({ field: name, message: `${name} cannot be changed here.` });
  const touched = editable.filter((field) => Object.hasOwn(given, field.name));
  const checked = checkForm(touched, given);
  if (!checked.ok) problems.push(...checked.problems);
  if (problems.length > 0 || !checked.ok) throw invalidInput(problems);
  return touched.length === 0 ? undefined : checked.values;
}

export function invalidInput(problems: readonly FormProblem[]): OperationProblem {
  return new OperationProblem('INPUT_INVALID', problems.map((one) => one.message).join(' '), { params: { fields: problems } });
}

export function noApproval(): OperationProblem {
  return notFound('There is no such approval, or you may not see it', 'The page Approvals lists those you may see.');
}

function mayNot(approval: Approval, principalId: string): OperationProblem {
  const isOwn = !approval.requesterMay && approval.requestedBy === principalId;
  return new OperationProblem(
    'FORBIDDEN',
    isOwn ? 'Whoever started the run may not decide this' : 'You are not among those who may decide this',
    { hint: 'Those who may are named in the step that asks; they can be changed for the next run.' },
  );
}

function leftOut({ requesterMay }: ApprovalRequest, initiator: string | undefined): { readonly except?: string } {
  return requesterMay === false && initiator !== undefined ? { except: initiator } : {};
}

function dateOf(instant: Instant): Date {
  return instant instanceof Date ? instant : new Date(instant);
}
