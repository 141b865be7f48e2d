/** Credentials on a whole server: live webhooks use them while keys are replaced, and nothing that leaves the process or stays on disk has a secret in it. */
import { readFileSync, readdirSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, aWorkflow, startTestServer, until } from './test-server.ts';

const CANARY = 'canary-8d1b7f20-live-secret';
let server: TestServer;
let service: Server;
let address: string;
const seen: (string | undefined)[] = [];

beforeAll(async () => {
  service = createServer((req, res) => {
    seen.push(req.headers.authorization);
    res
      .setHeader('content-type', 'application/json')
      .setHeader('x-echo', String(req.headers.authorization))
      .end(JSON.stringify({ you: req.headers.authorization }));
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.0/8' } });
  const made = await server.api('POST', '/credentials', {
    key: 'ledger',
    name: 'Ledger',
    type: 'core/bearer',
    data: { token: CANARY },
    allowedHosts: [address],
  });
  expect(made.status, made.text).toBe(201);
  await server.publish(aWorkflow('ledger', { path: 'ledger' }, ['ask', 'core/http-request', { url: address, credential: 'ledger' }]));
});
afterAll(async () => {
  await server.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

const call = async (): Promise<string> => {
  const { status, text } = await server.hook('ledger', {});
  return `${status} ${text}`;
};

describe('a live workflow', () => {
  test('uses its credential while the root key and the data keys are replaced, and after a start with the new one', async () => {
    let isDone = false;
    const answers: string[] = [];
    const calling = (async () => {
      while (!isDone) answers.push(await call());
    })();
    const rotated = await server.api<{ rewrapped: number }>('POST', '/instance/root-key', {});
    const renewed = await server.api<{ secrets: number }>('POST', '/instance/data-keys', {});
    isDone = true;
    await calling;
    expect(rotated.json.rewrapped, rotated.text).toBeGreaterThan(0);
    expect(renewed.json.secrets, renewed.text).toBe(1);
    answers.push(await call());
    expect(new Set(answers.map((answer) => answer.slice(0, 3)))).toEqual(new Set(['200']));
    expect(new Set(seen)).toEqual(new Set([`Bearer ${CANARY}`]));
    await server.stop();
    server = await startTestServer({ after: server, env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.0/8' } });
    expect(await call()).toMatch(/^200/);
  });

  test('S0-039: leaves its secret in no answer, no log, no socket, no table and no file', async () => {
    const [workspace] = await server.database.database.query<{ id: string }>(`select id from workspace where slug = 'default'`);
    const frames: string[] = [];
    const socket = io(server.url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: { authorization: `Bearer ${server.token}` },
    });
    socket.onAny((...args: unknown[]) => void frames.push(JSON.stringify(args)));
    for (const topic of [`runs:${workspace?.id}`, `changed:${workspace?.id}`])
      expect(await socket.emitWithAck('join', { topic, after: 0 }), topic).toMatchObject({ ok: true });
    const answer = await call();
    expect(answer).toContain('*'.repeat(CANARY.length));
    await until(
      () => frames.length,
      (count) => count > 0,
    );
    const { json } = await server.api<{ runs: { id: string }[] }>('GET', '/runs');
    for (const { id } of json.runs) {
      for (const part of ['', '/detail', '/output', '/facts'])
        expect((await server.api('GET', `/runs/${id}${part}`)).text, part).not.toContain(CANARY);
    }
    socket.disconnect();
    const forms = [CANARY, Buffer.from(CANARY).toString('base64'), Buffer.from(CANARY).toString('hex')];
    const everywhere = [answer, ...frames, server.log(), ...(await tableTexts()), ...fileTexts(server.dataDir)];
    for (const text of everywhere) for (const form of forms) expect(text.includes(form)).toBe(false);
  });
});

async function tableTexts(): Promise<string[]> {
  const { database } = server.database;
  const tables = await database.query<{ name: string }>(
    `select format('%I', tablename) as name from pg_tables where schemaname = 'public'`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await database.query<{ text: string }>(`select t::text as text from ${name} t`);
    // Bytes are written as hexadecimal, which the forms that are looked for include.
    texts.push(...rows.map((row) => row.text));
  }
  // They were read: the workflow is among them.
  expect(texts.some((text) => text.includes('ledger'))).toBe(true);
  return texts;
}

function fileTexts(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}
