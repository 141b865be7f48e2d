/** What happened to a run from outside, as the event it becomes. */
import type { InboxRow, RunEvent, WaitAnswer } from '@plugboard/engine';
import type { Item, StepError } from '@plugboard/sdk';

type Fields = { readonly [name: string]: unknown };

const DECISIONS = ['retry', 'done', 'fail'] as const;

/** Undefined for a row this release cannot read: a later one may have put it there. */
export function inboxEvent(row: InboxRow, at: number): RunEvent | undefined {
  const { payload } = row;
  if (typeof payload !== 'object' || payload === null) return undefined;
  const fields = payload as Fields;
  switch (row.kind) {
    case 'cancel':
      return cancel(fields, at);
    case 'resolve':
      return resolve(fields, at);
    case 'pause':
      return typeof fields['by'] === 'string' ? { type: 'pause.requested', at, by: fields['by'] } : undefined;
    case 'resume':
      return typeof fields['by'] === 'string' ? { type: 'run.resumed', at, by: fields['by'] } : undefined;
    case 'timer':
    case 'signal':
      return waitOver(fields, at);
    case 'answer':
      return isAnswer(fields['answer']) ? waitOver(fields, at) : undefined;
    case 'begin':
      return { type: 'run.admitted', at };
    case 'join':
      return isItems(fields['items']) ? { type: 'run.joined', at, items: fields['items'] } : undefined;
    case 'child':
      return calledRunEnded(fields, at);
    default:
      return undefined;
  }
}

/** A run that a step waits for gave items, or failed. */
function calledRunEnded({ wait, part, items, error }: Fields, at: number): RunEvent | undefined {
  const over = waitOver({ wait }, at);
  if (over?.type !== 'wait.over' || typeof part !== 'number') return undefined;
  if (isStepError(error)) return { ...over, part, error };
  if (!isItems(items)) return undefined;
  return { ...over, part, outputs: { main: { items, from: items.map(() => []) } } };
}

/** The id of a wait begins with the place of its step. A signal brings an item along. */
function waitOver({ wait, item, answer }: Fields, at: number): RunEvent | undefined {
  if (typeof wait !== 'string' || (item !== undefined && !isItem(item))) return undefined;
  const [place = ''] = wait.split('.');
  const [node = '', rounds] = place.split('@');
  const outputs = item ? { main: { items: [item], from: [[]] } } : undefined;
  return {
    type: 'wait.over',
    at,
    node,
    wait,
    ...(rounds ? { path: rounds.split(',').map(Number) } : {}),
    ...(outputs ? { outputs } : {}),
    ...(isAnswer(answer) ? { answer } : {}),
  };
}

function cancel({ by, reason }: Fields, at: number): RunEvent | undefined {
  if (typeof by !== 'string') return undefined;
  return { type: 'cancel.requested', at, by, ...(typeof reason === 'string' && reason !== '' ? { reason } : {}) };
}

/** A person's decision about a write that may have happened. */
function resolve({ by, node, i, decision, output }: Fields, at: number): RunEvent | undefined {
  const decided = DECISIONS.find((one) => one === decision);
  if (typeof by !== 'string' || typeof node !== 'string' || typeof i !== 'number' || !decided) return undefined;
  if (output !== undefined && !isItem(output)) return undefined;
  return { type: 'unknown.resolved', at, node, i, decision: decided, by, ...(output ? { output } : {}) };
}

function isItems(value: unknown): value is Item[] {
  return Array.isArray(value) && value.every(isItem);
}

function isItem(value: unknown): value is Item {
  if (typeof value !== 'object' || value === null || !('json' in value)) return false;
  return typeof value.json === 'object' && value.json !== null && !Array.isArray(value.json);
}

function isStepError(value: unknown): value is StepError {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('message' in value)) return false;
  return typeof value.code === 'string' && typeof value.message === 'string';
}

function isAnswer(value: unknown): value is WaitAnswer {
  if (typeof value !== 'object' || value === null || !('port' in value) || !('json' in value)) return false;
  return typeof value.port === 'string' && typeof value.json === 'object' && value.json !== null && !Array.isArray(value.json);
}
