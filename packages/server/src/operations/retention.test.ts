/** How long runs and their data are kept: by workspace, by workflow, by number; with a real database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type RunPayloads,
  createFileBlobStore,
  createRunPayloads,
  createWorkflow,
  eraseLater,
  inWorkspace,
  seedDefaults,
  uuidFloor,
} from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RetentionOptions, retentionSweeps } from './retention.ts';

const DAY_MS = 24 * 60 * 60_000;
let db: TestDatabase;
let payloads: RunPayloads;
let dir = '';
let workspaceId = '';
let asSystem: Parameters<typeof inWorkspace>[1];
let projectId = '';
let names = 0;

beforeAll(async () => {
  db = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'plugboard-retention-'));
  payloads = createRunPayloads({ database: db.database, files: createFileBlobStore({ dir }) });
  const defaults = await seedDefaults(db.database);
  ({ workspaceId, projectId } = defaults);
  asSystem = { workspaceId, principalId: defaults.systemPrincipalId };
});
beforeEach(() => db.database.query('truncate run, run_chunk, run_live, run_erasure, run_payload, run_payload_left'));
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true, force: true });
});

async function aWorkflow(keepRuns?: object): Promise<string> {
  names += 1;
  const definition = { schema: 1, name: `W ${names}`, nodes: [], edges: [], settings: keepRuns ? { keepRuns } : {} } as never;
  const made = await inWorkspace(db.database, asSystem, (tx) => createWorkflow(tx, { projectId, definition, semanticHash: 'x' }));
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.workflow.id;
}

/** A run of so many seconds ago. */
async function aRun(workflowId: string, n: number, { status = 4, journal = '[]' } = {}): Promise<string> {
  const id = `${uuidFloor(Date.now() - n * 1000).slice(0, 14)}7000-8000-${crypto.randomUUID().slice(24)}`;
  await db.database.query(
    `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at, ended_at, journal)
       values ($1, $2, $3, 1, 1, $4::int2, 1, $1, now() - $5::float8 * interval '1 s', case when $4::int2 >= 4 then now() - $5::float8 * interval '1 s' end, $6)`,
    [id, workspaceId, workflowId, status, n, Buffer.from(journal)],
  );
  return id;
}

const idsLeft = async (): Promise<Set<string>> =>
  new Set((await db.database.query<{ id: string }>('select id from run')).map((row) => row.id));
async function pass(name: string, now = Date.now(), more: Partial<RetentionOptions> = {}): Promise<void> {
  const sweep = retentionSweeps({ database: db.database, payloads, retentionDays: () => 30, ...more }).find((one) => one.name === name);
  if (!sweep) throw new Error(`there is no sweep ${name}`);
  while ((await sweep.step(now)) === sweep.limit);
}

describe('runs of a workflow', () => {
  test('are kept up to the number it says, the newest ones; those that go on stay', async () => {
    const few = await aWorkflow({ count: 2 });
    const all = await aWorkflow();
    const old = await aRun(few, 50);
    const goingOn = await aRun(few, 40, { status: 3 });
    const kept = [await aRun(few, 20), await aRun(few, 10), await aRun(all, 60)];
    await pass('runs-of-workflows');
    expect(await idsLeft()).toEqual(new Set([goingOn, ...kept]));
    expect(await idsLeft()).not.toContain(old);
  });

  test('are kept for the days it says, also where the workspace keeps them longer', async () => {
    const short = await aWorkflow({ days: 2 });
    const long = await aWorkflow({ days: 300 });
    await aRun(short, 10);
    const kept = await aRun(long, 10);
    await pass('runs-of-workflows', Date.now() + 3 * DAY_MS);
    expect(await idsLeft()).toEqual(new Set([kept]));
    // It cannot keep them longer than the workspace.
    await pass('runs', Date.now() + 31 * DAY_MS);
    expect(await idsLeft()).toEqual(new Set());
  });

  test('are kept up to the number of the workspace, or of the workflow where that is less', async () => {
    const one = await aWorkflow({ count: 1 });
    const three = await aWorkflow();
    const ids: string[] = [];
    for (let n = 5; n > 0; n -= 1) ids.push(await aRun(three, n), await aRun(one, n));
    await pass('runs-of-workflows', Date.now(), { keptPerWorkflow: () => 3 });
    const left = await db.database.query<{ workflow: string; n: number }>(
      'select workflow_id as workflow, count(*)::int4 as n from run group by 1',
    );
    expect(new Map(left.map(({ workflow, n }) => [workflow, n]))).toEqual(
      new Map([
        [three, 3],
        [one, 1],
      ]),
    );
  });
});

