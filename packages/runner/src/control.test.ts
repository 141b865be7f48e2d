import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@plugboard/persistence';
import { type Kit, type StartedRun, type TestProcess, openKit, until } from './test-kit.ts';
import { ofType } from './journal-check.test-kit.ts';
import { Service } from './service.test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const send = (more: object = {}) => ({ id: 'send', type: 't/send', params: { url: kit.service.url }, ...more });
let sources = 0;

async function put(process: TestProcess, run: StartedRun, kind: string, payload: unknown): Promise<void> {
  sources += 1;
  await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: `s${sources}`, kind, payload });
  process.runner.wake();
}
const cancel = (process: TestProcess, run: StartedRun) => put(process, run, 'cancel', { by: 'me' });

/** A run that waits for a person: its only call may have happened. */
async function asking(process: TestProcess, items: readonly { n: number }[] = [{ n: 0 }]): Promise<StartedRun> {
  kit.service.answer = () => 'cut';
  const run = process.start(aWorkflow([send(), { id: 'after', type: 't/pass' }]), items);
  await run.suspended;
  kit.service.answer = () => ({ status: 200 });
  return run;
}

describe('rule 15: the inbox', () => {
  test('a run that left memory comes back for its row, and the row counts once', async () => {
    const process = await kit.process();
    const run = await asking(process);
    expect(process.runner.activeRuns).toBe(0);
    await put(process, run, 'resolve', { by: 'me', node: 'send', i: 0, decision: 'retry' });
    for (let n = 0; n < 20; n += 1) {
      process.runner.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'unknown.resolved')).toHaveLength(1);
    expect(new Set(kit.service.seen.map((call) => call.key)).size).toBe(1);
    expect(kit.service.seen).toHaveLength(2);
    expect(await kit.inboxRows(run.id)).toBe(0);
    expect(process.runner.activeRuns).toBe(0);
  });

  test('`done` takes the output a person gives, `fail` fails the item', async () => {
    const process = await kit.process();
    const done = await asking(process);
    await put(process, done, 'resolve', { by: 'me', node: 'send', i: 0, decision: 'done', output: { json: { told: true } } });
    const events = await kit.reaches(done.id, 'succeeded');
    expect(ofType(events, 'step.finished').at(-1)?.outputs['main']?.items).toEqual([{ json: { told: true } }]);
    const failing = await asking(process);
    await put(process, failing, 'resolve', { by: 'me', node: 'send', i: 0, decision: 'fail' });
    await kit.reaches(failing.id, 'failed');
  });

  test('a decision about one of two items keeps the run waiting, out of memory', async () => {
    const process = await kit.process();
    const run = await asking(process, [{ n: 0 }, { n: 1 }]);
    await put(process, run, 'resolve', { by: 'me', node: 'send', i: 0, decision: 'done' });
    await until(async () => (await kit.inboxRows(run.id)) === 0 && process.runner.activeRuns === 0);
    await kit.reaches(run.id, 'waiting');
    await put(process, run, 'resolve', { by: 'me', node: 'send', i: 1, decision: 'done' });
    await kit.reaches(run.id, 'succeeded');
  });

  test('what was decided in the meantime reaches a run whose process died', async () => {
    const first = await kit.process();
    const run = await asking(first);
    first.kill();
    const second = await kit.process();
    await put(second, run, 'resolve', { by: 'me', node: 'send', i: 0, decision: 'retry' });
    await second.recover();
    second.runner.wake();
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'unknown.resolved')).toHaveLength(1);
    expect(second.runner.activeRuns).toBe(0);
  });

  test('a row nobody understands stays where it is and harms no other', async () => {
    const process = await kit.process();
    const [odd, other] = [await asking(process), await asking(process)];
    await put(process, odd, 'resolve', null);
    await put(process, odd, 'resolve', { by: 'me', node: 'nowhere', i: 0, decision: 'retry' });
    await put(process, odd, 'resolve', { by: 'me', node: 'send', i: 99, decision: 'retry' });
    await put(process, odd, 'something-new', {});
    await put(process, other, 'resolve', { by: 'me', node: 'send', i: 0, decision: 'done' });
    await kit.reaches(other.id, 'succeeded');
    await until(() => process.runner.activeRuns === 0);
    await kit.reaches(odd.id, 'waiting');
    expect(await kit.inboxRows(odd.id)).toBe(4);
    await cancel(process, odd);
    await kit.reaches(odd.id, 'cancelled');
  });

  test('a database that is away while the inbox is read harms nothing', async () => {
    const process = await kit.process();
    const run = await asking(process);
    const rejections: unknown[] = [];
    const onRejection = (error: unknown): void => void rejections.push(error);
    globalThis.process.on('unhandledRejection', onRejection);
    await kit.database.query('alter table run_inbox rename to run_inbox_away');
    process.runner.wake();
    await until(() => process.logged.some((line) => line.message.startsWith('the inbox of runs could not be read')));
    await kit.database.query('alter table run_inbox_away rename to run_inbox');
    globalThis.process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
    await cancel(process, run);
    await kit.reaches(run.id, 'cancelled');
  });
});

