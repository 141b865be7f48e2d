/** Telling those who may decide: when an approval is opened, by reminders, and when further people are asked because nobody decided. */
import {
  type ApprovalDeciders,
  type Database,
  ROLES,
  type WorkspaceTransaction,
  closeOverdueApprovals,
  deleteForgottenApprovals,
  deleteForgottenRunForms,
  findApproval,
  inWorkspace,
  listAsked,
  listApprovalDecisions,
  listDueApprovals,
  takeDueNotice,
} from '@plugboard/persistence';
import { covers } from '../access/actions.ts';
import { tell } from '../notifications/tell.ts';
import type { Sweep } from '../operations/sweepers.ts';
import { type KeptRequest, keptFurther } from './approval-request.ts';

export interface Asked {
  readonly id: string;
  readonly title: string;
  readonly runId: string;
  readonly deciders: ApprovalDeciders;
  /** Which time they are told; the same is told once. */
  readonly time?: string;
  /** Principals who are not told. */
  readonly except?: string | readonly string[];
}

export async function tellAsked(tx: WorkspaceTransaction, { id, title, runId, deciders, time = '1', except = [] }: Asked): Promise<void> {
  // A higher role may decide what a lower one may.
  const roles = ROLES.filter((role) => deciders.roles.some((one) => covers(role, one as (typeof ROLES)[number])));
  const asked = await listAsked(tx, { ...deciders, roles });
  const to = asked.filter((principalId) => !except.includes(principalId));
  await tell(tx, { kind: 'approval.asked', to, about: `${id}:${time}`, params: { approvalId: id, title, runId } });
}

const STEP = 100;
const SECOND_MS = 1000;
const HOUR_MS = 60 * 60 * SECOND_MS;
const NOBODY = { ranks: [] };

export function approvalSweeps(options: {
  readonly database: Database;
  readonly systemPrincipalId: string;
  /** Pages that show the approval look again. */
  readonly onChanged: (changed: { readonly workspaceId: string; readonly id: string }) => void;
}): readonly Sweep[] {
  const { database } = options;
  return [
    { name: 'approvals-to-tell', everyMs: 5 * SECOND_MS, limit: STEP, step: () => tellDue(options) },
    { name: 'approvals-over', everyMs: 60 * SECOND_MS, limit: STEP, step: () => closeOverdueApprovals(database, STEP) },
    { name: 'approvals-of-runs', everyMs: HOUR_MS, limit: STEP, step: () => deleteForgottenApprovals(database, STEP) },
    { name: 'forms-of-runs', everyMs: HOUR_MS, limit: STEP, step: () => deleteForgottenRunForms(database, STEP) },
  ];
}

async function tellDue({ database, systemPrincipalId, onChanged }: Parameters<typeof approvalSweeps>[0]): Promise<number> {
  const due = await listDueApprovals(database, STEP);
  for (const { id, workspaceId } of due) {
    await inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, async (tx) => {
      const approval = await findApproval(tx, { principalId: systemPrincipalId, ...NOBODY }, id);
      if (!approval) return;
      const { remind, escalate } = approval.request as unknown as KeptRequest;
      const further = keptFurther(escalate ?? {});
      const notice = await takeDueNotice(tx, id, { ...(remind ? { remind } : {}), further });
      if (!notice) return;
      const { title, runId, persons, roles, teams, requesterMay, requestedBy } = approval;
      const decided = (await listApprovalDecisions(tx, id)).flatMap(({ principalId }) => principalId ?? []);
      const except = requesterMay || requestedBy === null ? decided : [...decided, requestedBy];
      const told = { id, title, runId, except };
      if (notice.isEscalation) await tellAsked(tx, { ...told, deciders: further, time: 'escalated' });
      if (notice.isReminder) await tellAsked(tx, { ...told, deciders: { persons, roles, teams }, time: `reminder-${notice.reminders}` });
    });
    onChanged({ workspaceId, id });
  }
  return due.length;
}
