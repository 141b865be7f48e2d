import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { snapshot } from '../../test/invariants.ts';
import { type TestRun, aDefinition, aRun, failed, findType, ok, someItems } from '../../test/run-kit.ts';
import { type Plan, compilePlan } from '../plan/plan.ts';
import { outstanding } from './decide.ts';
import { fold } from './fold.ts';
import { outputFault } from './output-fault.ts';
import { runOutput } from './output.ts';
import { newRun } from './state.ts';

const OUTPUTS: JsonObject = { gross: { type: 'number', required: true }, note: { type: 'text' }, rest: { type: 'any', required: true } };

/** start > a > b, and c beside them: b and c are the last steps. */
const plan = (outputs: JsonObject = OUTPUTS, onError: 'fail' | 'continue' = 'fail'): Plan =>
  compilePlan(
    {
      ...aDefinition(
        { start: 'trigger', a: 'write', b: { type: 'pure', onError }, c: 'pure', back: 'write' },
        'start>a a>b start>c a.undo>back',
      ),
      outputs,
    },
    findType,
  );

const good = { gross: 1, rest: null };

function gives(run: TestRun, node: string, ...items: JsonObject[]): void {
  run.finish(node, { main: { items: items.map((json) => ({ json })) } });
}

/** All steps are through, and the last ones gave these items. */
function aRunThatGave(b: readonly JsonObject[], c: readonly JsonObject[], of = plan()): TestRun {
  const run = aRun(of, 1);
  run.begin('a', 0);
  run.settle('a', ok(0));
  gives(run, 'c', ...c);
  gives(run, 'b', ...b);
  return run;
}

describe('a run of a workflow that declares its outputs', () => {
  test('succeeds when each item of the last steps has what is declared, and more; null is nothing there', () => {
    const run = aRunThatGave([good, { ...good, note: 'fine', more: [] }], [{ ...good, note: null }]);
    expect(run.commands).toEqual([{ type: 'check-output' }]);
    expect(run.end().state).toMatchObject({ status: 'succeeded', error: undefined });
    expect(runOutput(run.state)).toHaveLength(3);
  });

  test('succeeds with no items, for nothing of them is wrong', () => {
    expect(aRunThatGave([], []).end().state.status).toBe('succeeded');
  });

  test('fails with everything that does not fit, by step, item and field', () => {
    const run = aRunThatGave([good, { gross: '1', note: 5, rest: 0 }], [{ gross: null }]);
    const error = outputFault(run.state).next().value;
    expect(error).toMatchObject({ code: 'OUTPUT_INVALID', kind: 'input' });
    for (const said of [
      '"gross" has to be a number and is text in item 1 of "b"',
      '"note" has to be text and is a number in item 1 of "b"',
      '"gross" is missing in item 0 of "c"',
      '"rest" is missing in item 0 of "c"',
      'Change the steps, or the "outputs" of the workflow.',
    ])
      expect(error?.message).toContain(said);
  });

  test('says at most twenty of them, and how many more there are', () => {
    const run = aRunThatGave(
      Array.from({ length: 300 }, () => ({ rest: 1 })),
      [good],
    );
    run.end();
    expect(run.state.stop?.error?.message.match(/is missing/g)).toHaveLength(20);
    expect(run.state.stop?.error?.message).toContain('; and 280 more.');
  });

  test('counts items that stand for failures: where something is required, their steps have to have it', () => {
    const run = aRun(plan({ gross: { type: 'number', required: true } }, 'continue'), 1);
    run.begin('a', 0);
    run.settle('a', ok(0));
    gives(run, 'c', good);
    run.settle('b', failed(0));
    expect(outputFault(run.state).next().value?.message).toContain('"gross" is missing in item 0 of "b"');
  });

  test('is undone like any other that failed, and then ends with the reason', () => {
    const run = aRunThatGave([{}], [good]);
    run.end();
    expect(run.runs).toEqual(['back']);
    run.begin('back', 0);
    run.settle('back', ok(0));
    expect(run.end().state).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } });
    expect(run.replayed()).toEqual(snapshot(run.state));
  });

  test('is checked again after a crash in between, and not any more once somebody has cancelled it', () => {
    const run = aRunThatGave([{}], [good]);
    expect(run.recover()).toEqual([{ type: 'check-output' }]);
    run.throughSnapshot();
    expect(outstanding(run.state)).toEqual([{ type: 'check-output' }]);
    run.cancel();
    expect(run.runs).toEqual(['back']);
    run.begin('back', 0);
    expect(run.settle('back', ok(0))).toEqual([{ type: 'end-run', status: 'cancelled' }]);
  });

  test('comes to the same end when its events are read again, whatever is declared by then', () => {
    const run = aRunThatGave([good], [good]).end();
    const state = newRun(plan({ other: { type: 'text', required: true } }));
    for (const event of run.events) fold(state, event);
    expect(state.status).toBe('succeeded');
  });

  test('says where its check may be put aside, and one without declared outputs is not checked', () => {
    const run = aRunThatGave(
      Array.from({ length: 1000 }, () => good),
      [good],
    );
    let pauses = 0;
    for (const work = outputFault(run.state); !work.next().done;) pauses += 1;
    expect(pauses).toBe(15);
    const plain = aRun(compilePlan(aDefinition({ start: 'trigger' }, ''), findType), { main: { items: someItems(1) } });
    expect(plain.commands).toEqual([{ type: 'end-run', status: 'succeeded' }]);
  });
});
