/**
 * The page behind an approval's address, for people who read it in their mail: what is asked, and two buttons. Looking changes nothing, since
 * mail scanners follow links; only what is sent with POST decides. Whether the person may decide is looked at each time.
 */
import Router from '@koa/router';
import {
  type Approval,
  type ApprovalViewer,
  type Database,
  type WorkspaceTransaction,
  findApproval,
  findApprovalAt,
  inWorkspace,
  isUuid,
  listApprovalDecisions,
  loadAccess,
  recordAudit,
} from '@plugboard/persistence';
import type { Json, JsonObject } from '@plugboard/sdk';
import type { Context } from 'koa';
import { accessSetOf } from '../access/access.ts';
import { parseBody, readBody } from '../edge/read-body.ts';
import type { FormProblem } from '../forms/form-fields.ts';
import { type Html, type Paper, fieldList, html, notePaper, paper, problemList, raw, textOf } from '../forms/paper.ts';
import { asObject } from '../forms/sort-form.ts';
import { safeMarkdown } from '../forms/safe-markdown.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { KeptRequest } from './approval-request.ts';
import { type ApprovalService, type Decide, type Decided, fieldValues } from './approval-service.ts';
import { approvalViewer } from './approval-viewer.ts';
import { APPROVAL_PREFIX, type AskedAddresses } from './asked-address.ts';

export interface ApprovalRoutesOptions {
  readonly database: Database;
  readonly addresses: AskedAddresses;
  readonly approvals: ApprovalService;
  readonly systemPrincipalId: string;
  readonly wake: () => void;
  readonly onChanged: (changed: { readonly workspaceId: string; readonly id: string }) => void;
  /** Where the approval is shown to those who sign in. */
  readonly pageUrl: () => string;
  readonly addressOf: (req: Context['req']) => string;
  /** False when this address asks too often. */
  readonly mayAsk: (address: string) => boolean;
}

/** Texts and changed fields of one decision, in bytes. */
const BODY_LIMIT = 512 * 1024;

/** Whose address it is: found before anything else of the request is read. */
interface Visit {
  readonly workspaceId: string;
  readonly id: string;
  readonly by: Decide['by'];
}

export function approvalRoutes(options: ApprovalRoutesOptions): Router {
  const { database, approvals, systemPrincipalId } = options;
  const router = new Router({ prefix: APPROVAL_PREFIX, sensitive: true, strict: true });
  const inside = <Result>({ workspaceId, by }: Visit, use: (tx: WorkspaceTransaction) => Promise<Result>) =>
    inWorkspace(database, { workspaceId, principalId: by.kind === 'person' ? by.viewer.principalId : systemPrincipalId }, use);

  router.use(async (ctx, next) => {
    if (!options.mayAsk(options.addressOf(ctx.req))) return answer(ctx, 429, notePaper('Too many requests', 'Try again in a minute.'));
    return next();
  });

  router.get('/:first/:second/:token', async (ctx) => {
    const visit = await visitOf(options, ctx);
    if (!visit) return answer(ctx, 404, unknownPaper());
    await show(ctx, visit, 200, {});
  });

  router.post('/:first/:second/:token', async (ctx) => {
    const visit = await visitOf(options, ctx);
    if (!visit) return answer(ctx, 404, unknownPaper());
    const given = await formOf(ctx);
    const { decision, comment, ...changes } = given;
    if (decision !== 'approve' && decision !== 'reject') return show(ctx, visit, 422, { given, problems: [NO_DECISION] });
    try {
      const decided = await inside(visit, async (tx) => {
        const approval = await findApproval(tx, visit.by.viewer, visit.id);
        const result = await approvals.decide(tx, {
          approvalId: visit.id,
          by: visit.by,
          decision,
          comment: typeof comment === 'string' ? comment.slice(0, 5000) : undefined,
          changes: changesOf(approval, changes),
          via: 'link',
        });
        if (result.kind === 'counted') {
          await recordAudit(tx, {
            principalId: visit.by.viewer.principalId,
            actorKind: visit.by.kind === 'person' ? 'person' : 'system',
            action: 'approval.decide',
            resourceKind: 'approval',
            resourceId: visit.id,
            ip: options.addressOf(ctx.req),
            payload: { decision, state: result.state, via: 'link' },
          });
        }
        return result;
      });
      if (decided.kind === 'counted') {
        options.wake();
        options.onChanged(visit);
      }
      answer(ctx, decided.kind === 'counted' ? 200 : 409, outcomePaper(decided, decision));
    } catch (error) {
      if (!(error instanceof OperationProblem)) throw error;
      const fields = error.details.params?.['fields'] as readonly FormProblem[] | undefined;
      if (error.code === 'INPUT_INVALID' && fields) return show(ctx, visit, 422, { given, problems: fields });
      answer(ctx, error.status, notePaper('Not counted', `${error.message}.`));
    }
  });

  const show = async (
    ctx: Context,
    visit: Visit,
    status: number,
    { given, problems = [] }: { readonly given?: JsonObject; readonly problems?: readonly FormProblem[] },
  ): Promise<void> => {
    const page = await inside(visit, async (tx) => {
      const approval = await findApproval(tx, visit.by.viewer, visit.id);
      if (!approval) return undefined;
      const isPerson = visit.by.kind === 'person';
      if (isPerson ? approval.isDecidedByMe : await holderDecided(tx, approval))
        return notePaper('Decided', 'This link was used: the decision was counted.');
      if (approval.state !== 'open') return notePaper(...STATES[approval.state]);
      if (isPerson ? !approval.isMine : !approval.byLink)
        return isPerson
          ? notePaper('Not yours to decide', 'You are not among those who may decide this any more.')
          : signInPaper(options.pageUrl());
      return askPaper(approval, { ...fieldValues(approval, await listApprovalDecisions(tx, approval.id)), ...given }, problems);
    });
    if (page) answer(ctx, status, page);
    else answer(ctx, 404, unknownPaper());
  };
  return router.use(router.allowedMethods());
}

