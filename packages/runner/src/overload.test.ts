/** What one workflow can do to the others: much work, much memory, many runs. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@plugboard/persistence';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, type StartedRun, type TestProcess, openKit, until } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const SLOW = '={{ range(0,300).map(i => range(0,20).sum()).sum() > $json.n }}';
const many = (count: number) => ({ id: 'many', type: 't/many', params: { count } });
/** Time passes until the run is stored. */
const visible = (process: TestProcess, run: StartedRun) =>
  until(() => {
    process.clock.advance(10);
    return run.told.includes('accepted');
  });
const slow = (gate: string) => ({ id: 'slow', type: 't/slow', params: { gate } });

describe('much work in one step', () => {
  test('while 100,000 items wait for a slow expression another run ends, and the step can be cancelled', async () => {
    const process = await kit.process();
    const run = process.start(
      aWorkflow([many(100_000), { id: 'keep', type: 't/keep', params: { when: SLOW } }, { id: 'p', type: 't/pass' }]),
    );
    const other = process.start(aWorkflow([{ id: 'p', type: 't/pass' }]));
    expect((await other.ended).status).toBe('succeeded');
    expect(process.runner.activeRuns).toBe(1);
    await visible(process, run);
    await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'me' } });
    process.runner.wake();
    expect((await run.ended).status).toBe('cancelled');
    const events = await kit.reaches(run.id, 'cancelled');
    expect(ofType(events, 'step.finished').some((event) => event.node === 'keep')).toBe(false);
  });

  test('a server that stops puts such a run down, and the next one goes on with it', async () => {
    const process = await kit.process();
    const run = process.start(aWorkflow([many(4000), { id: 'keep', type: 't/keep', params: { when: SLOW } }]));
    await visible(process, run);
    expect(await process.runner.drain(0)).toEqual({ left: 1 });
    await process.ownership.close();
    const second = await kit.process();
    await second.recover();
    await kit.reaches(run.id, 'succeeded');
  });

  test('many items keep their order and their ancestors however the work is cut', async () => {
    const process = await kit.process();
    const run = process.start(
      aWorkflow([
        many(20_000),
        { id: 'odd', type: 't/odd' },
        { id: 'keep', type: 't/keep', params: { when: '={{ $json.n % 3 === 0 }}' } },
        { id: 'all', type: 't/all' },
        { id: 'last', type: 't/keep', params: { when: "={{ $('many').item.json.n === $json.n }}" } },
      ]),
    );
    const { status, output } = await run.ended;
    expect(status).toBe('succeeded');
    expect(output.map((item) => item.json['n'])).toEqual(Array.from({ length: 20_000 }, (_, n) => n).filter((n) => n % 6 === 3));
    await kit.reaches(run.id, 'succeeded');
  });

  test('all expressions of one item share one budget', async () => {
    const process = await kit.process();
    const half = '{{ range(0,300).map(i => range(0,110).sum()).sum() }}';
    const fits = process.start(aWorkflow([{ id: 'keep', type: 't/keep', params: { when: { a: `=${half}` } } }]));
    expect((await fits.ended).status).toBe('succeeded');
    const run = process.start(aWorkflow([{ id: 'keep', type: 't/keep', params: { when: { a: `=${half}`, b: `=${half}` } } }]));
    expect(await run.ended).toMatchObject({ status: 'failed', error: { code: 'EXPR_BUDGET' } });
  });
});

describe('much memory in one step', () => {
  const limits = { maxStepBytes: 2_000_000, maxRunBytes: 3_000_000 };

  test('parameters that are too large for all items end the step', async () => {
    const process = await kit.process({ limits });
    const run = process.start(
      aWorkflow([many(2000), { id: 'keep', type: 't/keep', params: { when: '={{ "x".repeat(10000) + $json.n }}' } }]),
    );
    expect(await run.ended).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_TOO_LARGE', node: 'keep' } });
  });

  test.each([
    ['one item', 1, 3_000_000],
    ['a few items', 20, 200_000],
    ['many items', 1000, 10_000],
  ])('outputs of %s that are too large end the step', async (_, count, size) => {
    const process = await kit.process({ limits });
    const run = process.start(aWorkflow([many(count), { id: 'big', type: 't/big', params: { size } }, { id: 'p', type: 't/pass' }]));
    expect(await run.ended).toMatchObject({
      status: 'failed',
      error: { code: 'OUTPUT_TOO_LARGE', node: 'big', message: expect.stringContaining('limit of one step') as unknown },
    });
    await kit.reaches(run.id, 'failed');
  });

  test('a run whose steps together hold too much ends, whatever its steps do with errors', async () => {
    const process = await kit.process({ limits });
    const nodes = ['a', 'b', 'c', 'd'].map((id) => ({ id, type: 't/big', params: { size: 1_200_000 }, onError: 'continue' as const }));
    const run = process.start(aWorkflow(nodes));
    expect(await run.ended).toMatchObject({ status: 'failed', error: { code: 'RUN_TOO_LARGE' } });
    expect(ofType(await kit.reaches(run.id, 'failed'), 'step.finished').map((event) => event.node)).toEqual(['a', 'b', 'c']);
  });

  test('items that are only handed on take no memory twice', async () => {
    const process = await kit.process({ limits });
    const passing = Array.from({ length: 6 }, (_, n) => ({ id: `p${n}`, type: 't/pass' }));
    const run = process.start(aWorkflow([many(1000), { id: 'big', type: 't/big', params: { size: 1500 } }, ...passing]));
    expect((await run.ended).status).toBe('succeeded');
  });

  test('no new runs are taken while all runs together hold too much', async () => {
    const process = await kit.process({ limits: { maxHeldBytes: 100_000 } });
    const run = process.start(aWorkflow([{ id: 'big', type: 't/big', params: { size: 200_000 } }, slow('held')]));
    await until(() => kit.gates.waiting.includes('held'));
    expect(process.runner.refusal).toBe('memory');
    kit.gates.open('held');
    await run.ended;
    expect(process.runner.refusal).toBeUndefined();
  });
});

