import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@plugboard/persistence';
import { type Kit, openKit, until } from './test-kit.ts';
import { ofType } from './journal-check.test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const sendAgain = (more: object = {}) => ({ id: 'send', type: 't/send-again', params: { url: kit.service.url }, ...more });
const slow = (gate: string) => ({ id: 'slow', type: 't/slow', params: { gate } });

describe('rule 7: recovery folds, then does what is outstanding', () => {
  test('an accepted run that had not begun is pending, and runs in the next process', async () => {
    const first = await kit.process({ perWorkspace: 1 });
    const blocker = first.start(aWorkflow([slow('pending')]), [{}], { begin: 'dispatched' });
    const run = first.start(aWorkflow([sendAgain()]), [{ n: 1 }], { begin: 'dispatched' });
    await Promise.all([blocker.accepted, run.accepted]);
    expect((await kit.find(run.id))?.status).toBe('pending');
    first.kill();
    kit.gates.open('pending');
    const second = await kit.process();
    expect(await second.recover()).toBe(2);
    await kit.reaches(run.id, 'succeeded');
    await kit.reaches(blocker.id, 'succeeded');
    expect(kit.service.seen).toHaveLength(1);
  });

  test('a run with spilled events goes on with its large items', async () => {
    const first = await kit.process();
    const run = first.start(
      aWorkflow([{ id: 'big', type: 't/big', params: { size: 200_000 } }, sendAgain(), slow('spilled'), { id: 'last', type: 't/pass' }]),
    );
    await until(() => kit.gates.waiting.includes('spilled'));
    first.kill();
    kit.gates.open('spilled');
    const second = await kit.process();
    await second.recover();
    const events = await kit.reaches(run.id, 'succeeded');
    const sent = ofType(events, 'step.finished').at(-1)?.outputs['main']?.items[0]?.json['sent'] as { text: string };
    expect(sent.text).toHaveLength(200_000);
    expect(kit.service.seen).toHaveLength(2 - (ofType(events, 'items.started').length === 1 ? 1 : 0));
  });

  test('a run in back-off keeps its instant; one that is past is tried at once', async () => {
    kit.service.answer = (_, n) => ({ status: n === 0 ? 503 : 200 });
    const first = await kit.process();
    const run = first.start(aWorkflow([sendAgain({ retry: { maxAttempts: 2, firstDelayMs: 30_000, jitter: 'none' } })]));
    await until(async () => {
      first.clock.advance(10);
      return ofType(await kit.events(run.id), 'retry.scheduled').length === 1;
    });
    const dueAt = ofType(await kit.events(run.id), 'retry.scheduled')[0]?.dueAt ?? 0;
    first.kill();
    const second = await kit.process();
    await second.recover();
    await until(async () => ofType(await kit.events(run.id), 'run.recovered').length === 1);
    second.kill();
    const third = await kit.process();
    third.clock.advance(dueAt - third.clock.now() + 1000);
    await third.recover();
    await until(() => {
      third.clock.advance(1);
      return kit.service.seen.length === 2;
    });
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'retry.scheduled')).toHaveLength(1);
    expect(ofType(events, 'run.recovered').map((event) => event.fence)).toEqual([2, 3]);
  });

  test('a run that was stopping ends as it was to end', async () => {
    kit.service.answer = () => 'hang';
    const first = await kit.process();
    const run = first.start(aWorkflow([sendAgain()]));
    await until(() => kit.service.seen.length === 1);
    await first.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'me' } });
    first.runner.wake();
    await until(async () => ofType(await kit.events(run.id), 'cancel.requested').length === 1);
    first.kill();
    const second = await kit.process();
    await second.recover();
    const events = await kit.reaches(run.id, 'cancelled');
    expect(ofType(events, 'run.ended')).toHaveLength(1);
    expect(kit.service.seen).toHaveLength(1);
  });

  test('a draft run goes on from the definition in its journal', async () => {
    const definition = aWorkflow([sendAgain(), slow('draft')]);
    const first = await kit.process();
    const run = first.start(definition, [{}], { begin: 'dispatched', definition });
    await until(() => kit.gates.waiting.includes('draft'));
    first.kill();
    kit.gates.open('draft');
    // No version has it.
    kit.planFault = Object.assign(new Error('no version'), { code: 'VERSION_MISSING' });
    const second = await kit.process();
    await second.recover();
    await kit.reaches(run.id, 'succeeded');
  });

  test('a crash at any commit leaves a run the next process finishes, each call with one key', async () => {
    const nodes = [sendAgain({ id: 's1' }), { id: 'a', type: 't/pass' }, sendAgain({ id: 's2' }), sendAgain({ id: 's3' })];
    for (let crashAt = 1; crashAt <= 5; crashAt += 1) {
      kit.service.seen.length = 0;
      let commits = 0;
      const first = await kit.process({ onCommitted: () => void (++commits === crashAt && first.kill()) });
      const run = first.start(aWorkflow(nodes), [{ n: 0 }], { begin: 'dispatched' });
      await until(() => commits === crashAt);
      const second = await kit.process();
      await second.recover();
      await kit.reaches(run.id, 'succeeded');
      const keys = kit.service.seen.map((call) => call.key);
      expect(new Set(keys).size).toBe(3);
      expect(keys.length).toBeLessThanOrEqual(4);
    }
  });

  test('many runs survive process after process, and no finished call is repeated', async () => {
    const nodes = ['s1', 's2', 's3'].map((id) => sendAgain({ id, concurrency: 2 }));
    const runs: string[] = [];
    const crashes = [3, 17, 40, 9, 28, 61, 5];
    for (const crashAt of crashes) {
      let commits = 0;
      const process = await kit.process({ perWorkspace: 4, onCommitted: () => void (++commits === crashAt && process.kill()) });
      for (let n = 0; n < 6; n += 1) {
        const run = process.start(aWorkflow(nodes), [{ n: 0 }, { n: 1 }, { n: 2 }], { begin: n % 2 === 0 ? 'dispatched' : 'at-once' });
        void run.accepted.then((id) => runs.push(id));
      }
      await process.recover();
      await until(() => commits >= crashAt);
    }
    const last = await kit.process();
    await last.recover();
    // A run may be stored without anybody having heard of it: it ends too.
    const stored = await kit.database.query<{ id: string }>('select id from run');
    expect(stored.map((row) => row.id)).toEqual(expect.arrayContaining(runs));
    for (const { id } of stored) await kit.reaches(id, 'succeeded');
    expect(runs.length).toBeGreaterThan(crashes.length);
    // Nine calls a run; what a crash cut off, at most the windows of the runs at work, comes again with its key.
    const calls = Map.groupBy(kit.service.seen, (call) => call.key);
    expect(calls.size).toBe(stored.length * 9);
    expect(kit.service.seen.length - calls.size).toBeLessThanOrEqual(crashes.length * 10 * 2);
  });

  test('runs are taken over once although recovery and the inbox look at the same time', async () => {
    kit.service.answer = () => 'hang';
    const first = await kit.process();
    const runs = Array.from({ length: 5 }, () => first.start(aWorkflow([sendAgain()])));
    await until(() => kit.service.seen.length === 5);
    first.kill();
    kit.service.answer = () => ({ status: 200 });
    const second = await kit.process();
    for (const run of runs) {
      await second.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'x', kind: 'signal-of-later', payload: {} });
    }
    const recovering = Promise.all([second.recover(), second.recover()]);
    for (let n = 0; n < 10; n += 1) {
      second.runner.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await recovering).reduce((sum, count) => sum + count, 0)).toBe(5);
    for (const run of runs) await kit.reaches(run.id, 'succeeded');
    expect(kit.service.seen).toHaveLength(10);
    expect(second.logged.filter((line) => line.message.startsWith('an inbox row is left')).length).toBeLessThanOrEqual(5);
  });
});

