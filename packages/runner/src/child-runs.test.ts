import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, type TestProcess, openKit, until } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const caller = (params: { each?: boolean; answer?: boolean; gate?: string } = {}, data: { onError?: 'continue'; retry?: object } = {}) =>
  aWorkflow([
    { id: 'c', type: 't/call', params: { workflow: 'Called', ...params }, ...data },
    { id: 'after', type: 't/pass' },
  ]);
const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const called = aWorkflow([{ id: 'p', type: 't/pass' }], { name: 'Called' });
/** Fails for odd items, whose address is none. */
const picky = aWorkflow([{ id: 'f', type: 't/fetch', params: { url: '={{ $json.n % 2 === 1 ? "no address" : $json.url }}' } }], {
  name: 'Called',
});
/** The door its items wait at; another one for each test, for doors stay open. */
let door = '';
beforeEach(() => {
  door = crypto.randomUUID();
});
const slow = () => aWorkflow([{ id: 's', type: 't/slow', params: { gate: door } }], { name: 'Called' });

async function outputs(id: string, node = 'after') {
  const done = ofType(await kit.events(id), 'step.finished').find((event) => event.node === node);
  return done?.outputs['main']?.items.map(({ json }) => json);
}

async function offering(definition = called, options = {}): Promise<TestProcess> {
  const process = await kit.process(options);
  process.offer(definition);
  return process;
}

