/** Triggers that ask a service, over the API: seen, paused, hastened, tried. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let viewer: TestCaller;
let service: Server;
let url: string;
let status = 200;
beforeAll(async () => {
  kit = await openApiKit();
  [editor, viewer] = [await kit.person('editor'), await kit.person('viewer')];
  service = createServer((_, res) => res.writeHead(status).end(JSON.stringify([{ id: 1, name: 'one' }])));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  await kit.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

const save = async (name: string, params: object, publish = false): Promise<string> => {
  const start = { id: 'start', type: 'core/poll-http', position: { x: 0, y: 0 }, data: { name: 'Orders', typeVersion: 1, params } };
  const definition = { schema: 1, name, nodes: [start], edges: [] };
  return (await kit.rest(editor, 'POST', '/workflows/import', { definition, publish })).json.workflowId;
};

test('what asks is listed with its pace and how it fares, paused, resumed and hastened', async () => {
  const workflowId = await save('Live orders', { url, everySeconds: 90 }, true);
  const { json } = await kit.rest(viewer, 'GET', '/polls?search=orders');
  expect(json.rows).toMatchObject([{ workflowId, nodeName: 'Orders', everySeconds: 90, state: 'active', failures: 0 }]);
  const path = `/polls/${json.rows[0].id}`;
  expect((await kit.rest(viewer, 'POST', `${path}/pause`, {})).status).toBe(403);
  expect((await kit.rest(editor, 'POST', `${path}/pause`, {})).json.state).toBe('paused');
  expect((await kit.rest(editor, 'POST', `${path}/resume`, {})).json.state).toBe('active');
  expect((await kit.rest(editor, 'POST', `${path}/now`, {})).status).toBe(200);
  await kit.rest(editor, 'POST', `/workflows/${workflowId}/unpublish`, {});
  expect((await kit.rest(viewer, 'GET', '/polls')).json.rows).toEqual([]);
});

test('a draft is tried without a run; what the service says wrong is told', async () => {
  const workflowId = await save('Tried orders', { url });
  const path = `/workflows/${workflowId}/nodes/start/test-poll`;
  expect((await kit.rest(viewer, 'POST', path, {})).status).toBe(403);
  expect((await kit.rest(editor, 'POST', path, {})).json).toEqual({ items: [{ json: { id: 1, name: 'one' } }] });
  status = 503;
  const failed = await kit.rest(editor, 'POST', path, {});
  expect([failed.status, failed.json.error.code, failed.json.error.params.code]).toEqual([502, 'POLL_FAILED', 'HTTP_503']);
  expect((await kit.rest(editor, 'POST', path.replace('start', 'none'), {})).json.error.code).toBe('NO_TRIGGER');
  const [runs] = await kit.database.database.query<{ n: number }>('select count(*)::int4 as n from run where workflow_id = $1', [
    workflowId,
  ]);
  expect(runs?.n).toBe(0);
});
