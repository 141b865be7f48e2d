/** Runs found, counted, marked and deleted, and filters that people keep; each only by who may. */
import { ensurePartitions, seedDefaults, uuidFloor } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';
import { createRunErasure } from './run-erasure.ts';

const DAY = 24 * 60 * 60_000;

let kit: ApiKit;
let owner: TestCaller;
let viewer: TestCaller;
let workflowId: string;
let hiddenWorkflowId: string;

/** A run as it is kept, with its count, without carrying it out. */
async function aRun(
  options: { of?: string; status?: number; trigger?: number; endedAgoMs?: number; ms?: number; live?: number } = {},
): Promise<string> {
  const { of = workflowId, status = 4, trigger = 1, endedAgoMs = 60_000, ms = 100, live } = options;
  const endedAt = Date.now() - endedAgoMs;
  const id = `${uuidFloor(endedAt - ms).slice(0, 14)}7000-8000-${crypto.randomUUID().slice(24)}`;
  const { database } = kit.database;
  await database.query(
    `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at, ended_at, events, journal)
       values ($1, $2, $3, 1, 1, $4, $5, $1, to_timestamp($6::float8 / 1000), case when $8::int2 is null then to_timestamp($7::float8 / 1000) end, 1, '[]')`,
    [id, kit.workspace.id, of, live ?? status, trigger, endedAt - ms, endedAt, live ?? null],
  );
  if (live !== undefined) {
    // As one of this process: nobody takes it over.
    await database.query(
      `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, started_at)
         values ($1, $2, $3, 1, 1, (select id from worker limit 1), 1, 1, $4, now())`,
      [id, kit.workspace.id, of, live],
    );
    return id;
  }
  await database.query(
    `insert into run_stats (workspace_id, workflow_id, environment, bucket, status, writer, n)
       values ($1, $2, 1, date_bin('15 minutes', to_timestamp($3::float8 / 1000), timestamptz '1970-01-01 00:00:00+00'), $4, $2, 1)
       on conflict (workspace_id, workflow_id, environment, bucket, status, writer) do update set n = run_stats.n + 1`,
    [kit.workspace.id, of, endedAt, status],
  );
  return id;
}

const ids = (answer: { json: { rows: { id: string }[] } }): string[] => answer.json.rows.map((row) => row.id);
const list = async (query: string, as = owner): Promise<string[]> => {
  const answer = await kit.rest(as, 'GET', `/runs/overview?${query}`);
  expect(answer.status, `${answer.text} ${answer.status === 500 ? (kit.log.at(-1)?.message ?? '') : ''}`).toBe(200);
  return ids(answer);
};

beforeAll(async () => {
  kit = await openApiKit();
  owner = await kit.person('owner');
  viewer = await kit.person('viewer');
  const make = async (name: string): Promise<string> => {
    const made = await kit.rest(kit.system, 'POST', '/workflows/import', {
      definition: aDefinition(name, name.toLowerCase()),
      publish: true,
    });
    return made.json.workflowId as string;
  };
  workflowId = await make('Shown');
  // Some of these runs are of hours ago, which may be in the week before.
  await kit.database.database.withClient((client) => ensurePartitions(client, new Date(Date.now() - DAY)));
  hiddenWorkflowId = await make('Hidden');
  const { database } = kit.database;
  const [project] = await database.query<{ id: string }>(
    `insert into project (id, workspace_id, slug, name, visibility, created_by) select gen_random_uuid(), $1, 'closed', 'Closed', 'members', $2 returning id`,
    [kit.workspace.id, (await seedDefaults(database)).systemPrincipalId],
  );
  await database.query('update workflow set project_id = $2 where id = $1', [hiddenWorkflowId, project?.id]);
});
afterAll(() => kit.close());

