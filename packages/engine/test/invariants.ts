/** What holds for the state of any run after any event. */
import { type RunState, UNIT } from '../src/run/state.ts';
import { allSteps, everyStep } from '../src/run/steps.ts';
import { isStopped } from '../src/run/stop.ts';
import { RUN_STATUS } from '../src/run/status.ts';

const FINAL = new Set(['succeeded', 'failed', 'skipped', 'cancelled']);

/** Everything about the state but the plan, as values that can be compared. */
export function snapshot(run: RunState): unknown {
  const { plan: _, ...rest } = run;
  return structuredClone(rest);
}

/** Says what does not fit; empty when all does. */
export function brokenInvariants(run: RunState): string[] {
  const problems: string[] = [];
  const check = (holds: boolean, text: string): void => {
    if (!holds) problems.push(text);
  };
  const steps = [...everyStep(run)];
  check(Object.hasOwn(RUN_STATUS, run.status), `status ${run.status}`);
  check(run.ended === RUN_STATUS[run.status] >= RUN_STATUS.succeeded, `ended ${run.ended} as ${run.status}`);
  check(run.status !== 'paused' || (run.paused && run.running === 0), 'paused while something is under way');
  check((run.status === 'waiting') === (run.waitingFor !== undefined), `waiting for ${run.waitingFor} as ${run.status}`);
  check(run.running === steps.filter((step) => step.phase === 'active' || step.phase === 'stopping').length, 'count of running steps');
  check(run.running <= run.plan.maxParallelSteps, 'more steps than allowed');
  for (const scope of new Set(steps.map((step) => step.scope)))
    check(
      scope.open === steps.filter((step) => step.scope === scope && !FINAL.has(step.phase)).length,
      `count of open steps in ${scope.path.join('.')}`,
    );
  check(run.stop !== undefined || run.overRounds.length === 0, 'a round that is over was forgotten');
  check(!run.undo || run.stop !== undefined, 'undoes a run that goes on');
  // A loop of a branch is stopped at once, and writes of its rounds settle.
  check(
    !run.undo?.current || run.undo.current.open > 0 || (run.undo.isBroken && run.running > 0),
    'an undo branch that is over is not left',
  );
  check(!run.undo?.current || [...allSteps(run.root)].every((step) => FINAL.has(step.phase)), 'undoes before everything else is over');
  check(new Set(run.changed).size === run.changed.length, 'a step changed twice');
  for (const step of steps) {
    const node = run.plan.nodes[step.index];
    if (!node) continue;
    const { edges } = step.scope;
    const at = `${[node.id, ...step.scope.path].join('.')} (${step.phase})`;
    if (step.phase === 'ready') check(run.readyQueue.includes(step), `${at} is not in the queue`);
    if (!run.stop || (step.scope === run.undo?.current && !isStopped(run))) {
      const states = node.incoming.map((edge) => edges[edge.index]);
      check(step.unresolved === states.filter((state) => state === 'pending').length, `${at} unresolved`);
      if (step.phase === 'blocked' && node.incoming.length > 0) check(step.unresolved > 0 || run.seq === 0, `${at} hangs`);
    }
    if (step.phase === 'skipped') check(step.skip !== undefined && step.outputs === undefined, `${at} without reason`);
    check((step.phase === 'waiting') === (step.held !== undefined), `${at} holds ${step.held?.wait.id}`);
    if (step.phase === 'succeeded' && run.seq > 0) check(step.outputs !== undefined, `${at} without outputs`);
    check(step.phase !== 'looping' || run.stop !== undefined || (step.loop?.rounds.size ?? 0) > 0, `${at} without rounds`);
    check((step.loop?.rounds.size ?? 0) === 0 || step.phase === 'looping' || run.stop !== undefined, `${at} with rounds`);
    const { units } = step;
    if (!units) continue;
    const count = (...which: number[]): number => units.states.filter((state) => which.includes(state)).length;
    check(units.open === units.states.length - count(UNIT.ok, UNIT.failed), `${at} open units`);
    check(units.inFlight === count(UNIT.started), `${at} units in flight`);
    check(units.again === count(UNIT.again), `${at} units again`);
    check(units.asking === count(UNIT.asking), `${at} asking units`);
    check(units.firstFailed === -1 || units.states[units.firstFailed] === UNIT.failed, `${at} first failure`);
    if (step.phase === 'retry' || step.phase === 'backoff') check(units.again > 0 || units.open > 0, `${at} has nothing to try again`);
    if (step.phase === 'asking') check(units.asking > 0, `${at} has no question`);
    if (step.phase === 'stopping') check(units.inFlight > 0, `${at} waits for nothing`);
    if (FINAL.has(step.phase)) check(units.inFlight === 0, `${at} has ended with writes in flight`);
    if (step.phase === 'ready') check(count(UNIT.idle) > 0, `${at} has nothing to do`);
  }
  return problems;
}
