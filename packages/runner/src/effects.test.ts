import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PluginHost } from '@plugboard/engine';
import { uuidv7 } from '@plugboard/persistence';
import { type Kit, openKit, until } from './test-kit.ts';
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
const sendAgain = (more: object = {}) => ({ ...send(), type: 't/send-again', ...more });
const items = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const bodies = () => kit.service.seen.map((call) => (call.body as { item: { n: number } }).item.n);

describe('rule 8: the lease', () => {
  test('nothing is sent while the lease does not hold, and it is sent once ownership is proven anew', async () => {
    const process = await kit.process();
    process.leaseHolds = false;
    const run = process.start(aWorkflow([send()]));
    await until(() => process.leaseLooks > 0);
    process.clock.advance(5000);
    // The committed start is followed by no call.
    expect(kit.service.seen).toEqual([]);
    process.leaseHolds = true;
    await until(() => {
      process.clock.advance(50);
      return kit.service.seen.length === 1;
    });
    await run.ended;
    const events = await kit.reaches(run.id, 'succeeded');
    expect(events.map((event) => event.type)).toEqual(['run.started', 'items.started', 'step.started', 'items.settled', 'run.ended']);
  });

  test('a process that lost the run while its lease did not hold never sends', async () => {
    const first = await kit.process();
    first.leaseHolds = false;
    const run = first.start(aWorkflow([sendAgain()]));
    await until(() => first.leaseLooks > 0);
    const second = await kit.process();
    expect(await second.recover()).toBe(1);
    await until(async () => (await kit.find(run.id))?.status === 'succeeded');
    first.leaseHolds = true;
    await until(() => {
      first.clock.advance(50);
      return run.told.includes('lost RUN_MOVED');
    });
    expect(kit.service.seen).toHaveLength(1);
    expect(first.runner.activeRuns).toBe(0);
    await kit.reaches(run.id, 'succeeded');
  });
});

describe('rule 12: the item is the unit of a write', () => {
  test('a run cancelled between the start of an item and its call sends nothing', async () => {
    const process = await kit.process();
    process.leaseHolds = false;
    const run = process.start(aWorkflow([send()]), items(2));
    await until(() => process.leaseLooks > 0);
    await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'me' } });
    process.runner.wake();
    await until(async () => ofType(await kit.events(run.id), 'cancel.requested').length === 1);
    process.leaseHolds = true;
    process.clock.advance(50);
    expect((await run.ended).status).toBe('cancelled');
    const outcomes = ofType(await kit.reaches(run.id, 'cancelled'), 'items.settled').flatMap((event) => event.outcomes);
    expect(outcomes).toMatchObject([{ error: { code: 'STEP_STOPPED' } }, { error: { code: 'STEP_STOPPED' } }]);
    expect(kit.service.seen).toEqual([]);
  });

  test('a read too is retried only for the items that failed, and its outputs keep their order', async () => {
    const failing = new Set([1, 4]);
    kit.service.answer = (_, n) => ({ status: failing.delete(n) ? 503 : 200 });
    const process = await kit.process();
    const node = { id: 'get', type: 't/fetch', params: { url: kit.service.url }, concurrency: 1 };
    const definition = aWorkflow([
      { ...node, retry: { maxAttempts: 2, firstDelayMs: 100, jitter: 'none' } },
      { id: 'a', type: 't/pass' },
    ]);
    const run = process.start(definition, items(6));
    await until(() => {
      process.clock.advance(50);
      return process.runner.activeRuns === 0;
    });
    expect(kit.service.seen).toHaveLength(8);
    const [first, second] = ofType(await kit.reaches(run.id, 'succeeded'), 'items.settled').filter((event) => event.node === 'get');
    expect(first?.outcomes.map((outcome) => 'ok' in outcome)).toEqual([true, false, true, true, false, true]);
    expect(second?.outcomes.map((outcome) => outcome.i)).toEqual([1, 4]);
  });

  test('a window of `concurrency` items shares one barrier', async () => {
    const process = await kit.process();
    const run = process.start(aWorkflow([send({ concurrency: 4 })]), items(10));
    await run.ended;
    const windows = ofType(await kit.reaches(run.id, 'succeeded'), 'items.started').map((event) => event.items.map((one) => one.i));
    expect(windows).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });

  test('retries cover only items without success', async () => {
    const failing = new Set([1, 3]);
    kit.service.answer = ({ body }) => ({ status: failing.delete((body as { item: { n: number } }).item.n) ? 429 : 200 });
    const process = await kit.process();
    const run = process.start(aWorkflow([send({ retry: { maxAttempts: 2, firstDelayMs: 100, jitter: 'none' } })]), items(5));
    await until(() => {
      process.clock.advance(50);
      return kit.service.seen.length === 7;
    });
    expect((await run.ended).output).toHaveLength(5);
    expect(bodies().toSorted((a, b) => a - b)).toEqual([0, 1, 1, 2, 3, 3, 4]);
    await kit.reaches(run.id, 'succeeded');
  });

  test('after a crash only items that had not started run, and finished ones never again', async () => {
    kit.service.answer = (_, n) => (n < 4 ? { status: 200 } : 'hang');
    const first = await kit.process();
    const run = first.start(aWorkflow([sendAgain({ concurrency: 2 })]), items(8));
    await until(() => kit.service.seen.length === 6);
    first.kill();
    kit.service.answer = () => ({ status: 200 });
    const second = await kit.process();
    await second.recover();
    const events = await kit.reaches(run.id, 'succeeded');
    // 4 and 5 were in flight: again with the same key. The others once.
    expect(bodies().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 4, 5, 5, 6, 7]);
    for (const n of [4, 5]) {
      const keys = kit.service.seen.filter((call) => (call.body as { item: { n: number } }).item.n === n).map((call) => call.key);
      expect(new Set(keys).size).toBe(1);
    }
    expect(ofType(events, 'run.recovered')).toHaveLength(1);
  });

  test('a batch with a result per item fails, retries and keeps parameters per item', async () => {
    let fail = true;
    kit.service.answer = ({ body }) => ({ status: fail && (body as { n: number }).n === 2 ? 503 : 200 });
    const process = await kit.process();
    const run = process.start(
      aWorkflow([
        {
          id: 'bulk',
          type: 't/bulk',
          params: { url: kit.service.url, note: '={{ $now }}', label: '={{ "item " + $json.n }}' },
          concurrency: 2,
          retry: { maxAttempts: 3, firstDelayMs: 1000, jitter: 'none' },
        },
      ]),
      items(5),
    );
    await until(async () => {
      process.clock.advance(10);
      return (await kit.events(run.id)).some((event) => event.type === 'retry.scheduled');
    });
    fail = false;
    process.clock.advance(1000);
    await run.ended;
    const seen = kit.service.seen.map((call) => call.body as { n: number; note: string; label: string });
    expect(seen.map((body) => body.n)).toEqual([0, 1, 2, 3, 4, 2]);
    expect(seen.map((body) => body.label)).toEqual(seen.map((body) => `item ${body.n}`));
    expect(new Set(seen.map((body) => body.note)).size).toBe(1);
    await kit.reaches(run.id, 'succeeded');
  });
});

