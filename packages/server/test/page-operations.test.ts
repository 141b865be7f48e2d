/** What strangers may send to GraphQL: everything to a server without pages, the operations of its pages to one that serves them. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPageOperations } from '../src/pages/page-operations.ts';
import { type TestServer, startTestServer } from './test-server.ts';

const SESSION = 'query session { session { kind } }';
const COUNTS = 'query workflowCounts { workflowCounts { all } }';
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Reply {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugboard-operations-'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>Plugboard</title>');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const write = (content: string) => writeFile(join(folder, '.operations.json'), content);
const byHash = (...texts: readonly string[]): string => JSON.stringify(Object.fromEntries(texts.map((text) => [hashOf(text), text])));

describe('the list beside the pages', () => {
  test('is read; there need not be one', async () => {
    expect(await readPageOperations(folder)).toBeUndefined();
    expect(await readPageOperations(join(folder, 'nowhere'))).toBeUndefined();
    await write(byHash(SESSION, COUNTS));
    expect(await readPageOperations(folder)).toEqual(new Map([SESSION, COUNTS].map((text) => [hashOf(text), text])));
  });

  test.each([
    ['is broken', '{'],
    ['is no object', '[]'],
    ['holds something else than texts', JSON.stringify({ [hashOf('1')]: 1 })],
    ['has an operation under the hash of another', JSON.stringify({ [hashOf(SESSION)]: COUNTS })],
    ['is far too large', JSON.stringify({ a: 'x'.repeat(5 * 1024 * 1024) })],
  ])('one that %s is refused, because no build writes it', async (_, content) => {
    await write(content);
    await expect(readPageOperations(folder)).rejects.toMatchObject({ code: 'PAGES_INVALID' });
  });
});

describe('a server with pages', () => {
  let server: TestServer;
  beforeAll(async () => {
    await write(byHash(SESSION, COUNTS));
    server = await startTestServer({ pagesDir: folder });
  });
  afterAll(() => server.close());

  const send = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    server.fetch<Reply>('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const hashed = (text: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } });

  test('takes the operations of its pages from anybody, by hash and as text', async () => {
    for (const body of [hashed(SESSION), { query: SESSION }]) {
      expect((await send(body)).json).toEqual({ data: { session: { kind: 'setup' } } });
    }
    // The operation is known; what it asks for still needs a right.
    expect((await send(hashed(COUNTS))).json.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });

  test.each([
    ['another operation', { query: 'query session { session { kind } } ' }],
    ['a question about the schema', { query: '{ __schema { types { name } } }' }],
    ['many fields', { query: '{ a: session { kind } b: session { kind } }' }],
    ['a text beside the hash of another', { query: '{ session { kind isOperator } }', ...hashed(SESSION) }],
    ['what is no GraphQL', { query: '{' }],
  ])('refuses %s of a stranger unread', async (_, body) => {
    const { status, json } = await send(body);
    expect([status, json.data, json.errors?.[0]?.extensions?.code]).toEqual([401, undefined, 'UNAUTHENTICATED']);
  });

  test('says so where a hash is unknown, so that the page sends its text', async () => {
    expect((await send(hashed('query other { session { kind } }'))).json.errors?.[0]?.extensions?.code).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  test('takes anything within its limits from whoever is known', async () => {
    const known = { authorization: `Bearer ${server.token}` };
    expect((await send({ query: '{ workflowCounts { all live } }' }, known)).json.data).toEqual({ workflowCounts: { all: 0, live: 0 } });
    const many = `{ ${Array.from({ length: 21 }, () => 'workflowCounts { all }').join(' ')} }`;
    expect((await send({ query: many }, known)).json.errors?.[0]?.message).toMatch(/at most 20 fields/);
  });

  test('does not show the list', async () => {
    expect((await server.fetch('/.operations.json')).status).toBe(404);
  });
});
