/** Who looks at approvals: the rights that say which of them somebody sees and may decide, as the store compares them. */
import type { ApprovalViewer } from '@plugboard/persistence';
import { ROLES } from '@plugboard/persistence';
import { type AccessSet, type Actor, inScope, roleOn, visibleTo } from '../access/access.ts';
import { covers } from '../access/actions.ts';

export function approvalViewer(actor: Actor, access: AccessSet): ApprovalViewer {
  const visible = visibleTo(actor, access, 'run.readData');
  return {
    principalId: actor.principalId,
    ranks: actor.kind === 'anonymous' || !inScope(actor, 'approval.decide') ? [] : ranksOf(access),
    ...(visible.kind === 'all' ? {} : { readable: { projectIds: visible.projectIds, ids: visible.ids } }),
  };
}

/** A role counts for the projects and single workflows on which it is at least had. */
function ranksOf(access: AccessSet): readonly string[] {
  const ofProjects = [...access.projects.keys()].map((id) => [id, roleOn(access, { kind: 'workflow', id: '', projectId: id })] as const);
  return [...ofProjects, ...access.grants].flatMap(([id, role]) => ROLES.filter((one) => covers(role, one)).map((one) => `${one} ${id}`));
}
