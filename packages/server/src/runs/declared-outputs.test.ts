/** Workflows that declare what their last steps give: what callers, webhooks, error workflows and tests see when it is something else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;

const node = (id: string, type: string, params: object = {}, data: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params, ...data },
});

/** Nodes one after the other. */
function aWorkflow(name: string, nodes: readonly ReturnType<typeof node>[], more: object = {}): object {
  const edges = nodes
    .slice(1)
    .map(({ id }, n) => ({ id: `e${n}`, source: nodes[n]?.id, sourceHandle: 'main', target: id, targetHandle: 'main' }));
  return { schema: 1, name, nodes, edges, settings: {}, ...more };
}

const OUTPUTS = { gross: { type: 'number', title: 'Gross price', required: true } };
/** Gives what it is told to. */
const pricing = (name: string, trigger = node('in', 'core/called'), more: object = {}) =>
  aWorkflow(name, [trigger, node('price', 'core/set', { fields: { gross: '={{ $json.gross }}' } })], { outputs: OUTPUTS, ...more });

async function live(definition: object): Promise<string> {
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

async function run(workflowId: string, input: object | readonly object[]): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  return started.json.runId as string;
}

async function ended(runId: string) {
  let state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`);
  while (['pending', 'running', 'waiting'].includes(state.json.status))
    state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=1000`);
  return state.json as { status: string; error?: { code: string; message: string } };
}
const output = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/output`)).json.output;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
});
afterAll(() => kit.close());

describe('a workflow that declares its outputs', () => {
  test('is a called run that failed for a caller it gives something else, and the reason says item and field', async () => {
    await live(pricing('Priced'));
    const calling = (name: string, params: object, data: object = {}) =>
      aWorkflow(name, [node('start', 'core/manual'), node('call', 'core/call-workflow', { workflow: 'Priced', ...params }, data)]);
    const id = await run(await live(calling('Calls it', {})), [{ gross: 1 }, { gross: '2' }]);
    const { status, error } = await ended(id);
    expect([status, error?.code]).toEqual(['failed', 'CALLED_RUN_FAILED']);
    expect(error?.message).toContain('"gross" has to be a number and is text in item 1 of "price"');
    const { rows } = (await kit.rest(editor, 'GET', `/runs/${id}/called`)).json;
    expect(await ended(rows[0].id)).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } });

    const each = await run(await live(calling('Calls it for each', { mode: 'each' }, { onError: 'continue' })), [
      { gross: 1 },
      { gross: [] },
    ]);
    expect(await ended(each)).toMatchObject({ status: 'succeeded' });
    expect(await output(each)).toMatchObject([{ gross: 1 }, { error: { code: 'CALLED_RUN_FAILED' } }]);
  });

  test('tells its error workflow, and a retry under a version that declares what it gives succeeds', async () => {
    const hearing = await live(aWorkflow('Hears', [node('in', 'core/error-trigger'), node('keep', 'core/noop')]));
    const wrong = pricing('Told of', node('start', 'core/manual'), { settings: { errorWorkflow: 'Hears' } });
    const workflowId = await live(wrong);
    const id = await run(workflowId, { gross: 'a lot' });
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } });
    const told = () => kit.database.database.query<{ id: string }>('select id from run where workflow_id = $1', [hearing]);
    await expect.poll(async () => (await told()).length, { timeout: 20_000 }).toBe(1);
    const [row] = await told();
    await ended(row?.id ?? '');
    expect(await output(row?.id ?? '')).toMatchObject([{ run: { id }, error: { code: 'OUTPUT_INVALID' } }]);

    await live({ ...wrong, outputs: { gross: { type: 'text' } } });
    const again = await kit.rest(editor, 'POST', `/runs/${id}/retry`, { source: 'live' });
    expect(again.status, again.text).toBeLessThan(300);
    expect(await ended(again.json.runId)).toMatchObject({ status: 'succeeded' });
  });

  test('fails its own test when what it gives does not fit', async () => {
    const kept = { id: 't', name: 'Text', input: [{ gross: 'text' }], expect: [] };
    const definition = pricing('Tested', node('start', 'core/manual'), { tests: [kept, { ...kept, id: 'f', ends: 'failed' }] });
    const { json, text } = await kit.rest(editor, 'POST', '/workflow-tests/try', { definition });
    expect(
      json.results?.map((one: { outcome: string }) => one.outcome),
      text,
    ).toEqual(['failed', 'passed']);
    expect(text).toContain('OUTPUT_INVALID');
  });

  test('is published only with declarations that can be read, and is the same after an export and an import', async () => {
    const definition = pricing('Exported');
    const refused = await kit.rest(editor, 'POST', '/workflows/import', {
      definition: { ...definition, outputs: { gross: { type: 'nummer', default: 1 } } },
      publish: true,
    });
    expect([refused.status, refused.json.error.problems.map((one: { path: string }) => one.path)]).toEqual([
      422,
      ['outputs.gross.default', 'outputs.gross.type'],
    ]);
    const id = await live(definition);
    const exported = (await kit.rest(editor, 'GET', '/workflows/Exported/export')).json;
    expect(exported.outputs).toEqual(OUTPUTS);
    expect((await kit.rest(editor, 'POST', '/workflows/import', { definition: exported, publish: true })).json).toMatchObject({
      unchanged: true,
    });
    const { live: shown, draft } = (await kit.rest(editor, 'GET', `/workflows/${id}`)).json;
    expect([shown.outputs, draft.outputs]).toEqual([OUTPUTS, OUTPUTS]);
    await live({ ...definition, outputs: { ...OUTPUTS, note: { type: 'text' } } });
    const { workflow } = (await kit.rest(editor, 'GET', `/workflows/${id}/diff?from=1&to=2`)).json;
    expect(workflow).toMatchObject([{ path: ['outputs', 'note'], after: { type: 'text' } }]);
  });
});

describe('what a workflow takes and gives', () => {
  const ask = (workflow: string, as = editor) => kit.rest(as, 'GET', `/workflows/callable?workflow=${encodeURIComponent(workflow)}`);

  test('is told to whoever may run it, by name or id, as its live version says', async () => {
    const definition = pricing('Callable', undefined, {
      inputs: { gross: { type: 'any', required: true }, currency: { type: 'text', default: 'EUR' } },
    });
    const id = await live(definition);
    await kit.rest(editor, 'POST', '/workflows/import', { definition: { ...definition, outputs: {} } });
    const told = {
      id,
      name: 'Callable',
      state: 'ready',
      version: 1,
      inputs: [
        { name: 'gross', type: 'any', required: true },
        { name: 'currency', type: 'text', required: false, default: 'EUR' },
      ],
      outputs: [{ name: 'gross', type: 'number', title: 'Gross price', required: true }],
    };
    for (const named of ['Callable', id]) expect((await ask(named)).json).toEqual(told);
    expect((await ask('Callable', await kit.person('viewer'))).status).toBe(403);
    expect((await ask('There is none')).status).toBe(404);
  });

  test('comes with why a call would be refused', async () => {
    const made = await kit.rest(editor, 'POST', '/workflows/import', { definition: pricing('Never published') });
    expect((await ask(made.json.workflowId)).json).toMatchObject({ state: 'unpublished', outputs: [] });
    await live(pricing('By hand', node('start', 'core/manual')));
    expect((await ask('By hand')).json).toMatchObject({ state: 'no_trigger', version: 1 });
    const id = await live(pricing('Held'));
    const paused = await kit.rest(editor, 'POST', `/workflows/${id}/pause`);
    expect(paused.status, paused.text).toBeLessThan(300);
    expect((await ask('Held')).json).toMatchObject({ state: 'paused' });
  });
});
