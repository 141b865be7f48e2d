/** Words and lamps for states of runs and steps. */
import type { RunStatus, StepStatus, TriggerKind, WaitingFor } from '../api/types.ts';
import type { IconName } from '../kit/icons.ts';
import type { LampState } from '../kit/lamp.ts';
import type { Tone } from '../kit/tone.ts';
import type { RunLive } from './run-live.ts';

export const RUN_LAMP: { readonly [S in RunStatus]: LampState } = {
  pending: 'idle',
  running: 'running',
  paused: 'paused',
  waiting: 'waiting',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  timed_out: 'failed',
};

export const RUN_WORD: { readonly [S in RunStatus]: string } = {
  pending: 'Starting',
  running: 'Running',
  paused: 'Paused',
  waiting: 'Waiting',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Stopped',
  timed_out: 'Over its time limit',
};

export const RUN_TONE: { readonly [S in RunStatus]: Tone } = {
  pending: 'mute',
  running: 'acc',
  paused: 'warn',
  waiting: 'warn',
  succeeded: 'ok',
  failed: 'bad',
  cancelled: 'mute',
  timed_out: 'bad',
};

export const WAIT_WORD: { readonly [W in WaitingFor]: string } = {
  timer: 'Waits for the clock',
  signal: 'Waits for a signal',
  approval: 'Waits for a person',
  child: 'Waits for another run',
  unknown_effect: 'Needs a decision',
  blocked: 'Something it needs is missing',
  quarantine: 'Held back after crashes',
  turn: 'Waits for its turn',
};

export const LEAVING_WORD: { readonly [L in NonNullable<RunLive['leaving']>]: string } = { stopping: 'Stopping', undoing: 'Undoing' };

export const TRIGGER_WORD: { readonly [K in TriggerKind]: string } = {
  manual: 'Started by a person',
  webhook: 'Webhook',
  schedule: 'Schedule',
  poll: 'Polled source',
  stream: 'Stream',
  parent: 'Another run',
  rerun: 'Run again',
  error: 'After a failure',
};

export const TRIGGER_ICON: { readonly [K in TriggerKind]: IconName } = {
  manual: 'play',
  webhook: 'hook',
  schedule: 'cal',
  poll: 'data',
  stream: 'wave',
  parent: 'workflow',
  rerun: 'retry',
  error: 'alert',
};

export const STEP_WORD: { readonly [S in StepStatus]: string } = {
  idle: 'Not reached',
  running: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  retrying: 'Trying again',
  waiting: 'Waiting',
  joinWaiting: 'Waits for branches',
  skipped: 'Not taken',
  unknownEffect: 'May have happened',
  cancelled: 'Stopped',
};

/** How a step stands; one that succeeded and whose run takes back what it did is undone. */
export function stepWord(status: StepStatus, isUndone = false): string {
  return isUndone && status === 'succeeded' ? 'Undone' : STEP_WORD[status];
}

export function isOver(status: RunStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled' || status === 'timed_out';
}

/** An error code as words: `HTTP_503` reads `HTTP 503`, others without the part that says which of our parts found it. */
export function codeWords(code: string): string {
  return /^HTTP_\d{3}$/.test(code)
    ? code.replace('_', ' ')
    : code
        .replace(/^EXPR_/, '')
        .toLowerCase()
        .replaceAll('_', ' ');
}
