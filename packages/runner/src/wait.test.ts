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

const MINUTE = 60_000;
const waiting = (ms: number) =>
  aWorkflow([
    { id: 'w', type: 't/wait', params: { ms } },
    { id: 'after', type: 't/pass' },
  ]);

async function atRest(process: TestProcess, ms = MINUTE): Promise<StartedRun> {
  const run = process.start(waiting(ms), [{ n: 1 }, { n: 2 }]);
  await run.suspended;
  return run;
}

/** Looks around until the run has ended well. */
async function goesOn(process: TestProcess, id: string) {
  await until(async () => {
    process.clock.advance(1000);
    return (await kit.find(id))?.status === 'succeeded';
  });
  return kit.reaches(id, 'succeeded');
}

describe('rule 18: a run that waits for an instant', () => {
  test('holds no memory, is kept with its timer in one flush, and goes on with its items when the instant comes', async () => {
    const process = await kit.process();
    const run = await atRest(process);
    expect(process.runner.activeRuns).toBe(0);
    expect([await kit.live(run.id), await kit.timers(run.id)]).toMatchObject([{ status: 3, waiting: 1 }, ['w.1']]);
    await kit.allDue();
    const events = await goesOn(process, run.id);
    expect(ofType(events, 'wait.over')).toHaveLength(1);
    expect(ofType(events, 'step.finished').find(({ node }) => node === 'after')?.outputs['main']?.items).toMatchObject([
      { json: { n: 1 } },
      { json: { n: 2 } },
    ]);
    expect([await kit.timers(run.id), await kit.inboxRows(run.id)]).toEqual([[], 0]);
  });

  test('goes on in another process when its own is gone, for the same instant', async () => {
    const first = await kit.process();
    const run = await atRest(first);
    first.kill();
    const next = await kit.process();
    // Nothing of it is read for that.
    kit.planFault = new Error('A plan was asked for');
    expect([await next.recover(), next.runner.activeRuns, next.logged]).toEqual([1, 0, []]);
    kit.planFault = undefined;
    expect(await kit.timers(run.id)).toEqual(['w.1']);
    const [wait] = ofType(await kit.events(run.id), 'step.waiting');
    await kit.allDue();
    const events = await goesOn(next, run.id);
    expect(ofType(events, 'step.waiting')).toEqual([wait]);
  });

  test('rule 7: 10,000 of them change their owner without being read', async () => {
    const first = await kit.process();
    const one = await atRest(first);
    // Without a journal: whoever reads one of them fails.
    await kit.database.query(
      `with made as (
         insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at)
         select (left(r.id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, workspace_id, workflow_id, environment, version, 1, 0, r.id, started_at
           from run r, generate_series(1, 9999) n where r.id = $1 returning id)
       insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, waiting, started_at)
       select made.id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, waiting, started_at
         from made, run_live l where l.run_id = $1`,
      [one.id],
    );
    first.kill();
    const next = await kit.process();
    kit.planFault = new Error('A plan was asked for');
    expect([await next.recover(), next.runner.activeRuns, next.logged]).toEqual([10_000, 0, []]);
    const owners = await kit.database.query('select distinct owner from run_live');
    expect(owners).toEqual([{ owner: next.ownership.ownerId }]);
  });

  test('hears of its instant once when several processes look at the same time', async () => {
    const [one, two] = [await kit.process(), await kit.process()];
    const runs = await Promise.all([atRest(one), atRest(one), atRest(two)]);
    await kit.allDue();
    const fired = await Promise.all([one.ownership.fireTimers(10), two.ownership.fireTimers(10)]);
    expect(fired.reduce((sum, { fired: n }) => sum + n, 0)).toBe(3);
    for (const process of [one, two]) process.runner.wake();
    for (const run of runs) expect(ofType(await kit.reaches(run.id, 'succeeded'), 'wait.over')).toHaveLength(1);
  });

  test('whose process dies after the timer rang and before the run heard of it still goes on', async () => {
    const first = await kit.process();
    const run = await atRest(first);
    first.kill();
    await kit.allDue();
    await first.ownership.fireTimers(10);
    expect([await kit.timers(run.id), await kit.inboxRows(run.id)]).toEqual([[], 1]);
    const next = await kit.process();
    await next.recover();
    expect(ofType(await goesOn(next, run.id), 'wait.over')).toHaveLength(1);
  });

  test('is cancelled at once, and its timer wakes nobody', async () => {
    const process = await kit.process();
    const run = await atRest(process);
    await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'ada' } });
    process.runner.wake();
    await kit.reaches(run.id, 'cancelled');
    await kit.allDue();
    expect(await process.ownership.fireTimers(10)).toMatchObject({ fired: 1 });
    expect([await kit.timers(run.id), await kit.inboxRows(run.id)]).toEqual([[], 0]);
  });

  test('says how long the next instant takes', async () => {
    const process = await kit.process();
    await atRest(process, 30 * MINUTE);
    const { fired, nextInMs = 0 } = await process.ownership.fireTimers(10);
    expect([fired, nextInMs > 28 * MINUTE, nextInMs <= 30 * MINUTE]).toEqual([0, true, true]);
  });

  test('stays in memory while the wait is short', async () => {
    const process = await kit.process();
    const run = process.start(waiting(4000));
    await until(() => process.clock.timers > 1);
    process.clock.advance(100);
    await until(async () => (await kit.live(run.id))?.status === 1);
    expect([process.runner.activeRuns, await kit.timers(run.id)]).toEqual([1, []]);
    process.clock.advance(4000);
    await run.ended;
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'run.ended')[0]?.activeMs).toBe(0);
  });

  test('whose instant has passed already does not wait', async () => {
    const process = await kit.process();
    const run = process.start(waiting(-1000));
    await run.ended;
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'step.waiting')).toEqual([]);
  });
});
