import { expect, test } from 'vitest';
import { type TraceEvent, frameCosts } from './frame-costs.ts';

/** On the main thread, in milliseconds. */
function at(ts: number, name: string, dur = 0, more: Partial<TraceEvent> = {}): TraceEvent {
  return { name, ph: 'X', pid: 1, tid: 1, ts: ts * 1000, dur: dur * 1000, tdur: dur * 1000, ...more };
}
const wheel = (ts: number, dur: number): TraceEvent => at(ts, 'EventDispatch', dur, { args: { data: { type: 'wheel' } } });
const costs = (events: readonly TraceEvent[]): number[] => frameCosts(events, ['wheel']).map(({ ms }) => ms);

test('a frame costs its script, style and layout, and no painting', () => {
  expect(costs([wheel(0, 2), at(3, 'UpdateLayoutTree', 1), at(4, 'Layout', 3), at(7, 'Paint', 9), at(16, 'Commit', 1)])).toEqual([6]);
});

test('work within other work counts once', () => {
  expect(costs([at(1, 'FunctionCall', 3), wheel(0, 5), at(2, 'Layout', 1), at(6, 'Commit', 1)])).toEqual([5]);
});

test('only frames in which an input was handled count, and each begins anew', () => {
  const events = [at(0, 'TimerFire', 50), at(51, 'Commit', 1), wheel(60, 2), at(63, 'Commit', 1), wheel(70, 4), at(75, 'Commit', 1)];
  expect(costs(events)).toEqual([2, 4]);
});

test('a frame that was not finished, and other threads and processes, do not count', () => {
  const elsewhere = [at(1, 'FunctionCall', 90, { tid: 2 }), at(1, 'Layout', 90, { pid: 2 }), at(2, 'Commit', 1, { tid: 2 })];
  expect(costs([...elsewhere, wheel(0, 2), at(3, 'Commit', 1), wheel(8, 30)])).toEqual([2]);
});

test('what the thread waited for a core is no CPU time', () => {
  expect(frameCosts([{ ...wheel(0, 9), tdur: 2000 }, at(10, 'Commit', 1)], ['wheel'])).toEqual([{ ms: 9, cpuMs: 2 }]);
});

test('a trace without inputs has no frames', () => {
  expect(costs([at(0, 'FunctionCall', 5), at(6, 'Commit', 1)])).toEqual([]);
});
