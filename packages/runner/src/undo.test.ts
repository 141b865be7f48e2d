import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@plugboard/persistence';
import type { WorkflowDefinition } from '@plugboard/engine';
import { type Kit, type StartedRun, type TestProcess, openKit, until } from './test-kit.ts';
import { ofType } from './journal-check.test-kit.ts';
import { Service } from './service.test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
let deadUrl: string;
beforeAll(async () => {
  kit = await openKit();
  deadUrl = await Service.deadUrl();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const post = (id: string, type = 't/send-again', more: object = {}) => ({ id, type, params: { url: kit.service.url, body: id }, ...more });

/** pay and book, each undone by a call of its own; what comes last fails. */
function aTrip({
  cancelBooking = post('cancel-booking'),
  settings = {},
}: { cancelBooking?: ReturnType<typeof post>; settings?: object } = {}) {
  return aWorkflow(
    [post('pay'), post('book', 't/send'), { id: 'fails', type: 't/fetch', params: { url: deadUrl } }, post('pay-back'), cancelBooking],
    { edges: ['start>pay', 'pay>book', 'book>fails', 'pay:undo>pay-back', 'book:undo>cancel-booking'], settings },
  ) satisfies WorkflowDefinition;
}

/** Who called, in order. */
const calls = () => kit.service.seen.map(({ body }) => (body as { body: string }).body);

async function cancel(process: TestProcess, run: StartedRun, sourceKey: string): Promise<void> {
  await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey, kind: 'cancel', payload: { by: 'me' } });
  process.runner.wake();
}

