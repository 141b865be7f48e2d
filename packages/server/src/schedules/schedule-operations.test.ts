/** Schedules over the API: what is due, paused, started by hand and made up for. */
import { RUN_STATUS } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let viewer: TestCaller;
beforeAll(async () => {
  kit = await openApiKit();
  [editor, viewer] = [await kit.person('editor'), await kit.person('viewer')];
});
afterAll(() => kit.close());

const timed = (name: string, params: object, settings: object = {}) => ({
  schema: 1,
  name,
  settings,
  nodes: [{ id: 'start', type: 'core/schedule', position: { x: 0, y: 0 }, data: { name: 'Every morning', typeVersion: 1, params } }],
  edges: [],
});
/** Gives the schedule of a published workflow. */
const publish = async (name: string, params: object, settings: object = {}) => {
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition: timed(name, params, settings), publish: true });
  expect(made.json).toMatchObject({ workflowId: expect.any(String) });
  const { json } = await kit.rest(editor, 'GET', `/schedules?workflowId=${made.json.workflowId}`);
  return json.rows[0];
};

test('schedules of published workflows are listed with their next runs, searched and paged', async () => {
  const one = await publish('Report of Paris', { cron: '30 8 * * 1-5', timezone: 'Europe/Paris' });
  await publish('Report of Lima', { intervals: [{ unit: 'days', every: 1, at: '07:15' }] }, { timezone: 'America/Lima' });
  expect(one).toMatchObject({
    workflowName: 'Report of Paris',
    nodeName: 'Every morning',
    text: '30 8 * * 1-5',
    timezone: 'Europe/Paris',
    state: 'active',
    missed: 'once',
    overlap: 'allow',
  });
  expect(one.nextRuns.map((run: { localTime: string }) => run.localTime.slice(11))).toEqual(['08:30:00', '08:30:00', '08:30:00']);
  expect(one.nextRuns[0].at).toBe(one.nextAt);
  const names = async (query: string): Promise<string[]> =>
    (await kit.rest(viewer, 'GET', `/schedules${query}`)).json.rows.map((row: { workflowName: string }) => row.workflowName);
  expect(await names('')).toEqual(['Report of Lima', 'Report of Paris']);
  expect(await names('?search=paris')).toEqual(['Report of Paris']);
  const first = await kit.rest(viewer, 'GET', '/schedules?first=1');
  expect(first.json).toMatchObject({ hasMore: true, rows: [{ timezone: 'America/Lima', text: 'every day at 07:15' }] });
  expect(await names(`?first=1&after=${first.json.endCursor}`)).toEqual(['Report of Paris']);
});

test('a schedule is paused and goes on; who may only read may not', async () => {
  const { id } = await publish('Paused', { cron: '0 0 1 1 *' });
  expect((await kit.rest(viewer, 'POST', `/schedules/${id}/pause`, {})).status).toBe(403);
  expect((await kit.rest(editor, 'POST', `/schedules/${id}/pause`, {})).json.state).toBe('paused');
  expect((await kit.rest(editor, 'GET', '/schedules?state=paused')).json.rows.length).toBe(1);
  expect((await kit.rest(editor, 'POST', `/schedules/${id}/resume`, {})).json.state).toBe('active');
});

test('the time zone is that of the schedule, else of the workflow, else of the workspace', async () => {
  const admin = await kit.person('admin');
  const set = await kit.rest(admin, 'PUT', '/settings/schedules.timezone', { level: 'workspace', expectedRev: 0, value: 'Asia/Tokyo' });
  expect(set.status).toBe(200);
  const zones = [
    await publish('Zone 1', { cron: '0 8 * * *', timezone: 'Europe/Paris' }, { timezone: 'America/Lima' }),
    await publish('Zone 2', { cron: '0 8 * * *' }, { timezone: 'America/Lima' }),
    await publish('Zone 3', { cron: '0 8 * * *' }),
  ].map((one) => one.timezone);
  expect(zones).toEqual(['Europe/Paris', 'America/Lima', 'Asia/Tokyo']);
});

