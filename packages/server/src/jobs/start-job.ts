/** A job on many things is asked for: kept with the rights of the moment, and bounded by person. */
import { countOpenJobs, createJob, uuidv7 } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { id } from '../operation/shapes.ts';
import { type BulkParams, MAX_IDS } from './bulk-acts.ts';
import { jobOwner } from './job-caller.ts';

/** Jobs of one principal that have not ended. */
const MAX_OPEN = 20;

export const startedJob = z.object({ id, total: z.int().optional() }).meta({ id: 'StartedJob' });
export const namedIds = z.array(id).min(1).max(MAX_IDS).optional();
export const either = (input: { readonly ids?: unknown; readonly filter?: unknown }): boolean =>
  (input.ids === undefined) !== (input.filter === undefined);

/** Gives the id of the job. @throws OperationProblem TOO_MANY_REQUESTS */
export function startJob(ctx: OperationContext, kind: string, params: Omit<BulkParams, 'upTo' | 'by'>): Promise<string> {
  const { actor } = ctx;
  const stored: BulkParams = { ...params, upTo: uuidv7(), by: jobOwner(ctx) };
  return ctx.inTransaction(async (tx) => {
    if ((await countOpenJobs(tx, actor.principalId)) >= MAX_OPEN) {
      throw new OperationProblem('TOO_MANY_REQUESTS', `You have ${MAX_OPEN} jobs that have not ended`, {
        hint: 'Wait for some of them, or cancel them.',
        params: { retryAfterSeconds: 5 },
      });
    }
    const jobId = await createJob(tx, {
      workspaceId: ctx.workspaceId,
      kind,
      actor: actor.principalId,
      params: stored as unknown as JsonObject,
    });
    ctx.audit({
      kind: 'job',
      id: jobId,
      payload: { operation: params.operation, ...(params.ids ? { things: params.ids.length } : { filter: params.filter ?? {} }) },
    });
    return jobId;
  });
}
