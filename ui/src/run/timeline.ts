/**
 * The timeline as numbers from 0 to 1: one row per step, blocks for tries, dotted gaps between them, folded waits. Pure, so that drawing it
 * at any width and testing it need no browser.
 */
import type { RunFact } from '../api/types.ts';
import type { RunLive, StepLive } from './run-live.ts';

/** A pause this long, with nothing working, is folded. Milliseconds. */
export const FOLD_OVER_MS = 20_000;
/** Share of the strip a folded pause keeps. */
const FOLDED_SHARE = 0.1;

export interface TimeSegment {
  /** Ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** Place on the strip, 0 to 1. */
  readonly left: number;
  readonly right: number;
  readonly isFolded: boolean;
}

export interface TimeScale {
  readonly segments: readonly TimeSegment[];
  /** Place of an instant, 0 to 1; before the start 0, after the end 1. */
  readonly place: (at: number) => number;
  /** Labels along the axis: working time since the start, and the length of what is folded. */
  readonly ticks: readonly { readonly place: number; readonly ms: number; readonly isFolded: boolean }[];
}

export type BlockKind = 'ok' | 'stopped' | 'bad' | 'badTry' | 'running' | 'wait' | 'ai' | 'gap';

export interface TimelineBlock {
  readonly left: number;
  readonly width: number;
  readonly kind: BlockKind;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Spans in which something works: tries of any step. `now` ends what has not ended. */
export function workingSpans(steps: Iterable<StepLive>, now: number): Span[] {
  const spans: Span[] = [];
  for (const step of steps) {
    for (const one of step.tries) {
      let from = one.startedAt;
      const to = one.endedAt ?? now;
      // A step that waits for a person does not work meanwhile.
      for (const wait of step.waits) {
        if (wait.from < from || wait.from > to) continue;
        spans.push({ from, to: wait.from });
        from = Math.min(to, wait.to ?? now);
      }
      spans.push({ from, to });
    }
  }
  return merge(spans);
}

function merge(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a.from - b.from);
  const merged: Span[] = [];
  for (const span of sorted) {
    const last = merged.at(-1);
    if (last && span.from <= last.to) merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else merged.push(span);
  }
  return merged;
}

/** The scale of a run from its start to its end, or to `now` while it goes on. */
export function timeScale(run: RunLive, now: number, foldWaits: boolean): TimeScale {
  const start = run.startedAt ?? now;
  const end = Math.max(start + 1, run.endedAt ?? now);
  const folds = foldWaits ? longPauses(workingSpans(run.steps.values(), end), start, end) : [];
  const foldedMs = folds.reduce((sum, fold) => sum + fold.to - fold.from, 0);
  const openMs = Math.max(1, end - start - foldedMs);
  // A run that has only waited so far is one fold.
  const share = folds.length === 0 ? 0 : foldedMs >= end - start ? 1 : Math.min(0.5, FOLDED_SHARE * folds.length);

  const segments: TimeSegment[] = [];
  let at = start;
  let left = 0;
  const add = (to: number, isFolded: boolean): void => {
    if (to <= at) return;
    const width = isFolded ? share / folds.length : ((to - at) / openMs) * (1 - share);
    segments.push({ from: at, to, left, right: left + width, isFolded });
    at = to;
    left += width;
  };
  for (const fold of folds) {
    add(fold.from, false);
    add(fold.to, true);
  }
  add(end, false);

  const place = (instant: number): number => {
    if (instant <= start) return 0;
    const segment = segments.find((one) => instant <= one.to);
    if (!segment) return 1;
    return segment.left + ((instant - segment.from) / (segment.to - segment.from)) * (segment.right - segment.left);
  };
  return { segments, place, ticks: ticksOf(segments, openMs, share) };
}

function longPauses(working: readonly Span[], start: number, end: number): Span[] {
  const pauses: Span[] = [];
  let at = start;
  for (const span of [...working, { from: end, to: end }]) {
    if (span.from - at > FOLD_OVER_MS) pauses.push({ from: at, to: span.from });
    at = Math.max(at, span.to);
  }
  return pauses;
}

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 4000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