describe('the list of runs', () => {
  test('finds runs by state, whether they have ended or go on, newest first and page by page', async () => {
    const failed = await aRun({ status: 5, endedAgoMs: 50_000 });
    const cancelled = await aRun({ status: 6, endedAgoMs: 40_000 });
    const waiting = await aRun({ live: 3, endedAgoMs: 30_000 });
    const good = await aRun({ endedAgoMs: 20_000 });
    expect(await list(`workflowId=${workflowId}`)).toEqual([good, waiting, cancelled, failed]);
    expect(await list('statuses=failed')).toEqual([failed]);
    expect(await list('statuses=failed&statuses=waiting&statuses=cancelled')).toEqual([waiting, cancelled, failed]);
    expect(await list('statuses=waiting')).toEqual([waiting]);
    expect(await list('statuses=succeeded')).toEqual([good]);
    expect(await list('statuses=running')).toEqual([]);
    const first = await kit.rest(owner, 'GET', '/runs/overview?first=2');
    expect(first.json.hasMore).toBe(true);
    expect([...ids(first), ...(await list(`first=2&after=${first.json.endCursor}`))]).toEqual([good, waiting, cancelled, failed]);
  });

  test('finds runs by trigger and by time', async () => {
    const scheduled = await aRun({ trigger: 2 });
    const old = await aRun({ trigger: 2, endedAgoMs: 6 * 60 * 60_000 });
    expect(await list('triggers=schedule')).toEqual([scheduled, old]);
    expect(await list('triggers=schedule&triggers=webhook&statuses=succeeded')).toContain(scheduled);
    const hourAgo = encodeURIComponent(new Date(Date.now() - 60 * 60_000).toISOString());
    expect(await list(`triggers=schedule&since=${hourAgo}`)).toEqual([scheduled]);
    expect(await list(`triggers=schedule&until=${hourAgo}`)).toEqual([old]);
  });

  test('finds a run by its id, by the end of it, and by tags; a run has all tags asked for', async () => {
    const one = await aRun();
    const other = await aRun();
    expect(await list(`search=${one}`)).toEqual([one]);
    expect(await list(`search=${one.slice(-8)}`)).toEqual([one]);
    expect(await list('search=%25')).toEqual([]);
    const tag = (id: string, tags: object) => kit.rest(owner, 'POST', `/runs/${id}/tags`, { tags });
    expect((await tag(one, { customer: 'c1', order: '7=7' })).status).toBe(200);
    expect((await tag(other, { customer: 'c1' })).status).toBe(200);
    expect(await list('search=customer:c1')).toEqual(expect.arrayContaining([one, other]));
    expect(await list(`tags=${encodeURIComponent('customer=c1')}&tags=${encodeURIComponent('order=7=7')}`)).toEqual([one]);
    expect((await kit.rest(owner, 'GET', '/runs/overview?tags=nothing')).status).toBe(422);
    expect((await tag(one, { 'a=b': 'x' })).status).toBe(422);
  });

  test("tags given at the start are the run's from then on", async () => {
    const { json } = await kit.rest(owner, 'POST', '/runs', { workflowId, source: 'draft', input: {}, tags: { customer: 'c9' } });
    expect(await list('tags=customer%3Dc9')).toEqual([json.runId]);
    await kit.rest(owner, 'GET', `/runs/${json.runId}/state?waitMs=30000`);
    expect((await kit.rest(owner, 'GET', `/runs/${json.runId}/detail`)).json.tags).toEqual([{ key: 'customer', value: 'c9' }]);
  });

  test('a workflow tags its runs, by texts and by expressions on what its trigger gives; those given at the start win', async () => {
    const definition = {
      ...aDefinition('Tagged', 'tagged'),
      settings: { tags: { team: 'north', order: '={{ $json.body.order }}', none: '={{ $json.body.missing }}', bad: '={{ $json.a.b }}' } },
    };
    const { json: made } = await kit.rest(kit.system, 'POST', '/workflows/import', { definition, publish: true });
    const start = async (more: object): Promise<string> => {
      const { json } = await kit.rest(owner, 'POST', '/runs', {
        workflowId: made.workflowId,
        source: 'live',
        input: { order: 77 },
        ...more,
      });
      await kit.rest(owner, 'GET', `/runs/${json.runId}/state?waitMs=30000`);
      return json.runId as string;
    };
    const one = await start({});
    const other = await start({ tags: { team: 'south' } });
    const tagsOf = async (id: string): Promise<unknown> => (await kit.rest(owner, 'GET', `/runs/${id}/detail`)).json.tags;
    expect(await tagsOf(one)).toEqual([
      { key: 'order', value: '77' },
      { key: 'team', value: 'north' },
    ]);
    expect(await tagsOf(other)).toContainEqual({ key: 'team', value: 'south' });
    expect(await list('search=order:77')).toEqual([other, one]);
    expect(await list('search=team:north')).toEqual([one]);
  });

  test.each([
    ['a key that cannot be searched for', { 'a=b': 'x' }, 'TAG_KEY'],
    ['an expression that cannot be read', { a: '={{ 1 + }}' }, 'TAG_EXPRESSION'],
    ['a step that has not run then', { a: "={{ $('say').item.json.x }}" }, 'TAG_NODE'],
    ['too many', Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, 'x'])), 'TAGS_TOO_MANY'],
  ])('tags of a workflow with %s are refused', async (_, tags, code) => {
    const definition = { ...aDefinition('Wrong', 'wrong'), settings: { tags } };
    const { json } = await kit.rest(owner, 'POST', '/workflows/validate', definition);
    expect(json.problems.map((one: { code: string }) => one.code)).toContain(code);
  });

  test('whoever may not see a project finds none of its runs, whatever is asked', async () => {
    const hidden = await aRun({ of: hiddenWorkflowId, status: 5 });
    for (const query of [
      `statuses=failed`,
      `search=${hidden}`,
      `search=${hidden.slice(-8)}`,
      `workflowId=${hiddenWorkflowId}`,
      'first=100',
    ])
      expect(await list(query, viewer)).not.toContain(hidden);
    expect(await list(`search=${hidden}`, kit.system)).toEqual([hidden]);
  });
});

