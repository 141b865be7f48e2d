/** The record that ends a run which cannot go on here: its own events could not be stored, or cannot be read any more. */
import type { RunEvent, RunHead, RunRecord } from '@plugboard/engine';
import { fingerprint } from './fingerprint.ts';

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
}

export function closingRecord({ head, fence, fromSeq, at, activeMs, status, error, before = [], inbox = [] }: Closing): RunRecord {
  const ended: RunEvent = { type: 'run.ended', at, status, activeMs: Math.round(activeMs), ...(error ? { error } : {}) };
  const events = [...before, ended];
  return {
    head,
    create: fromSeq === 0,
    end: {
      status,
      endedAt: at,
      ...(error ? { errorCode: error.code, errorMessage: error.message, errorFingerprint: fingerprint(head.workflowId, error) } : {}),
    },
    status,
    fence,
    fromSeq,
    toSeq: fromSeq + events.length,
    bytes: JSON.stringify(events),
    ...(inbox.length > 0 ? { inbox } : {}),
  };
}
