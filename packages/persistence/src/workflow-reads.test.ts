/** Lists of workflows, and what the live view reads of runs, on a real database. */
import type { WorkflowDefinition } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { uuidv7 } from './ids.ts';
import { inWorkspace } from './in-workspace.ts';
import { findRunPlace, readCommittedEvents, readCommittedSeqs, readProjectsOfContents } from './journal/live-reads.ts';
import { ensurePartitions } from './partitions.ts';
import { seedDefaults } from './seed.ts';
import type { Defaults } from './seed.ts';
import { countWorkflows, listWorkflowRows } from './workflow-reads.ts';
import { createWorkflow, saveDraft } from './workflows.ts';

let db: TestDatabase;
let home: Defaults;
const ids: string[] = [];
const ALL = { kind: 'all' } as const;

const asOwner = <Result>(use: Parameters<typeof inWorkspace<Result>>[2]): Promise<Result> =>
  inWorkspace(db.database, { workspaceId: home.workspaceId, principalId: home.systemPrincipalId }, use);
const definition = (name: string, ...steps: string[]): WorkflowDefinition =>
  ({
    schema: 1,
    name,
    nodes: steps.map((step, n) => ({ id: `n${n}`, type: 'core/set', position: { x: 0, y: 0 }, data: { name: step } })),
    edges: [],
  }) as never;

async function aRun(
  workflowId: string,
  more: { readonly chunks?: readonly number[]; readonly events?: number; readonly live?: number } = {},
): Promise<string> {
  const id = uuidv7();
  const { chunks = [], events = 2, live } = more;
  await db.database.query(
    `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at, events, journal)
       values ($1, $2, $3, 1, 1, $4, 1, $1, now(), $5, '["e0","e1"]')`,
    [id, home.workspaceId, workflowId, live === undefined ? 4 : 1, live === undefined ? events : 0],
  );
  for (const seq of chunks)
    await db.database.query('insert into run_chunk (run_id, seq, events) values ($1, $2, $3)', [
      id,
      seq,
      Buffer.from(`["e${seq}","e${seq + 1}"]`),
    ]);
  if (live !== undefined) {
    await db.database.query(
      `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, started_at) values ($1, $2, $3, 1, 1, $1, 1, $4, 1, now())`,
      [id, home.workspaceId, workflowId, live],
    );
  }
  return id;
}

beforeAll(async () => {
  db = await createTestDatabase();
  home = await seedDefaults(db.database);
  await db.database.withClient((client) => ensurePartitions(client, new Date()));
  for (const [name, steps] of [
    ['Orders', ['Fetch', 'Send 100%']],
    ['Invoices', ['Fetch', 'File']],
    ['backups', []],
  ] as const) {
    const made = await asOwner((tx) =>
      createWorkflow(tx, { projectId: home.projectId, definition: definition(name, ...steps), semanticHash: 'x' }),
    );
    if (made.kind !== 'created') throw new Error(made.kind);
    ids.push(made.workflow.id);
  }
});
afterAll(() => db.close());

describe('the list of workflows', () => {
  const names = async (options: Partial<Parameters<typeof listWorkflowRows>[1]>): Promise<string[]> =>
    (await asOwner((tx) => listWorkflowRows(tx, { visible: ALL, ...options }))).rows.map((row) => row.name);

  test('finds by part of the name and of the names of steps, as they are now', async () => {
    expect(await names({ search: 'fetch', sort: 'name' })).toEqual(['Invoices', 'Orders']);
    expect(await names({ search: '100%' })).toEqual(['Orders']);
    expect(await names({ search: '%' })).toEqual(['Orders']);
    expect(await names({ search: 'BACK' })).toEqual(['backups']);
    await asOwner((tx) => saveDraft(tx, { workflowId: ids[1] ?? '', definition: definition('Invoices', 'Print'), semanticHash: 'y' }));
    expect(await names({ search: 'fetch' })).toEqual(['Orders']);
    expect(await names({ search: 'print' })).toEqual(['Invoices']);
  });

  test('a page ends where the next begins, in each order', async () => {
    await aRun(ids[2] ?? '');
    await aRun(ids[0] ?? '');
    for (const [sort, order] of [
      ['name', ['backups', 'Invoices', 'Orders']],
      ['recentlyRun', ['Orders', 'backups', 'Invoices']],
    ] as const) {
      const first = await asOwner((tx) => listWorkflowRows(tx, { visible: ALL, sort, first: 2 }));
      const after = first.nextCursor;
      expect([...first.rows.map((row) => row.name), ...(await names({ sort, first: 2, after }))]).toEqual(order);
    }
    await expect(names({ after: 'made-up' })).rejects.toMatchObject({ code: 'CURSOR_INVALID' });
  });

  test('whoever sees one workflow only gets and counts that one', async () => {
    const visible = { kind: 'some', projectIds: [], ids: [ids[0] ?? ''] } as const;
    expect(await names({ visible })).toEqual(['Orders']);
    expect(await asOwner((tx) => countWorkflows(tx, visible))).toMatchObject({ all: 1, drafts: 1, projects: 0 });
  });
});

describe('the live view', () => {
  test('reads a run from any event on, without holes', async () => {
    const id = await aRun(ids[0] ?? '', { chunks: [2, 4, 6], events: 8 });
    for (let from = 0; from <= 8; from += 1) {
      const found = await readCommittedEvents(db.database, id, from);
      const events = (found?.chunks ?? []).flatMap((chunk) => JSON.parse(chunk) as string[]).slice(from - (found?.from ?? 0));
      expect(events).toEqual(Array.from({ length: 8 - from }, (_, n) => `e${from + n}`));
    }
    // What was read before is not read again.
    expect((await readCommittedEvents(db.database, id, 6))?.chunks).toHaveLength(1);
    expect(await readCommittedEvents(db.database, uuidv7(), 0)).toBeUndefined();
  });

  test('knows how far runs are that go on and that have ended, and where they belong', async () => {
    const ended = await aRun(ids[0] ?? '', { events: 2 });
    const goesOn = await aRun(ids[0] ?? '', { chunks: [2], live: 4 });
    expect(await readCommittedSeqs(db.database, [ended, goesOn, uuidv7()])).toEqual(
      new Map([
        [ended, 2],
        [goesOn, 4],
      ]),
    );
    expect(await findRunPlace(db.database, goesOn)).toEqual({
      workspaceId: home.workspaceId,
      workflowId: ids[0],
      projectId: home.projectId,
    });
    expect(await findRunPlace(db.database, 'no-id')).toBeUndefined();
    expect((await readProjectsOfContents(db.database, home.workspaceId)).get(ids[0] ?? '')).toBe(home.projectId);
  });
});
