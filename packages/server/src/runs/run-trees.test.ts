/** Workflows that call themselves, directly or through others: how many runs that may become, and places their callers keep. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countCalls, uuidv7 } from '@plugboard/persistence';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let admin: TestCaller;

beforeAll(async () => {
  kit = await openApiKit();
  [editor, admin] = [await kit.person('editor'), await kit.person('admin')];
});
afterAll(() => kit.close());

const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: `The ${id}`, typeVersion: 1, params },
});
type Node = ReturnType<typeof node>;

function publish(name: string, nodes: readonly Node[], flow: object = {}) {
  const edges = nodes
    .slice(1)
    .map(({ id }, n) => ({ id: `e${n}`, source: nodes[n]?.id, sourceHandle: 'main', target: id, targetHandle: 'main' }));
  const definition = { schema: 1, name, nodes, edges, settings: { flow } };
  return kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
}

async function live(...given: Parameters<typeof publish>): Promise<string> {
  const made = await publish(...given);
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

const entry = node('in', 'core/called');
const call = (workflow: string, params: object = {}): Node => node('call', 'core/call-workflow', { workflow, ...params });
/** A workflow that calls another, which may not be there yet. */
async function calls(name: string, workflow: string, flow: object = {}, params: object = {}): Promise<string> {
  await live(name, [entry]);
  return live(name, [entry, call(workflow, params)], flow);
}

async function run(workflowId: string, input: object = {}): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  return started.json.runId as string;
}

async function ended(runId: string) {
  let state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=20000`);
  while (['pending', 'running', 'waiting'].includes(state.json.status))
    state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=1000`);
  return state.json as { status: string; error?: { code: string; message: string } };
}

/** Failures of a tree of runs, by code. */
async function failures(runId: string): Promise<Map<string, string>> {
  const rows = await kit.database.database.query<{ code: string; message: string }>(
    `select error_code as code, error_message as message from run where root_run_id = $1 and error_code is not null`,
    [runId],
  );
  return new Map(rows.map(({ code, message }) => [code, message]));
}

describe('a start', () => {
  const countOf = async (rootRunId: string) => {
    const { database } = kit.database;
    const [tree] = await database.query<{ called: number }>('select called from run_tree where root_run_id = $1', [rootRunId]);
    const [runs] = await database.query<{ n: number }>('select count(*)::int4 as n from run where root_run_id = $1 and id <> $1', [
      rootRunId,
    ]);
    return [tree?.called, runs?.n];
  };

  test('that fans out without an end calls as many runs as the limit says, and the error names the step, the workflow and what to do', async () => {
    const set = await kit.rest(admin, 'PUT', '/settings/runs.callsPerTree', { level: 'workspace', value: 30, expectedRev: 0 });
    expect(set.status, set.text).toBeLessThan(300);
    await live('Bushy', [entry]);
    const workflow = await live('Bushy', [
      entry,
      node('twice', 'core/set', { fields: { list: [1, 2] } }),
      node('split', 'core/split', { field: 'list' }),
      call('Bushy', { mode: 'each', answer: false }),
    ]);
    const root = await run(workflow);
    await expect
      .poll(async () => (await failures(root)).get('SUBWORKFLOW_TREE'), { timeout: 20_000 })
      .toMatch(new RegExp(`The step "The call" of "Bushy" would start 2 more of "Bushy".*run ${root}.*30 is the most.*runs.callsPerTree`));
    await expect.poll(() => countOf(root), { timeout: 20_000 }).toEqual([30, 30]);
  });

  test('is counted once for a call that is repeated, and exactly at its limit by servers that count at the same moment', async () => {
    const { database } = kit.database;
    const rootRunId = uuidv7();
    const base = { workspaceId: kit.workspace.id, rootRunId, runId: rootRunId, runs: 3, limit: 100, keptMs: 60_000 };
    const count = (n: number) => countCalls(database, { ...base, place: `step@${n}` });
    const told = await Promise.all([...Array(50).keys()].flatMap((n) => [count(n), count(n)]));
    // 33 calls of three fit, each of them asked for twice.
    expect(told.filter(({ kind }) => kind === 'counted')).toHaveLength(66);
    expect((await countOf(rootRunId))[0]).toBe(99);
    expect(await countCalls(database, { ...base, runs: 101, place: 'large' })).toEqual({ kind: 'full', called: 99 });
    expect(await countCalls(database, { ...base, runs: 1, place: 'last' })).toEqual({ kind: 'counted' });
  });
});

