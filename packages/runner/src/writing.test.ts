import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Kit, openKit, until } from './test-kit.ts';
import { ofType } from './journal-check.test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

describe('writing', () => {
  test('a run of pure steps is one record, and its items keep their order', async () => {
    const records: number[] = [];
    const process = await kit.process({ onAppend: (record) => void records.push(record.toSeq - record.fromSeq) });
    const run = process.start(
      aWorkflow([
        { id: 'a', type: 't/pass' },
        { id: 'b', type: 't/odd' },
      ]),
      Array.from({ length: 50 }, (_, n) => ({ n })),
    );
    const ended = await run.ended;
    expect(ended.output.map((one) => one.json['n'])).toEqual(Array.from({ length: 25 }, (_, n) => n * 2 + 1));
    expect(records).toEqual([4]);
    expect(run.told).toEqual(['accepted', 'ended succeeded']);
    expect(process.runner.activeRuns).toBe(0);
    await kit.reaches(run.id, 'succeeded');
  });

  test('rule 4: a write acts only after its own start and everything before it are durable', async () => {
    const seenAtCall: string[][] = [];
    kit.service.answer = async () => {
      seenAtCall.push((await kit.events(run.id)).map((event) => event.type));
      return { status: 200 };
    };
    const process = await kit.process();
    const run = process.start(
      aWorkflow([
        { id: 'a', type: 't/pass' },
        { id: 'send', type: 't/send', params: { url: kit.service.url } },
        { id: 'b', type: 't/pass' },
        { id: 'again', type: 't/send', params: { url: kit.service.url } },
      ]),
    );
    await run.ended;
    const first = ['run.started', 'step.finished', 'items.started'];
    expect(seenAtCall).toEqual([first, [...first, 'items.settled', 'step.finished', 'items.started']]);
    await kit.reaches(run.id, 'succeeded');
  });

  test('rule 4: while the commit is missing nothing is sent, replied or told', async () => {
    const process = await kit.process({ onAppend: () => false });
    const calls = process.start(aWorkflow([{ id: 'send', type: 't/send', params: { url: kit.service.url } }]));
    const replies = process.start(aWorkflow([{ id: 'respond', type: 't/respond' }]));
    const pure = process.start(aWorkflow([{ id: 'shout', type: 't/shout' }]));
    const dispatched = process.start(aWorkflow([{ id: 'a', type: 't/pass' }]), [{}], { begin: 'dispatched' });
    process.clock.advance(10_000);
    // Another process commits meanwhile: whatever could have left would have.
    await (await kit.process()).start(aWorkflow([{ id: 'a', type: 't/pass' }])).ended;
    expect(kit.service.seen).toEqual([]);
    for (const run of [calls, replies, pure, dispatched]) expect(run.told).toEqual([]);
    process.kill();
  });

  test('rule 4: a barrier waits for large payloads before it, and for those only', async () => {
    const storing = Promise.withResolvers<void>();
    let isStoring = false;
    const blobs = {
      get: kit.blobs.get.bind(kit.blobs),
      async put(workspace: string, text: string) {
        isStoring = true;
        await storing.promise;
        return kit.blobs.put(workspace, text);
      },
    };
    const process = await kit.process({ blobs });
    const run = process.start(
      aWorkflow([
        { id: 'big', type: 't/big', params: { size: 100_000 } },
        { id: 'odd', type: 't/pass' },
        { id: 'send', type: 't/send', params: { url: kit.service.url } },
      ]),
    );
    const small = process.start(aWorkflow([{ id: 'send', type: 't/send', params: { url: kit.service.url } }]));
    await small.ended;
    process.clock.advance(5000);
    expect(isStoring).toBe(true);
    expect([kit.service.seen.length, run.told]).toEqual([1, []]);
    storing.resolve();
    await run.ended;
    expect(run.told).toEqual(['accepted', 'ended succeeded']);
    await kit.reaches(run.id, 'succeeded');
  });

  test('rule 4: a reply leaves after the commit, also from a step that is declared pure', async () => {
    for (const type of ['t/respond', 't/shout']) {
      const process = await kit.process();
      const run = process.start(aWorkflow([{ id: 'x', type }]), [{ hello: 'you' }]);
      await run.ended;
      expect(run.replies).toEqual([{ status: 200, headers: {}, body: { hello: 'you' }, raw: false }]);
      expect(run.told).toEqual(['accepted', 'reply', 'ended succeeded']);
      await kit.reaches(run.id, 'succeeded');
    }
  });

  test('rule 5: a run alive for 50 ms is in the database before it ends', async () => {
    const process = await kit.process();
    const run = process.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'rule-5' } }]));
    expect(await kit.find(run.id)).toBeUndefined();
    process.clock.advance(49);
    process.clock.advance(26);
    await run.accepted;
    await kit.reaches(run.id, 'running');
    kit.gates.open('rule-5');
    expect((await run.ended).status).toBe('succeeded');
    await kit.reaches(run.id, 'succeeded');
  });

  test('rule 5: a dispatched run is acknowledged once it is stored, and begins in the order of acceptance', async () => {
    const process = await kit.process({ perWorkspace: 1 });
    const definition = aWorkflow([{ id: 'send', type: 't/send', params: { url: kit.service.url } }]);
    const runs = Array.from({ length: 5 }, (_, n) => process.start(definition, [{ n }], { begin: 'dispatched' }));
    await Promise.all(runs.map((run) => run.ended));
    expect(kit.service.seen.map((call) => (call.body as { item: { n: number } }).item.n)).toEqual([0, 1, 2, 3, 4]);
    for (const run of runs) {
      expect(run.told).toEqual(['accepted', 'ended succeeded']);
      await kit.reaches(run.id, 'succeeded');
    }
    expect([process.dispatcher.running, process.dispatcher.waiting]).toEqual([0, 0]);
  });

  test('rule 6: large outputs leave the journal and are read back', async () => {
    const process = await kit.process();
    const run = process.start(
      aWorkflow([
        { id: 'big', type: 't/big', params: { size: 300_000 } },
        { id: 'send', type: 't/send', params: { url: kit.service.url } },
      ]),
    );
    await run.ended;
    const stored = await kit.find(run.id);
    expect(stored?.chunks.join('').length).toBeLessThan(150_000);
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'step.finished')[0]?.outputs['main']?.items[0]?.json['text']).toBe('ä'.repeat(300_000));
  });

  test('rule 6: no record is larger than 256 KB, and a long run is split in order', async () => {
    const sizes: number[] = [];
    const states: string[] = [];
    const process = await kit.process({
      onAppend(record) {
        sizes.push(Buffer.byteLength(record.bytes));
        states.push(record.status);
      },
    });
    const nodes = Array.from({ length: 12 }, (_, n) => ({ id: `big${n}`, type: 't/big', params: { size: 30_000 } }));
    const run = process.start(aWorkflow(nodes));
    await run.ended;
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
    // Nobody sees the end of the run before its last events are stored.
    expect(states).toEqual([...sizes.slice(1).map(() => 'running'), 'succeeded']);
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'step.finished').map((event) => event.node)).toEqual(
      nodes.map((node) => node.id),
    );
  });

  test('rule 6: a runner that is full refuses new runs only', async () => {
    const process = await kit.process({ limits: { maxActiveRuns: 1 } });
    expect(process.runner.accepting).toBe(true);
    const run = process.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'full' } }]));
    expect(process.runner.accepting).toBe(false);
    expect(process.runner.retryAfterMs).toBeGreaterThanOrEqual(1000);
    kit.gates.open('full');
    await run.ended;
    expect(process.runner.accepting).toBe(true);
  });

  test('rule 3: a payload that has no room on the disk keeps its run and closes intake until it is stored, however long that takes', async () => {
    let isFull = true;
    let tries = 0;
    const blobs = {
      get: kit.blobs.get.bind(kit.blobs),
      put: (workspace: string, text: string) => {
        tries += 1;
        return isFull ? Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })) : kit.blobs.put(workspace, text);
      },
    };
    const process = await kit.process({ blobs });
    const run = process.start(aWorkflow([{ id: 'big', type: 't/big', params: { size: 100_000 } }]));
    await until(() => process.runner.refusal === 'payloads');
    expect(process.runner.accepting).toBe(false);
    // Hours of a full disk.
    await until(() => {
      process.clock.advance(60_000);
      return tries > 30;
    });
    expect(run.told).toEqual([]);
    expect(process.logged.filter(({ level }) => level === 'warn')).toHaveLength(1);
    isFull = false;
    await until(() => {
      process.clock.advance(5000);
      return process.runner.accepting;
    });
    expect((await run.ended).status).toBe('succeeded');
    await kit.reaches(run.id, 'succeeded');
  });

  test('a payload the store refuses for a reason of its own fails its run at once', async () => {
    const blobs = { get: kit.blobs.get.bind(kit.blobs), put: () => Promise.reject(new Error('not storable')) };
    const process = await kit.process({ blobs });
    const run = process.start(aWorkflow([{ id: 'big', type: 't/big', params: { size: 100_000 } }]));
    expect(await run.lost).toBe('JOURNAL_REFUSED');
    expect((await kit.find(run.id))?.status).toBe('failed');
    expect(process.runner.activeRuns).toBe(0);
    expect(process.runner.accepting).toBe(true);
  });

  test('rule 8: no run is taken while the lease does not hold', async () => {
    const process = await kit.process();
    expect(process.runner.refusal).toBeUndefined();
    process.leaseHolds = false;
    expect([process.runner.accepting, process.runner.refusal]).toEqual([false, 'lease']);
  });

  test('a record the database refuses ends its run with one that it takes, after a recovery too', async () => {
    const definition = aWorkflow([
      { id: 'send', type: 't/send-again', params: { url: kit.service.url } },
      { id: 'slow', type: 't/slow', params: { gate: 'refused' } },
    ]);
    const first = await kit.process();
    const run = first.start(definition);
    first.clock.advance(100);
    await until(() => kit.gates.waiting.includes('refused'));
    first.clock.advance(100);
    await until(async () => (await kit.events(run.id)).some((event) => event.type === 'step.started'));
    first.kill();

    // What is refused is a record whose bytes are more than the database takes.
    const second = await kit.process({
      onAppend: (record) => {
        if (record.end?.status === 'succeeded') Object.assign(record, { bytes: `[${'1,'.repeat(600_000)}1]` });
      },
    });
    expect(await second.recover()).toBe(1);
    kit.gates.open('refused');
    await until(async () => (await kit.find(run.id))?.status === 'failed');
    expect((await kit.find(run.id))?.errorCode).toBe('JOURNAL_REFUSED');
    await kit.reaches(run.id, 'failed');
    expect(second.runner.activeRuns).toBe(0);
  });

  test('a step that gives more items than allowed fails', async () => {
    const process = await kit.process({ limits: { maxItemsPerStep: 10 } });
    const run = process.start(aWorkflow([{ id: 'many', type: 't/many', params: { count: 6 } }]), [{ n: 0 }, { n: 1 }]);
    expect((await run.ended).error?.code).toBe('TOO_MANY_ITEMS');
    await kit.reaches(run.id, 'failed');
  });

  test('a read over thousands of items tells what it has in between, and keeps their order', async () => {
    const process = await kit.process();
    kit.service.answer = (_, n) => {
      if (n === 300) process.clock.advance(1500);
      return { status: 200 };
    };
    const run = process.start(
      aWorkflow([
        { id: 'get', type: 't/fetch', params: { url: kit.service.url }, concurrency: 20 },
        { id: 'a', type: 't/pass' },
      ]),
      Array.from({ length: 600 }, (_, n) => ({ n })),
    );
    expect((await run.ended).output).toHaveLength(600);
    const settled = ofType(await kit.reaches(run.id, 'succeeded'), 'items.settled');
    expect(settled.length).toBeGreaterThan(1);
    expect(settled.flatMap((event) => event.outcomes.map((outcome) => outcome.i)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 600 }, (_, n) => n),
    );
  });

  test('a workflow without the trigger starts nothing and leaves nothing behind', async () => {
    const process = await kit.process();
    expect(() => process.start(aWorkflow([]), [{}], { trigger: 'nowhere' })).toThrow(/no trigger nowhere/);
    expect(process.runner.activeRuns).toBe(0);
  });

  test('an item that cannot be stored as JSON starts nothing', async () => {
    const process = await kit.process();
    expect(() => process.start(aWorkflow([]), [{ n: 1n as unknown as number }])).toThrow(TypeError);
    expect(process.runner.activeRuns).toBe(0);
  });

  test('a listener that throws harms neither its run nor those of the same commit', async () => {
    const process = await kit.process({
      onTold(what) {
        throw new Error(`heard ${what}`);
      },
    });
    const runs = Array.from({ length: 3 }, () => process.start(aWorkflow([{ id: 'a', type: 't/pass' }]), [{}], { begin: 'dispatched' }));
    await Promise.all(runs.map((run) => run.ended));
    for (const run of runs) {
      expect(run.told).toEqual(['accepted', 'ended succeeded']);
      await kit.reaches(run.id, 'succeeded');
    }
    expect([process.dispatcher.running, process.runner.activeRuns]).toEqual([0, 0]);
    expect(process.logged.filter((line) => line.level === 'error')).toHaveLength(6);
  });
});