describe('rule 15: a run that calls another', () => {
  test('holds no memory while it waits, and goes on with what the called run gave', async () => {
    const process = await offering(slow());
    const run = process.start(caller(), numbers(3));
    expect(await run.suspended).toBe('child');
    const [child = ''] = await kit.called(run.id);
    await until(() => kit.gates.waiting.length === 3);
    expect([await kit.live(run.id), process.runner.activeRuns]).toMatchObject([{ status: 3, waiting: 4 }, 1]);
    kit.gates.open(door);
    await kit.reaches(child, 'succeeded');
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'wait.over')).toHaveLength(1);
    expect(await outputs(run.id)).toEqual(numbers(3));
    expect(await kit.inboxRows(run.id)).toBe(0);
    expect(ofType(events, 'run.ended')[0]?.activeMs).toBeLessThan(1000);
  });

  test('is linked with it both ways, and all of one tree have one root', async () => {
    const process = await offering();
    const run = process.start(caller(), numbers(1));
    await kit.reaches(run.id, 'succeeded');
    const [child = ''] = await kit.called(run.id);
    expect((await kit.find(child))?.head).toMatchObject({ rootRunId: run.id, triggerKind: 'parent', version: 1 });
  });

  test('gets the answers of a hundred runs in the order of its items', async () => {
    const process = await offering();
    const run = process.start(caller({ each: true }), numbers(100));
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'wait.over')).toHaveLength(100);
    expect(await outputs(run.id)).toEqual(numbers(100));
    expect((await kit.called(run.id)).length).toBe(100);
  });

  test('gets much output by the store, and its inbox stays small', async () => {
    const process = await offering(aWorkflow([{ id: 'big', type: 't/big', params: { size: 200_000 } }], { name: 'Called' }));
    let rows = '';
    const run = process.start(caller(), numbers(1));
    await until(async () => {
      const found = await kit.database.query<{ payload: unknown }>('select payload from run_inbox where run_id = $1', [run.id]);
      if (found.length > 0) rows = JSON.stringify(found);
      return (await kit.find(run.id))?.status === 'succeeded';
    });
    expect(rows.length).toBeLessThan(1000);
    expect((await outputs(run.id))?.[0]?.['text']).toHaveLength(200_000);
  });

  test('takes the answers in that come while it is paused, and goes on with them when it is resumed', async () => {
    const process = await offering(slow());
    const run = process.start(caller({ each: true }), numbers(3));
    await run.suspended;
    await until(() => kit.gates.waiting.length === 3);
    const ask = (kind: 'pause' | 'resume') =>
      process.ownership.putInbox({ runId: run.id, workspaceId: crypto.randomUUID(), sourceKey: kind, kind, payload: { by: 'ada' } });
    await ask('pause');
    process.runner.wake();
    await until(async () => ofType(await kit.events(run.id), 'pause.requested').length > 0);
    kit.gates.open(door);
    for (const id of await kit.called(run.id)) await kit.reaches(id, 'succeeded');
    await until(async () => {
      process.runner.wake();
      return ofType(await kit.events(run.id), 'wait.over').length === 3;
    });
    expect(await kit.live(run.id)).toMatchObject({ status: 2 });
    await ask('resume');
    process.runner.wake();
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'wait.over')).toHaveLength(3);
    expect(await outputs(run.id)).toEqual(numbers(3));
  });

  test('that waits for nobody goes on at once, and what it called outlives it', async () => {
    const process = await offering(slow());
    const run = process.start(caller({ answer: false }), numbers(1));
    await kit.reaches(run.id, 'succeeded');
    const [child = ''] = await kit.called(run.id);
    expect(await kit.live(child)).toBeDefined();
    kit.gates.open(door);
    await kit.reaches(child, 'succeeded');
    expect(await kit.inboxRows(run.id)).toBe(0);
  });

  test('fails with the called run, naming it, or hands the failed items on', async () => {
    kit.service.answer = () => ({ status: 200 });
    const process = await offering(picky);
    const items = [0, 1, 2].map((n) => ({ n, url: kit.service.url }));
    const strict = process.start(caller({ each: true }), items);
    const events = await kit.reaches(strict.id, 'failed');
    const children = await kit.called(strict.id);
    expect(ofType(events, 'run.ended')[0]?.error).toMatchObject({ code: 'CALLED_RUN_FAILED', node: 'c', item: 1 });
    expect(ofType(events, 'wait.over').find(({ part }) => part === 1)?.error?.data).toMatchObject({ runId: children[1] });
    const patient = process.start(caller({ each: true }, { onError: 'continue' }), items);
    await kit.reaches(patient.id, 'succeeded');
    const [, failed = ''] = await kit.called(patient.id);
    expect(await outputs(patient.id)).toMatchObject([
      { answer: {} },
      { n: 1, error: { code: 'CALLED_RUN_FAILED', runId: failed } },
      { answer: {} },
    ]);
  });

  test('writes under keys of their own in each of the runs it calls', async () => {
    const process = await offering(aWorkflow([{ id: 'w', type: 't/send', params: { url: kit.service.url } }], { name: 'Called' }));
    const run = process.start(caller({ each: true }), numbers(3));
    await kit.reaches(run.id, 'succeeded');
    expect(new Set(kit.service.seen.map(({ key }) => key)).size).toBe(3);
  });
});