describe('rule 23: what a run needs and is not there', () => {
  const crashed = async () => {
    kit.service.answer = () => 'hang';
    const seen = kit.service.seen.length;
    const first = await kit.process();
    const run = first.start(aWorkflow([sendAgain()]));
    await until(() => kit.service.seen.length === seen + 1);
    first.kill();
    kit.service.answer = () => ({ status: 200 });
    return run;
  };

  test('a run whose version is gone for good ends with the reason', async () => {
    const run = await crashed();
    kit.planFault = Object.assign(new Error('Version 1 is not in the database'), { code: 'VERSION_MISSING' });
    const second = await kit.process();
    await second.recover();
    await kit.reaches(run.id, 'failed');
    expect(await kit.find(run.id)).toMatchObject({ errorCode: 'RUN_UNREADABLE' });
    expect(second.runner.activeRuns).toBe(0);
  });

  test('a run whose node type is not installed waits as blocked, and goes on when it is', async () => {
    const run = await crashed();
    kit.planFault = Object.assign(new Error('not installed'), { code: 'TYPE_MISSING' });
    const second = await kit.process();
    await second.recover();
    await until(async () => (await kit.live(run.id))?.waiting === 6);
    expect(second.runner.activeRuns).toBe(0);
    second.kill();
    kit.planFault = undefined;
    const third = await kit.process();
    await third.recover();
    await kit.reaches(run.id, 'succeeded');
  });

  test('a blocked run can be cancelled', async () => {
    const run = await crashed();
    kit.planFault = Object.assign(new Error('not installed'), { code: 'TYPE_MISSING' });
    const second = await kit.process();
    await second.recover();
    await until(async () => (await kit.live(run.id))?.waiting === 6);
    await second.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'me' } });
    second.runner.wake();
    await kit.reaches(run.id, 'cancelled');
    expect(await kit.inboxRows(run.id)).toBe(0);
  });

  test('rule 15: what waits for a blocked run, however much it is, keeps nothing from other runs', async () => {
    const run = await crashed();
    kit.planFault = Object.assign(new Error('not installed'), { code: 'TYPE_MISSING' });
    const second = await kit.process({ inboxLimit: 4 });
    await second.recover();
    await until(async () => (await kit.live(run.id))?.waiting === 6);
    const put = (runId: string, sourceKey: string, kind: string) =>
      second.ownership.putInbox({ runId, workspaceId: uuidv7(), sourceKey, kind, payload: { by: 'me', wait: 'w' } });
    for (let n = 0; n < 11; n += 1) await put(run.id, `s${n}`, n % 2 === 0 ? 'signal' : 'signal-of-later');
    kit.planFault = undefined;
    const other = second.start(aWorkflow([slow('beside')]), [{}], { begin: 'dispatched' });
    await other.accepted;
    await until(() => kit.gates.waiting.includes('beside'));
    await put(other.id, 'c', 'cancel');
    second.runner.wake();
    await until(async () => (await kit.inboxRows(other.id)) === 0);
    kit.gates.open('beside');
    await kit.reaches(other.id, 'cancelled');
    expect(await kit.inboxRows(run.id)).toBe(11);
  });

  test('a database that is away for a moment ends no run', async () => {
    const run = await crashed();
    kit.planFault = new Error('connection refused');
    const second = await kit.process();
    await second.recover();
    expect((await kit.find(run.id))?.status).toBe('running');
    kit.planFault = undefined;
    await until(async () => {
      second.clock.advance(1000);
      return (await kit.find(run.id))?.status === 'succeeded';
    });
    await kit.reaches(run.id, 'succeeded');
  });
});

