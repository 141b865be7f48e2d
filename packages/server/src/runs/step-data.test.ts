/** What a step inside a loop had in each of its rounds, also when the round is long over. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let runId: string;

const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params },
});
const edge = (source: string, target: string, sourceHandle = 'main', targetHandle = 'main') => ({
  id: `${source}-${sourceHandle}-${target}`,
  source,
  sourceHandle,
  target,
  targetHandle,
});

/** Four items, each through a round of its own; within it small ones are priced and large ones are not. */
const ROUNDS = {
  schema: 1,
  name: 'In rounds',
  nodes: [
    node('start', 'core/manual'),
    node('loop', 'core/loop', { batchSize: 1, parallel: 2 }),
    node('small', 'core/if', { condition: '={{ $json.n < 3 }}' }),
    node('price', 'core/set', { keep: 'all', fields: { total: '={{ $json.n * 10 }}' } }),
    node('done', 'core/set', { keep: 'all', fields: { done: true } }),
  ],
  edges: [
    edge('start', 'loop'),
    edge('loop', 'small', 'body'),
    edge('small', 'price', 'true'),
    edge('price', 'loop', 'main', 'next'),
    edge('loop', 'done', 'done'),
  ],
};

const dataOf = (step: string, query: string) => kit.rest(editor, 'GET', `/runs/${runId}/steps/${step}/data?${query}`);
const rowsOf = async (step: string, query: string): Promise<unknown[]> =>
  (await dataOf(step, query)).json.rows.map((row: { json: unknown }) => row.json);

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition: ROUNDS, publish: true });
  expect(made.status, made.text).toBe(201);
  const started = await kit.rest(editor, 'POST', '/runs', {
    workflowId: made.json.workflowId,
    input: [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }],
  });
  runId = started.json.runId;
  expect((await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`)).json.status).toBe('succeeded');
});
afterAll(() => kit.close());

describe('a step inside a loop', () => {
  test('gives the items of the round that is asked for', async () => {
    for (const round of [0, 1, 2]) {
      expect(await rowsOf('price', `side=input&path=${round}`)).toEqual([{ n: round }]);
      expect(await rowsOf('price', `side=output&path=${round}`)).toEqual([{ n: round, total: round * 10 }]);
    }
  });

  test('has nothing in a round that went past it, and none in rounds there were not', async () => {
    expect(await rowsOf('price', 'side=output&path=3')).toEqual([]);
    expect(await rowsOf('price', 'side=output&path=99')).toEqual([]);
    expect(await rowsOf('price', 'side=output&path=0&path=0')).toEqual([]);
  });

  test('gives those of its last round where none is asked for', async () => {
    expect(await rowsOf('small', 'side=input')).toEqual([{ n: 3 }]);
    expect((await kit.rest(editor, 'GET', `/runs/${runId}/steps/price/log`)).json).toEqual([]);
  });

  test('is answered for steps outside the loop as ever, and refused for steps there are not', async () => {
    expect(await rowsOf('done', 'side=output')).toHaveLength(3);
    expect((await dataOf('nobody', 'side=output')).status).toBe(404);
    expect((await dataOf('price', 'side=output&path=-1')).status).toBe(422);
  });
});
