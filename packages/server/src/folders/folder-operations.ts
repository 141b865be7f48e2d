/** Folders inside projects. They put things in order and carry no permission: who may change a project's folders is the project's. */
import {
  FOLDER_DEPTH,
  type Folder,
  type WorkspaceTransaction,
  countFolderUses,
  createFolder,
  deleteFolder,
  findFolder,
  findProject,
  listFolders,
  listProjects,
  updateFolder,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, text } from '../operation/shapes.ts';

const name = text(100, 1).refine((value) => value.trim() === value && !value.includes('/'), 'has no spaces around it and no /');
const folderView = z
  .object({
    id,
    projectId: id,
    parentId: id.optional(),
    name: z.string(),
    rev: z.int(),
    /** Workflows directly in it that one may see. */
    workflows: z.int(),
  })
  .meta({ id: 'Folder' });

export function folderOperations(): readonly Operation[] {
  const ofFolder = (ctx: OperationContext, input: { readonly id: string }) =>
    ctx.inTransaction(async (tx): Promise<Resource | undefined> => {
      const folder = await findFolder(tx, input.id);
      return folder && projectOf(tx, folder.projectId);
    });

  return [
    operation({
      name: 'folder.list',
      field: 'folders',
      kind: 'query',
      summary: 'Folders of a project, or of all one may see, with how many workflows lie in each.',
      permission: { member: 'Only folders of projects that each may see are shown.' },
      input: z.strictObject({ projectId: id.optional() }),
      output: z.object({ rows: z.array(folderView), maxDepth: z.int() }).meta({ id: 'Folders' }),
      problems: [],
      rest: { method: 'GET', path: '/folders' },
      handler: (ctx, { projectId }) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'project.read');
          const projects = await listProjects(tx, visible.kind === 'all' ? {} : { ids: visible.projectIds });
          const ids = projects.map((project) => project.id).filter((one) => projectId === undefined || one === projectId);
          const folders = await listFolders(tx, ids);
          const seen = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const uses = await countFolderUses(tx, seen.kind === 'all' ? undefined : seen);
          return { rows: folders.map((folder) => ({ ...folder, workflows: uses.get(folder.id) ?? 0 })), maxDepth: FOLDER_DEPTH };
        }),
    }),
    operation({
      name: 'folder.create',
      field: 'createFolder',
      kind: 'mutation',
      summary: `Make a folder in a project or in another folder, at most ${FOLDER_DEPTH} inside each other.`,
      permission: { action: 'folder.manage', on: (ctx, input) => ctx.inTransaction((tx) => projectOf(tx, input.projectId)) },
      input: z.strictObject({ projectId: id, parentId: id.optional(), name }),
      output: z.object({ id }).meta({ id: 'CreatedFolder' }),
      problems: ['NAME_TAKEN', 'TOO_DEEP'],
      rest: { method: 'POST', path: '/folders', status: 201 },
      handler: (ctx, { projectId, parentId, name: wanted }) =>
        ctx.inTransaction(async (tx) => {
          const result = await createFolder(tx, { projectId, name: wanted, ...(parentId === undefined ? {} : { parentId }) });
          if (result.kind === 'not-found') throw notFound('There is no such folder in the project');
          if (result.kind === 'name-taken') throw nameTaken(wanted);
          if (result.kind === 'too-deep') throw tooDeep('input.parentId');
          ctx.audit({ kind: 'folder', id: result.folderId, payload: { name: wanted, projectId } });
          return { id: result.folderId };
        }),
    }),
    operation({
      name: 'folder.update',
      field: 'updateFolder',
      kind: 'mutation',
      summary: 'Rename a folder, or move it within its project; parentId null is the top.',
      permission: { action: 'folder.manage', on: ofFolder },
      input: z.strictObject({ id, name: name.optional(), parentId: id.nullable().optional(), expectedRev: z.int().min(1).optional() }),
      output: z.object({ rev: z.int() }).meta({ id: 'UpdatedFolder' }),
      problems: ['NAME_TAKEN', 'TOO_DEEP'],
      rest: { method: 'PATCH', path: '/folders/{id}' },
      handler: (ctx, { id: folderId, name: wanted, parentId, expectedRev }) =>
        ctx.inTransaction(async (tx) => {
          const result = await updateFolder(tx, folderId, {
            ...(wanted === undefined ? {} : { name: wanted }),
            ...(parentId === undefined ? {} : { parentId }),
            ...(expectedRev === undefined ? {} : { expectedRev }),
          });
          switch (result.kind) {
            case 'saved':
              ctx.audit({
                kind: 'folder',
                id: folderId,
                payload: { ...(wanted === undefined ? {} : { name: wanted }), ...(parentId === undefined ? {} : { parentId }) },
              });
              return { rev: result.rev };
            case 'not-found':
              throw notFound('There is no such folder in the project');
            case 'name-taken':
              throw nameTaken(wanted ?? '');
            case 'too-deep':
              throw tooDeep('input.parentId');
            case 'cycle':
              throw new OperationProblem('CONFLICT', 'A folder cannot lie inside itself', { path: 'input.parentId' });
            case 'conflict':
              throw new OperationProblem('CONFLICT', 'Somebody has changed the folder in between', {
                hint: 'Look at it, then save on the newer revision.',
                params: { rev: result.folder.rev, expectedRev: expectedRev ?? null, folder: viewOf(result.folder) },
              });
          }
        }),
    }),
    operation({
      name: 'folder.delete',
      field: 'deleteFolder',
      kind: 'mutation',
      summary: 'Delete a folder without folders in it; its workflows move up one level.',
      permission: { action: 'folder.manage', on: ofFolder },
      input: z.strictObject({ id }),
      output: nothing,
      problems: ['NOT_EMPTY'],
      rest: { method: 'DELETE', path: '/folders/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const result = await deleteFolder(tx, input.id);
          if (result.kind === 'not-found') throw notFound();
          if (result.kind === 'not-empty')
            throw new OperationProblem('NOT_EMPTY', 'There are folders in it', { hint: 'Delete or move them first.' });
          ctx.audit({ kind: 'folder', id: input.id });
          return DONE;
        }),
    }),
  ];
}

async function projectOf(tx: WorkspaceTransaction, projectId: string): Promise<Resource | undefined> {
  return (await findProject(tx, projectId)) ? { kind: 'project', id: projectId } : undefined;
}

function viewOf({ name: shown, parentId }: Folder): { readonly name: string; readonly parentId: string | null } {
  return { name: shown, parentId: parentId ?? null };
}

function nameTaken(wanted: string): OperationProblem {
  return new OperationProblem(
    'NAME_TAKEN',
    wanted === '' ? 'There is a folder with its name at that place' : `There is another folder named "${wanted}" at that place`,
    {
      hint: 'Capitals do not make names differ.',
      path: 'input.name',
    },
  );
}

function tooDeep(path: string): OperationProblem {
  return new OperationProblem('TOO_DEEP', `Folders lie at most ${FOLDER_DEPTH} inside each other`, { path });
}