function ticksOf(segments: readonly TimeSegment[], openMs: number, share: number): TimeScale['ticks'] {
  const wanted = openMs / 8;
  const step = STEPS_MS.find((ms) => ms >= wanted) ?? Math.ceil(wanted / 3_600_000) * 3_600_000;
  const ticks: { place: number; ms: number; isFolded: boolean }[] = [];
  let worked = 0;
  for (const segment of segments) {
    const length = segment.to - segment.from;
    if (segment.isFolded) {
      ticks.push({ place: (segment.left + segment.right) / 2, ms: length, isFolded: true });
      continue;
    }
    for (let ms = Math.ceil(worked / step) * step; ms <= worked + length; ms += step) {
      const place = segment.left + ((ms - worked) / openMs) * (1 - share);
      // The label of a fold and of its neighbour would lie on each other.
      if (segments.every((one) => !one.isFolded || place < one.left - 0.05 || place > one.right + 0.05))
        ticks.push({ place, ms, isFolded: false });
    }
    worked += length;
  }
  return ticks;
}

/** The blocks of one step. `isModel`: its time is model time. */
export function stepBlocks(step: StepLive, scale: TimeScale, now: number, isModel = false): TimelineBlock[] {
  const blocks: TimelineBlock[] = [];
  const add = (from: number, to: number, kind: BlockKind): void => {
    const left = scale.place(from);
    blocks.push({ left, width: Math.max(0, scale.place(to) - left), kind });
  };
  step.tries.forEach((one, index) => {
    const before = step.tries[index - 1]?.round === one.round ? step.tries[index - 1] : undefined;
    // Between two tries the step waits; rounds of a loop follow each other without a wait.
    if (before?.error && before.endedAt !== undefined) add(before.endedAt, one.startedAt, 'gap');
    const end = one.endedAt ?? now;
    let from = one.startedAt;
    const kind = kindOf(step, one.endedAt === undefined, one.error !== undefined, isLastOfRound(step, index), isModel);
    for (const wait of step.waits) {
      if (wait.from < one.startedAt || wait.from > end) continue;
      add(from, wait.from, kind);
      add(wait.from, wait.to ?? now, 'wait');
      from = wait.to ?? now;
    }
    if (from <= end) add(from, end, kind);
  });
  if (step.status === 'retrying' && step.retryAt !== undefined) {
    const ended = step.tries.at(-1)?.endedAt;
    if (ended !== undefined) add(ended, Math.max(now, ended), 'gap');
  }
  return blocks;
}

function isLastOfRound(step: StepLive, index: number): boolean {
  const next = step.tries[index + 1];
  return next === undefined || (next.round !== undefined && next.round !== step.tries[index]?.round);
}

function kindOf(step: StepLive, isOpen: boolean, hasFailed: boolean, isLast: boolean, isModel: boolean): BlockKind {
  if (hasFailed) return isLast && step.status !== 'succeeded' ? 'bad' : 'badTry';
  if (step.status === 'cancelled' && isLast) return 'stopped';
  if (isOpen) return 'running';
  return isModel ? 'ai' : 'ok';
}

export interface Hole {
  readonly place: number;
  /** 0 to 2: holes of neighbouring events lie in different rows. */
  readonly row: number;
  readonly isBad: boolean;
}

/** The punched strip: a hole per event. Beyond `atMost` events neighbours share holes, failures never. */
export function holesOf(facts: readonly RunFact[], scale: TimeScale, atMost = 600): Hole[] {
  const every = Math.max(1, Math.ceil(facts.length / atMost));
  const holes: Hole[] = [];
  facts.forEach((fact, index) => {
    const isBad = fact.type === 'step.failed' || (fact.type === 'run.ended' && fact.status === 'failed');
    if (!isBad && index % every !== 0) return;
    holes.push({ place: scale.place(Date.parse(fact.at)), row: index % 3, isBad });
  });
  return holes;
}

/** The event a place on the strip stands for: the last one at or before it. */
export function factAt(facts: readonly RunFact[], scale: TimeScale, place: number): RunFact | undefined {
  let found: RunFact | undefined = facts[0];
  for (const fact of facts) {
    if (scale.place(Date.parse(fact.at)) > place + 1e-9) break;
    found = fact;
  }
  return found;
}
