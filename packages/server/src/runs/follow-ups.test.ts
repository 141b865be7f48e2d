/** What follows from the ends of runs, whatever happens between the end and what follows. */
import { releaseHeldRuns } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { createRunErasure } from './run-erasure.ts';

let kit: ApiKit;
let editor: TestCaller;

const HOUR_MS = 3_600_000;
const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params },
});
const FAILING = node('stop', 'core/stop', { message: 'Enough' });

function aWorkflow(name: string, step: ReturnType<typeof node>, settings: object = {}, trigger = 'core/manual'): object {
  const edge = { id: 'e', source: 'start', sourceHandle: 'main', target: step.id, targetHandle: 'main' };
  return { schema: 1, name, nodes: [node('start', trigger), step], edges: [edge], settings };
}

async function live(definition: object): Promise<string> {
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

async function ended(runId: string): Promise<string> {
  for (;;) {
    const { json } = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=5000`);
    if (!['pending', 'running', 'waiting'].includes(json.status)) return json.status as string;
  }
}

async function run(workflowId: string, input: object = {}): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  await ended(started.json.runId);
  return started.json.runId as string;
}

const query = <Row extends object>(sql: string, params: unknown[] = []) => kit.database.database.query<Row>(sql, params);
const notes = (runId: string) =>
  query<{ held: boolean }>(`select due_at = 'infinity' as held from run_follow_up where run_id = $1`, [runId]);
const comesNow = (runId: string) => query('update run_follow_up set due_at = clock_timestamp() where run_id = $1', [runId]);
/** The newest first; a run that nothing followed has none. */
const chain = async (runId: string): Promise<{ id: string; n: number; status: string }[]> =>
  (await kit.rest(editor, 'GET', `/runs/${runId}/chain`)).json.rows;
const runsOf = (workflowId: string) => query<{ id: string }>('select id from run where workflow_id = $1 order by id', [workflowId]);
const inputOf = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/output`)).json.output;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
});
afterAll(() => kit.close());

describe('what follows from the end of a run', () => {
  const later = (name: string, repeat: object = {}, more: object = {}) =>
    aWorkflow(name, node('keep', 'core/noop'), { repeat: { delayMs: HOUR_MS, ...repeat }, ...more });

  test('begins when its pause is over: a chain of many short pauses takes no longer than these', async () => {
    const times = 40;
    const id = await run(await live(later('Short pauses', { delayMs: 150, times })), { n: 1 });
    // Looked at every two seconds it would take longer than a test may.
    await expect.poll(async () => (await chain(id)).map(({ status }) => status)).toEqual(Array(times).fill('succeeded'));
  });

  test('begins once, however many servers look at one moment', async () => {
    const id = await run(await live(later('Looked at twice')), { n: 1 });
    const others = [kit.followUps.another(), kit.followUps.another()];
    await comesNow(id);
    await Promise.all([kit.followUps.look(), ...others.map((other) => other.look())]);
    expect((await chain(id)).map(({ n }) => n)).toEqual([2, 1]);
    expect(await notes(id)).toEqual([]);
    await Promise.all(others.map((other) => other.close()));
  });

  test('waits while the workflow is paused, and begins when it goes on', async () => {
    const workflow = await live(later('Paused between'));
    const id = await run(workflow, { n: 1 });
    expect((await kit.rest(editor, 'POST', `/workflows/${workflow}/pause`, {})).status).toBe(200);
    await comesNow(id);
    await kit.followUps.look();
    expect([(await chain(id)).length, (await notes(id)).length]).toEqual([0, 1]);
    await kit.rest(editor, 'POST', `/workflows/${workflow}/resume`, {});
    await comesNow(id);
    await kit.followUps.look();
    expect((await chain(id)).length).toBe(2);
  });

  test('waits after a restore until somebody has decided, and is dropped with what is cancelled', async () => {
    const workflow = await live(later('Restored'));
    const held = async () => {
      const id = await run(workflow, { n: 1 });
      await query(`update run_follow_up set due_at = 'infinity' where run_id = $1`, [id]);
      await kit.followUps.look();
      expect([(await chain(id)).length, await notes(id)]).toEqual([0, [{ held: true }]]);
      return id;
    };
    const resumed = await held();
    await releaseHeldRuns(kit.database.database, 'resume', 'ada');
    await kit.followUps.look();
    expect((await chain(resumed)).length).toBe(2);
    const cancelled = await held();
    await releaseHeldRuns(kit.database.database, 'cancel', 'ada');
    await kit.followUps.look();
    expect([(await chain(cancelled)).length, await notes(cancelled)]).toEqual([0, []]);
  });

  test('ends with the time a chain may take', async () => {
    const id = await run(await live(later('For a while', { forMs: 1 })), { n: 1 });
    await comesNow(id);
    await kit.followUps.look();
    expect([(await chain(id)).length, await notes(id)]).toEqual([0, []]);
  });

  test('goes on after a failure with the same input where the workflow says so, also when nothing is kept', async () => {
    const settings = { repeat: { delayMs: HOUR_MS, onFailure: 'go-on' }, keepData: 'none' };
    const id = await run(await live(aWorkflow('Goes on', FAILING, settings)), { n: 1 });
    expect(await erasure().sweep.step(100)).toBe(0);
    await comesNow(id);
    await kit.followUps.look();
    const [next] = await chain(id);
    expect(next?.id).not.toBe(id);
    expect(await ended(next?.id ?? '')).toBe('failed');
    const [first] = await query<{ n: string }>(
      `select convert_from(journal, 'UTF8')::json#>>'{0,outputs,main,items,0,json,n}' as n from run where id = $1`,
      [next?.id],
    );
    expect(first?.n).toBe('1');
  });

  test('does not begin with made-up items when what the run was given is forgotten', async () => {
    const id = await run(await live(later('Forgotten', { input: 'same' })), { n: 1 });
    await erasure().erase({ runId: id, workspaceId: kit.workspace.id });
    await comesNow(id);
    await kit.followUps.look();
    expect([(await chain(id)).length, await notes(id)]).toEqual([0, []]);
    expect(kit.log.map(({ message }) => message).join(' ')).toContain('is forgotten');
  });

  test('of a flood of failures begins many at a time', async () => {
    const hearing = await live(aWorkflow('Hears', node('keep', 'core/noop'), {}, 'core/error-trigger'));
    const workflow = await live(aWorkflow('Floods', FAILING, { errorWorkflow: 'Hears' }));
    const ids = await Promise.all(Array.from({ length: 60 }, () => run(workflow)));
    await kit.followUps.look();
    expect(await query('select from run_follow_up where run_id = any($1::uuid[])', [ids])).toEqual([]);
    expect((await runsOf(hearing)).length).toBe(60);
  });

  const erasure = () => createRunErasure({ database: kit.database.database, blobs: kit.blobs });
});