describe('a limit of runs at work', () => {
  const one = { concurrency: { limit: 1 } };

  test('that the caller itself fills ends the call with what to do; publishing warns of it', async () => {
    await live('Alone', [entry]);
    const made = await publish('Alone', [entry, call('Alone')], one);
    expect(made.json.warnings.map((each: { code: string }) => each.code)).toContain('CALL_WAITS_FOR_ITSELF');
    const id = await run(made.json.workflowId);
    const { status, error } = await ended(id);
    expect([status, error?.code]).toEqual(['failed', 'CALL_WAITS_FOR_ITSELF']);
    expect(error?.message).toContain(`"Alone" would wait for ever: at most 1 of its runs work at a time`);
    expect(error?.message).toContain(`run ${id} of "Alone"`);
    expect(error?.message).toContain('raise the limit');
    expect((await kit.rest(editor, 'GET', `/runs/${id}/called`)).json.rows).toEqual([]);
    expect(await kit.database.database.query('select from flow_turn where begun_at is null')).toEqual([]);
  });

  test('that the caller fills through another workflow is found too', async () => {
    await live('Lower', [entry]);
    const upper = await calls('Upper', 'Lower', one);
    await live('Lower', [entry, call('Upper')]);
    const id = await run(upper);
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'CALLED_RUN_FAILED' } });
    expect((await failures(id)).get('CALL_WAITS_FOR_ITSELF')).toContain(`run ${id} of "Upper"`);
  });

  test('that is larger than how often a workflow waits for itself lets it end', async () => {
    await live('Thrice', [entry]);
    const workflow = await live(
      'Thrice',
      [
        entry,
        node('less', 'core/set', { fields: { n: '={{ $json.n - 1 }}' } }),
        node('more', 'core/filter', { condition: { all: [{ left: '={{ $json.n }}', op: 'gt', right: 0 }] } }),
        call('Thrice'),
      ],
      { concurrency: { limit: 3 } },
    );
    expect(await ended(await run(workflow, { n: 3 }))).toMatchObject({ status: 'succeeded' });
    const deeper = await run(workflow, { n: 4 });
    expect(await ended(deeper)).toMatchObject({ status: 'failed' });
    expect((await failures(deeper)).get('CALL_WAITS_FOR_ITSELF')).toContain('at most 3 of its runs');
  });

  test('that a call without an answer finds taken is waited for, as the caller ends', async () => {
    const id = await run(await calls('Goes on', 'Goes on', one, { answer: false, data: '={{ {} }}' }));
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
  });

  test.each([
    ['of one workflow', ['Pair', 'Pair'], 2],
    ['of two workflows that call each other', ['Left', 'Right'], 1],
  ] as const)('whose places starts hold that wait for each other, %s, ends as many calls as it takes', async (_, names, limit) => {
    const gate = node('gate', 'core/wait', { amount: 1, unit: 'hours' });
    const first = node('first', 'core/filter', { condition: { all: [{ left: '={{ $json.n }}', op: 'lt', right: 2 }] } });
    for (const name of names) await live(name, [entry]);
    const workflows: string[] = [];
    for (const [n, name] of names.entries()) {
      const again = call(names[1 - n] ?? '', { data: '={{ {"n": 2} }}' });
      workflows.push(await live(name, [entry, first, gate, again], { concurrency: { limit } }));
    }
    const roots = [await run(workflows[0] ?? '', { n: 0 }), await run(workflows[1] ?? '', { n: 1 })];
    const waits = async () =>
      Promise.all(roots.map(async (id) => (await kit.rest(editor, 'GET', `/runs/${id}/state`)).json.waitingFor as string));
    await expect.poll(waits, { timeout: 20_000 }).toEqual(['timer', 'timer']);
    await kit.database.database.query('update timer set due_at = now() where run_id = any($1)', [roots]);
    const ends = await Promise.all(roots.map(ended));
    // One call is refused; its run ends, and the other call gets the place.
    expect(ends.map((end) => end.error?.code ?? end.status).toSorted()).toEqual(['CALL_WAITS_FOR_ITSELF', 'succeeded']);
  });
});
