/** How a run shows on the board: what each plate and each cable looks like at one moment. Pure. */
import { NEXT_PORT } from '@plugboard/engine';
import type { StepStatus } from '../api/types.ts';
import type { BoardLoop } from '../graph/loop-frames.ts';
import type { LampState } from '../kit/lamp.ts';
import type { RunLive, StepLive } from '../run/run-live.ts';
import { codeWords } from '../run/run-words.ts';
import { formatCount, formatDateTime } from '../words/format.ts';
import type { BoardEdge, BoardNode } from './board-model.ts';

export interface PlateState {
  readonly look: 'plain' | 'run' | 'fail' | 'wait' | 'retry' | 'skip' | 'off' | 'unknown' | 'dim' | 'missing';
  readonly lamp?: LampState;
  /** Under the plate: why it failed, what it waits for. */
  readonly caption?: string;
  readonly captionTone?: 'bad' | 'warn' | 'ai' | 'mute';
  /** 0 to 1, where it is known. */
  readonly progress?: number;
  readonly iterations?: readonly ('succeeded' | 'failed' | 'running')[];
}

export interface CableState {
  readonly tone: 'idle' | 'ok' | 'run' | 'cut' | 'skip';
  readonly count?: number;
}

const LOOK: { readonly [S in StepStatus]: PlateState['look'] } = {
  idle: 'plain',
  running: 'run',
  succeeded: 'plain',
  failed: 'fail',
  retrying: 'retry',
  waiting: 'wait',
  joinWaiting: 'wait',
  skipped: 'skip',
  unknownEffect: 'unknown',
  cancelled: 'dim',
};

/** How the rounds of a loop went, in the order in which they began. */
export type LoopRounds = readonly { readonly key: string; readonly how: Slot }[];
type Slot = 'succeeded' | 'failed' | 'running';

export function loopRounds(run: RunLive, loops: readonly BoardLoop[]): ReadonlyMap<string, LoopRounds> {
  return new Map(
    loops.map((loop) => {
      const rounds = new Map<string, Slot>();
      for (const { path, status } of loop.nodes.flatMap((id) => run.steps.get(id)?.rounds ?? [])) {
        const key = path.slice(0, loop.depth).join('.');
        const [before, own] = [rounds.get(key), slotOf(status)];
        rounds.set(key, before === 'failed' || (before === 'running' && own !== 'failed') ? before : own);
      }
      return [loop.id, [...rounds].map(([key, how]) => ({ key, how }))];
    }),
  );
}

/** The board of a workflow that does not run. */
export function restingState(node: BoardNode): PlateState {
  if (node.isMissing) return { look: 'missing', lamp: 'missing', caption: 'Find a plugin', captionTone: 'warn' };
  return { look: node.isDisabled ? 'off' : 'plain' };
}

/** The board of a draft with data fixed to some of its nodes. */
export function pinnedStates(nodes: readonly BoardNode[], pinned: ReadonlySet<string>): ReadonlyMap<string, PlateState> {
  return new Map(nodes.map((node) => [node.id, { ...restingState(node), ...(pinned.has(node.id) ? { lamp: 'pinned' as const } : {}) }]));
}

export function plateStates(run: RunLive, nodes: readonly BoardNode[], edges: readonly BoardEdge[]): ReadonlyMap<string, PlateState> {
  return new Map(nodes.map((node) => [node.id, plateState(run, node, nodes, edges)]));
}

function plateState(run: RunLive, node: BoardNode, nodes: readonly BoardNode[], edges: readonly BoardEdge[]): PlateState {
  const step = run.steps.get(node.id);
  if (node.isDisabled) return { look: 'off' };
  if (step === undefined) {
    if (run.endedAt !== undefined) return { look: 'dim' };
    const missing = branchesMissing(run, node, edges);
    if (missing > 0)
      return { look: 'wait', lamp: 'joinWaiting', caption: `Waits for ${formatCount(missing, 'branch', 'branches')}`, captionTone: 'warn' };
    return node.isMissing ? restingState(node) : { look: 'plain' };
  }
  const caption = captionOf(step, node, run, nodes, edges);
  return {
    look: LOOK[step.status],
    ...(step.status === 'skipped' || step.status === 'idle' ? {} : { lamp: step.status }),
    ...caption,
    ...(step.progress && step.progress.total > 0 && step.status === 'running'
      ? { progress: step.progress.done / step.progress.total }
      : {}),
    ...(step.rounds.length > 0 ? { iterations: step.rounds.map(({ status }) => slotOf(status)) } : {}),
  };
}

function slotOf(status: StepStatus): 'succeeded' | 'failed' | 'running' {
  if (status === 'failed' || status === 'cancelled') return 'failed';
  return status === 'succeeded' || status === 'skipped' ? 'succeeded' : 'running';
}