async function visitOf({ database, addresses, systemPrincipalId }: ApprovalRoutesOptions, ctx: Context): Promise<Visit | undefined> {
  const { first = '', second = '', token = '' } = ctx['params'] as { first?: string; second?: string; token?: string };
  if (!isUuid(first)) return undefined;
  if (isUuid(second) && addresses.isToken({ kind: 'person', approvalId: first, principalId: second }, token)) {
    const workspaceId = await workspaceOf(database, 'select workspace_id as id from approval where id = $1', [first]);
    if (workspaceId === undefined) return undefined;
    const access = await loadAccess(database, { workspaceId, principalId: second });
    const actor = { principalId: second, kind: 'person' } as const;
    // Whoever is no member any more has no ranks, and no address that counts.
    const viewer: ApprovalViewer =
      access?.workspaceRole === undefined ? { principalId: NOBODY, ranks: [] } : approvalViewer(actor, accessSetOf(access));
    return { workspaceId, id: first, by: { kind: 'person', viewer } };
  }
  if (!addresses.isToken({ kind: 'approval', runId: first, place: second }, token)) return undefined;
  const workspaceId = await workspaceOf(database, 'select workspace_id as id from approval where run_id = $1 and place = $2', [
    first,
    second,
  ]);
  if (workspaceId === undefined) return undefined;
  // The address is what lets its holder see this one approval.
  const viewer: ApprovalViewer = { principalId: systemPrincipalId, ranks: [] };
  const found = await inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, (tx) =>
    findApprovalAt(tx, viewer, { runId: first, place: second }),
  );
  return found && { workspaceId, id: found.id, by: { kind: 'holder', viewer } };
}

/** No principal has it. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

async function workspaceOf(database: Database, text: string, values: readonly unknown[]): Promise<string | undefined> {
  const [row] = await database.query<{ id: string }>(text, values);
  return row?.id;
}

async function holderDecided(tx: WorkspaceTransaction, { id }: Approval): Promise<boolean> {
  return (await listApprovalDecisions(tx, id)).some((one) => one.principalId === null);
}

function askPaper(approval: Approval, values: JsonObject, problems: readonly FormProblem[]): Paper {
  const { message = '', fields, commentOn = 'never' } = approval.request as unknown as KeptRequest;
  const shown = fields.filter((field) => field.edit !== true);
  const editable = fields.filter((field) => field.edit === true);
  const due = approval.dueAt === null ? undefined : `${approval.dueAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const hint = { never: 'You may leave this empty.', rejection: 'Needed if you reject.', always: 'Needed.' }[commentOn];
  const comment = { name: 'comment', title: 'Comment', kind: 'long-text', help: hint } as const;
  return paper({
    title: approval.title,
    body: html`<h1>${approval.title}</h1>
      <p class="quiet">
        Asked by
        ${approval.workflowName}${approval.needed > 1 && html`, ${approval.approved} of ${approval.needed} approvals so far`}${due !== undefined && html`, until ${due}`}
      </p>
      ${problemList(problems)} ${message !== '' && html`<div class="message">${raw(safeMarkdown(message))}</div>`}
      ${
        shown.length > 0 &&
        html`<dl>
          ${shown.map(
            ({ name, title }) =>
              html`<div>
                <dt>${title}</dt>
                <dd>${textOf(values[name])}</dd>
              </div>`,
          )}
        </dl>`
      }
      <form method="post" autocomplete="off" novalidate>
        ${fieldList([...editable, comment], values, problems)} ${marks(editable)}
        <div class="bar">
          <button name="decision" value="approve">Approve</button><button class="danger" name="decision" value="reject">Reject</button>
        </div>
      </form>`,
  });
}

/** As no field can be called. */
const SHOWN = '-shown';