describe('rule 13: the idempotency key', () => {
  test('differs by run, node and item, and is equal across attempts', async () => {
    let failures = 4;
    kit.service.answer = () => ({ status: failures-- > 0 ? 503 : 200 });
    const process = await kit.process();
    const retry = { maxAttempts: 3, firstDelayMs: 100, jitter: 'none' };
    const definition = aWorkflow([sendAgain({ retry }), sendAgain({ id: 'more', retry })]);
    const runs = [process.start(definition, items(2)), process.start(definition, items(2))];
    await until(() => {
      process.clock.advance(100);
      return process.runner.activeRuns === 0;
    });
    for (const run of runs) await kit.reaches(run.id, 'succeeded');
    expect(kit.service.seen).toHaveLength(12);
    expect(new Set(kit.service.seen.map((call) => call.key)).size).toBe(8);
  });

  test('parameters of a write are evaluated once, stored with its start, and reused after a crash', async () => {
    kit.service.answer = () => 'hang';
    const node = sendAgain({ params: { url: kit.service.url, body: '={{ $now }}' } });
    const first = await kit.process();
    const run = first.start(aWorkflow([node]));
    await until(() => kit.service.seen.length === 1);
    first.kill();
    kit.service.answer = () => ({ status: 200 });
    const second = await kit.process();
    second.clock.advance(60_000);
    await second.recover();
    await until(() => kit.service.seen.length === 2);
    const [before, after] = kit.service.seen;
    expect(after).toEqual(before);
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'items.started').map((event) => 'params' in (event.items[0] ?? {}))).toEqual([true, false]);
  });
});

