/** Workflows that say which of their runs begin when. */
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { beginTurns } from '@plugboard/persistence';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let signals = 0;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
});
afterAll(() => kit.close());

const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params },
});

/** Its runs wait for a call each, and pass on what came in. */
async function live(flow: object, last = node('hold', 'core/wait-for-call')): Promise<string> {
  const definition = {
    schema: 1,
    name: `Flow ${(signals += 1)}`,
    nodes: [node('start', 'core/manual'), last],
    edges: [{ id: 'e', source: 'start', sourceHandle: 'main', target: last.id, targetHandle: 'main' }],
    settings: { flow },
  };
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

async function start(workflowId: string, input: object = {}): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  return started.json.runId as string;
}

const state = async (runId: string) =>
  (await kit.rest(editor, 'GET', `/runs/${runId}/state`)).json as { status: string; waitingFor?: string };
/** `turn`: it has not begun. */
const stands = async (runId: string) => {
  const { status, waitingFor } = await state(runId);
  return status === 'waiting' ? waitingFor : status;
};
const stand = (runIds: readonly string[]) => Promise.all(runIds.map(stands));
async function become(runIds: readonly string[], wanted: readonly string[]): Promise<void> {
  await expect.poll(() => stand(runIds), { timeout: 20_000, interval: 20 }).toEqual(wanted);
}
const cancel = (runId: string) => kit.rest(editor, 'POST', `/runs/${runId}/cancel`, {});
const input = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/output`)).json.output;

describe('concurrency', () => {
  test('lets so many runs of one key be at work, waits of theirs included, and the next begin as places come free', async () => {
    const workflow = await live({ concurrency: { limit: 1, key: '={{ $json.shop }}' } });
    const a = await start(workflow, { shop: 'a' });
    const b = await start(workflow, { shop: 'a' });
    const other = await start(workflow, { shop: 'b' });
    await become([a, b, other], ['signal', 'turn', 'signal']);
    await cancel(a);
    await become([a, b], ['cancelled', 'signal']);
  });

  test('a run that waits for its turn is cancelled at once and takes no place', async () => {
    const workflow = await live({ concurrency: { limit: 1 } });
    const [a, b, c] = [await start(workflow), await start(workflow), await start(workflow)];
    await become([a, b, c], ['signal', 'turn', 'turn']);
    await cancel(b);
    await become([b], ['cancelled']);
    await cancel(a);
    await become([c], ['signal']);
  });

  test('of runs that wait, those of the highest priority go first, and of these the oldest', async () => {
    const workflow = await live({ concurrency: { limit: 1 }, priority: '={{ $json.rank ?? 0 }}' });
    const first = await start(workflow);
    await become([first], ['signal']);
    const low = await start(workflow, { rank: 1 });
    const high = await start(workflow, { rank: 5 });
    const late = await start(workflow, { rank: 5 });
    await cancel(first);
    await become([low, high, late], ['turn', 'signal', 'turn']);
    await cancel(high);
    await become([low, late], ['turn', 'signal']);
  });

  test('many starts at the same moment never exceed the limit', async () => {
    const workflow = await live({ concurrency: { limit: 3 } });
    const runs = await Promise.all(Array.from({ length: 12 }, () => start(workflow)));
    await expect.poll(async () => (await stand(runs)).filter((one) => one === 'signal').length, { timeout: 20_000 }).toBe(3);
    expect((await stand(runs)).filter((one) => one === 'turn')).toHaveLength(9);
  });
});

describe('a workspace', () => {
  test('has so many starts that wait; more are refused with the reason, until some have begun', async () => {
    const admin = await kit.person('admin');
    const most = async (value: number, expectedRev: number) => {
      const set = await kit.rest(admin, 'PUT', '/settings/runs.waitingStarts', { level: 'workspace', value, expectedRev });
      expect(set.status, set.text).toBeLessThan(300);
    };
    const waitingNow = async () =>
      (await kit.database.database.query<{ n: number }>('select count(*)::int4 as n from flow_turn where begun_at is null'))[0]?.n ?? 0;
    const limit = (await waitingNow()) + 3;
    await most(limit, 0);
    onTestFinished(() => most(100_000, 1));
    const workflow = await live({ concurrency: { limit: 1 } });
    const startOne = () => kit.rest(editor, 'POST', '/runs', { workflowId: workflow, input: {} });
    const first = await start(workflow);
    await become([first], ['signal']);
    const answers = await Promise.all(Array.from({ length: 12 }, startOne));
    const waiting = answers.filter(({ status }) => status === 202).map(({ json }) => json.runId as string);
    expect(waiting).toHaveLength(3);
    const refused = answers.find(({ status }) => status !== 202);
    expect([refused?.status, refused?.json.error.code]).toEqual([503, 'SERVER_BUSY']);
    expect(refused?.json.error.message).toContain(`${limit} starts of this workspace wait for their turn`);
    expect(refused?.json.error.message).toContain('runs.waitingStarts');
    // Workflows without flow control are not concerned.
    await become([await start(await live({}, node('end', 'core/noop')))], ['succeeded']);
    await cancel(first);
    await expect.poll(async () => (await stand(waiting)).filter((one) => one === 'signal').length, { timeout: 20_000 }).toBe(1);
    await expect.poll(async () => (await startOne()).status, { timeout: 20_000 }).toBe(202);
    expect(await waitingNow()).toBe(limit);
  });
});

describe('throttle', () => {
  test('lets so many begin in a period; the others wait for the next', async () => {
    const workflow = await live({ throttle: { limit: 2, periodMs: 3_600_000 } });
    const runs = [await start(workflow), await start(workflow), await start(workflow)];
    await become(runs, ['signal', 'signal', 'turn']);
    await kit.database.database.query('update flow_rate set free_at = now() where workflow_id = $1', [workflow]);
    await become(runs, ['signal', 'signal', 'signal']);
  });
});

/** No process, and none takes its runs over. */
const NOBODY = '00000000-0000-0000-0000-000000000001';

/** Further runs that wait behind this one as it does; nobody works on them. */
async function waitToo(runId: string, count: number): Promise<void> {
  await kit.database.database.query(
    `with ids as (select ('ffffffff' || substr(gen_random_uuid()::text, 9))::uuid as id from generate_series(1, $2::int) n), live as (
       insert into run_live select (jsonb_populate_record(l, jsonb_build_object('run_id', ids.id, 'owner', $3::text))).* from run_live l, ids where l.run_id = $1 returning run_id
     ) insert into flow_turn select (jsonb_populate_record(t, jsonb_build_object('run_id', live.run_id))).* from flow_turn t, live where t.run_id = $1`,
    [runId, count, NOBODY],
  );
}

describe('a crowd', () => {
  afterEach(() => kit.database.database.query('delete from run_live where owner = $1', [NOBODY]).then(() => undefined));

  test('of one key that has used its rate up does not stand in the way of other keys', async () => {
    const workflow = await live({
      throttle: { limit: 1, periodMs: 3_600_000, key: '={{ $json.who }}' },
      priority: '={{ $json.rank ?? 0 }}',
    });
    const loud = [await start(workflow, { who: 'a' }), await start(workflow, { who: 'a', rank: 9 })];
    await become(loud, ['signal', 'turn']);
    await waitToo(loud[1] ?? '', 1200);
    await become([await start(workflow, { who: 'b' })], ['signal']);
  });

  test('that waits for a few places does not keep the next one from being found', async () => {
    const workflow = await live({ concurrency: { limit: 1 } });
    const [first, second] = [await start(workflow), await start(workflow)];
    await become([first, second], ['signal', 'turn']);
    await waitToo(second, 20_000);
    const begun = performance.now();
    await beginTurns(kit.database.database);
    // Looking at each of them with all that are at work takes longer than a statement may.
    expect(performance.now() - begun).toBeLessThan(3000);
    await cancel(first);
    await become([first, second], ['cancelled', 'signal']);
  });
});

describe('debounce', () => {
  test('the last of several starts takes the place of those before it, which are cancelled and say by whom', async () => {
    const workflow = await live({ debounce: { delayMs: 3_600_000, key: '={{ $json.doc }}' } });
    const first = await start(workflow, { doc: 1 });
    const second = await start(workflow, { doc: 1 });
    const other = await start(workflow, { doc: 2 });
    await become([first, second, other], ['cancelled', 'turn', 'turn']);
    await kit.database.database.query('update flow_turn set due_at = now() where run_id = $1', [second]);
    await become([second, other], ['signal', 'turn']);
  });

  test('none waits longer than is allowed after the first', async () => {
    const workflow = await live({ debounce: { delayMs: 1_800_000, longestMs: 3_600_000 } });
    const first = await start(workflow);
    await kit.database.database.query(`update flow_turn set first_at = now() - interval '2 hours' where run_id = $1`, [first]);
    await become([await start(workflow)], ['signal']);
  });
});

describe('batch', () => {
  test('gathers starts into one run with the items of all, and begins when it is full', async () => {
    const workflow = await live({ batch: { size: 3, waitMs: 3_600_000 } }, node('pass', 'core/noop'));
    const runs = [await start(workflow, { n: 1 }), await start(workflow, { n: 2 })];
    expect(runs[1]).toBe(runs[0]);
    expect(await start(workflow, { n: 3 })).toBe(runs[0]);
    await become(runs, ['succeeded', 'succeeded']);
    expect(await input(runs[0] ?? '')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await start(workflow, { n: 4 })).not.toBe(runs[0]);
  });

  test('loses no start when many come at the same moment', async () => {
    const workflow = await live({ batch: { size: 5, waitMs: 50 } }, node('pass', 'core/noop'));
    const runs = await Promise.all(Array.from({ length: 33 }, (_, n) => start(workflow, { n })));
    const made = [...new Set(runs)];
    expect(made.length).toBeLessThan(33);
    await become(
      made,
      made.map(() => 'succeeded'),
    );
    const items = (await Promise.all(made.map(input))).flat() as { n: number }[];
    expect(items.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 33 }, (_, n) => n));
  });
});

describe('singleton', () => {
  test('a start while a run is at work is answered with that run', async () => {
    const workflow = await live({ singleton: { key: '={{ $json.job }}' } });
    const first = await start(workflow, { job: 'x' });
    expect(await start(workflow, { job: 'x' })).toBe(first);
    expect(await start(workflow, { job: 'y' })).not.toBe(first);
    await cancel(first);
    await become([first], ['cancelled']);
    expect(await start(workflow, { job: 'x' })).not.toBe(first);
  });

  test('or takes its place', async () => {
    const workflow = await live({ singleton: { whenBusy: 'replace' } });
    const first = await start(workflow);
    await become([first], ['signal']);
    const second = await start(workflow);
    await become([first, second], ['cancelled', 'signal']);
  });
});

test('runs of a draft begin at once, whatever the flow control says', async () => {
  const workflow = await live({ concurrency: { limit: 1 } });
  const started = await Promise.all(
    [0, 1].map(() => kit.rest(editor, 'POST', '/runs', { workflowId: workflow, source: 'draft', input: {} })),
  );
  await become(
    started.map(({ json }) => json.runId as string),
    ['signal', 'signal'],
  );
});