describe('rule 25: data that is to be forgotten', () => {
  const started = (secret: string): string =>
    JSON.stringify([
      { type: 'run.started', at: 1, semantics: 1, trigger: 't', outputs: { main: { items: [{ json: { secret } }] } } },
      { type: 'run.ended', at: 2, status: 'succeeded', activeMs: 1 },
    ]);
  const journalOf = async (id: string): Promise<string> => {
    const [row] = await db.database.query<{ journal: Buffer }>('select journal from run where id = $1', [id]);
    return row?.journal.toString() ?? '';
  };

  test('goes in small steps, with the payloads only it named; sequence, type and status stay', async () => {
    const workflowId = await aWorkflow();
    const large = JSON.stringify({
      type: 'step.finished',
      at: 3,
      node: 'a',
      startedAt: 2,
      outputs: { main: { items: [{ json: { secret: 'CANARY' } }] } },
    });
    const id = await aRun(workflowId, 5, { journal: started('CANARY') });
    const blob = await payloads.put(workspaceId, large, id);
    await db.database.query('insert into run_chunk (run_id, seq, events) values ($1, 2, $2)', [
      id,
      Buffer.from(JSON.stringify([{ type: 'step.finished', at: 3, node: 'a', blob, counts: { main: 1 } }])),
    ]);
    const other = await aRun(workflowId, 4, { journal: started('KEPT') });
    await eraseLater(db.database, { workspaceId, runId: id });
    await eraseLater(db.database, { workspaceId, runId: other, at: Date.now() + DAY_MS });
    await pass('run-data');
    await pass('payloads');
    expect(await journalOf(id)).not.toContain('CANARY');
    const [chunk] = await db.database.query<{ events: Buffer }>('select events from run_chunk where run_id = $1', [id]);
    expect(JSON.parse(chunk?.events.toString() ?? '')).toEqual([
      { type: 'step.finished', at: 3, node: 'a', startedAt: 2, outputs: { main: { items: [{ json: {} }] } } },
    ]);
    await expect(payloads.get(workspaceId, blob)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
    expect(await journalOf(other)).toContain('KEPT');
    expect(await db.database.query('select from run_erasure')).toHaveLength(1);
  });

  test('of a run that cannot be read is tried again later, and holds up no other', async () => {
    const workflowId = await aWorkflow();
    const broken = await aRun(workflowId, 9, { journal: 'no JSON' });
    const whole = await aRun(workflowId, 5, { journal: started('CANARY') });
    await eraseLater(db.database, { workspaceId, runId: broken });
    await eraseLater(db.database, { workspaceId, runId: whole });
    await expect(pass('run-data')).rejects.toThrow();
    expect(await journalOf(whole)).not.toContain('CANARY');
    const due = await db.database.query<{ id: string; isLater: boolean }>(
      'select run_id as id, due_at > now() as "isLater" from run_erasure',
    );
    expect(due).toEqual([{ id: broken, isLater: true }]);
  });

  test('of a run that goes on stays', async () => {
    const id = await aRun(await aWorkflow(), 5, { status: 3, journal: started('NEEDED') });
    await eraseLater(db.database, { workspaceId, runId: id });
    await pass('run-data');
    expect(await journalOf(id)).toContain('NEEDED');
  });
});
