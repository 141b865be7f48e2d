/** Doing it again, and tests of workflows, on the command line of a whole server; and a retry whose server is killed. */
import { writeFileSync } from 'node:fs';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Plugboard } from './plugboard-process.ts';

interface Seen {
  readonly n: number;
  readonly key: string;
}

let server: Plugboard;
let service: Server;
let url: string;
const seen: Seen[] = [];
/** How the service answers; a held answer is given by the test. */
let answer: (n: number, response: ServerResponse) => void = (_, response) => void response.end('{}');
const held: ServerResponse[] = [];

beforeAll(async () => {
  service = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (body += part));
    request.on('end', () => {
      const { n } = JSON.parse(body) as { n: number };
      seen.push({ n, key: String(request.headers['idempotency-key'] ?? '') });
      response.setHeader('content-type', 'application/json');
      answer(n, response);
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  server = await Plugboard.create({ PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' });
  await server.start();
});
afterAll(async () => {
  await server.remove();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

function aWorkflow(name: string, more: object = {}): string {
  const node = (id: string, type: string, params: object) => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params },
  });
  const edge = (source: string, target: string) => ({ id: source + target, source, sourceHandle: 'main', target, targetHandle: 'main' });
  const nodes = [
    node('start', 'core/manual', {}),
    node('list', 'core/split', { field: 'list' }),
    node('send', 'core/http-request', { method: 'POST', url, bodyKind: 'json', body: '={{ $json }}' }),
  ];
  const file = join(server.dataDir, `${name}.workflow.json`);
  writeFileSync(
    file,
    JSON.stringify({ schema: 1, name, nodes, edges: [edge('start', 'list'), edge('list', 'send')], settings: {}, ...more }),
  );
  return file;
}

async function becomes(id: string, status: string): Promise<void> {
  const stateOf = async (): Promise<string> => {
    const found = await fetch(`${server.url}/api/runs/${id}/state`, { headers: { authorization: `Bearer ${server.token()}` } });
    return ((await found.json()) as { readonly status: string }).status;
  };
  await expect.poll(stateOf, { timeout: 60_000 }).toBe(status);
}

const refuse = (response: ServerResponse): void => {
  response.statusCode = 422;
  response.end('{}');
};

test('retry sends what did not succeed, once, with its key, although the server is killed while it does; rerun and show tell where it comes from', async () => {
  const file = aWorkflow('Again');
  answer = (n, response) => (n === 2 ? refuse(response) : void response.end(`{"n":${n}}`));
  // A command holds up this process, and the service with it: none of them waits for its run.
  const run = server.command('run', file, '--input', '{"list":[{"n":1},{"n":2},{"n":3}]}', '--no-wait');
  await becomes(run.stdout.trim(), 'failed');
  const first = seen.splice(0);
  expect(new Set(first.map(({ n }) => n))).toEqual(new Set([1, 2, 3]));

  answer = (_, response) => void held.push(response);
  const retry = server.command('retry', 'last', '--no-wait');
  expect(retry.stderr).toBe('');
  await expect.poll(() => held.length, { timeout: 30_000 }).toBe(1);
  await server.kill();
  answer = (n, response) => void response.end(`{"n":${n}}`);
  await server.start();
  await becomes(retry.stdout.trim(), 'succeeded');
  const old = first.find(({ n }) => n === 2);
  expect(seen.splice(0)).toEqual([old, old]);

  const shown = server.command('show', retry.stdout.trim()).stdout;
  expect(shown).toMatch(/a retry of run [0-9a-f]{8}/);
  expect(shown).toMatch(/list +kept from [0-9a-f]{8}/);

  await becomes(server.command('rerun', 'last', '--from', 'send', '--items', '{"n":9}', '--no-wait').stdout.trim(), 'succeeded');
  expect(seen.splice(0).map(({ n }) => n)).toEqual([9]);
  const wrong = server.command('rerun', 'last', '--items', '{}');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--items needs --from or --skip')]);
});

test('plugboard test carries the tests of a file out without reaching outside, prints what differs, and exits 1 then', () => {
  const aTest = (id: string, total: number) => ({
    id,
    name: id,
    input: [{ list: [{ n: 1 }] }],
    mocks: [{ url, body: { total: 5 } }],
    expect: [{ node: 'send', items: [{ total }] }],
  });
  const good = server.command('test', aWorkflow('Tested', { tests: [aTest('right', 5)] }));
  expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/^Tested\n {2}passed {2}right \(\d+ ms\)\n1 passed\n$/)]);
  const bad = server.command('test', aWorkflow('Tested', { tests: [aTest('right', 5), aTest('wrong', 6)] }));
  expect(bad.code).toBe(1);
  expect(bad.stdout).toContain('    send items[0].total\n      - 6\n      + 5\n');
  expect(bad.stdout).toContain('1 passed, 1 not\n');

  // One that cannot be tested is named, and does not keep the others from it.
  const unsound = aWorkflow('Unsound', { tests: [{ ...aTest('right', 5), name: undefined }] });
  const missing = join(server.dataDir, 'missing.json');
  const some = server.command('test', unsound, missing, 'Nobody', aWorkflow('Tested', { tests: [aTest('right', 5)] }));
  expect(some.code).toBe(1);
  expect(some.stdout).toMatch(/^Tested\n {2}passed {2}right \(\d+ ms\)\n1 passed\n$/);
  expect(some.stderr).toMatch(/^Unsound: .*\n {2}error {3}tests\[0\]\.name/);
  expect(some.stderr).toContain(`there is no file ${missing}\n`);
  expect(some.stderr).toContain('there is no workflow named "Nobody"\n');
  expect(some.stderr).toContain('plugboard: the tests of 3 workflows could not be carried out\n');
  const asJson = server.command('test', '--json', unsound, aWorkflow('Tested', { tests: [aTest('right', 5)] }));
  expect(JSON.parse(asJson.stdout)).toMatchObject([
    { workflow: 'Unsound', results: [], problem: expect.stringContaining('1 problem') as string },
    { workflow: 'Tested', results: [{ outcome: 'passed' }] },
  ]);
  expect(seen).toEqual([]);
});
