/** Words for how approvals stand and how much time is left. */
import type { ApprovalState } from '../api/types.ts';

type Tone = 'ok' | 'bad' | 'warn' | 'mute';

export const APPROVAL_STATES: { readonly [S in ApprovalState]: { readonly word: string; readonly tone: Tone } } = {
  open: { word: 'Open', tone: 'warn' },
  approved: { word: 'Approved', tone: 'ok' },
  rejected: { word: 'Rejected', tone: 'bad' },
  late: { word: 'Too late', tone: 'mute' },
  closed: { word: 'Run ended', tone: 'mute' },
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Whole units, rounded down: nobody is told of time that is not there. */
export function dueWord(dueAt: string, now: number): { readonly word: string; readonly tone: Tone } {
  const left = Date.parse(dueAt) - now;
  if (left <= 0) return { word: 'time is up', tone: 'mute' };
  if (left < HOUR_MS) return { word: `due in ${Math.max(1, Math.floor(left / MINUTE_MS))} min`, tone: 'bad' };
  if (left < DAY_MS) return { word: `due in ${Math.floor(left / HOUR_MS)} h`, tone: 'warn' };
  const days = Math.floor(left / DAY_MS);
  return { word: days === 1 ? 'due tomorrow' : `due in ${days} days`, tone: 'mute' };
}