describe('rule 14: three outcomes', () => {
  test('a refused connection is repeated even where repeating is not safe', async () => {
    const dead = await Service.deadUrl();
    const process = await kit.process();
    const run = process.start(aWorkflow([send({ params: { url: dead }, retry: { maxAttempts: 2, firstDelayMs: 10, jitter: 'none' } })]));
    await until(() => {
      process.clock.advance(50);
      return process.runner.activeRuns === 0;
    });
    expect((await run.ended).status).toBe('failed');
    expect(ofType(await kit.reaches(run.id, 'failed'), 'items.started')).toHaveLength(2);
  });

  test('a lost answer is unknown: a type that is not safe to repeat asks, and the run leaves memory', async () => {
    kit.service.answer = () => 'cut';
    const process = await kit.process();
    const run = process.start(aWorkflow([send({ retry: { maxAttempts: 5, firstDelayMs: 10, jitter: 'none' } })]));
    expect(await run.suspended).toBe('unknown_effect');
    expect(process.runner.activeRuns).toBe(0);
    expect(kit.service.seen).toHaveLength(1);
    await kit.reaches(run.id, 'waiting');
    expect((await kit.live(run.id))?.waiting).toBe(5);
  });

  test('a write in flight at a crash asks where repeating is not safe, and is shown as waiting', async () => {
    kit.service.answer = () => 'hang';
    const first = await kit.process();
    const run = first.start(aWorkflow([send()]));
    await until(() => kit.service.seen.length === 1);
    first.kill();
    const second = await kit.process();
    await second.recover();
    await kit.reaches(run.id, 'waiting');
    await until(() => second.runner.activeRuns === 0);
    expect(kit.service.seen).toHaveLength(1);
    expect([second.dispatcher.running, second.dispatcher.waiting]).toEqual([0, 0]);
  });

  test('a host that throws fails the step instead of leaving the run hanging', async () => {
    const throwing = (): PluginHost => ({
      call() {
        throw new Error('the host broke');
      },
      drain: () => Promise.resolve(),
    });
    const process = await kit.process({ host: throwing });
    for (const type of ['t/pass', 't/send-again']) {
      const run = process.start(aWorkflow([{ id: 'x', type, params: type === 't/pass' ? {} : { url: kit.service.url } }]));
      // A write that was started may have happened: it is tried again with its key, and then fails.
      await until(() => {
        process.clock.advance(60_000);
        return process.runner.activeRuns === 0;
      });
      expect((await run.ended).error?.code).toBe('RUNNER_FAILED');
      await kit.reaches(run.id, 'failed');
    }
    expect(process.logged.some((line) => line.level === 'error')).toBe(true);
  });
});

describe('rule 18: delays', () => {
  test('a service that asks for a pause gets it, to the millisecond', async () => {
    kit.service.answer = (_, n) => (n === 0 ? { status: 429, headers: { 'retry-after': '7' } } : { status: 200 });
    const process = await kit.process();
    const run = process.start(aWorkflow([sendAgain({ retry: { maxAttempts: 2, firstDelayMs: 10, jitter: 'full' } })]));
    await until(() => kit.service.seen.length === 1);
    let dueAt = 0;
    await until(async () => {
      process.clock.advance(10);
      dueAt = ofType(await kit.events(run.id), 'retry.scheduled')[0]?.dueAt ?? 0;
      return dueAt > 0;
    });
    const [scheduled] = ofType(await kit.events(run.id), 'retry.scheduled');
    expect((scheduled?.dueAt ?? 0) - (scheduled?.at ?? 0)).toBe(7000);
    process.clock.advance(dueAt - process.clock.now() - 1);
    expect(ofType(await kit.events(run.id), 'retry.due')).toEqual([]);
    process.clock.advance(1);
    expect((await run.ended).status).toBe('succeeded');
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'retry.due')[0]?.at).toBe(dueAt);
  });

  test('S2-018: active time counts attempts only, and the limit of a run ends it', async () => {
    const process = await kit.process();
    const retried = process.start(aWorkflow([sendAgain({ retry: { maxAttempts: 2, firstDelayMs: 10_000, jitter: 'none' } })]));
    let answers = 0;
    kit.service.answer = () => ({ status: answers++ === 0 ? 503 : 200 });
    await until(() => kit.service.seen.length === 1);
    await until(async () => {
      process.clock.advance(25);
      return (await kit.events(retried.id)).some((event) => event.type === 'retry.scheduled');
    });
    process.clock.advance(10_000);
    await retried.ended;
    const events = await kit.reaches(retried.id, 'succeeded');
    expect(ofType(events, 'run.ended')[0]?.activeMs).toBeLessThan(10_000);

    const long = process.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'never' } }], { settings: { timeoutMs: 2000 } }));
    process.clock.advance(2000);
    expect((await long.ended).status).toBe('timed_out');
    expect(ofType(await kit.reaches(long.id, 'timed_out'), 'run.ended')[0]).toMatchObject({
      activeMs: 2000,
      error: { code: 'RUN_TIMEOUT' },
    });
    // What is left is the pause between two looks around, which may be over just now.
    expect(process.clock.timers).toBeLessThanOrEqual(1);
  });
});