describe('rule 16: control', () => {
  test('a run that waits for its place is cancelled without having begun, and the place goes on', async () => {
    const process = await kit.process({ perWorkspace: 1 });
    const working = process.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'held' } }]), [{}], { begin: 'dispatched' });
    const held = process.start(aWorkflow([send()]), [{}], { begin: 'dispatched' });
    const next = process.start(aWorkflow([{ id: 'a', type: 't/pass' }]), [{}], { begin: 'dispatched' });
    await Promise.all([held.accepted, next.accepted]);
    await cancel(process, held);
    expect((await held.ended).status).toBe('cancelled');
    kit.gates.open('held');
    expect((await working.ended).status).toBe('succeeded');
    expect((await next.ended).status).toBe('succeeded');
    expect(kit.service.seen).toEqual([]);
    expect([process.dispatcher.running, process.dispatcher.waiting]).toEqual([0, 0]);
    for (const run of [working, next]) await kit.reaches(run.id, 'succeeded');
    await kit.reaches(held.id, 'cancelled');
  });

  test('a run in back-off is cancelled at once and leaves no timer', async () => {
    kit.service.answer = () => ({ status: 503 });
    const process = await kit.process();
    const run = process.start(aWorkflow([{ ...send({ retry: { maxAttempts: 3, firstDelayMs: 60_000 } }), type: 't/send-again' }]));
    await until(async () => {
      process.clock.advance(30);
      return ofType(await kit.events(run.id), 'retry.scheduled').length === 1;
    });
    await cancel(process, run);
    expect((await run.ended).status).toBe('cancelled');
    process.clock.advance(200_000);
    expect(kit.service.seen).toHaveLength(1);
    expect(process.clock.timers).toBeLessThanOrEqual(1);
    await kit.reaches(run.id, 'cancelled');
  });

  test('a run between two flushes is cancelled, and its read is aborted', async () => {
    const process = await kit.process();
    const run = process.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'cancel-read' } }, send()]));
    process.clock.advance(100);
    await run.accepted;
    await cancel(process, run);
    expect((await run.ended).status).toBe('cancelled');
    await kit.reaches(run.id, 'cancelled');
    expect(kit.service.seen).toEqual([]);
  });

  test('a write in flight settles after a cancel; what had not started never does', async () => {
    const answer = Promise.withResolvers<void>();
    kit.service.answer = async () => {
      await answer.promise;
      return { status: 200 };
    };
    const process = await kit.process();
    const run = process.start(aWorkflow([send({ concurrency: 1 })]), [{ n: 0 }, { n: 1 }]);
    await until(() => kit.service.seen.length === 1);
    await cancel(process, run);
    await until(async () => ofType(await kit.events(run.id), 'cancel.requested').length === 1);
    process.clock.advance(4999);
    answer.resolve();
    expect((await run.ended).status).toBe('cancelled');
    const events = await kit.reaches(run.id, 'cancelled');
    expect(ofType(events, 'items.settled').flatMap((event) => event.outcomes)).toMatchObject([{ i: 0, ok: [{}] }]);
    expect(kit.service.seen).toHaveLength(1);
  });

  test('a write that does not settle within the grace is unknown', async () => {
    kit.service.answer = () => 'hang';
    const process = await kit.process();
    const run = process.start(aWorkflow([send()]));
    await until(() => kit.service.seen.length === 1);
    await cancel(process, run);
    await until(async () => ofType(await kit.events(run.id), 'cancel.requested').length === 1);
    process.clock.advance(5000);
    expect((await run.ended).status).toBe('cancelled');
    const events = await kit.reaches(run.id, 'cancelled');
    expect(ofType(events, 'items.settled').flatMap((event) => event.outcomes)).toMatchObject([{ i: 0, unknown: true }]);
  });

  test('a failure stops other branches; results that come too late change nothing', async () => {
    const dead = await Service.deadUrl();
    const process = await kit.process();
    const run = process.start(
      aWorkflow(
        [
          { id: 'slow', type: 't/slow', params: { gate: 'late' } },
          { id: 'held', type: 't/stubborn', params: { gate: 'late-write' } },
          { id: 'bad', type: 't/send', params: { url: dead } },
        ],
        { edges: ['start>slow', 'start>held', 'start>bad'] },
      ),
    );
    await until(() => kit.gates.waiting.includes('late-write'));
    await until(async () => {
      process.clock.advance(30);
      return ofType(await kit.events(run.id), 'items.settled').length > 0;
    });
    kit.gates.open('late');
    kit.gates.open('late-write');
    const ended = await run.ended;
    expect([ended.status, ended.error?.node]).toEqual(['failed', 'bad']);
    await kit.reaches(run.id, 'failed');
    expect(process.runner.activeRuns).toBe(0);
  });

  test('of a cancel and the end of the run the first in the journal wins', async () => {
    const process = await kit.process();
    const run = process.start(aWorkflow([{ id: 'a', type: 't/pass' }]));
    await run.ended;
    await cancel(process, run);
    await kit.reaches(run.id, 'succeeded');
    expect(await kit.inboxRows(run.id)).toBe(1);
  });

  test('nothing of a run that moved to another process acts again', async () => {
    const first = await kit.process();
    const run = first.start(
      aWorkflow([
        { id: 'slow', type: 't/slow', params: { gate: 'moved' } },
        { ...send(), type: 't/send-again' },
      ]),
    );
    first.clock.advance(100);
    await run.accepted;
    const second = await kit.process();
    expect(await second.recover()).toBe(1);
    await until(() => kit.gates.waiting.filter((gate) => gate === 'moved').length === 2);
    kit.gates.open('moved');
    expect(await run.lost).toBe('RUN_MOVED');
    await kit.reaches(run.id, 'succeeded');
    first.clock.advance(100_000);
    expect(kit.service.seen).toHaveLength(1);
    expect(first.runner.activeRuns).toBe(0);
  });
});
