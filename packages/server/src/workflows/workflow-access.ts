/** Workflows and projects as something permission is asked on, and the refusals that go with them. */
import { type Workflow, type WorkspaceTransaction, findProject, findWorkflow, listProjects } from '@plugboard/persistence';
import { type AccessSet, type Actor, type Resource, visibleTo } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';

/** Undefined when there is none. */
export async function workflowResource(tx: WorkspaceTransaction, workflowId: string): Promise<Resource | undefined> {
  const workflow = await findWorkflow(tx, workflowId);
  return workflow && resourceOf(workflow);
}

export function resourceOf({
  id,
  projectId,
}: {
  readonly id: string;
  readonly projectId: string;
}): Extract<Resource, { kind: 'workflow' }> {
  return { kind: 'workflow', id, projectId };
}

export async function trashedResource(tx: WorkspaceTransaction, workflowId: string): Promise<Resource | undefined> {
  const [row] = await tx.query<{ id: string; projectId: string }>(
    'select id, project_id as "projectId" from workflow where workspace_id = $1 and id = $2 and deleted_at is not null',
    [tx.context.workspaceId, workflowId],
  );
  return row && resourceOf(row);
}

/** Where a new workflow goes: the named project, else `default`, else the first in which the actor may make one. */
export async function projectResource(
  tx: WorkspaceTransaction,
  { actor, access }: { readonly actor: Actor; readonly access: AccessSet },
  wanted: string | undefined,
): Promise<Extract<Resource, { kind: 'project' }> | undefined> {
  if (wanted !== undefined) return (await findProject(tx, wanted)) ? { kind: 'project', id: wanted } : undefined;
  // A key for making workflows need not be one for reading projects.
  const { scopes: _, ...unscoped } = actor;
  const visible = visibleTo(unscoped, access, 'project.read');
  const projects = await listProjects(tx, visible.kind === 'all' ? {} : { ids: visible.projectIds });
  const usable = projects.filter((one) => may({ actor, access }, 'workflow.create', { kind: 'project', id: one.id }));
  const chosen = usable.find((one) => one.slug === 'default') ?? usable[0] ?? projects.find((one) => one.slug === 'default') ?? projects[0];
  return chosen && { kind: 'project', id: chosen.id };
}

/** @throws OperationProblem NOT_FOUND with the name, the same whether there is none or it is hidden */
export function demandVisible(ctx: Pick<OperationContext, 'actor' | 'access'>, workflow: Workflow | undefined, name: string): Resource {
  const resource = workflow && resourceOf(workflow);
  if (!resource || !may(ctx, 'workflow.read', resource)) throw noWorkflow(name);
  return resource;
}

/** @throws OperationProblem NOT_FOUND */
export async function demandWorkflow(tx: WorkspaceTransaction, workflowId: string): Promise<Workflow> {
  const workflow = await findWorkflow(tx, workflowId);
  if (!workflow) throw notFound();
  return workflow;
}

export function noWorkflow(name: string): OperationProblem {
  return notFound(`There is no workflow named "${name}"`, 'Names are exact, capitals and spaces included.');
}

export function nameTaken(name: string, path = 'input.name'): OperationProblem {
  return new OperationProblem('NAME_TAKEN', `There is another workflow named "${name}"`, {
    hint: 'Names are unique in the workspace; choose another one.',
    path,
  });
}
