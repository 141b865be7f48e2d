/** What an end brings along besides itself: the answer to who waits for the run, and the note that the workflow runs again. */
import { type BlobStore, type RunEnd, type RunError, type RunFollowUp, runOutput } from '@plugboard/engine';
import type { Item, Json } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';
import { answerOf } from './child-answer.ts';
import { SPILL_LENGTH } from './encode.ts';

const LIVE = 1;

/** A promise while much output is being stored: the end may be told only once it is. */
export function withWhatFollows(run: ActiveRun, end: RunEnd, error: RunError | undefined, blobs: BlobStore): RunEnd | Promise<RunEnd> {
  if (!run.head.parent && !run.state.plan.repeat) return end;
  const items = (): readonly Item[] => runOutput(run.state);
  const answer = answerOf({ head: run.head, workflowName: run.loaded.workflowName, status: end.status, error, items }, blobs);
  const next = nextOf(run, end, items, blobs);
  if (!(answer instanceof Promise) && !(next instanceof Promise)) return joined(end, answer, next);
  return Promise.all([answer, next]).then(([given, noted]) => joined(end, given, noted));
}

function joined(end: RunEnd, answer: RunEnd['answer'], next: RunFollowUp | undefined): RunEnd {
  if (!answer && !next) return end;
  return {
    ...end,
    ...(answer ? { answer } : {}),
    ...(next ? { followUps: [...(end.followUps ?? []), next] } : {}),
  };
}

/** A published workflow that repeats runs again unless its run gave nothing, did not end well, or was called. */
function nextOf(
  { head, state }: ActiveRun,
  { status, endedAt }: RunEnd,
  items: () => readonly Item[],
  blobs: BlobStore,
): RunFollowUp | Promise<RunFollowUp> | undefined {
  const { repeat } = state.plan;
  if (!repeat || head.environment !== LIVE || head.parent) return undefined;
  const note = (payload: Json): RunFollowUp => ({ kind: 'next', dueAt: endedAt + (repeat.delayMs ?? 0), payload: JSON.stringify(payload) });
  if (status === 'failed' || status === 'timed_out') return repeat.onFailure === 'go-on' ? note({}) : undefined;
  if (status !== 'succeeded') return undefined;
  const given = items();
  if (given.length === 0) return undefined;
  if (repeat.input === 'same') return note({});
  const text = JSON.stringify(given);
  if (text.length <= SPILL_LENGTH) return note({ items: JSON.parse(text) as Json });
  return blobs.put(head.workspaceId, text, head.id).then(({ sha256, size }) => note({ blob: { sha256, size } }));
}