describe('statistics', () => {
  test('count runs by state and by workflow, and tell how long they took', async () => {
    const before = (await kit.rest(owner, 'GET', `/statistics?workflowId=${workflowId}`)).json;
    await aRun({ ms: 400 });
    await aRun({ status: 5, ms: 900 });
    const after = (await kit.rest(owner, 'GET', `/statistics?workflowId=${workflowId}`)).json;
    expect(after.totals.succeeded - (before.totals.succeeded ?? 0)).toBe(1);
    expect(after.totals.failed - (before.totals.failed ?? 0)).toBe(1);
    const sum = after.buckets.reduce(
      (all: number, bucket: { counts: Record<string, number> }) => all + Object.values(bucket.counts).reduce((a, b) => a + b, 0),
      0,
    );
    expect(after.workflows[0]).toMatchObject({ id: workflowId, name: 'Shown', ended: sum });
    expect(after.successRate).toBeCloseTo(after.totals.succeeded / sum);
    expect(after.durations.max).toBeGreaterThanOrEqual(900);
    const { p50, p95, p99, max, mean } = after.durations;
    expect([p50, p95, p99, max].toSorted((x, y) => x - y)).toEqual([p50, p95, p99, max]);
    expect(mean).toBeGreaterThan(0);
  });

  test('days are those of the workspace, also where its zone is half an hour off', async () => {
    const { database } = kit.database;
    await database.query(`update workspace set zone = 'Asia/Kolkata' where id = $1`, [kit.workspace.id]);
    const since = encodeURIComponent(new Date(Date.now() - 3 * DAY).toISOString());
    const { json } = await kit.rest(owner, 'GET', `/statistics?by=day&since=${since}`);
    expect(json.zone).toBe('Asia/Kolkata');
    for (const bucket of json.buckets) expect(bucket.startsAt).toMatch(/T18:30:00\.000Z$/);
    await database.query(`update workspace set zone = 'UTC' where id = $1`, [kit.workspace.id]);
  });

  test('leave out what one may not see, and refuse what is too long or upside down', async () => {
    await aRun({ of: hiddenWorkflowId });
    const seen = await kit.rest(viewer, 'GET', '/statistics');
    expect(seen.text).not.toContain(hiddenWorkflowId);
    expect((await kit.rest(viewer, 'GET', `/statistics?workflowId=${hiddenWorkflowId}`)).status).toBe(404);
    const all = await kit.rest(kit.system, 'GET', '/statistics');
    const ended = (answer: { json: { totals: Record<string, number> } }): number =>
      Object.values(answer.json.totals).reduce((a, b) => a + b, 0);
    expect(ended(seen)).toBeLessThan(ended(all));
    const at = (ms: number): string => encodeURIComponent(new Date(ms).toISOString());
    for (const query of [`by=quarter&since=${at(Date.now() - 30 * DAY)}`, `since=${at(Date.now() + DAY)}`, 'by=week', 'since=yesterday'])
      expect((await kit.rest(owner, 'GET', `/statistics?${query}`)).status, query).toBe(422);
  });
});

