/** What is kept of runs that have ended: by their workflow and their workspace, and of live runs everything. */
import { isErased } from '@plugboard/engine';
import { forgetFollowUp, listDueErasures } from '@plugboard/persistence';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { erasure, lessOf } from './kept-data.ts';
import { type Kit, type TestProcess, openKit } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const SECRET = 'CANARY-4711';
const item = { n: 1, secret: SECRET };
const pass = (settings: object) => aWorkflow([{ id: 'pass', type: 't/pass' }], { settings });
const sending = (settings: object) => aWorkflow([{ id: 'send', type: 't/send', params: { url: kit.service.url } }], { settings });

async function ended(process: TestProcess, definition: ReturnType<typeof aWorkflow>, more: object = {}): Promise<string> {
  const run = process.start(definition, [item], more);
  await run.ended;
  return run.id;
}
const stored = async (id: string): Promise<string> => {
  const found = await kit.find(id);
  return (found?.chunks ?? []).join('\n');
};
const due = (): Promise<{ id: string; ms: number }[]> =>
  kit.database.query(
    `select e.run_id as id, (extract(epoch from e.due_at - r.ended_at) * 1000)::float8 as ms from run_erasure e join run r on r.id = e.run_id`,
  );

describe('a run whose data is not kept', () => {
  test('and that ends in its first record never writes it down, and can be read like any other', async () => {
    const process = await kit.process();
    const id = await ended(process, pass({ keepData: 'none' }));
    expect(await stored(id)).not.toContain(SECRET);
    expect(await due()).toEqual([]);
    const events = await kit.reaches(id, 'succeeded');
    expect(isErased(events)).toBe(true);
    expect(events.map((event) => event.type)).toEqual((await eventsOfKept(process)).map((event) => event.type));
  });

  test('gives its output to whoever waits for it', async () => {
    const process = await kit.process();
    const { output } = await process.start(pass({ keepData: 'none' }), [item]).ended;
    expect(output.map((one) => one.json)).toEqual([item]);
  });

  test('has all of it while it goes on, and is noted with its end', async () => {
    const process = await kit.process();
    const id = await ended(process, sending({ keepData: 'none' }));
    expect(await stored(id)).toContain(SECRET);
    expect(await due()).toEqual([{ id, ms: 0 }]);
  });

  test('keeps what it needs while it waits for a person, also at another server', async () => {
    kit.service.answer = () => 'cut';
    const first = await kit.process();
    const run = first.start(sending({ keepData: 'none' }), [item]);
    await run.suspended;
    first.kill();
    const second = await kit.process();
    await second.recover();
    expect(await stored(run.id)).toContain(SECRET);
    expect(await due()).toEqual([]);
  });
});

test('what is to follow from an end finds the data of the run, which is forgotten behind it', async () => {
  const process = await kit.process({ reports: () => true });
  kit.service.answer = () => ({ status: 400 });
  const id = await ended(process, sending({ keepData: 'none' }));
  await kit.reaches(id, 'failed');
  expect(await stored(id)).toContain(SECRET);
  const noted = async (): Promise<string[]> => (await listDueErasures(kit.database, 100)).map((one) => one.runId);
  expect(await noted()).not.toContain(id);
  await forgetFollowUp(kit.database, { runId: id, kind: 'failed' });
  expect(await noted()).toContain(id);
});

describe('what counts', () => {
  test('is the less of what workflow and workspace keep', () => {
    expect([lessOf('all', 'failures'), lessOf('none', 'failures'), lessOf('all', 'all')]).toEqual(['failures', 'none', 'all']);
  });

  test('the workspace alone is enough, and a workflow cannot keep more', async () => {
    const process = await kit.process({ keepsData: () => 'none' });
    expect(await stored(await ended(process, pass({ keepData: 'all' })))).not.toContain(SECRET);
  });

  test('failures keep what shows why, successes do not', async () => {
    const process = await kit.process();
    expect(await stored(await ended(process, pass({ keepData: 'failures' })))).not.toContain(SECRET);
    kit.service.answer = () => ({ status: 400 });
    const failed = await ended(process, sending({ keepData: 'failures' }));
    await kit.reaches(failed, 'failed');
    expect(await stored(failed)).toContain(SECRET);
    expect(await due()).toEqual([]);
  });

  test.each([
    ['a live run', 'none', 'succeeded', 1, 0],
    ['a draft that is worked with', 'none', 'succeeded', 0, 60 * 60_000],
    ['a run that took too long', 'failures', 'timed_out', 1, undefined],
    ['a run somebody stopped', 'failures', 'cancelled', 1, 0],
    ['a failure of which nothing is kept', 'none', 'failed', 1, 0],
    ['any run where all is kept', 'all', 'succeeded', 1, undefined],
  ] as const)('the data of %s goes when it should', (_, keeps, status, environment, afterMs) => {
    const at = afterMs === undefined ? {} : { erasesAt: 1000 + afterMs };
    expect(erasure(keeps, { status, environment, endedAt: 1000 })).toEqual(at);
  });
});

async function eventsOfKept(process: TestProcess) {
  return kit.reaches(await ended(process, pass({})), 'succeeded');
}

describe('a workspace without room', () => {
  const QUOTA = { code: 'QUOTA_EXCEEDED', kind: 'input', message: 'There is no room' } as const;

  test('keeps what the step gave, and the run ends there with what to do', async () => {
    const asked: number[] = [];
    const process = await kit.process({
      storage: (_, bytes) => {
        asked.push(bytes);
        return asked.length > 1 ? QUOTA : undefined;
      },
    });
    const definition = aWorkflow([
      { id: 'pass', type: 't/pass' },
      { id: 'send', type: 't/send', params: { url: kit.service.url } },
    ]);
    const run = process.start(definition, [{ text: 'x'.repeat(100_000) }]);
    expect(await run.ended).toMatchObject({ status: 'failed', error: { code: 'QUOTA_EXCEEDED', message: 'There is no room' } });
    const events = await kit.reaches(run.id, 'failed');
    expect(JSON.stringify(events)).toContain('x'.repeat(100_000));
    expect(asked[0]).toBeGreaterThan(100_000);
    expect(kit.service.seen).toEqual([]);
  });

  test.each([
    ['steps that only compute', [{ id: 'pass', type: 't/pass' }]],
    ['nothing', []],
  ])('ends a run behind what a service was called for, also where %s would follow', async (_, behind) => {
    let asked = 0;
    const process = await kit.process({ storage: () => ((asked += 1) > 1 ? QUOTA : undefined) });
    const definition = aWorkflow([{ id: 'send', type: 't/send', params: { url: kit.service.url } }, ...behind]);
    const run = process.start(definition, [{ text: 'x'.repeat(100_000) }]);
    expect(await run.ended).toMatchObject({ status: 'failed', error: { code: 'QUOTA_EXCEEDED' } });
    expect(kit.service.seen).toHaveLength(1);
  });

  test('goes on with runs that store nothing large', async () => {
    const process = await kit.process({ storage: () => QUOTA });
    expect(await process.start(pass({}), [item]).ended).toMatchObject({ status: 'succeeded' });
  });
});