describe('a workflow that hears of how runs end', () => {
  test('hears of cancelled runs too where that is asked for', async () => {
    const hearing = await live(aWorkflow('Hears of all', node('keep', 'core/noop'), {}, 'core/error-trigger'));
    const waiting = node('wait', 'core/wait', { amount: 1, unit: 'hours' });
    const cancelled = async (errorOn?: string): Promise<string> => {
      const workflow = await live(
        aWorkflow(`Cancelled ${errorOn}`, waiting, { errorWorkflow: 'Hears of all', ...(errorOn ? { errorOn } : {}) }),
      );
      const { json } = await kit.rest(editor, 'POST', '/runs', { workflowId: workflow, input: {} });
      await kit.rest(editor, 'POST', `/runs/${json.runId}/cancel`, {});
      expect(await ended(json.runId)).toBe('cancelled');
      return json.runId as string;
    };
    await cancelled();
    const told = await cancelled('all');
    await kit.followUps.look();
    const [heard, ...more] = await runsOf(hearing);
    expect(more).toEqual([]);
    await ended(heard?.id ?? '');
    expect(await inputOf(heard?.id ?? '')).toMatchObject([
      { run: { id: told, status: 'cancelled', url: expect.stringMatching(`^http://[^/]+/w/default/runs/${told}$`) as string } },
    ]);
  });

  test('is told the item that failed, and never one of a workflow that keeps no data', async () => {
    const hearing = await live(aWorkflow('Hears items', node('keep', 'core/noop'), {}, 'core/error-trigger'));
    const bad = node('ask', 'core/http-request', { url: '={{ $json.url }}' });
    for (const keepData of ['all', 'none']) {
      const workflow = await live(aWorkflow(`Keeps ${keepData}`, bad, { errorWorkflow: 'Hears items', keepData }));
      await run(workflow, { url: 'no address', secret: 'CANARY' });
      await kit.followUps.look();
    }
    const [kept, forgotten] = await runsOf(hearing);
    await Promise.all([ended(kept?.id ?? ''), ended(forgotten?.id ?? '')]);
    expect(await inputOf(kept?.id ?? '')).toMatchObject([{ item: { secret: 'CANARY' } }]);
    expect(JSON.stringify(await inputOf(forgotten?.id ?? ''))).not.toContain('CANARY');
  });
});
