/** Tells who asked for a job that it has ended. */
import type { InstanceTransaction, Job } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { tell } from '../notifications/tell.ts';

export async function tellOfEnd(tx: InstanceTransaction, job: Job, state: string, report: JsonObject): Promise<void> {
  const { id: jobId, actor, workspaceId } = job;
  const { operation } = job.params as { readonly operation?: unknown };
  const countOf = (name: string): number => (typeof report[name] === 'number' ? report[name] : 0);
  const act = typeof operation === 'string' ? operation : job.kind;
  await tell(tx, {
    kind: 'job.ended',
    to: [actor],
    about: jobId,
    params: { jobId, act, state, done: countOf('done') + countOf('unchanged'), failed: countOf('failed') },
    ...(workspaceId === undefined ? {} : { workspaceId }),
  });
}
