/**
 * What the end of a called run says to the run that waits for it. It is put into that run's inbox by the flush that ends the called one, so neither is
 * ever there without the other. Much output goes to the blob store before, as a payload of the run that waits.
 */
import type { BlobRef, BlobStore, InboxRow, RunAnswer, RunError, RunHead, RunStatusName } from '@plugboard/engine';
import type { Item, Json, StepError } from '@plugboard/sdk';
import { SPILL_LENGTH } from './encode.ts';

export interface ChildEnd {
  readonly head: RunHead;
  readonly workflowName: string;
  readonly status: RunStatusName;
  readonly error?: Pick<RunError, 'code' | 'message' | 'called'> | undefined;
  readonly items: () => readonly Item[];
}

/** Undefined where nobody waits; a promise while much output is being stored. */
export function answerOf(end: ChildEnd, blobs: BlobStore): RunAnswer | Promise<RunAnswer> | undefined {
  const { head, status } = end;
  if (head.parent?.wait === undefined) return undefined;
  if (status !== 'succeeded') return failedAnswer(end);
  const text = JSON.stringify(end.items());
  if (text.length <= SPILL_LENGTH) return answer(head, { items: JSON.parse(text) as Json });
  return blobs
    .put(head.workspaceId, text, head.parent.runId)
    .then(({ sha256, size }) => answer(head, { blob: { sha256, size }, workspaceId: head.workspaceId }) as RunAnswer);
}

/** Of a run that did not end well. */
export function failedAnswer({ head, workflowName, status, error }: Omit<ChildEnd, 'items'>): RunAnswer | undefined {
  return answer(head, { error: failure({ head, workflowName, status, error }) as unknown as Json });
}

function answer(head: RunHead, what: { readonly [name: string]: Json }): RunAnswer | undefined {
  const { parent } = head;
  if (parent?.wait === undefined) return undefined;
  return {
    runId: parent.runId,
    workspaceId: head.workspaceId,
    sourceKey: `child:${parent.wait}#${parent.part}`,
    payload: JSON.stringify({ wait: parent.wait, part: parent.part, runId: head.id, ...what }),
  };
}

const ENDED = {
  failed: { code: 'CALLED_RUN_FAILED', said: 'failed' },
  cancelled: { code: 'CALLED_RUN_CANCELLED', said: 'was cancelled' },
  timed_out: { code: 'CALLED_RUN_TIMED_OUT', said: 'ran out of time' },
} as const;

function failure({ head, workflowName, status, error }: Omit<ChildEnd, 'items'>): StepError {
  const { code, said } = ENDED[status as keyof typeof ENDED] ?? ENDED.failed;
  const of = `The run of "${workflowName}" that this step called ${said}`;
  if (!error) return { code, kind: 'rejected', message: `${of}.`, data: { runId: head.id } };
  // The reason is told once, however many runs it came through.
  const { reason, runs } = error.called ?? { reason: error.message, runs: 0 };
  return {
    code,
    kind: 'rejected',
    message: runs === 0 ? `${of}: ${reason}` : `${of}; the reason came through ${runs + 1} called runs: ${reason}`,
    data: { runId: head.id, code: error.code, called: { reason, runs: runs + 1 } },
  };
}

/** The row with its items, where they are in the blob store. Items that are gone are the failure of their part. */
export async function withItems(row: InboxRow, blobs: BlobStore): Promise<InboxRow> {
  const payload = row.payload as { readonly blob?: BlobRef; readonly workspaceId?: string; readonly runId?: string } | null;
  if (row.kind !== 'child' || !payload?.blob || payload.workspaceId === undefined) return row;
  const { blob, workspaceId, ...rest } = payload;
  try {
    return { ...row, payload: { ...rest, items: JSON.parse(await blobs.get(workspaceId, blob)) as unknown } };
  } catch (error) {
    if (!isGone(error)) throw error;
    const message = 'What the called run gave is not in the store any more.';
    return {
      ...row,
      payload: { ...rest, error: { code: 'CALLED_OUTPUT_MISSING', kind: 'rejected', message, data: { runId: rest.runId ?? null } } },
    };
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'BLOB_MISSING' || error.code === 'BLOB_DAMAGED');
}
