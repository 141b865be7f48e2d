import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brokenInvariants, snapshot } from '../../test/invariants.ts';
import { Dice, aRandomGraph } from '../../test/random-graph.ts';
import { TestRun, type TestEvent, aBatch, anError, someItems } from '../../test/run-kit.ts';
import { SimulatedRunner } from '../../test/simulated-runner.ts';
import { ImpossibleEventError } from './fold.ts';
import type { RunStatusName } from './status.ts';

/** Thousands of runs in one test: on a machine that is busy they take their time. */
const LONG_MS = 180_000;

const game = fc.record({
  seed: fc.integer(),
  size: fc.integer({ min: 1, max: 25 }),
  items: fc.integer({ min: 0, max: 5 }),
  undoes: fc.boolean(),
});

describe('any graph, any results in any order, crashes and cancels at any moment', () => {
  test(
    'S1-033: every run ends once, starts each node only after all before it have ended, never repeats what is done or unsafe, undoes each step at most once, and its journal gives the same state',
    () => {
      let undone = 0;
      fc.assert(
        fc.property(game, ({ seed, size, items, undoes }) => {
          const dice = new Dice(seed);
          const runner = new SimulatedRunner(aRandomGraph(dice, size, undoes), dice);
          const hasEnded = runner.play(items);
          expect(runner.complaints).toEqual([]);
          expect({ hasEnded, phases: hasEnded ? {} : runner.run.phases }).toEqual({ hasEnded: true, phases: {} });
          expect(runner.run.replayed()).toEqual(snapshot(runner.run.state));
          undone += runner.undone;
        }),
        { numRuns: 2000, examples: [[{ seed: 343284900, size: 5, items: 3, undoes: true }]] },
      );
      expect(undone).toBeGreaterThan(300);
    },
    LONG_MS,
  );

  test(
    'a run that goes on from one that failed repeats nothing of it that succeeded, and nothing unasked that may have happened',
    () => {
      let carried = 0;
      let goneOn = 0;
      fc.assert(
        fc.property(game, ({ seed, size, items, undoes }) => {
          const dice = new Dice(seed);
          const plan = aRandomGraph(dice, size, undoes);
          const old = new SimulatedRunner(plan, dice);
          // One that has undone what it did is not gone on from.
          if (!old.play(items) || old.run.state.status === 'succeeded' || old.run.state.undo) return;
          const next = new SimulatedRunner(plan, dice);
          const hasEnded = next.playOn(old);
          goneOn += 1;
          carried += next.run.events.filter((event) => event.type.endsWith('.carried')).length;
          expect(next.complaints).toEqual([]);
          expect({ hasEnded, phases: hasEnded ? {} : next.run.phases }).toEqual({ hasEnded: true, phases: {} });
          expect(next.run.replayed()).toEqual(snapshot(next.run.state));
        }),
        { numRuns: 1500 },
      );
      expect(goneOn).toBeGreaterThan(200);
      expect(carried).toBeGreaterThan(goneOn);
    },
    LONG_MS,
  );

  test(
    'of a million random events one that makes no sense is refused and changes nothing; all others keep the state in order',
    () => {
      let refused = 0;
      let taken = 0;
      fc.assert(
        fc.property(game, ({ seed, size, items, undoes }) => {
          const dice = new Dice(seed);
          const run = new TestRun(aRandomGraph(dice, size, undoes));
          for (let n = 0; n < 150; n += 1) {
            const event =
              n === 0 || dice.once(100)
                ? {
                    type: 'run.started' as const,
                    semantics: 1,
                    trigger: 'start',
                    outputs: { main: { items: someItems(items) } },
                    ...(dice.once(3) ? { gated: true as const } : {}),
                  }
                : anyEvent(dice, run);
            try {
              run.take(event);
            } catch (error) {
              if (!(error instanceof ImpossibleEventError)) throw error;
              refused += 1;
              continue;
            }
            taken += 1;
            const problems = brokenInvariants(run.state);
            if (problems.length > 0) expect({ after: event, problems }).toEqual({ after: event, problems: [] });
          }
          // Only accepted events are on the list: had a refused one changed anything, the states would differ.
          expect(run.replayed()).toEqual(snapshot(run.state));
        }),
        { numRuns: 7000, examples: [[{ seed: -1411992228, size: 20, items: 2, undoes: false }]] },
      );
      expect(refused + taken).toBeGreaterThan(1_000_000);
      expect(Math.min(refused, taken)).toBeGreaterThan(10_000);
    },
    LONG_MS,
  );
});