describe('many runs of one workflow', () => {
  test('those that wait are in the database, not in memory, and begin in the order of their acceptance', async () => {
    const process = await kit.process({ perWorkspace: 1, limits: { waitingInMemory: 4, maxActiveRuns: 10 } });
    const blocker = process.start(aWorkflow([slow('long')]), [{}], { begin: 'dispatched' });
    await blocker.accepted;
    const definition = aWorkflow([{ id: 'send', type: 't/send-again', params: { url: kit.service.url, body: '={{ $json.n }}' } }]);
    const first = process.start(definition, [{ n: 0 }], { begin: 'dispatched' });
    await first.accepted;
    const runs = [first];
    for (let n = 1; n < 40; n += 1) {
      const run = process.start(definition, [{ n }], { begin: 'dispatched' });
      await run.accepted;
      runs.push(run);
    }
    await until(() => process.runner.activeRuns === 5);
    // A run that answers at once does not wait behind them.
    expect(process.runner.accepting).toBe(true);
    expect((await process.start(aWorkflow([{ id: 'p', type: 't/pass' }])).ended).status).toBe('succeeded');
    // One that waits in the database alone can be cancelled.
    const cancelled = runs[30]?.id ?? '';
    await process.ownership.putInbox({ runId: cancelled, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'me' } });
    process.runner.wake();
    await kit.reaches(cancelled, 'cancelled');
    kit.gates.open('long');
    for (const run of runs) if (run.id !== cancelled) await kit.reaches(run.id, 'succeeded');
    const sent = kit.service.seen.map((call) => (call.body as { body: number }).body);
    expect(sent).toEqual(Array.from({ length: 40 }, (_, n) => n).filter((n) => n !== 30));
    expect(process.runner.activeRuns).toBe(0);
  });

  test('a queue that is full refuses its own workflow only, and takes more once some have begun', async () => {
    const process = await kit.process({ perWorkspace: 1, limits: { waitingInMemory: 2, maxQueuedRuns: 5 } });
    await process.start(aWorkflow([slow('full-queue')]), [{}], { begin: 'dispatched' }).accepted;
    const definition = aWorkflow([{ id: 'p', type: 't/pass' }]);
    const first = process.start(definition, [{}], { begin: 'dispatched' });
    await first.accepted;
    const head = (await kit.find(first.id))?.head;
    if (!head) throw new Error('The run is not stored');
    const loaded = kit.versions.get(head.workflowId);
    if (!loaded) throw new Error('The version is not there');
    for (let n = 1; n < 5; n += 1) await process.start(definition, [{}], { begin: 'dispatched', loaded }).accepted;
    expect(process.runner.acceptsQueued(head.workspaceId, head.workflowId)).toBe(false);
    expect(() => process.start(definition, [{}], { begin: 'dispatched', loaded })).toThrow(
      expect.objectContaining({ code: 'QUEUE_FULL' }) as Error,
    );
    expect((await process.start(definition, [{}], { loaded }).ended).status).toBe('succeeded');
    await process.start(definition, [{}], { begin: 'dispatched' }).accepted;
    kit.gates.open('full-queue');
    await until(() => process.runner.activeRuns === 0);
    expect(process.runner.acceptsQueued(head.workspaceId, head.workflowId)).toBe(true);
  });

  test('after a crash they are taken over without being read, all counted once, and still in order', async () => {
    const first = await kit.process({ perWorkspace: 1, limits: { waitingInMemory: 3 } });
    await first.start(aWorkflow([slow('crash')]), [{}], { begin: 'dispatched' }).accepted;
    const ids: string[] = [];
    for (let n = 0; n < 25; n += 1) {
      ids.push(
        await first.start(aWorkflow([{ id: 'send', type: 't/send-again', params: { url: kit.service.url, body: n } }]), [{}], {
          begin: 'dispatched',
        }).accepted,
      );
    }
    first.kill();
    const second = await kit.process({ perWorkspace: 1, limits: { waitingInMemory: 3 } });
    const [counted] = await Promise.all([second.recover(), second.recover()]);
    expect(counted).toBe(26);
    expect(second.runner.activeRuns).toBeLessThanOrEqual(5);
    kit.gates.open('crash');
    for (const id of ids) await kit.reaches(id, 'succeeded');
    expect(kit.service.seen.map((call) => (call.body as { body: number }).body)).toEqual(ids.map((_, n) => n));
  });
});
