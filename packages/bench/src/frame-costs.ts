/** What the frames of a page cost, out of a Chromium trace. Pure. */

/** One event of a trace, as Chromium writes it: times and lengths in microseconds. */
export interface TraceEvent {
  readonly name: string;
  /** `X`: with a length. */
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  /** Of its length, what the thread was at work and not waiting for a core. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly type?: string } };
}

/** Categories a trace needs. */
export const TRACED = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8', 'blink.user_timing'];

/** Script with what it waits for (compiling, collecting garbage), style, layout. */
const WORK = new Set([
  'EventDispatch',
  'FireAnimationFrame',
  'FunctionCall',
  'EvaluateScript',
  'TimerFire',
  'FireIdleCallback',
  'RunMicrotasks',
  'v8.run',
  'V8.GCScavenger',
  'MinorGC',
  'MajorGC',
  'UpdateLayoutTree',
  'Layout',
]);

/** A frame of the main thread ends by handing over what is drawn. */
const FRAME_END = 'Commit';

export interface FrameCost {
  readonly ms: number;
  /** Without what the thread waited for a core: other processes do not count. */
  readonly cpuMs: number;
}

/**
 * The work in each frame in which one of `inputs` was handled, in order. Work that lies within other work counts once, and so does what
 * happened between two frames: it belongs to the later one.
 */
export function frameCosts(events: readonly TraceEvent[], inputs: readonly string[]): FrameCost[] {
  const found: FrameCost[] = [];
  let [ms, cpuMs, hasInput, doneTo] = [0, 0, false, 0];
  for (const event of mainThread(events, inputs)) {
    if (isInput(event, inputs)) hasInput = true;
    if (WORK.has(event.name) && event.ts >= doneTo) {
      ms += (event.dur ?? 0) / 1000;
      cpuMs += (event.tdur ?? event.dur ?? 0) / 1000;
      doneTo = event.ts + (event.dur ?? 0);
    }
    if (event.name !== FRAME_END) continue;
    if (hasInput) found.push({ ms, cpuMs });
    [ms, cpuMs, hasInput] = [0, 0, false];
  }
  return found;
}

/** In order of time, of the thread on which most of the inputs were handled. */
function mainThread(events: readonly TraceEvent[], inputs: readonly string[]): TraceEvent[] {
  const threads = Map.groupBy(events, ({ pid, tid }) => `${pid} ${tid}`);
  const counted = [...threads.values()].map((own) => ({ own, inputs: own.filter((event) => isInput(event, inputs)).length }));
  const most = counted.reduce((best, one) => (one.inputs > best.inputs ? one : best), { own: [] as TraceEvent[], inputs: 0 });
  return most.own.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
}

function isInput({ name, args }: TraceEvent, inputs: readonly string[]): boolean {
  return name === 'EventDispatch' && inputs.includes(args?.data?.type ?? '');
}
