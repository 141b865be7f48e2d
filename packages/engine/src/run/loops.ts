/**
 * Rounds of a loop: each is a scope of its own, with steps of the body. A round that is over hands its items to the loop and is forgotten,
 * so a loop of many rounds takes no more memory than those under way and the items they gave.
 */
import { DONE_PORT } from '../plan/loops.ts';
import type { PlanLoop } from '../plan/plan.ts';
import type { Batch, Lineage, Outputs } from './events.ts';
import { ancestorOfRound } from './lineage.ts';
import { EMPTY_INPUT, type LoopState, type RunState, type Scope, type StepInput, type StepState, inputItems, newScope } from './state.ts';
import { isFinal, setPhase } from './steps.ts';

/** What a loop does when a round is over: begins others, ends, or asks its type what comes next. */
export type AfterRound =
  | { readonly kind: 'rounds'; readonly rounds: readonly Scope[] }
  | { readonly kind: 'done'; readonly outputs: Outputs }
  | { readonly kind: 'ask'; readonly input: StepInput };

/** The first rounds of a loop over its items. */
export function beginItemRounds(run: RunState, loop: PlanLoop, step: StepState): readonly Scope[] {
  step.loop = newLoop();
  return fill(run, loop, step, step.loop);
}

/** One round with these items. */
export function beginRound(run: RunState, loop: PlanLoop, step: StepState, entry: Batch): Scope {
  const state = (step.loop ??= newLoop());
  const round = newScope(run.plan, loop.body, [...step.scope.path, state.begun], step, entry);
  state.rounds.set(state.begun, round);
  state.begun += 1;
  return round;
}

/** Takes in a round that is over. */
export function takeRound(run: RunState, loop: PlanLoop, round: Scope): AfterRound {
  const step = round.of;
  const state = step?.loop;
  if (!step || !state) return { kind: 'rounds', rounds: [] };
  const number = round.path.at(-1) ?? 0;
  const result = resultOf(run, loop, round);
  state.rounds.delete(number);
  if (loop.mode === 'items') {
    state.results.set(number, result);
    const rounds = fill(run, loop, step, state);
    if (state.rounds.size > 0) return { kind: 'rounds', rounds };
    return { kind: 'done', outputs: { [DONE_PORT]: joined(state) } };
  }
  if (state.broken) return { kind: 'done', outputs: { [DONE_PORT]: result } };
  const [edge] = loop.back;
  return {
    kind: 'ask',
    input:
      edge && result.items.length > 0
        ? { parts: [{ edge: edge.index, batch: result, offset: 0 }], count: result.items.length }
        : EMPTY_INPUT,
  };
}

/** No further round of the loop around this step begins, and nothing further of its own round. */
export function breakLoop(run: RunState, { scope }: StepState): void {
  const state = scope.of?.loop;
  if (!state) return;
  state.broken = true;
  for (const step of scope.steps) {
    if (!step || isFinal(step.phase) || (step.phase !== 'blocked' && step.phase !== 'ready')) continue;
    step.skip = 'not_reached';
    setPhase(run, step, 'skipped');
  }
}

/** A loop over items that goes on after rounds of an earlier run: the next rounds, or what it gives when none is left. */
export function goOnWithRounds(
  run: RunState,
  loop: PlanLoop,
  step: StepState,
  { ended, last }: { readonly ended: readonly (readonly [number, Batch])[]; readonly last?: readonly number[] },
): { readonly rounds: readonly Scope[] } | { readonly outputs: Outputs } {
  const state = newLoop();
  step.loop = state;
  for (const [number, batch] of ended) state.results.set(number, batch);
  const rounds = last ? last.map((number) => beginNumbered(run, loop, step, state, number)) : fill(run, loop, step, state);
  state.broken = last !== undefined;
  return rounds.length > 0 ? { rounds } : { outputs: { [DONE_PORT]: joined(state) } };
}

/** A loop that decides before each round, so many rounds on. */
export function loopAfter(begun: number): LoopState {
  return { ...newLoop(), begun };
}

function newLoop(): LoopState {
  return { begun: 0, rounds: new Map(), results: new Map(), broken: false };
}

/** Begins rounds until as many are under way as may be, or no items are left. */
function fill(run: RunState, loop: PlanLoop, step: StepState, state: LoopState): Scope[] {
  const items = inputItems(step.input ?? EMPTY_INPUT);
  const total = Math.ceil(items.length / loop.batchSize);
  const rounds: Scope[] = [];
  while (!state.broken && state.begun < total && state.rounds.size < loop.concurrency) {
    if (state.results.has(state.begun)) {
      state.begun += 1;
      continue;
    }
    rounds.push(beginNumbered(run, loop, step, state, state.begun, items));
  }
  return rounds;
}

/** The round that the items of this number make. */
function beginNumbered(
  run: RunState,
  loop: PlanLoop,
  step: StepState,
  state: LoopState,
  number: number,
  items = inputItems(step.input ?? EMPTY_INPUT),
): Scope {
  const at = number * loop.batchSize;
  const part = items.slice(at, at + loop.batchSize);
  state.begun = number;
  return beginRound(run, loop, step, { items: part, from: part.map((_, n) => at + n) });
}

/** The items that came back from a round, in edge order, with the items of the loop's input they descend from. */
function resultOf(run: RunState, loop: PlanLoop, round: Scope): Batch {
  const items: Batch['items'][number][] = [];
  const from: (number | readonly number[])[] = [];
  const whole = Array.isArray(round.entry?.from) ? (round.entry.from as readonly number[]) : [];
  const add = (source: StepState, batch: Batch | undefined): void => {
    batch?.items.forEach((item, n) => {
      items.push(item);
      from.push(whole.length === 1 ? (whole[0] ?? 0) : (ancestorOfRound(run, source, batch, n) ?? whole));
    });
  };
  for (const edge of loop.back) {
    if (round.edges[edge.index] !== 'items') continue;
    const source = round.steps[edge.from];
    if (source) add(source, source.outputs?.[edge.port]);
    // An edge from the body port straight back hands the round's items over as they are.
    else if (round.entry) {
      items.push(...round.entry.items);
      from.push(...whole);
    }
  }
  // What a break hands over counts like what comes back.
  for (const step of round.steps) {
    if (step && run.plan.nodes[step.index]?.breaks && step.phase === 'succeeded')
      for (const port in step.outputs) add(step, step.outputs[port]);
  }
  return { items, from };
}

/** Items of all rounds in the order of their rounds, whatever the order in which these ended. */
function joined({ results }: LoopState): Batch {
  const items: Batch['items'][number][] = [];
  const from: Lineage[number][] = [];
  for (const number of [...results.keys()].sort((a, b) => a - b)) {
    const batch = results.get(number);
    batch?.items.forEach((item, n) => {
      items.push(item);
      from.push(batch.from?.[n] ?? []);
    });
  }
  return { items, from };
}
