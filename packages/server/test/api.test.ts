/** The API of the command line: who may call it, what it refuses, and what publishing promises. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, aWorkflow, contractFile, ended, startTestServer, until } from './test-server.ts';

interface Failure {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly problems?: readonly { readonly code: string }[];
  };
}

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.publish(await contractFile('echo'));
});

afterAll(() => server.close());

const ROUTES = [
  ['GET', '/catalog'],
  ['GET', '/workflows'],
  ['POST', '/workflows/validate'],
  ['POST', '/workflows/import'],
  ['GET', '/workflows/Echo/export'],
  ['GET', '/runs'],
  ['POST', '/runs'],
  ['GET', '/runs/00000000'],
  ['GET', '/runs/00000000/state'],
  ['GET', '/runs/00000000/output'],
  ['POST', '/runs/00000000/cancel'],
] as const;

describe('who may call', () => {
  test.each([...ROUTES, ['GET', '/not-there'] as const])('%s %s needs the token', async (method, path) => {
    const tokens = [
      undefined,
      'Bearer',
      'Bearer ',
      `Bearer ${server.token}x`,
      `Bearer ${server.token.slice(1)}`,
      `Basic ${server.token}`,
      `Bearer ${server.token.toUpperCase()}`,
      server.token,
    ];
    for (const authorization of tokens) {
      const answer = await server.fetch<Failure>(`/api${path}`, { method, headers: authorization === undefined ? {} : { authorization } });
      expect([answer.status, answer.json.error.code], String(authorization)).toEqual([401, 'UNAUTHENTICATED']);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test.each(['/API/runs', '/Api/runs', '/api/RUNS', '/api/runs/', '//api/runs', '/api//runs', '/x/../api/runs', '/%61pi/runs'])(
    '%s is no way around the token',
    async (path) => {
      const text = await server.raw(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1.1 40[14] /);
    },
  );

  test('the token is in a file only its user can read, and goes when the server stops', async () => {
    const other = await startTestServer();
    const path = join(other.dataDir, 'server.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(other.dataDir, 'keys', 'root.key')).mode & 0o777).toBe(0o600);
    await other.stop();
    expect(() => statSync(path)).toThrow('ENOENT');
    await other.close();
  });
});

describe('bad input', () => {
  test.each([
    ['POST', '/runs', '{', 400, 'BODY_INVALID'],
    ['POST', '/runs', '{"__proto__":{}}', 400, 'BODY_INVALID'],
    ['POST', '/runs', {}, 422, 'INPUT_INVALID'],
    ['POST', '/runs', { workflow: '' }, 422, 'INPUT_INVALID'],
    ['POST', '/runs', { workflow: 'Echo', surprise: 1 }, 422, 'INPUT_INVALID'],
    ['POST', '/runs', { workflow: 'Nope' }, 404, 'NOT_FOUND'],
    ['POST', '/runs', { workflow: 'Echo', trigger: 'zz' }, 422, 'NO_TRIGGER'],
    ['POST', '/runs', { definition: { nodes: 1 } }, 422, 'DEFINITION_INVALID'],
    ['POST', '/runs', undefined, 422, 'INPUT_INVALID'],
    ['POST', '/workflows/import', undefined, 422, 'INPUT_INVALID'],
    ['POST', '/workflows/import', [], 422, 'INPUT_INVALID'],
    ['POST', '/workflows/import', { definition: null }, 422, 'DEFINITION_INVALID'],
    ['POST', '/workflows/import', { definition: {}, publish: 'yes' }, 422, 'INPUT_INVALID'],
    ['GET', '/workflows?limit=0', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/workflows/Nope/export', undefined, 404, 'NOT_FOUND'],
    ['GET', '/workflows/%zz/export', undefined, 404, 'NOT_FOUND'],
    ['GET', '/runs?status=odd', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/runs?limit=101', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/runs?cursor=xx', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/runs?workflow=Nope', undefined, 404, 'NOT_FOUND'],
    ['GET', '/runs/nope', undefined, 404, 'NOT_FOUND'],
    ['GET', "/runs/'%20or%201=1", undefined, 404, 'NOT_FOUND'],
    ['GET', '/runs/00000000/state?waitMs=-1', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/runs/00000000/state', undefined, 404, 'NOT_FOUND'],
    ['GET', '/runs/00000000/output?node=x', undefined, 404, 'NOT_FOUND'],
    ['POST', '/runs/00000000/cancel', undefined, 404, 'NOT_FOUND'],
    ['POST', '/runs/00000000/cancel', { reason: 7 }, 422, 'INPUT_INVALID'],
    ['DELETE', '/runs', undefined, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/nothing', undefined, 404, 'NOT_FOUND'],
    ['GET', '/workflows?cursor=zz', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/workflows?search=%00', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/runs?workflow=%00', undefined, 422, 'INPUT_INVALID'],
    ['GET', '/workflows/%00/export', undefined, 404, 'NOT_FOUND'],
    ['GET', '/workflows/%ff/export', undefined, 404, 'NOT_FOUND'],
    ['GET', '/runs/%00%00%00%00%00%00%00%00', undefined, 404, 'NOT_FOUND'],
    ['POST', '/runs', '{"workflow":"\\u0000"}', 400, 'BODY_INVALID'],
    ['POST', '/runs', '{"workflow":"Echo","input":"\\ud800"}', 400, 'BODY_INVALID'],
    ['POST', '/runs', '{"workflow":"Echo","input":1e999}', 400, 'BODY_INVALID'],
    ['POST', '/workflows/validate', `[${'1,'.repeat(100_000)}1]`, 400, 'BODY_INVALID'],
  ])('%s %s %j is %i %s', async (method, path, body, status, code) => {
    const answer = await server.api<Failure>(method, path, body);
    expect([answer.status, answer.json.error.code], answer.text).toEqual([status, code]);
    expect(answer.json.error.message).not.toBe('');
  });

  test('a definition over the limit is 413', async () => {
    const answer = await server.api<Failure>('POST', '/workflows/import', `{"definition":"${'x'.repeat(5_000_000)}"}`);
    expect([answer.status, answer.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('every wrong field is named at once', async () => {
    const { json } = await server.api<Failure>('GET', '/runs?limit=0&status=odd');
    expect(json.error.message).toMatch(/limit.*status|status.*limit/s);
  });
});

describe('import and publish', () => {
  test('every problem of a definition is listed at once, and nothing is changed', async () => {
    const bad = aWorkflow(
      'Bad',
      { path: 'bad' },
      ['a', 'core/nope'],
      ['b', 'core/limit', { count: 'many' }],
      ['c', 'core/set', { fields: { x: '={{ 1 + }}' } }],
    );
    const answer = await server.api<Failure>('POST', '/workflows/import', { definition: bad, publish: true });
    expect(answer.status).toBe(422);
    expect(answer.json.error.problems?.length).toBeGreaterThanOrEqual(3);
    expect(answer.json.error.problems?.map((problem) => problem.code)).toContain('NODE_TYPE_UNKNOWN');
    expect((await server.api('GET', '/workflows/Bad/export')).status).toBe(404);
    expect((await server.hook('bad', {})).status).toBe(404);
  });

  test('a published webhook is there when the publish is answered, and a new version takes its place', async () => {
    const version = (n: number): object =>
      aWorkflow('Swap', { path: 'swap' }, ['say', 'core/set', { keep: 'none', fields: { version: n } }]);
    expect((await server.hook('swap', {})).status).toBe(404);
    for (const n of [1, 2, 3]) {
      await server.publish(version(n));
      expect((await server.hook('swap', {})).json).toEqual({ version: n });
    }
  });

  test('publishing the same again makes no version', async () => {
    const definition = await contractFile('echo');
    const { json } = await server.api<{ version: number; unchanged?: boolean }>('POST', '/workflows/import', { definition, publish: true });
    expect(json).toMatchObject({ version: 1, unchanged: true });
  });

  test('a draft changes nothing that is live', async () => {
    const draft = aWorkflow('Echo', { path: 'contract/echo' }, ['say', 'core/set', { keep: 'none', fields: { draft: true } }]);
    const { json } = await server.api<{ version?: number }>('POST', '/workflows/import', { definition: draft });
    expect(json.version).toBeUndefined();
    expect((await server.hook('contract/echo', { name: 'Ada' })).json).toEqual({ hello: 'Ada', length: 3 });
    expect((await server.api<{ nodes: unknown[] }>('GET', '/workflows/Echo/export')).text).toContain('draft');
    expect((await server.api('GET', '/workflows/Echo/export?live=true')).text).not.toContain('draft');
  });

  test('a path that belongs to another workflow is refused with its name, and nothing is changed', async () => {
    const thief = aWorkflow('Thief', { path: 'contract/echo' }, ['say', 'core/set', { keep: 'none', fields: { stolen: true } }]);
    const answer = await server.api<Failure>('POST', '/workflows/import', { definition: thief, publish: true });
    expect([answer.status, answer.json.error.code]).toEqual([409, 'HOOK_PATH_TAKEN']);
    expect(answer.json.error.message).toContain('"Echo"');
    expect((await server.hook('contract/echo', { name: 'Ada' })).json).toEqual({ hello: 'Ada', length: 3 });
    expect((await server.api('GET', '/workflows/Thief/export')).status).toBe(404);
  });

  test('of many publishes of one name at once every one is answered, and the last version is live', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        server.api<{ version: number }>('POST', '/workflows/import', {
          definition: aWorkflow('Race', { path: 'race' }, ['say', 'core/set', { keep: 'none', fields: { n } }]),
          publish: true,
        }),
      ),
    );
    expect(answers.map((answer) => answer.status).filter((status) => status >= 300)).toEqual([]);
    const newest = answers.map((answer, n) => ({ n, version: answer.json.version })).toSorted((a, b) => b.version - a.version)[0];
    expect((await server.hook('race', {})).json).toEqual({ n: newest?.n });
  });
});

describe('runs', () => {
  test('a run by name starts what is live, a run by definition starts the draft', async () => {
    const live = await server.api<{ runId: string }>('POST', '/runs', { workflow: 'Echo', input: { name: 'Bo' } });
    expect(live.status).toBe(202);
    expect((await ended(server, live.json.runId)).status).toBe('succeeded');
    expect((await server.api<{ output: unknown }>('GET', `/runs/${live.json.runId}/output`)).json.output).toEqual([
      { hello: 'Bo', length: 2 },
    ]);

    const draft = await server.api<{ runId: string }>('POST', '/runs', {
      definition: aWorkflow('By hand', { path: 'by-hand' }, ['say', 'core/noop']),
      input: 7,
    });
    await ended(server, draft.json.runId);
    const { json } = await server.api<{ environment: string; steps: { status: string }[] }>('GET', `/runs/${draft.json.runId}`);
    expect(json.environment).toBe('draft');
    expect((await server.hook('by-hand', {})).status).toBe(404);
  });

  test('a page ends where the next one begins, and the last eight digits of an id are enough', async () => {
    for (const name of ['a', 'b', 'c']) await server.hook('contract/echo', { name });
    interface Page {
      readonly runs: readonly { readonly id: string }[];
      readonly nextCursor?: string;
    }
    const all = (await server.api<Page>('GET', '/runs?workflow=Echo')).json.runs.map((run) => run.id);
    const first = (await server.api<Page>('GET', '/runs?workflow=Echo&limit=2')).json;
    const second = (await server.api<Page>('GET', `/runs?workflow=Echo&limit=2&cursor=${first.nextCursor ?? ''}`)).json;
    expect([...first.runs, ...second.runs].map((run) => run.id)).toEqual(all.slice(0, 4));
    const [newest = ''] = all;
    expect((await server.api<{ id: string }>('GET', `/runs/${newest.slice(-8).toUpperCase()}`)).json.id).toBe(newest);
  });

  test('a run that has ended cannot be cancelled, and says so', async () => {
    const { json } = await server.api<{ runId: string }>('POST', '/runs', { workflow: 'Echo', input: { name: 'Bo' } });
    await ended(server, json.runId);
    const answer = await server.api<Failure>('POST', `/runs/${json.runId}/cancel`);
    expect([answer.status, answer.json.error.code]).toEqual([409, 'RUN_ENDED']);
  });

  test('an unexpected failure is masked with an id that the log has', async () => {
    const { database } = server.database;
    await database.query('alter table run_live rename to run_live_away');
    const answer = await server.api<Failure>('GET', '/runs');
    await database.query('alter table run_live_away rename to run_live');
    expect([answer.status, answer.json.error.code]).toEqual([500, 'INTERNAL']);
    expect(answer.text).not.toMatch(/run_live|select|relation/);
    const id = /under ([\w-]+)\./.exec(answer.json.error.message)?.[1] ?? 'none';
    expect(answer.headers.get('x-request-id')).toBe(id);
    expect(server.log()).toContain(`"requestId":"${id}"`);
  });
});

describe('health and metrics', () => {
  test('healthz, readyz and metrics need no token', async () => {
    expect((await server.fetch('/healthz')).json).toEqual({ status: 'ok' });
    const ready = await until(
      () => server.fetch('/readyz'),
      ({ status }) => status === 200,
    );
    expect(ready.json).toMatchObject({ status: 'ready', checks: { database: true, journal: 'up', lease: true } });
  });

  test('every answer names its request, whoever gives it', async () => {
    const ids = await Promise.all(
      ['/hooks/contract/echo', '/hooks/nothing', '/healthz', '/api/runs', '/nothing', `/${'x'.repeat(9000)}`].map(
        async (path) => (await server.fetch(path)).headers.get('x-request-id') ?? 'none',
      ),
    );
    expect(ids.filter((id) => !/^[\w-]{8}-\w+$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(await server.raw('no HTTP at all\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*\r\nx-request-id: [\w-]{8}-\w+\r\n/);
  });

  test('metrics are Prometheus text, whose labels never name a workflow, run or path', async () => {
    await server.hook('contract/echo', { name: 'Ada' });
    const { text, headers } = await server.fetch('/metrics');
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"`;
    const shape = new RegExp(String.raw`^[a-zA-Z_:][\w:]*(?:\{${label}(?:,${label})*\})? (?:[-+]?[\d.]+(?:e[-+]?\d+)?|NaN|[-+]Inf)$`, 'i');
    expect(series.filter((line) => !shape.test(line))).toEqual([]);
    const labels = new Set(series.flatMap((line) => [...line.matchAll(/[{,](\w+)=/g)].map((match) => match[1])));
    expect(
      ['workflow', 'workflow_id', 'run', 'run_id', 'path', 'route', 'url', 'person', 'user'].filter((name) => labels.has(name)),
    ).toEqual([]);
    expect(text).not.toContain('contract/echo');
    expect(Number(/^plugboard_runs_ended_total\{status="succeeded"\} (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(0);
    const count = series.length;
    for (let i = 0; i < 20; i += 1) await server.fetch(`/hooks/unknown/${i}`);
    const after = (await server.fetch('/metrics')).text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    // Kinds of handles of the runtime come and go; a series for each request would show.
    expect(after).toBeLessThan(count + 20);
  });
});