describe('rule 16: a run that is stopped', () => {
  const cancel = (process: TestProcess, runId: string) =>
    process.ownership.putInbox({ runId, workspaceId: crypto.randomUUID(), sourceKey: 'c', kind: 'cancel', payload: { by: 'ada' } });

  test('stops the runs it waits for, and theirs, and none that nobody waits for', async () => {
    const process = await offering(slow());
    process.offer({ ...caller({ each: true }), name: 'Between' });
    const top = process.start(
      aWorkflow(
        [
          { id: 'c', type: 't/call', params: { workflow: 'Between' } },
          { id: 'free', type: 't/call', params: { workflow: 'Called', answer: false } },
        ],
        { edges: ['start>c', 'start>free'] },
      ),
      numbers(2),
    );
    expect(await top.suspended).toBe('child');
    await until(async () => (await kit.called(top.id)).length === 2 && kit.gates.waiting.length >= 4);
    const [between = '', free = ''] = await kit.called(top.id);
    const below = await kit.called(between);
    await cancel(process, top.id);
    process.runner.wake();
    await kit.reaches(top.id, 'cancelled');
    for (const id of [between, ...below]) await kit.reaches(id, 'cancelled');
    expect(await kit.live(free)).toBeDefined();
    kit.gates.open(door);
    await kit.reaches(free, 'succeeded');
  });

  test('and a called run that was cancelled alone is the failure of the step that called it', async () => {
    const process = await offering(slow());
    const run = process.start(caller(), numbers(1));
    await run.suspended;
    const [child = ''] = await kit.called(run.id);
    await cancel(process, child);
    process.runner.wake();
    expect(ofType(await kit.reaches(run.id, 'failed'), 'run.ended')[0]?.error).toMatchObject({ code: 'CALLED_RUN_CANCELLED' });
  });

  test('while it starts runs starts none that nobody stops', async () => {
    const process = await offering(slow());
    const run = process.start(caller({ each: true, gate: `shut ${door}` }), numbers(20));
    await until(() => kit.gates.waiting.includes(`shut ${door}`));
    await cancel(process, run.id);
    process.runner.wake();
    await until(() => process.clock.timers > 1);
    kit.gates.open(`shut ${door}`);
    await kit.reaches(run.id, 'cancelled');
    for (const id of await kit.called(run.id)) await kit.reaches(id, 'cancelled');
  });
});

describe('rule 19: a process that dies', () => {
  test('between starting runs and waiting for them leaves the next one to find the same runs', async () => {
    const first = await offering(slow());
    const run = first.start(caller({ each: true, gate: `shut ${door}` }), numbers(5));
    await until(() => kit.gates.waiting.includes(`shut ${door}`));
    const before = await kit.called(run.id);
    first.kill();
    kit.gates.open(`shut ${door}`);
    kit.gates.open(door);
    const next = await kit.process();
    await next.recover();
    await goesOn(next, run.id);
    expect([before.length, await kit.called(run.id)]).toEqual([5, before]);
    expect(await outputs(run.id)).toEqual(numbers(5));
  });

  test('after some of the runs were started leaves the next one to start the others', async () => {
    let stored = 0;
    const first = await offering(slow(), {
      onAppend: (record: { create: boolean; head: { parent?: unknown } }) => !(record.create && record.head.parent) || ++stored <= 3,
    });
    const run = first.start(caller({ each: true }), numbers(6));
    await until(async () => (await kit.called(run.id)).length === 3);
    const before = await kit.called(run.id);
    first.kill();
    kit.gates.open(door);
    const next = await kit.process();
    await next.recover();
    await goesOn(next, run.id);
    const after = await kit.called(run.id);
    expect([after.length, before.every((id) => after.includes(id))]).toEqual([6, true]);
    expect(await outputs(run.id)).toEqual(numbers(6));
  });

  test('before runs that failed are started again leaves that to the next one, and the answers that came are kept', async () => {
    const first = await offering(picky);
    const items = [0, 1, 2, 3].map((n) => ({ n, url: kit.service.url }));
    const run = first.start(caller({ each: true }, { retry: { maxAttempts: 2, firstDelayMs: 60_000, jitter: 'none' } }), items);
    await until(async () => {
      // What nothing else waits for is stored a moment later, by the clock.
      first.clock.advance(50);
      return ofType(await kit.events(run.id), 'retry.scheduled').length === 1;
    });
    const before = await kit.called(run.id);
    first.kill();
    const next = await kit.process();
    next.offer(called);
    await next.recover();
    await goesOn(next, run.id);
    const after = await kit.called(run.id);
    expect([before.length, after.length, before.every((id) => after.includes(id))]).toEqual([4, 6, true]);
    expect(await outputs(run.id)).toMatchObject([{ answer: {} }, items[1], { answer: {} }, items[3]]);
  });

  test('while the called runs work leaves both to the next one', async () => {
    const first = await offering(slow());
    const run = first.start(caller({ each: true }), numbers(3));
    await run.suspended;
    await until(() => kit.gates.waiting.length === 3);
    first.kill();
    const next = await kit.process();
    await next.recover();
    kit.gates.open(door);
    await goesOn(next, run.id);
    expect(await outputs(run.id)).toEqual(numbers(3));
  });

  test('after a called run ended and before its caller heard of it loses no answer', async () => {
    const first = await offering(slow());
    const run = first.start(caller(), numbers(2));
    await run.suspended;
    const [child = ''] = await kit.called(run.id);
    await until(() => kit.gates.waiting.length === 2);
    // The caller belongs to a process that is gone, the called run to one that lives.
    const second = await kit.process();
    first.kill();
    await second.recover();
    kit.gates.open(door);
    await goesOn(second, child);
    await goesOn(second, run.id);
    expect(ofType(await kit.events(run.id), 'wait.over')).toHaveLength(1);
  });

  test('whose runs cannot be read any more still answers those who wait for them', async () => {
    const first = await offering(slow());
    const run = first.start(caller(), numbers(1));
    await run.suspended;
    const [child = ''] = await kit.called(run.id);
    await until(() => kit.gates.waiting.length === 1);
    first.kill();
    await kit.database.query(`update run set journal = '[' where id = $1`, [child]);
    const next = await kit.process();
    await next.recover();
    await until(async () => {
      next.clock.advance(1000);
      return (await kit.find(run.id))?.status === 'failed';
    });
    expect(ofType(await kit.events(run.id), 'run.ended')[0]?.error).toMatchObject({ code: 'CALLED_RUN_FAILED' });
  });

  async function goesOn(process: TestProcess, id: string) {
    await until(async () => {
      process.clock.advance(1000);
      return (await kit.find(id))?.status === 'succeeded';
    });
    return kit.reaches(id, 'succeeded');
  }
});