describe('a run that does not end well undoes what it did', () => {
  test('the newest first, each with what its step gave and under a key of its own', async () => {
    const process = await kit.process();
    const run = process.start(aTrip(), [{ n: 7 }]);
    await kit.reaches(run.id, 'failed');
    expect(calls()).toEqual(['pay', 'book', 'cancel-booking', 'pay-back']);
    expect(kit.service.seen.at(-1)?.body).toMatchObject({ item: { sent: { n: 7 }, answer: { ok: true } } });
    expect(new Set(kit.service.seen.map((call) => call.key)).size).toBe(4);
    expect((await run.ended).error).toMatchObject({ node: 'fails' });
  });

  test('through a kill in the middle: what is undone stays so, and the rest follows', async () => {
    const first = await kit.process();
    kit.service.answer = ({ body }) => ((body as { body: string }).body === 'pay-back' ? 'hang' : { status: 200 });
    const run = first.start(aTrip(), [{ n: 7 }]);
    await until(() => calls().includes('pay-back'));
    first.kill();
    kit.service.answer = () => ({ status: 200 });
    const second = await kit.process();
    await second.recover();
    const events = await kit.reaches(run.id, 'failed');
    expect(calls()).toEqual(['pay', 'book', 'cancel-booking', 'pay-back', 'pay-back']);
    // The same key, so that whoever is paid back is paid back once.
    expect(kit.service.seen.at(-1)?.key).toBe(kit.service.seen.at(-2)?.key);
    expect(ofType(events, 'run.ended')).toHaveLength(1);
  });

  test('a crash at any commit repeats no finished write, of the run or of what undoes it', async () => {
    for (let crashAt = 1; crashAt <= 6; crashAt += 1) {
      await kit.reset();
      let commits = 0;
      let isOver = false;
      const first = await kit.process({
        onCommitted: (record) => {
          commits += 1;
          isOver ||= record.end !== undefined;
          if (commits === crashAt) first.kill();
        },
      });
      const trip = aTrip();
      const run = first.start({
        ...trip,
        nodes: trip.nodes.map((node) => (node.id === 'book' ? { ...node, type: 't/send-again' } : node)),
      });
      await until(() => commits === crashAt || isOver);
      const second = await kit.process();
      await second.recover();
      await kit.reaches(run.id, 'failed');
      const keys = kit.service.seen.map((call) => call.key);
      expect(new Set(keys).size).toBe(4);
      expect(keys.length).toBeLessThanOrEqual(5);
    }
  });

  test('when it is cancelled: what is stopped with the run is not what undoes it', async () => {
    const process = await kit.process();
    const trip = aWorkflow([post('pay'), { id: 'slow', type: 't/slow', params: { gate: 'never' } }, post('pay-back')], {
      edges: ['start>pay', 'pay>slow', 'pay:undo>pay-back'],
    });
    const run = process.start(trip);
    await until(() => kit.gates.waiting.includes('never'));
    await cancel(process, run, 'first');
    await kit.reaches(run.id, 'cancelled');
    expect(calls()).toEqual(['pay', 'pay-back']);
  });

  test('until somebody cancels it a second time', async () => {
    const process = await kit.process();
    const slowly = { id: 'cancel-booking', type: 't/slow', params: { gate: 'undoing' } };
    const run = process.start(aTrip({ cancelBooking: slowly as never }));
    await until(() => kit.gates.waiting.includes('undoing'));
    await cancel(process, run, 'second');
    await kit.reaches(run.id, 'failed');
    expect(calls()).toEqual(['pay', 'book']);
    expect((await run.ended).error?.message).toContain('Somebody stopped it.');
  });

  test('within a time limit of its own', async () => {
    const process = await kit.process();
    const slowly = { id: 'cancel-booking', type: 't/slow', params: { gate: 'late' } };
    const run = process.start(aTrip({ cancelBooking: slowly as never, settings: { timeoutMs: 1_000_000, undoTimeoutMs: 60_000 } }));
    await until(() => kit.gates.waiting.includes('late'));
    process.clock.advance(59_000);
    expect(process.runner.activeRuns).toBe(1);
    process.clock.advance(2000);
    await kit.reaches(run.id, 'failed');
    expect((await run.ended).error?.message).toContain('longer than its limit of 60 s');
  });

  test('after it ran out of time', async () => {
    const process = await kit.process();
    const trip = aWorkflow([post('pay'), { id: 'slow', type: 't/slow', params: { gate: 'long' } }, post('pay-back')], {
      edges: ['start>pay', 'pay>slow', 'pay:undo>pay-back'],
      settings: { timeoutMs: 60_000 },
    });
    const run = process.start(trip);
    await until(() => kit.gates.waiting.includes('long'));
    process.clock.advance(61_000);
    await kit.reaches(run.id, 'timed_out');
    expect(calls()).toEqual(['pay', 'pay-back']);
  });

  test('and asks a person where that may have happened: it waits out of memory', async () => {
    const first = await kit.process();
    kit.service.answer = ({ body }) => ((body as { body: string }).body === 'cancel-booking' ? 'cut' : { status: 200 });
    const run = first.start(aTrip({ cancelBooking: post('cancel-booking', 't/send') }));
    expect(await run.suspended).toBe('unknown_effect');
    expect(first.runner.activeRuns).toBe(0);
    first.kill();
    const second = await kit.process();
    await second.recover();
    const payload = { by: 'me', node: 'cancel-booking', i: 0, decision: 'done' };
    await second.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'decided', kind: 'resolve', payload });
    second.runner.wake();
    await kit.reaches(run.id, 'failed');
    expect(calls()).toEqual(['pay', 'book', 'cancel-booking', 'pay-back']);
  });

  test('and tries again what may be tried again', async () => {
    const process = await kit.process();
    let tries = 0;
    kit.service.answer = ({ body }) => {
      if ((body as { body: string }).body !== 'cancel-booking') return { status: 200 };
      tries += 1;
      return { status: tries === 1 ? 503 : 200 };
    };
    const retry = { maxAttempts: 2, firstDelayMs: 1000, jitter: 'none' };
    const run = process.start(aTrip({ cancelBooking: post('cancel-booking', 't/send-again', { retry }) }));
    await until(() => {
      process.clock.advance(100);
      return calls().at(-1) === 'pay-back';
    });
    await kit.reaches(run.id, 'failed');
    expect((await run.ended).error?.message).not.toContain('undone');
  });
});