/** An event that may or may not fit. */
function anyEvent(dice: Dice, run: TestRun): TestEvent {
  const node = dice.once(50) ? 'nobody' : dice.pick(run.state.plan.nodes).id;
  const attempt = 1 + dice.roll(3);
  const i = dice.once(20) ? dice.pick([-1, 0.5, 99]) : dice.roll(4);
  const { loops } = run.state.plan.byId.get(node) ?? { loops: [] };
  const path = dice.once(100) ? { path: [1] } : loops.length > 0 ? { path: loops.map(() => dice.roll(3)) } : {};
  switch (dice.roll(17)) {
    case 0:
      return { type: 'step.started', node, attempt, ...path };
    case 1:
    case 2:
    case 3:
      return {
        type: 'step.finished',
        node,
        startedAt: run.at,
        outputs: { [dice.pick(['main', 'body', 'done'])]: aBatch(dice.roll(3), node) },
        ...path,
      };
    case 4:
      return {
        type: 'step.failed',
        node,
        attempt,
        error: anError(dice.once(2) ? { kind: 'timeout' } : {}),
        ...(dice.once(2) ? { unknown: true } : {}),
        ...path,
      };
    case 5:
    case 6:
      return {
        type: 'items.started',
        node,
        items: [{ i, attempt, params: {} }, ...(dice.once(3) ? [{ i: dice.roll(4), attempt }] : [])],
        ...path,
      };
    case 7:
    case 8:
      return {
        type: 'items.settled',
        node,
        outcomes: dice.once(2)
          ? [{ i, ok: [{ item: { json: {} } }] }]
          : [{ i, error: anError({ kind: 'timeout' }), ...(dice.once(2) ? { unknown: true as const } : {}) }],
        ...path,
      };
    case 9:
      return { type: 'retry.scheduled', node, attempt, dueAt: run.at, ...path };
    case 10:
      return { type: 'retry.due', node, attempt, ...path };
    case 11:
      return { type: 'unknown.resolved', node, i, decision: dice.pick(['retry', 'done', 'fail'] as const), by: 'ada', ...path };
    case 12:
      return { type: 'run.recovered', fence: 2 };
    case 13:
      return {
        type: 'step.waiting',
        node,
        attempt,
        startedAt: run.at,
        wait: { id: `${node}.${attempt}`, kind: 'timer', dueAt: run.at, ...(dice.once(2) ? { short: true } : {}) },
        outputs: { main: aBatch(dice.roll(3), node) },
        ...path,
      };
    case 15:
      if (dice.once(3)) return dice.once(2) ? { type: 'run.joined', items: someItems(2) } : { type: 'run.admitted' };
      return dice.once(2) ? { type: 'pause.requested', by: 'ada' } : { type: 'run.resumed', by: 'ada' };
    case 14:
      return { type: 'wait.over', node, wait: `${node}.${attempt}`, ...path };
    default:
      if (!dice.once(10)) return { type: 'run.recovered', fence: 3 };
      if (dice.once(3)) return { type: 'cancel.requested', by: 'ada' };
      if (dice.once(3)) return { type: 'run.timed_out', activeMs: 1 };
      if (dice.once(3)) return { type: 'run.broken', error: anError() };
      return { type: 'run.ended', status: dice.pick<RunStatusName>(['succeeded', 'failed', 'running', 'waiting']), activeMs: 1 };
  }
}