/** A node with several incoming cables of which some, but not all, have brought their items. */
function branchesMissing(run: RunLive, node: BoardNode, edges: readonly BoardEdge[]): number {
  const incoming = edges.filter((edge) => edge.target === node.id && edge.targetHandle !== NEXT_PORT);
  if (incoming.length < 2) return 0;
  const open = incoming.filter(({ source }) => {
    const status = run.steps.get(source)?.status;
    return status !== 'succeeded' && status !== 'skipped';
  });
  return open.length === incoming.length ? 0 : open.length;
}

function captionOf(
  step: StepLive,
  node: BoardNode,
  run: RunLive,
  nodes: readonly BoardNode[],
  edges: readonly BoardEdge[],
): Pick<PlateState, 'caption' | 'captionTone'> {
  switch (step.status) {
    case 'failed': {
      const where =
        step.error?.item === undefined ? '' : ` on item ${step.error.item + 1}${step.itemsIn === undefined ? '' : ` of ${step.itemsIn}`}`;
      return { caption: `${plateWords(step.error?.code)}${where}`, captionTone: 'bad' };
    }
    case 'retrying':
      return { caption: `Try ${step.attempt} at ${clock(step.retryAt)}`, captionTone: 'warn' };
    case 'waiting':
      return {
        caption: waitCaption(step),
        captionTone: 'warn',
      };
    case 'unknownEffect':
      return { caption: 'May have happened. Look, then decide.', captionTone: 'ai' };
    case 'skipped':
      return { caption: skipWords(step, node, run, nodes, edges), captionTone: 'mute' };
    default:
      return step.rounds.length > 0 ? { caption: formatCount(step.rounds.length, 'round'), captionTone: 'mute' } : {};
  }
}

/** The least that says why; the plate is small. */
function plateWords(code = 'Failed'): string {
  const words = codeWords(code).replace(/^HTTP /, '');
  return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`;
}

function clock(at: number | undefined): string {
  return at === undefined ? 'once more' : new Date(at).toTimeString().slice(0, 8);
}

/** A wait for a time says which; any other wait says for what, and how long at most. */
function waitCaption(step: StepLive): string {
  if (step.dueAt === undefined) return waitWords(step);
  const until = formatDateTime(new Date(step.dueAt).toISOString());
  const isForTime = (step.waits.at(-1)?.for ?? 'timer') === 'timer';
  return isForTime ? `Until ${until}` : `${waitWords(step)}, until ${until}`;
}

function waitWords(step: StepLive): string {
  const wait = step.waits.at(-1);
  const what: { readonly [reason: string]: string } = {
    timer: 'Waits for the clock',
    signal: 'Waits for a signal',
    approval: 'Waits for a person',
    child: 'Waits for another run',
    blocked: 'Something it needs is missing',
    quarantine: 'Held back after crashes',
  };
  return what[wait?.for ?? 'signal'] ?? 'Waits';
}

function skipWords(step: StepLive, node: BoardNode, run: RunLive, nodes: readonly BoardNode[], edges: readonly BoardEdge[]): string {
  const sources = edges.filter((edge) => edge.target === node.id);
  const only = sources.length === 1 ? sources[0] : undefined;
  const name = nodes.find((one) => one.id === only?.source)?.name;
  if (only?.sourceHandle === 'error' && name !== undefined) return `Not taken: ${name} did not fail`;
  if (step.skippedBecause === 'empty' && name !== undefined) return `Not taken: no items from ${name}`;
  if (only !== undefined && run.steps.get(only.source)?.status === 'skipped')
    return `Not taken: ${name ?? 'the node before'} was not taken`;
  return name === undefined ? 'Not taken' : `Not taken: ${name} chose another way`;
}

export function cableStates(run: RunLive, edges: readonly BoardEdge[]): ReadonlyMap<string, CableState> {
  return new Map(edges.map((edge) => [edge.id, cableState(run, edge)]));
}

function cableState(run: RunLive, edge: BoardEdge): CableState {
  const source = run.steps.get(edge.source);
  const target = run.steps.get(edge.target);
  switch (source?.status) {
    case 'succeeded': {
      // A loop hands on in many small facts of its rounds; that items arrived is all there is to say of its cables.
      if (Object.keys(source.out).length === 0 && (target?.tries.length ?? 0) > 0)
        return { tone: target?.status === 'running' ? 'run' : 'ok' };
      const count = source.out[edge.sourceHandle] ?? 0;
      if (count === 0) return { tone: 'skip' };
      return { tone: target?.status === 'running' ? 'run' : 'ok', count };
    }
    case 'running':
      return { tone: 'run' };
    case 'failed':
    case 'unknownEffect':
    case 'cancelled':
      return { tone: 'cut' };
    case 'skipped':
      return { tone: 'skip' };
    default:
      return { tone: run.endedAt === undefined ? 'idle' : 'cut' };
  }
}