describe('failures that another workflow is to hear of', () => {
  test('are noted by the flush that ends the run, once, however it came to its end', async () => {
    const process = await offering(called, { reports: ({ status }: { status: string }) => status === 'failed' });
    const failing = aWorkflow([{ id: 'f', type: 't/fetch', params: { url: 'no address' } }]);
    const atOnce = process.start(failing);
    const stored = process.start(failing, [{}], { begin: 'dispatched' });
    const fine = process.start(aWorkflow([{ id: 'p', type: 't/pass' }]));
    for (const { id } of [atOnce, stored]) await kit.reaches(id, 'failed');
    await kit.reaches(fine.id, 'succeeded');
    expect(await noted()).toEqual([atOnce.id, stored.id].toSorted());
  });

  const noted = async () =>
    (await kit.database.query<{ run_id: string }>('select run_id from run_follow_up order by run_id')).map((row) => row.run_id);
  const reports = ({ status }: { readonly status: string }): boolean => status !== 'succeeded';

  test('are noted of runs that nobody can read any more', async () => {
    const first = await offering(slow(), { reports });
    const run = first.start(slow(), numbers(1), { begin: 'dispatched' });
    await until(() => kit.gates.waiting.length === 1);
    first.kill();
    await kit.database.query(`update run set journal = '[' where id = $1`, [run.id]);
    const next = await kit.process({ reports });
    await next.recover();
    await until(async () => {
      next.clock.advance(1000);
      return (await kit.find(run.id))?.status === 'failed';
    });
    expect(await noted()).toEqual([run.id]);
  });

  test('are noted of runs that could not be stored', async () => {
    const process = await kit.process({
      reports,
      host: (host) => ({
        ...host,
        call: (spec, sink, signal) => (spec.node.id === 'p' ? broken() : host.call(spec, sink, signal)),
        drain: () => host.drain(),
      }),
    });
    const run = process.start(aWorkflow([{ id: 'p', type: 't/pass' }]));
    await until(async () => (await kit.find(run.id))?.status === 'failed');
    expect(await noted()).toEqual([run.id]);
  });

  function broken(): never {
    throw new Error('The host is broken');
  }
});
