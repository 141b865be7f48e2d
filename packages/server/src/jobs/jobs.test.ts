/** Acts on many things as jobs: each thing asked about with the rights of the moment, once, with what became of it. */
import { type WorkspaceTransaction, createWorkflow, createTag, deleteOldJobs, inWorkspace, recordJobItem } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';
import { createExecute } from '../operation/execute.ts';
import { semanticHash } from '../workflows/definitions.ts';
import { type JobWorker, startJobWorker } from './job-worker.ts';

let kit: ApiKit;
let editor: TestCaller;
let count = 0;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor', { name: 'Edith' });
});
afterAll(() => kit.close());

const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: kit.system.principalId }, use);

/** Drafts that could be published. */
async function workflows(n: number, projectId = kit.workspace.projectId): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < n; i++) {
    count += 1;
    const definition = aDefinition(`Many ${count}`, `many-${count}`) as never;
    const made = await inHome((tx) => createWorkflow(tx, { projectId, definition, semanticHash: semanticHash(definition) }));
    if (made.kind === 'created') ids.push(made.workflow.id);
  }
  return ids;
}

/** Jobs stand still at their next thing. */
const whileNothingIsWrittenDown = <Result>(use: () => Promise<Result>): Promise<Result> =>
  kit.database.database.withClient(async (client) => {
    await client.query('begin');
    await client.query('lock table job_item in share mode');
    try {
      return await use();
    } finally {
      await client.query('commit');
    }
  });

const start = (by: TestCaller, kind: 'workflows' | 'runs', body: object): Promise<Answer> => kit.rest(by, 'POST', `/bulk/${kind}`, body);
const SOON = { timeout: 60_000, interval: 10 };
const jobOf = async (by: TestCaller, id: string): Promise<Answer['json']> => (await kit.rest(by, 'GET', `/jobs/${id}`)).json;
async function ended(by: TestCaller, id: string): Promise<Answer['json']> {
  await expect.poll(() => jobOf(by, id), SOON).toHaveProperty('endedAt');
  return jobOf(by, id);
}
const itemsOf = async (by: TestCaller, id: string, query = ''): Promise<Answer['json'][]> =>
  (await kit.rest(by, 'GET', `/jobs/${id}/items?first=100${query}`)).json.rows;
async function run(by: TestCaller, kind: 'workflows' | 'runs', body: object): Promise<{ job: Answer['json']; items: Answer['json'][] }> {
  const started = await start(by, kind, body);
  expect(started.status, started.text).toBe(202);
  const job = await ended(by, started.json.id);
  return { job, items: await itemsOf(by, job.id) };
}