describe('a preview', () => {
  test('shows the next runs on the clocks of the zone, over a change of the clocks', async () => {
    const { json } = await kit.rest(viewer, 'POST', '/schedules/preview', {
      cron: ['30 2 * * *'],
      timezone: 'Europe/Paris',
      from: '2026-03-28T12:00:00Z',
      count: 2,
    });
    expect(json).toMatchObject({
      problems: [],
      runs: [
        { at: '2026-03-29T01:00:00.000Z', localTime: '2026-03-29T03:00:00', offset: '+02:00' },
        { at: '2026-03-30T00:30:00.000Z', localTime: '2026-03-30T02:30:00', offset: '+02:00' },
      ],
    });
  });

  test('begins with the instant it is asked from', async () => {
    const asked = { cron: ['0 12 * * *'], timezone: 'UTC', from: '2026-03-28T12:00:00Z', count: 1 };
    const { json } = await kit.rest(viewer, 'POST', '/schedules/preview', asked);
    expect(json.runs[0].at).toBe('2026-03-28T12:00:00.000Z');
  });

  test('of what cannot be says everything that is wrong', async () => {
    const { status, json } = await kit.rest(viewer, 'POST', '/schedules/preview', { cron: ['0 0 31 2 *', 'soon'], timezone: 'Mars/Base' });
    expect(status).toBe(200);
    expect(json.runs).toEqual([]);
    expect(json.problems.map((one: { code: string }) => one.code)).toEqual(['TIMEZONE_UNKNOWN', 'SCHEDULE_NEVER', 'CRON_INVALID']);
  });

  test('of a draft goes by what the draft says, published or not', async () => {
    const made = await kit.rest(editor, 'POST', '/workflows/import', { definition: timed('Only a draft', { cron: '0 8 * * *' }) });
    const path = `/workflows/${made.json.workflowId}/nodes/start/next-runs?count=2`;
    expect((await kit.rest(viewer, 'GET', path)).json.runs.length).toBe(2);
    expect((await kit.rest(viewer, 'GET', path.replace('start', 'none'))).status).toBe(404);
  });
});

test('a workflow with a schedule that cannot be is not published, and is told why at its parameter', async () => {
  const { status, json } = await kit.rest(editor, 'POST', '/workflows/import', {
    definition: timed('Never', { cron: '0 0 30 2 *', timezone: 'Nowhere' }),
    publish: true,
  });
  expect(status).toBe(422);
  expect(json.error.problems.map((one: { code: string; path: string }) => [one.code, one.path])).toEqual([
    ['TIMEZONE_UNKNOWN', 'nodes[0].data.params.timezone'],
    ['SCHEDULE_NEVER', 'nodes[0].data.params.cron'],
  ]);
});

test('a workflow with a schedule whose end has passed is published with a warning', async () => {
  const told = async (name: string, params: object) => {
    const made = await kit.rest(editor, 'POST', '/workflows/import', { definition: timed(name, params), publish: true });
    return made.json.warnings.map((one: { code: string; path: string }) => [one.code, one.path]);
  };
  const over = [['SCHEDULE_OVER', 'nodes[0].data.params.endAt']];
  expect(await told('Over', { cron: '0 8 * * *', endAt: '2020-01-01T00:00:00Z' })).toEqual(over);
  // Its end is to come, and no time of its before that.
  const soon = new Date(Date.now() + 60_000).toISOString();
  expect(await told('As good as over', { cron: '0 0 29 2 *', endAt: soon })).toEqual(over);
  expect(await told('Goes on', { cron: '0 8 * * *', endAt: '9000-01-01T00:00:00Z' })).toEqual([]);
});

test('a schedule is started by hand, beside its own times', async () => {
  const before = await publish('By hand', { cron: '0 0 1 1 *' });
  const { status, json } = await kit.rest(editor, 'POST', `/schedules/${before.id}/run`, {});
  expect(status).toBe(202);
  const run = await kit.rest(editor, 'GET', `/runs/${json.runId}`);
  expect(run.json.trigger).toBe('manual');
  expect((await kit.rest(editor, 'GET', `/schedules/${before.id}`)).json.nextAt).toBe(before.nextAt);
});

