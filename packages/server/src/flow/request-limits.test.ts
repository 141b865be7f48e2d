/** Steps whose requests are limited, all runs and servers together. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Database } from '@plugboard/persistence';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { createRequestLimits } from './request-limits.ts';

let kit: ApiKit;
let editor: TestCaller;
let service: Server;
let url: string;
let made = 0;
/** Requests the service has, and answers when told to. */
let open: (() => void)[] = [];
let seen = 0;
let answersAtOnce = true;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
  service = createServer((_, response) => {
    seen += 1;
    const answer = (): void => void response.end('{}');
    if (answersAtOnce) answer();
    else open.push(answer);
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
});
beforeEach(() => {
  open = [];
  seen = 0;
  answersAtOnce = true;
});
afterAll(async () => {
  service.closeAllConnections();
  service.close();
  await kit.close();
});

async function run(limit: object, items: readonly object[], projectId?: string): Promise<string> {
  const node = (id: string, type: string, params: object, data: object = {}) => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params, ...data },
  });
  const definition = {
    schema: 1,
    name: `Limited ${(made += 1)}`,
    nodes: [node('start', 'core/manual', {}), node('call', 'core/http-request', { url }, { limit })],
    edges: [{ id: 'e', source: 'start', sourceHandle: 'main', target: 'call', targetHandle: 'main' }],
    settings: {},
  };
  const imported = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true, ...(projectId && { projectId }) });
  expect([200, 201], imported.text).toContain(imported.status);
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId: imported.json.workflowId, input: items });
  expect(started.status, started.text).toBe(202);
  return started.json.runId as string;
}
const status = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/state`)).json.status as string;
async function becomes(runId: string, wanted: string): Promise<void> {
  await expect.poll(() => status(runId), { timeout: 20_000, interval: 20 }).toBe(wanted);
}
const items = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

describe('a limit of a step', () => {
  test('lets so many requests be under way at once, of all runs that name it', async () => {
    answersAtOnce = false;
    const runs = [await run({ name: 'shop', concurrency: 2 }, items(3)), await run({ name: 'shop', concurrency: 2 }, items(3))];
    let most = 0;
    for (let answered = 0; answered < 6; answered += 1) {
      await expect.poll(() => open.length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
      most = Math.max(most, open.length);
      open.shift()?.();
    }
    for (const one of runs) await becomes(one, 'succeeded');
    expect([seen, most <= 2]).toEqual([6, true]);
  });

  test('lets so many be made in a period; what waits is given up when the run is cancelled, and was never sent', async () => {
    const slow = await run({ requests: 2, periodMs: 3_600_000 }, items(3));
    await expect.poll(() => seen, { timeout: 20_000 }).toBe(2);
    await kit.rest(editor, 'POST', `/runs/${slow}/cancel`, {});
    await becomes(slow, 'cancelled');
    expect(seen).toBe(2);
  });

  test('is shared by name within a project, and not with workflows of other projects', async () => {
    const admin = await kit.person('admin');
    const made = await kit.rest(admin, 'POST', '/projects', { name: 'Elsewhere', slug: 'elsewhere' });
    expect(made.status, made.text).toBeLessThan(300);
    const limit = { name: 'one name', requests: 1, periodMs: 3_600_000 };
    await becomes(await run(limit, [{}]), 'succeeded');
    await becomes(await run(limit, [{}], made.json.id), 'succeeded');
    const third = await run(limit, [{}]);
    await expect.poll(() => status(third), { timeout: 20_000 }).toBe('running');
    await kit.rest(editor, 'POST', `/runs/${third}/cancel`, {});
    await becomes(third, 'cancelled');
    expect(seen).toBe(2);
  });

  test('counts apart by its key', async () => {
    const limit = { requests: 1, periodMs: 3_600_000, name: 'by key', key: '={{ $json.shop }}' };
    for (const shop of ['a', 'b']) await becomes(await run(limit, [{ shop }]), 'succeeded');
    const third = await run(limit, [{ shop: 'a' }]);
    await expect.poll(() => status(third), { timeout: 20_000 }).toBe('running');
    expect(seen).toBe(2);
    await kit.rest(editor, 'POST', `/runs/${third}/cancel`, {});
    await becomes(third, 'cancelled');
  });

  test('that limits nothing, or whose key cannot be read, is a problem that names the node', async () => {
    const definition = {
      schema: 1,
      name: 'Wrong limit',
      nodes: [
        { id: 's', type: 'core/manual', position: { x: 0, y: 0 }, data: { name: 'S', typeVersion: 1, params: {} } },
        {
          id: 'c',
          type: 'core/http-request',
          position: { x: 0, y: 0 },
          data: { name: 'C', typeVersion: 1, params: { url }, limit: { key: '={{ 1 + }}' } },
        },
      ],
      edges: [{ id: 'e', source: 's', sourceHandle: 'main', target: 'c', targetHandle: 'main' }],
      settings: {},
    };
    const answer = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
    expect(answer.text).toContain('LIMIT_EMPTY');
    expect(answer.text).toContain('LIMIT_KEY');
  });
});

describe('places of requests', () => {
  test('of a server that is gone are free for others', async () => {
    const { database } = kit.database;
    const warn = (): void => undefined;
    const limit = { workspaceId: kit.workspace.id, scope: 'gone', concurrency: 1, rate: undefined };
    const dead = createRequestLimits({ database, ownerId: crypto.randomUUID(), log: { warn } });
    await dead.take(limit, AbortSignal.timeout(10_000));
    const [worker] = await database.query<{ id: string }>('select id from worker');
    const alive = createRequestLimits({ database, ownerId: worker?.id ?? '', log: { warn } });
    const leave = await alive.take(limit, AbortSignal.timeout(10_000));
    await expect(alive.take(limit, AbortSignal.timeout(300))).rejects.toMatchObject({ code: 'LIMIT_WAIT' });
    leave();
    (await alive.take(limit, AbortSignal.timeout(10_000)))();
  });

  test('rule 3: are taken and given back over an outage of the database, and none is lost by it', async () => {
    const { database } = kit.database;
    const [worker] = await database.query<{ id: string }>('select id from worker');
    const away = Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
    /** Kinds of statements whose next answer is lost: what was asked is done, and nobody hears of it. */
    const cuts = new Set<string>();
    const unheard = async <Result>(kind: string, answer: Promise<Result>): Promise<Result> => {
      const result = await answer;
      if (cuts.delete(kind)) throw away;
      return result;
    };
    const cut: Database = {
      ...database,
      query: (text, values) => unheard(text.startsWith('delete') ? 'leave' : 'rate', database.query(text, values)),
      withClient: (use) => unheard('take', database.withClient(use)),
    };
    const limits = createRequestLimits({ database: cut, ownerId: worker?.id ?? '', log: { warn: () => undefined } });
    const limit = { workspaceId: kit.workspace.id, scope: 'outage', concurrency: 1, rate: { requests: 100, periodMs: 1000 } };
    for (let n = 0; n < 3; n += 1) {
      for (const kind of ['take', 'rate', 'leave']) cuts.add(kind);
      (await limits.take(limit, AbortSignal.timeout(20_000)))();
      expect([...cuts]).toEqual([]);
    }
    await expect.poll(() => database.query(`select id from request_slot where scope = 'outage'`), { timeout: 20_000 }).toEqual([]);
  });

  test('whoever gives up while others stand before them goes at once, and lets nobody past them', async () => {
    const { database } = kit.database;
    const limits = createRequestLimits({ database, ownerId: crypto.randomUUID(), log: { warn: () => undefined } });
    const limit = { workspaceId: kit.workspace.id, scope: 'line', concurrency: undefined, rate: { requests: 1, periodMs: 3_600_000 } };
    (await limits.take(limit, AbortSignal.timeout(10_000)))();
    const [head, middle, last] = [new AbortController(), new AbortController(), new AbortController()];
    const taken: string[] = [];
    const take = (name: string, { signal }: AbortController) =>
      limits.take(limit, signal).then(
        () => taken.push(name),
        (error: { readonly code?: string }) => taken.push(`${name} ${error.code}`),
      );
    const all = [take('head', head), take('middle', middle), take('last', last)];
    middle.abort();
    await all[1];
    expect(taken).toEqual(['middle LIMIT_WAIT']);
    head.abort();
    await all[0];
    last.abort();
    await Promise.all(all);
    expect(taken).toEqual(['middle LIMIT_WAIT', 'head LIMIT_WAIT', 'last LIMIT_WAIT']);
  });
});
