/** Pins: data a person fixed at a node of a draft, to test with. They are in no version and no export, and whoever may not read run data does not see them. */
import { type WorkspaceTransaction, findDisplayNames, getDraft, isUuid, listPins, removePin, setPin } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { FileRefusedError, type FileService } from '../files/file-service.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, personRef, text } from '../operation/shapes.ts';
import { workflowResource } from '../workflows/workflow-access.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_PINS = 100;
/** The content stays as long as the pin; the handle it came by goes soon, in milliseconds. */
const HANDLE_MS = 60 * 60_000;

const nodeId = text(100, 1);
const pinView = z.object({ nodeId: z.string(), sizeBytes: z.int(), source: json, by: personRef, at: z.iso.datetime() }).meta({ id: 'Pin' });

export function pinOperations({ files }: { readonly files: FileService }): readonly Operation[] {
  const onWorkflow = (ctx: OperationContext, input: { readonly workflowId: string }) =>
    ctx.inTransaction((tx) => workflowResource(tx, input.workflowId));
  /** What is pinned is as secret as what runs handle. */
  const onData = (ctx: OperationContext, input: { readonly workflowId: string }) =>
    ctx.inTransaction(async (tx) => {
      const workflow = await workflowResource(tx, input.workflowId);
      return workflow?.kind === 'workflow' ? ({ kind: 'run', workflowId: workflow.id, projectId: workflow.projectId } as const) : undefined;
    });

  return [
    operation({
      name: 'pin.list',
      field: 'pins',
      kind: 'query',
      summary: 'Which nodes of a draft have data fixed to them.',
      permission: { action: 'workflow.read', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: z.object({ rows: z.array(pinView) }).meta({ id: 'Pins' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/pins' },
      handler: (ctx, { workflowId }) =>
        ctx.inTransaction(async (tx) => {
          const pins = await listPins(tx, workflowId);
          const names = await findDisplayNames(
            tx,
            pins.map((pin) => pin.updatedBy),
          );
          return {
            rows: pins.map((pin) => ({
              nodeId: pin.nodeId,
              sizeBytes: pin.sizeBytes,
              source: pin.source,
              by: { id: pin.updatedBy, name: names.get(pin.updatedBy) ?? '' },
              at: pin.updatedAt.toISOString(),
            })),
          };
        }),
    }),
    operation({
      name: 'pin.get',
      field: 'pin',
      kind: 'query',
      summary: 'The items fixed to a node.',
      permission: { action: 'run.readData', on: onData },
      input: z.strictObject({ workflowId: id, nodeId }),
      output: z.object({ items: json }).meta({ id: 'PinnedItems' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/pins/{nodeId}' },
      async handler(ctx, input) {
        const pin = await ctx.inTransaction(async (tx) =>
          (await listPins(tx, input.workflowId)).find((one) => one.nodeId === input.nodeId),
        );
        if (!pin) throw notFound('Nothing is pinned to this node');
        return { items: await readItems(files, ctx.workspaceId, pin) };
      },
    }),
    operation({
      name: 'pin.set',
      field: 'setPin',
      kind: 'mutation',
      summary: 'Fix items to a node of a draft: given here, or in an uploaded JSON file.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z
        .strictObject({
          workflowId: id,
          nodeId,
          items: z.array(json).max(10_000).optional(),
          fileId: id.optional(),
          source: z.record(text(50), json).optional(),
        })
        .refine((input) => (input.items === undefined) !== (input.fileId === undefined), 'Give either "items" or a "fileId"'),
      output: nothing,
      problems: ['BODY_TOO_LARGE', 'LIMIT_REACHED'],
      rest: { method: 'PUT', path: '/workflows/{workflowId}/pins/{nodeId}' },
      // The content is written between two transactions.
      transactional: false,
      async handler(ctx, input) {
        ctx.audit({ kind: 'workflow', id: input.workflowId, payload: { nodeId: input.nodeId } });
        await ctx.inTransaction((tx) => demandNode(tx, input.workflowId, input.nodeId));
        const hash =
          input.fileId === undefined
            ? await keepItems(files, ctx, input.items ?? [])
            : await hashOfFile(files, ctx, input.fileId, input.workflowId);
        await ctx.inTransaction(async (tx) => {
          await demandNode(tx, input.workflowId, input.nodeId);
          const source = (input.source ?? (input.fileId === undefined ? {} : { fileId: input.fileId })) as Json;
          if (!(await setPin(tx, { workflowId: input.workflowId, nodeId: input.nodeId, fileHash: hash, source }))) throw notFound();
        });
        return DONE;
      },
    }),
    operation({
      name: 'pin.remove',
      field: 'removePin',
      kind: 'mutation',
      summary: 'Take the fixed data off a node.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id, nodeId }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/workflows/{workflowId}/pins/{nodeId}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          ctx.audit({ kind: 'workflow', id: input.workflowId, payload: { nodeId: input.nodeId } });
          if (!(await removePin(tx, input.workflowId, input.nodeId))) ctx.noAudit();
          return DONE;
        }),
    }),
  ];
}

/** @throws OperationProblem INPUT_INVALID, LIMIT_REACHED */
async function demandNode(tx: WorkspaceTransaction, workflowId: string, wanted: string): Promise<void> {
  const draft = await getDraft(tx, workflowId);
  if (!draft?.definition.nodes.some((node) => node.id === wanted))
    throw new OperationProblem('INPUT_INVALID', `The draft has no node "${wanted}"`, { path: 'input.nodeId' });
  const pins = await listPins(tx, workflowId);
  if (pins.length >= MAX_PINS && !pins.some((pin) => pin.nodeId === wanted))
    throw new OperationProblem('LIMIT_REACHED', `A draft has at most ${MAX_PINS} pins`, { hint: 'Remove one first.' });
}

async function keepItems(files: FileService, { workspaceId, actor }: OperationContext, items: readonly unknown[]): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(items));
  if (bytes.length > MAX_BYTES)
    throw new OperationProblem('BODY_TOO_LARGE', `Pinned items have at most ${MAX_BYTES} bytes as JSON`, { path: 'input.items' });
  const owner = { workspaceId, principalId: actor.principalId, validMs: HANDLE_MS };
  const ref = await files.save(owner, chunks(bytes), { name: 'pin.json', mime: 'application/json' }).catch((error: unknown) => {
    throw error instanceof FileRefusedError ? new OperationProblem('LIMIT_REACHED', error.message) : error;
  });
  const file = await files.find({ workspaceId }, ref.id);
  return file.hash;
}

/** Of an uploaded file, or of one that a run of the workflow made. @throws OperationProblem NOT_FOUND, INPUT_INVALID */
async function hashOfFile(files: FileService, ctx: OperationContext, fileId: string, workflowId: string): Promise<string> {
  const file = isUuid(fileId)
    ? await files.find({ workspaceId: ctx.workspaceId, reader: { workflowId } }, fileId).catch((error: unknown) => {
        if (error instanceof FileRefusedError) return undefined;
        throw error;
      })
    : undefined;
  const { workflowId: madeBy, projectId } = file ?? {};
  const mayRead =
    madeBy === undefined || (projectId !== undefined && may(ctx, 'run.readData', { kind: 'run', workflowId: madeBy, projectId }));
  if (!file || !mayRead) throw notFound('There is no such file here, or it is past its time');
  const wrong = (message: string): OperationProblem => new OperationProblem('INPUT_INVALID', message, { path: 'input.fileId' });
  if (file.sizeBytes > MAX_BYTES) throw wrong(`Pinned items have at most ${MAX_BYTES} bytes as JSON`);
  if (!Array.isArray(await readItems(files, ctx.workspaceId, { fileHash: file.hash, sizeBytes: file.sizeBytes }).catch(() => undefined)))
    throw wrong('The file has no list of items as JSON');
  return file.hash;
}

/** What is pinned: a list of values. */
export async function readItems(
  files: FileService,
  workspaceId: string,
  pin: { readonly fileHash: string; readonly sizeBytes: number },
): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const chunk of await files.content({ hash: pin.fileHash, sizeBytes: pin.sizeBytes }, workspaceId)) parts.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