/** A box that is not ticked sends nothing; which ones were on the page has to be known all the same. */
function marks(fields: KeptRequest['fields']): readonly Html[] {
  return fields
    .filter(({ kind }) => kind === 'boolean' || kind === 'choices')
    .map(({ name }) => html`<input type="hidden" name="${SHOWN}" value="${name}" />`);
}

/** Only what differs from how it was shown is a change. */
function changesOf(approval: Approval | undefined, { [SHOWN]: shown, ...given }: JsonObject): JsonObject {
  if (!approval) return {};
  const { fields } = approval.request as unknown as KeptRequest;
  const boxes = new Set(Array.isArray(shown) ? shown : [shown ?? null]);
  const changes: { [name: string]: Json } = {};
  for (const field of fields) {
    if (field.edit !== true) continue;
    const now = Object.hasOwn(given, field.name)
      ? given[field.name]
      : boxes.has(field.name)
        ? field.kind === 'choices'
          ? []
          : false
        : undefined;
    if (now !== undefined && textOf(now) !== textOf(field.value)) changes[field.name] = now;
  }
  return changes;
}

const STATES: { readonly [State in Exclude<Approval['state'], 'open'>]: readonly [string, string] } = {
  approved: ['Approved', 'This was approved already. Nothing more is needed.'],
  rejected: ['Rejected', 'This was rejected already. Nothing more is needed.'],
  late: ['Too late', 'The time for this decision has run out.'],
  closed: ['Closed', 'The run that asked has ended, so nothing is waiting for this decision any more.'],
};

function outcomePaper(decided: Decided, decision: Decide['decision']): Paper {
  switch (decided.kind) {
    case 'already_decided':
      return notePaper('Decided before', 'You decided this before; the first decision stands.');
    case 'closed':
      return decided.state === 'open' ? notePaper('Closed', 'This is over.') : notePaper(...STATES[decided.state]);
    case 'counted': {
      const rest = decided.needed - decided.approved;
      if (decided.state !== 'open')
        return notePaper(decision === 'approve' ? 'Approved' : 'Rejected', 'Your decision counts. The run goes on.');
      return notePaper('Counted', `Your approval counts. ${rest === 1 ? 'One more is' : `${rest} more are`} needed.`);
    }
  }
}

const NO_DECISION: FormProblem = { field: 'comment', message: 'Choose Approve or Reject.' };
function unknownPaper(): Paper {
  return notePaper(
    'Not found',
    'There is nothing to decide at this address. It may have been copied in part, or the run is gone, or it has not asked yet.',
  );
}

function signInPaper(pageUrl: string): Paper {
  return paper({
    title: 'Sign in to decide',
    body: html`<h1>Sign in to decide</h1>
      <p>This is decided by people who sign in. <a href="${pageUrl}/">Sign in</a>, then open Approvals.</p>`,
  });
}

function answer(ctx: Context, status: number, page: Paper): void {
  ctx.status = status;
  ctx.set({ ...page.headers });
  ctx.body = page.text;
}

async function formOf(ctx: Context): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    readBody(ctx.req, BODY_LIMIT, (problem, bytes) => {
      const parsed = problem ? { ok: false as const, problem } : parseBody(bytes, ctx.req.headers['content-type']);
      if (!parsed.ok)
        return reject(new OperationProblem(parsed.problem.status === 413 ? 'BODY_TOO_LARGE' : 'BODY_INVALID', parsed.problem.message));
      resolve(asObject(parsed.value));
    });
  });
}
