/** What holds for every journal, whatever happened to its run. */
import { strict as assert } from 'node:assert';
import { type RunEvent, type RunState, type RunStatusName, UNIT, findStep, fold, newRun } from '@plugboard/engine';
import type { LoadedPlan } from './index.ts';

/** What every journal keeps to, whatever happened to its run. Gives the state it folds to. */
export function checkJournal(events: readonly RunEvent[], { plan }: LoadedPlan, status: RunStatusName): RunState {
  assert.equal(events[0]?.type, 'run.started', 'a run starts with its start');
  const ends = events.flatMap((event, at) => (event.type === 'run.ended' ? [at] : []));
  assert.ok(ends.length <= 1, 'a run ends at most once');
  if (ends.length > 0) assert.equal(ends[0], events.length - 1, 'nothing comes after the end');
  const state = newRun(plan);
  for (const event of events) {
    if (event.type === 'items.settled') {
      const node = plan.byId.get(event.node);
      const units = node && findStep(state, node, event.path)?.units;
      for (const outcome of event.outcomes) {
        // An item whose parameters cannot be evaluated fails without having started.
        if (node?.effects !== 'write' || ('error' in outcome && !outcome.unknown)) continue;
        const before = units?.states[outcome.i];
        assert.ok(before === UNIT.started || before === UNIT.asking, `item ${outcome.i} of ${event.node} was started before it ended`);
      }
    }
    fold(state, event);
  }
  // A run that has not begun is pending; its journal does not know that.
  assert.equal(
    state.status === 'running' && status === 'pending' ? 'pending' : state.status,
    status,
    'the journal gives the stored status',
  );
  return state;
}

export function ofType<T extends RunEvent['type']>(events: readonly RunEvent[], type: T): Extract<RunEvent, { type: T }>[] {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
}
