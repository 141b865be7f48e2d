/** The lamp: what a status looks like and is called. Colour, icon and word together, never colour alone. */
import type { IconName } from './icons.ts';
import type { Tone } from './tone.ts';

export type LampState =
  | 'idle'
  | 'pinned'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'retrying'
  | 'waiting'
  | 'joinWaiting'
  | 'skipped'
  | 'cancelled'
  | 'paused'
  | 'unknownEffect'
  | 'attention'
  | 'missing';

interface LampLook {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly word: string;
}

export const LAMPS: { readonly [S in LampState]: LampLook } = {
  idle: { tone: 'mute', icon: 'minus', word: 'Not reached' },
  pinned: { tone: 'pin', icon: 'pin', word: 'Pinned' },
  running: { tone: 'acc', icon: 'play', word: 'Running' },
  succeeded: { tone: 'ok', icon: 'check', word: 'Succeeded' },
  failed: { tone: 'bad', icon: 'x', word: 'Failed' },
  retrying: { tone: 'warn', icon: 'retry', word: 'Trying again' },
  waiting: { tone: 'warn', icon: 'hour', word: 'Waiting' },
  joinWaiting: { tone: 'warn', icon: 'hour', word: 'Waits for branches' },
  skipped: { tone: 'mute', icon: 'skip', word: 'Not taken' },
  cancelled: { tone: 'mute', icon: 'stop', word: 'Stopped' },
  paused: { tone: 'warn', icon: 'pause', word: 'Paused' },
  unknownEffect: { tone: 'ai', icon: 'info', word: 'May have happened' },
  attention: { tone: 'warn', icon: 'bang', word: 'Needs attention' },
  missing: { tone: 'warn', icon: 'bang', word: 'Type is missing' },
};