test('a workflow with a schedule that is run by hand is due now, unless its input says otherwise', async () => {
  const { workflowId } = await publish('Run by hand', { cron: '0 0 1 1 *', timezone: 'Asia/Kolkata' });
  const itemOf = async (input: object | undefined) => {
    const { json } = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
    await kit.rest(editor, 'GET', `/runs/${json.runId}/state?waitMs=30000`);
    return (await kit.rest(editor, 'GET', `/runs/${json.runId}/output?node=start`)).json.output.main[0];
  };
  const before = Date.now() - 1000;
  const now = await itemOf(undefined);
  expect(now).toMatchObject({ timezone: 'Asia/Kolkata', reason: 'manual' });
  expect(Date.parse(now.dueAt)).toBeGreaterThan(before);
  expect(Date.parse(`${now.localTime}+05:30`)).toBe(Date.parse(now.dueAt));
  expect(await itemOf({ dueAt: '2026-01-31T00:00:00Z' })).toMatchObject({ dueAt: '2026-01-31T00:00:00Z', timezone: 'Asia/Kolkata' });
});

describe('a backfill', () => {
  const ended = async (jobId: string) => {
    await expect.poll(async () => (await kit.rest(editor, 'GET', `/jobs/${jobId}`)).json.state, { timeout: 30_000 }).toBe('succeeded');
    return (await kit.rest(editor, 'GET', `/jobs/${jobId}`)).json;
  };

  test('starts one run for each time of a span, and none where it is asked for again', async () => {
    const { id, workflowId } = await publish('Made up for', { cron: '0 * * * *' });
    const span = { from: '2026-11-01T00:00:00Z', until: '2026-11-01T23:59:59Z' };
    const first = await kit.rest(editor, 'POST', `/schedules/${id}/backfill`, span);
    expect([first.status, first.json.total]).toEqual([202, 24]);
    expect(await ended(first.json.id)).toMatchObject({ act: 'backfill', done: 24, unchanged: 0, total: 24 });
    const more = await kit.rest(editor, 'POST', `/schedules/${id}/backfill`, { ...span, until: '2026-11-02T01:00:00Z' });
    expect(await ended(more.json.id)).toMatchObject({ done: 2, unchanged: 24 });
    const [row] = await kit.database.database.query<{ n: number }>('select count(*)::int4 as n from run where workflow_id = $1', [
      workflowId,
    ]);
    expect(row?.n).toBe(26);
  });

  test('starts its runs also while the schedule, or the whole workflow, is paused', async () => {
    const { id, workflowId } = await publish('Made up for in a pause', { cron: '0 * * * *' });
    await kit.rest(editor, 'POST', `/schedules/${id}/pause`, {});
    expect((await kit.rest(editor, 'POST', `/workflows/${workflowId}/pause`, {})).status).toBe(200);
    const span = { from: '2026-11-01T00:00:00Z', until: '2026-11-01T01:00:00Z' };
    const { json } = await kit.rest(editor, 'POST', `/schedules/${id}/backfill`, span);
    expect(await ended(json.id)).toMatchObject({ done: 2, unchanged: 0 });
    const states = () =>
      kit.database.database.query(
        'select coalesce(l.status, r.status) as status from run r left join run_live l on l.run_id = r.id where r.workflow_id = $1',
        [workflowId],
      );
    await expect.poll(states, { timeout: 20_000 }).toEqual(Array.from({ length: 2 }, () => ({ status: RUN_STATUS.succeeded })));
  });

  test('has a limit, looks only back, and is for whoever may start runs', async () => {
    const { id } = await publish('Too much', { cron: '* * * * *' });
    const ask = (as: TestCaller, from: string, until: string) => kit.rest(as, 'POST', `/schedules/${id}/backfill`, { from, until });
    expect((await ask(editor, '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z')).json.error.message).toContain('more than 1000');
    expect((await ask(editor, '2199-01-01T00:00:00Z', '2199-02-01T00:00:00Z')).status).toBe(422);
    expect((await ask(viewer, '2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z')).status).toBe(403);
  });
});
