import { expect, test } from 'vitest';
import { dueWord } from './approval-words.ts';

const now = Date.parse('2026-01-01T12:00:00Z');

test.each([
  ['2026-01-01T11:59:59Z', 'time is up', 'mute'],
  ['2026-01-01T12:00:30Z', 'due in 1 min', 'bad'],
  ['2026-01-01T12:59:59Z', 'due in 59 min', 'bad'],
  ['2026-01-01T18:30:00Z', 'due in 6 h', 'warn'],
  ['2026-01-02T13:00:00Z', 'due tomorrow', 'mute'],
  ['2026-01-05T12:00:00Z', 'due in 4 days', 'mute'],
])('what is due at %s is said as "%s", and no time is promised that is not there', (dueAt, word, tone) => {
  expect(dueWord(dueAt, now)).toEqual({ word, tone });
});
