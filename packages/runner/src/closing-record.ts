/** The record that ends a run which cannot go on here: its own events could not be stored, or cannot be read any more. */
import type { KeepData, RunEnd, RunEvent, RunHead, RunRecord } from '@plugboard/engine';
import { failedAnswer } from './child-answer.ts';
import { errorOfEnd } from './fingerprint.ts';
import { erasure } from './kept-data.ts';

export interface Closing {
  readonly head: RunHead;
  readonly fence: number;
  /** Sequence after the last event that is durable. */
  readonly fromSeq: number;
  readonly at: number;
  readonly activeMs: number;
  readonly status: 'failed' | 'cancelled';
  readonly error?: { readonly code: string; readonly message: string };
  /** Events before the end. */
  readonly before?: readonly RunEvent[];
  readonly inbox?: readonly string[];
  /** @default what the head says: the workflow's id */
  readonly workflowName?: string;
  readonly followUps?: RunEnd['followUps'];
  /** @default 'all' */
  readonly keeps?: KeepData;
}

export function closingRecord({
  head,
  fence,
  fromSeq,
  at,
  activeMs,
  status,
  error,
  before = [],
  inbox = [],
  workflowName,
  followUps,
  keeps = 'all',
}: Closing): RunRecord {
  const ended: RunEvent = { type: 'run.ended', at, status, activeMs: Math.round(activeMs), ...(error ? { error } : {}) };
  const events = [...before, ended];
  const answer = failedAnswer({ head, workflowName: workflowName ?? head.workflowId, status, error });
  return {
    head,
    create: fromSeq === 0,
    end: {
      status,
      endedAt: at,
      ...(error ? errorOfEnd(head.workflowId, error) : {}),
      ...(answer ? { answer } : {}),
      cancelsCalled: true,
      ...(followUps ? { followUps } : {}),
      ...erasure(keeps, { status, environment: head.environment, endedAt: at }),
    },
    status,
    fence,
    fromSeq,
    toSeq: fromSeq + events.length,
    bytes: JSON.stringify(events),
    ...(inbox.length > 0 ? { inbox } : {}),
  };
}