describe('deleting a run', () => {
  test('takes its data for good; one that goes on is refused, and whoever may only look cannot', async () => {
    const id = await aRun();
    const goingOn = await aRun({ live: 3 });
    expect((await kit.rest(viewer, 'DELETE', `/runs/${id}`)).status).toBe(403);
    expect((await kit.rest(owner, 'DELETE', `/runs/${goingOn}`)).json.error.code).toBe('CONFLICT');
    expect((await kit.rest(owner, 'DELETE', `/runs/${id}`)).status).toBe(200);
    expect((await kit.rest(owner, 'GET', `/runs/${id}/state`)).status).toBe(404);
    expect((await kit.rest(owner, 'DELETE', `/runs/${id}`)).status).toBe(404);
    const [audit] = await kit.database.database.query<{ n: number }>(
      `select count(*)::int4 as n from audit where action = 'run.delete' and resource_id = $1`,
      [id],
    );
    expect(audit?.n).toBe(1);
  });
});

describe('kept filters', () => {
  test("are one's own, or shared by whoever may; each sees and changes only what is theirs", async () => {
    const editor = await kit.person('editor');
    const make = (as: TestCaller, body: object) =>
      kit.rest(as, 'POST', '/views', { page: 'runs', filter: { statuses: ['failed'] }, ...body });
    const own = (await make(viewer, { name: 'Mine' })).json.id as string;
    expect((await make(viewer, { name: 'Ours', isShared: true })).status).toBe(403);
    const shared = (await make(editor, { name: 'Ours', isShared: true })).json.id as string;
    const seen = (await kit.rest(viewer, 'GET', '/views?page=runs')).json as { id: string; may: { edit: boolean } }[];
    expect(seen.map((one) => [one.id, one.may.edit])).toEqual([
      [own, true],
      [shared, false],
    ]);
    expect(((await kit.rest(editor, 'GET', '/views?page=runs')).json as { id: string }[]).map((one) => one.id)).toEqual([shared]);
    expect((await kit.rest(viewer, 'PATCH', `/views/${shared}`, { name: 'x' })).status).toBe(403);
    expect((await kit.rest(viewer, 'DELETE', `/views/${shared}`)).status).toBe(403);
    expect((await kit.rest(editor, 'PATCH', `/views/${own}`, { name: 'x' })).status).toBe(404);
    expect((await kit.rest(editor, 'DELETE', `/views/${own}`)).status).toBe(404);
    expect((await kit.rest(editor, 'PATCH', `/views/${shared}`, { name: 'All', expectedRev: 1 })).json).toEqual({ rev: 2 });
    expect((await kit.rest(editor, 'PATCH', `/views/${shared}`, { name: 'Late', expectedRev: 1 })).status).toBe(409);
    expect((await kit.rest(viewer, 'DELETE', `/views/${own}`)).status).toBe(200);
  });

  test('a filter that is too long, or for no list, is refused', async () => {
    for (const body of [
      { page: 'runs', name: 'x', filter: { a: 'y'.repeat(20_000) } },
      { page: '../runs', name: 'x', filter: {} },
      { page: 'runs', name: '', filter: {} },
    ])
      expect((await kit.rest(viewer, 'POST', '/views', body)).status).toBe(422);
  });
});

test('a run whose data is forgotten answers no caller with it again', async () => {
  const id = await aRun();
  const { database } = kit.database;
  await database.query(
    `insert into hook_reply (workspace_id, run_id, fingerprint, status, headers, body, expires_at) values ($1, $2, 'f', 200, '{}', 'CANARY', now() + interval '1 day')`,
    [kit.workspace.id, id],
  );
  const erasure = createRunErasure({ database, blobs: kit.blobs });
  expect(await erasure.erase({ runId: id, workspaceId: kit.workspace.id })).toBe(true);
  expect(await database.query('select from hook_reply where run_id = $1', [id])).toEqual([]);
});
