/** Which slots of a schedule are acted on now, after whatever time nobody looked. Pure. */
import type { MissedPolicy, Slot } from '@plugboard/persistence';
import { planned } from './schedule-spec.ts';
import type { TimetableSpec } from './schedule-spec.ts';
import { type Timetable, firstSlots, lastSlots, nextSlot } from './timetable.ts';
import { MINUTE_MS } from './zone-time.ts';

/** A slot that nobody acted on for longer than this was missed, in milliseconds. */
export const GRACE_MS = MINUTE_MS;
/** Skipped slots are counted up to this number at a time. */
const MOST_COUNTED = 1000;

export interface DueQuestion {
  readonly scheduleId: string;
  readonly spec: TimetableSpec;
  readonly timetable: Timetable;
  readonly missed: MissedPolicy;
  /** The slot the schedule stands at. */
  readonly dueMs: number;
  readonly nowMs: number;
  /** Since when a due slot waits for an older run: what fell due meanwhile was not missed. */
  readonly blockedMs?: number | undefined;
  /** Of missed slots at most so many start a run, the newest of them. */
  readonly most: number;
}

export interface DueSlot {
  readonly dueMs: number;
  readonly isMissed: boolean;
}

export interface DueSlots {
  /** In order. */
  readonly slots: readonly DueSlot[];
  /** That start nothing, up to a thousand. */
  readonly skipped: number;
  /** Where the schedule goes on when all is done. */
  readonly next: Slot | undefined;
}

export function dueSlots({ scheduleId, spec, timetable, missed, dueMs, nowMs, blockedMs, most }: DueQuestion): DueSlots {
  // Seen from when somebody last looked.
  const missedUntil = (blockedMs ?? nowMs) - GRACE_MS;
  const atOf = (slot: number): number => planned(slot, spec, scheduleId)?.atMs ?? slot;
  const newest = lastSlots(timetable, { from: dueMs, until: nowMs }, most + slotsWithin(GRACE_MS + (spec.jitterMs ?? 0)));
  const waiting = newest.findIndex((slot) => atOf(slot) > nowMs);
  const ready = waiting === -1 ? newest : newest.slice(0, waiting);
  const late = ready.filter((slot) => atOf(slot) < missedUntil);
  const onTime = ready.slice(late.length);
  const kept = missed === 'skip' ? [] : late.slice(missed === 'once' ? -1 : -most);
  const slots = [...kept.map((slot) => ({ dueMs: slot, isMissed: true })), ...onTime.map((slot) => ({ dueMs: slot, isMissed: false }))];
  const first = slots[0]?.dueMs ?? newest[ready.length] ?? nowMs + 1;
  const skipped = firstSlots(timetable, { from: dueMs, until: first - 1 }, MOST_COUNTED).length;
  const last = ready.at(-1);
  const next = waiting === -1 ? nextSlot(timetable, last === undefined ? Math.max(nowMs, dueMs) : Math.max(last, dueMs)) : newest[waiting];
  return { slots, skipped, next: planned(next, spec, scheduleId) };
}

/** A schedule of every second has as many. */
function slotsWithin(ms: number): number {
  return Math.ceil(ms / 1000) + 1;
}