describe('rule 20: stopping in good order', () => {
  test('what has not ended is stored and told so, and goes on in the next process', async () => {
    const first = await kit.process({ perWorkspace: 1 });
    const working = first.start(aWorkflow([slow('drain')]));
    const placed = first.start(aWorkflow([slow('drain')]), [{}], { begin: 'dispatched' });
    const held = first.start(aWorkflow([sendAgain()]), [{ text: 'x'.repeat(100_000) }], { begin: 'dispatched' });
    await placed.accepted;
    const drained = first.runner.drain(1000);
    expect(first.runner.accepting).toBe(false);
    await until(() => {
      first.clock.advance(500);
      return first.runner.activeRuns === 0;
    });
    expect(await drained).toEqual({ left: 3 });
    expect(working.told).toEqual(['accepted', 'lost SERVER_STOPPING']);
    expect(placed.told).toEqual(['accepted', 'lost SERVER_STOPPING']);
    expect(held.told).toEqual(['accepted', 'lost SERVER_STOPPING']);
    expect(kit.service.seen).toEqual([]);
    first.kill();
    kit.gates.open('drain');
    const second = await kit.process();
    expect(await second.recover()).toBe(3);
    for (const run of [working, placed, held]) await kit.reaches(run.id, 'succeeded');
  });

  test('runs that end within the grace end, and runs between two attempts are not waited for', async () => {
    kit.service.answer = () => ({ status: 503 });
    const process = await kit.process();
    const retrying = process.start(aWorkflow([sendAgain({ retry: { maxAttempts: 2, firstDelayMs: 60_000 } })]));
    const ending = process.start(aWorkflow([slow('grace')]));
    await until(async () => {
      process.clock.advance(30);
      return ofType(await kit.events(retrying.id), 'retry.scheduled').length === 1;
    });
    const drained = process.runner.drain(60_000);
    kit.gates.open('grace');
    expect(await drained).toEqual({ left: 1 });
    expect(ending.told).toEqual(['accepted', 'ended succeeded']);
    expect(retrying.told).toEqual(['accepted', 'lost SERVER_STOPPING']);
    expect((await kit.find(retrying.id))?.status).toBe('running');
  });
});
