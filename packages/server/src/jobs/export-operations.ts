/** Runs as one file: asked for as a job, downloaded by whoever asked. */
import { findFile } from '@plugboard/persistence';
import { z } from 'zod';
import { inScope } from '../access/access.ts';
import { FileRefusedError, type FileService } from '../files/file-service.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id } from '../operation/shapes.ts';
import { download } from '../operation/stream.ts';
import { runFilter } from './bulk-acts.ts';
import { EXPORT_JOB, type ExportParams, type ExportedFile } from './export-job.ts';
import { demandJob } from './job-operations.ts';
import { either, namedIds, startJob, startedJob } from './start-job.ts';

export interface ExportOperationsOptions {
  readonly files: FileService;
  /** There is something to do. */
  readonly onStarted: () => void;
}

export function exportOperations({ files, onStarted }: ExportOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'run.export',
      field: 'exportRuns',
      kind: 'mutation',
      summary:
        'Write runs, named or found by a filter, into one file as a job: a line of JSON for each, with what its steps gave where you may read that. The file is there for a week, for you alone.',
      permission: { member: 'Only runs that each may see are in the file.' },
      input: z
        .strictObject({
          ids: namedIds,
          filter: runFilter.optional(),
          withData: z.boolean().default(false),
          compress: z.boolean().default(true),
        })
        .refine(either, 'Give either "ids" or a "filter"'),
      output: startedJob,
      problems: ['TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/runs/export', status: 202 },
      handler: async (ctx, { ids, filter, withData, compress }) => {
        const action = withData ? 'run.readData' : 'run.read';
        if (!inScope(ctx.actor, action)) {
          throw new OperationProblem('FORBIDDEN', `This key does not have the scope ${action}`, {
            hint: 'Make a key with that scope.',
            params: { action },
          });
        }
        const named = ids && [...new Set(ids)];
        const params: Omit<ExportParams, 'upTo' | 'by'> = {
          kind: 'run',
          operation: 'run.export',
          input: {},
          withData,
          isCompressed: compress,
          ...(named ? { ids: named } : {}),
          ...(filter ? { filter } : {}),
        };
        const jobId = await startJob(ctx, EXPORT_JOB, params);
        ctx.afterCommit(onStarted);
        return { id: jobId, ...(named ? { total: named.length } : {}) };
      },
    }),
    operation({
      name: 'job.file',
      kind: 'query',
      summary: 'Download what an export wrote, or a range of it. Only whoever asked for the export can.',
      permission: { member: 'Others’ exports are not there.' },
      stream: 'download',
      input: z.strictObject({ id }),
      output: download,
      problems: ['RANGE_INVALID', 'CONFLICT'],
      rest: { method: 'GET', path: '/jobs/{id}/file' },
      handler: async (ctx, input) => {
        const job = await ctx.inTransaction((tx) => demandJob(ctx, tx, input.id));
        const { withData } = job.params as unknown as ExportParams;
        const isOwn = job.actor === ctx.actor.principalId && inScope(ctx.actor, withData ? 'run.readData' : 'run.read');
        if (job.kind !== EXPORT_JOB || !isOwn) throw notFound();
        const { file: exported } = (job.report ?? {}) as { file?: ExportedFile };
        if (!exported) {
          throw new OperationProblem('CONFLICT', 'The export has written no file', {
            hint: job.endedAt ? 'Start it again.' : 'Wait until the job has succeeded.',
            params: { state: job.state },
          });
        }
        const file = await ctx.inTransaction((tx) => findFile(tx, exported.id));
        if (!file) throw notFound('The file is past its time', 'Export the runs again.');
        return {
          name: file.name,
          mime: file.mime,
          sizeBytes: file.sizeBytes,
          contentHash: file.hash,
          modifiedAt: file.createdAt,
          open: (range) =>
            files.content(file, ctx.workspaceId, range).catch((error: unknown) => {
              throw error instanceof FileRefusedError ? notFound(error.message) : error;
            }),
        };
      },
    }),
  ];
}
