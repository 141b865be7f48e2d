/** One round of a loop as it went: the run with the steps of that loop as they were in this round alone. Pure. */
import type { BoardLoop } from '../graph/loop-frames.ts';
import type { Round, RunLive, StepLive } from './run-live.ts';

/** Which round of which loop is shown. */
export interface ChosenRound {
  readonly loop: string;
  /** As {@link Round} has it; of a loop inside another one with the round of that one before it. */
  readonly key: string;
}

export function roundText({ loop, key }: ChosenRound): string {
  return `${loop}:${key}`;
}

export function parseRound(text: string | undefined): ChosenRound | undefined {
  const [, loop, key] = /^(.+):(\d+(?:\.\d+)*)$/.exec(text ?? '') ?? [];
  return loop === undefined || key === undefined ? undefined : { loop, key };
}

/** Place of the round that belongs to a key: itself, the first trouble inside it, or the one it lies in. -1 when the step has none. */
export function roundIndex(rounds: readonly Round[], key: string | undefined): number {
  if (key === undefined) return -1;
  const exact = rounds.findIndex((round) => round.key === key);
  if (exact !== -1) return exact;
  const inside = rounds.findIndex((round) => round.key.startsWith(`${key}.`) && round.status === 'failed');
  return inside !== -1 ? inside : rounds.findIndex((round) => round.key.startsWith(`${key}.`) || key.startsWith(`${round.key}.`));
}

export function inRound(run: RunLive, loops: readonly BoardLoop[], chosen: ChosenRound | undefined): RunLive {
  const loop = loops.find(({ id }) => id === chosen?.loop);
  if (!loop || !chosen) return run;
  const steps = new Map(run.steps);
  for (const id of loop.nodes) {
    const step = steps.get(id);
    const round = step?.rounds[roundIndex(step.rounds, chosen.key)];
    if (step && round) steps.set(id, stepInRound(step, round));
    else steps.delete(id);
  }
  return { ...run, steps };
}

/** The step to look at in a round: the one that failed, or the first that ran. */
export function firstInRound(run: RunLive, loops: readonly BoardLoop[], chosen: ChosenRound): string | undefined {
  const nodes = loops.find(({ id }) => id === chosen.loop)?.nodes ?? [];
  const ran = nodes.flatMap((id) => {
    const rounds = run.steps.get(id)?.rounds ?? [];
    const round = rounds[roundIndex(rounds, chosen.key)];
    return round ? [{ id, status: round.status }] : [];
  });
  return (ran.find(({ status }) => status === 'failed') ?? ran[0])?.id;
}

function stepInRound(step: StepLive, { key, status, itemsIn, out }: Round): StepLive {
  const { error: _error, itemsIn: _itemsIn, ...rest } = step;
  const tries = step.tries.filter((one) => one.round === key);
  const error = status === 'failed' ? (tries.at(-1)?.error ?? step.error) : undefined;
  return {
    ...rest,
    status,
    tries,
    out,
    rounds: [],
    ...(itemsIn === undefined ? {} : { itemsIn }),
    ...(error === undefined ? {} : { error }),
  };
}
