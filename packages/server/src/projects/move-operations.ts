/** Moving a workflow to another project: from then on that one's people have it. */
import { findProject, findWorkflow, moveWorkflow } from '@plugboard/persistence';
import { z } from 'zod';
import { demand } from '../operation/demand.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { notFound } from '../operation/problem.ts';
import { DONE, id, nothing } from '../operation/shapes.ts';
import { workflowResource } from '../workflows/workflow-access.ts';

export function moveOperations(): readonly Operation[] {
  return [
    operation({
      name: 'workflow.move',
      field: 'moveWorkflow',
      kind: 'mutation',
      summary: 'Move a workflow to another project, of which one is an admin too. What is published goes on with the credentials it has.',
      permission: { action: 'workflow.move', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.id)) },
      input: z.strictObject({ id, projectId: id, folderId: id.optional() }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{id}/move' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const { projectId, folderId } = input;
          demand(ctx, 'workflow.move', (await findProject(tx, projectId)) && { kind: 'project', id: projectId });
          const before = await findWorkflow(tx, input.id);
          ctx.audit({ kind: 'workflow', id: input.id, payload: { from: before?.projectId ?? null, to: projectId } });
          const moved = await moveWorkflow(tx, input.id, { projectId, ...(folderId === undefined ? {} : { folderId }) });
          if (moved.kind !== 'moved') throw notFound('There is no such folder in the project');
          return DONE;
        }),
    }),
  ];
}