describe('an act on many workflows', () => {
  test('does each once and says what became of it, also of what is not there or not allowed', async () => {
    const ids = await workflows(3);
    const [own] = await kit.database.database.query<{ id: string }>(
      `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, 'own', 'Own', 'members', $2, $2) returning id`,
      [kit.workspace.id, (await kit.person('editor')).principalId],
    );
    const [hidden = ''] = await workflows(1, own?.id);
    const nowhere = crypto.randomUUID();
    const { job, items } = await run(editor, 'workflows', {
      act: 'publish',
      ids: [...ids, hidden, nowhere, ...ids],
      input: { note: 'all at once' },
    });
    expect(job).toMatchObject({
      state: 'succeeded',
      act: 'publish',
      kind: 'workflow',
      done: 3,
      failed: 2,
      unchanged: 0,
      total: 5,
      by: { name: 'Edith' },
    });
    expect(new Map(items.map((item) => [item.itemId, item.code ?? item.result?.version]))).toEqual(
      new Map<string, unknown>([...ids.map((id) => [id, 1] as const), [hidden, 'NOT_FOUND'], [nowhere, 'NOT_FOUND']]),
    );
    const versions = (await kit.rest(editor, 'GET', `/workflows/${ids[0]}/versions`)).json.rows;
    expect(versions).toMatchObject([{ number: 1, note: 'all at once', publishedBy: { name: 'Edith' } }]);
    expect((await itemsOf(editor, job.id, '&outcome=failed')).length).toBe(2);
    const again = await run(editor, 'workflows', { act: 'publish', ids });
    expect(again.job).toMatchObject({ unchanged: 3, done: 0 });
    const audited = await kit.database.database.query(`select from audit where action = 'workflow.publish' and resource_id = any($1)`, [
      ids,
    ]);
    expect(audited).toHaveLength(3);
  });

  test('by a filter takes what was there when it was asked for, and nothing made later', async () => {
    const before = await workflows(4);
    const tagId = await inHome(async (tx) => (await createTag(tx, { name: 'bulk' })).tagId);
    const started = await whileNothingIsWrittenDown(async () => {
      const answer = await start(editor, 'workflows', { act: 'tag', filter: { search: 'Many' }, input: { add: [tagId] } });
      return { answer, later: await workflows(2) };
    });
    const job = await ended(editor, started.answer.json.id);
    const done = (await itemsOf(editor, job.id)).map((item) => item.itemId);
    expect(done).toEqual(expect.arrayContaining(before));
    for (const id of started.later) expect(done).not.toContain(id);
    const tagged = (await kit.rest(editor, 'GET', `/workflows/places?tagIds=${tagId}&first=100`)).json.rows.map(
      (row: { id: string }) => row.id,
    );
    expect(new Set(tagged)).toEqual(new Set(done));
  });

  test('deletes, brings back, moves and takes out of service', async () => {
    const ids = await workflows(2);
    for (const act of ['publish', 'pause', 'resume', 'unpublish', 'delete', 'restore'])
      expect((await run(editor, 'workflows', { act, ids })).job, act).toMatchObject({ state: 'succeeded', done: 2 });
    const folderId = (await kit.rest(editor, 'POST', '/folders', { projectId: kit.workspace.projectId, name: 'Bulk' })).json.id;
    expect((await run(editor, 'workflows', { act: 'moveToFolder', ids, input: { folderId } })).job).toMatchObject({ done: 2 });
    expect((await run(editor, 'workflows', { act: 'moveToFolder', ids, input: { projectId: folderId } })).items[0]).toMatchObject({
      code: 'INPUT_INVALID',
    });
    // Moving between projects is for admins of both.
    expect((await run(editor, 'workflows', { act: 'move', ids, input: { projectId: kit.workspace.projectId } })).items[0]).toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  test.each<[object]>([
    [{ act: 'delete' }],
    [{ act: 'delete', ids: [] }],
    [{ act: 'delete', ids: ['x'] }],
    [{ act: 'explode', ids: ['019aa000-0000-7000-8000-000000000000'] }],
    [{ act: 'delete', ids: ['019aa000-0000-7000-8000-000000000000'], filter: {} }],
    [{ act: 'delete', filter: { owner: 'me' } }],
    [{ act: 'restore', filter: {} }],
    [{ act: 'delete', ids: ['019aa000-0000-7000-8000-000000000000'], input: { force: true } }],
  ])('is refused for %j', async (body) => {
    const answer = await start(editor, 'workflows', body);
    expect([answer.status, answer.json.error.code]).toEqual([422, 'INPUT_INVALID']);
  });
});

describe('an act on many runs', () => {
  test('repeats, and deletes what has ended', async () => {
    count += 1;
    const name = `Runs ${count}`;
    await kit.rest(editor, 'POST', '/workflows/import', { definition: aDefinition(name, `runs-${count}`), publish: true });
    const runs: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { runId } = (await kit.rest(editor, 'POST', '/runs', { workflow: name })).json;
      await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`);
      runs.push(runId);
    }
    const { job, items } = await run(editor, 'runs', { act: 'again', ids: runs });
    expect(job, JSON.stringify(items)).toMatchObject({ done: 3, failed: 0 });
    expect(new Set(items.map((item) => item.result.runId)).size).toBe(3);
    const cancelled = await run(editor, 'runs', { act: 'cancel', ids: runs });
    expect(cancelled.items.map((item) => item.code)).toEqual(['RUN_ENDED', 'RUN_ENDED', 'RUN_ENDED']);
    for (const { result } of items) await kit.rest(editor, 'GET', `/runs/${result.runId}/state?waitMs=30000`);
    const workflowId = (await kit.rest(editor, 'GET', `/runs/${runs[0]}/detail`)).json.workflow.id;
    const deleted = await run(await kit.person('admin'), 'runs', { act: 'delete', filter: { workflowId, statuses: ['succeeded'] } });
    expect(deleted.job, JSON.stringify(deleted.items)).toMatchObject({ done: 6, failed: 0 });
  });
});

describe('rights', () => {
  test('are asked for each thing at its turn: what was taken away while a job goes on is refused from then on', async () => {
    const person = await kit.person('editor');
    const ids = await workflows(30);
    const gate = Promise.withResolvers<void>();
    const held = inHome(async (tx) => {
      // The tenth one cannot be touched until the role is gone.
      await tx.query('select from workflow where id = $1 for update', [ids[9]]);
      await gate.promise;
    });
    const { json } = await start(person, 'workflows', { act: 'delete', ids });
    await expect.poll(async () => (await jobOf(person, json.id)).done, SOON).toBe(9);
    await kit.rest(kit.system, 'PUT', `/members/${person.principalId}/role`, { role: 'viewer' });
    gate.resolve();
    await held;
    const job = await ended(person, json.id);
    // The one under way had been allowed before.
    expect([job.done, job.failed]).toEqual([10, 20]);
    expect((await itemsOf(person, job.id, '&outcome=failed')).every((item) => item.code === 'FORBIDDEN')).toBe(true);
  });

  test('a job of a key ends with the key, one of a member with the membership, and a key needs the scope of the act', async () => {
    const key = await kit.apiKey(editor, ['workflow.read', 'workflow.delete']);
    const ids = await workflows(2);
    expect((await start(key, 'workflows', { act: 'publish', ids })).json.error).toMatchObject({ code: 'FORBIDDEN' });
    expect((await run(key, 'workflows', { act: 'delete', ids: ids.slice(0, 1) })).job.done).toBe(1);

    const gone = await kit.person('editor');
    const goneKey = await kit.apiKey(gone);
    const started = await whileNothingIsWrittenDown(async () => {
      const answer = await start(goneKey, 'workflows', { act: 'delete', ids: await workflows(3) });
      await kit.database.database.query('update api_key set revoked_at = now() where id = $1', [(await goneKey.caller()).apiKeyId]);
      return answer.json.id as string;
    });
    expect(await ended(gone, started)).toMatchObject({ state: 'failed', code: 'ACTOR_GONE' });
  });

  test('jobs are seen and cancelled by whoever asked for them, and by admins', async () => {
    const ids = await workflows(1);
    const { job, items } = await run(editor, 'workflows', { act: 'pause', ids });
    expect(items).toMatchObject([{ outcome: 'failed', code: 'CONFLICT', message: expect.any(String) }]);
    // Admins see how it went, not what refusals say: that may name what is hidden from them.
    expect(await itemsOf(await kit.person('admin'), job.id)).toEqual([
      { itemId: ids[0], outcome: 'failed', code: 'CONFLICT', at: expect.any(String) },
    ]);
    const other = await kit.person('editor');
    for (const path of [`/jobs/${job.id}`, `/jobs/${job.id}/items`]) expect((await kit.rest(other, 'GET', path)).status).toBe(404);
    expect((await kit.rest(other, 'POST', `/jobs/${job.id}/cancel`)).status).toBe(404);
    expect((await kit.rest(other, 'GET', '/jobs')).json.rows).toEqual([]);
    expect((await kit.rest(await kit.person('admin'), 'GET', `/jobs/${job.id}`)).json).toMatchObject({ id: job.id });
    expect((await kit.rest(editor, 'POST', `/jobs/${job.id}/cancel`)).json.error.code).toBe('ALREADY_DONE');
    expect((await kit.rest(editor, 'GET', '/jobs?first=1')).json).toMatchObject({ rows: [{ id: expect.any(String) }], hasMore: true });
  });
});

describe('a job', () => {
  test('is stopped after the thing at hand, and what is done stays done', async () => {
    const ids = await workflows(20);
    const gate = Promise.withResolvers<void>();
    const held = inHome(async (tx) => {
      await tx.query('select from workflow where id = $1 for update', [ids[4]]);
      await gate.promise;
    });
    const { json } = await start(editor, 'workflows', { act: 'delete', ids });
    await expect.poll(async () => (await jobOf(editor, json.id)).done, SOON).toBe(4);
    expect((await kit.rest(editor, 'POST', `/jobs/${json.id}/cancel`)).status).toBe(200);
    gate.resolve();
    await held;
    const job = await ended(editor, json.id);
    expect([job.state, job.done, job.isCancelRequested]).toEqual(['cancelled', 5, true]);
    expect((await kit.rest(editor, 'GET', `/workflows/${ids[5]}`)).status).toBe(200);
  });

  test('that another process took over is left alone, and the thing at hand is taken back', async () => {
    const ids = await workflows(6);
    const gate = Promise.withResolvers<void>();
    const held = inHome(async (tx) => {
      await tx.query('select from workflow where id = $1 for update', [ids[2]]);
      await gate.promise;
    });
    const { json } = await start(editor, 'workflows', { act: 'delete', ids });
    await expect.poll(async () => (await jobOf(editor, json.id)).done, SOON).toBe(2);
    // As if this process had been away for longer than its lease.
    await kit.database.database.query(`update job set lease_by = id, lease_until = now() + interval '1 hour' where id = $1`, [json.id]);
    gate.resolve();
    await held;
    await expect.poll(() => kit.log.map((line) => line.message).join('\n'), SOON).toContain('another process has taken a job over');
    expect((await kit.rest(editor, 'GET', `/workflows/${ids[2]}`)).status).toBe(200);
    // The other one dies; this one goes on where it was.
    await kit.database.database.query('update job set lease_until = now() where id = $1', [json.id]);
    const job = await ended(editor, json.id);
    expect([job.state, job.done, job.failed]).toEqual(['succeeded', 6, 0]);
  });

  test('is given back by a worker that stops, and two workers share jobs without doing anything twice', async () => {
    const workers: JobWorker[] = [];
    const { database } = kit.database;
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    for (let n = 0; n < 2; n++)
      workers.push(startJobWorker({ database, registry: kit.registry, execute: createExecute(database), log, pollMs: 5 }));
    const lists = await Promise.all([1, 2, 3, 4].map(() => workflows(10)));
    const jobs = await Promise.all(lists.map((ids) => start(editor, 'workflows', { act: 'delete', ids })));
    await workers[0]?.close();
    await workers[1]?.close();
    for (const { json } of jobs) expect(await ended(editor, json.id)).toMatchObject({ state: 'succeeded', done: 10, failed: 0 });
    const audited = await database.query(`select from audit where action = 'workflow.delete' and resource_id = any($1)`, [lists.flat()]);
    expect(audited).toHaveLength(40);
  });

  test('does a thing once even where it is told twice, and is forgotten after a while', async () => {
    const [id = ''] = await workflows(1);
    const { job } = await run(editor, 'workflows', { act: 'delete', ids: [id] });
    await expect(inHome((tx) => recordJobItem(tx, job.id, { itemId: id, outcome: 'done' }))).rejects.toThrow(/job_item_pkey/);
    await kit.database.database.query(`update job set ended_at = now() - interval '31 days' where id = $1`, [job.id]);
    expect(await deleteOldJobs(kit.database.database, { keepMs: 30 * 86_400_000 })).toBe(1);
    expect((await kit.rest(editor, 'GET', `/jobs/${job.id}`)).status).toBe(404);
  });

  test('one person has a bounded number of them open', async () => {
    const person = await kit.person('editor');
    await kit.database.database.query(
      `insert into job (id, workspace_id, kind, actor, params) select gen_random_uuid(), $1, 'other', $2, '{}' from generate_series(1, 20)`,
      [kit.workspace.id, person.principalId],
    );
    expect((await start(person, 'workflows', { act: 'delete', filter: {} })).json.error.code).toBe('TOO_MANY_REQUESTS');
  });
});
