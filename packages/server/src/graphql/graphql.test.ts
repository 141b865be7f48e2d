/** GraphQL over HTTP: what it answers, how large a request may be, and that the committed schema is the one that answers. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { createGraphqlEndpoint } from './graphql-endpoint.ts';
import { graphqlSchema } from './schema.ts';

const SCHEMA = new URL('../../schema.graphql', import.meta.url);
let kit: ApiKit;
let editor: TestCaller;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
});
afterAll(() => kit.close());

test('the committed schema is the one that answers; PLUGBOARD_UPDATE=1 writes it anew', () => {
  const printed = `${printSchema(graphqlSchema(kit.registry, kit.execute))}\n`;
  if (process.env['PLUGBOARD_UPDATE'] === '1') writeFileSync(SCHEMA, printed);
  expect(readFileSync(SCHEMA, 'utf8')).toBe(printed);
});

describe('answers', () => {
  test('a change gives its result or a problem as a type of its own, and what it made is there', async () => {
    const create =
      'mutation($name: String!) { createWorkflow(name: $name) { __typename ... on CreateWorkflowSuccess { result { id } } ... on Problem { code message path } } }';
    const made = await kit.graphql(editor, create, { name: 'Made by GraphQL' });
    expect(made.json.data.createWorkflow.__typename).toBe('CreateWorkflowSuccess');
    const again = await kit.graphql(editor, create, { name: 'Made by GraphQL' });
    expect(again.json.data.createWorkflow).toMatchObject({ __typename: 'NameTakenProblem', code: 'NAME_TAKEN', path: 'input.name' });
    const listed = await kit.graphql(
      editor,
      '{ workflows(sort: name, first: 1) { rows { id name state may { edit } recentRuns { id } } hasMore } }',
    );
    expect(listed.json.data.workflows).toMatchObject({
      rows: [{ name: 'Made by GraphQL', state: 'draft', may: { edit: true }, recentRuns: [] }],
      hasMore: false,
    });
    const opened = await kit.graphql(editor, 'query($id: ID!) { workflow(id: $id) { rev draft problems { code severity } } }', {
      id: made.json.data.createWorkflow.result.id,
    });
    expect(opened.json.data.workflow).toMatchObject({ rev: 1, draft: { schema: 1, nodes: [] } });
  });

  test('a question that is refused says its code; the command line and a key ask as people do', async () => {
    const hidden = await kit.graphql(editor, `{ workflow(id: "${crypto.randomUUID()}") { id } }`);
    expect(hidden.json).toMatchObject({ data: null, errors: [{ path: ['workflow'], extensions: { code: 'NOT_FOUND' } }] });
    expect((await kit.graphql(kit.system, '{ workflowCounts { all } }')).json.data.workflowCounts.all).toBeGreaterThan(0);
    expect(
      (await kit.graphql(await kit.apiKey(editor, ['workflow.read']), '{ workflowCounts { all } }')).json.data.workflowCounts.all,
    ).toBeGreaterThan(0);
  });

  test('a secret among the settings is told as nothing, and the others are told', async () => {
    const { json } = await kit.graphql(kit.system, '{ settings(level: instance) { key value isSecret } }');
    const rows = json.data.settings as readonly { readonly key: string; readonly value: unknown; readonly isSecret: boolean }[];
    expect(rows.filter(({ isSecret }) => isSecret).map(({ value }) => value)).toContain(null);
    expect(rows.filter(({ isSecret, value }) => !isSecret && value === null)).toEqual([]);
  });

  test('an unexpected failure is masked', async () => {
    await kit.database.database.query('alter table audit rename to audit_away');
    const admin = await kit.person('admin');
    const { json, text } = await kit.graphql(admin, '{ audit { rows { id } } }');
    await kit.database.database.query('alter table audit_away rename to audit');
    expect(json.errors[0].extensions).toEqual({ code: 'INTERNAL' });
    expect(text).not.toMatch(/relation|select|does not exist|\.ts/);
    expect(kit.log.some((line) => line.message.includes('audit'))).toBe(true);
  });
});

describe('limits', () => {
  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${kit.url}/graphql`, {
      method: 'POST',
      headers: { ...editor.headers, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  test.each([
    ['aliases', `{ ${Array.from({ length: 16 }, (_, n) => `a${n}: workflowCounts { all }`).join(' ')} }`, /aliases/],
    ['fields', `{ ${Array.from({ length: 21 }, () => 'workflowCounts { all }').join(' ')} }`, /fields/],
    ['tokens', `{ workflowCounts { ${'all '.repeat(1000)} } }`, /tokens/i],
    [
      'directives',
      `{ ${Array.from({ length: 17 }, () => 'workflowCounts @include(if: true) { all @include(if: true) live @include(if: true) }').join(' ')} }`,
      /directives/,
    ],
    ['depth', `query { workflows { rows { project { name { a { b { c { d { e { f { g } } } } } } } } } } }`, /./],
  ])('too much of %s is refused, and nothing is given away', async (_, query, message) => {
    const answer = await post({ query });
    const json = (await answer.json()) as { data?: unknown; errors: { message: string }[] };
    expect(json.data ?? null).toBeNull();
    expect(json.errors[0]?.message).toMatch(message);
  });

  test('a stranger learns neither the schema nor names that are nearly right; whoever is known learns both', async () => {
    const strange = { cookie: '', 'x-plugboard-request': '1' };
    const ask = async (query: string, headers: Readonly<Record<string, string>> = {}) =>
      (await (await post({ query }, headers)).json()) as { data?: object; errors?: { message: string }[] };
    expect((await ask('{ __schema { types { name } } }', strange)).errors?.[0]?.message).toMatch(/introspection/i);
    expect((await ask('{ workflowCount { all } }', strange)).errors?.[0]?.message).toBe(
      'Cannot query field "workflowCount" on type "Query".',
    );
    expect((await ask('{ workflowCount { all } }')).errors?.[0]?.message).toMatch(/Did you mean "workflowCounts"/);
    const answer = await ask(getIntrospectionQuery());
    expect(answer.errors).toBeUndefined();
    expect(
      buildClientSchema(answer.data as never)
        .getQueryType()
        ?.getFields(),
    ).toHaveProperty('workflows');
  });

  test.each([
    ['a batch', [{ query: '{ session { kind } }' }], 400],
    ['no query', {}, 400],
    ['a query that is no text', { query: 7 }, 400],
    ['variables that are a list', { query: '{ session { kind } }', variables: [] }, 400],
    ['broken JSON', '{', 400],
    ['a prototype key', '{"query":"{ session { kind } }","variables":{"__proto__":{}}}', 400],
  ])('%s is refused', async (_, body, status) => {
    expect((await post(body)).status).toBe(status);
  });

  test('a form, which any page can send, is refused, and so is GET', async () => {
    expect((await post('query={session{kind}}', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
    expect((await post('{"query":"{ session { kind } }"}', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await fetch(`${kit.url}/graphql?query={session{kind}}`, { headers: editor.headers })).status).toBe(405);
  });

  test('a client that takes the newer type learns of a bad document by the status', async () => {
    const newer = { accept: 'application/graphql-response+json' };
    expect((await post({ query: '{ nope }' }, newer)).status).toBe(400);
    expect((await post({ query: '{ session { kind } }' }, newer)).headers.get('content-type')).toMatch(/graphql-response/);
    expect((await post({ query: '{ nope }' })).status).toBe(200);
  });
});

test('a persisted operation is found by its hash, an unknown hash is not', async () => {
  const text = '{ session { kind } }';
  const hash = createHash('sha256').update(text).digest('hex');
  const endpoint = createGraphqlEndpoint({ schema: graphqlSchema(kit.registry, kit.execute), persisted: new Map([[hash, text]]) });
  const context = { callerFor: () => kit.nobody.caller(), mask: String };
  const ask = (sha256Hash: string) => endpoint.answer({ extensions: { persistedQuery: { version: 1, sha256Hash } } }, context);
  expect(JSON.parse((await ask(hash)).text)).toEqual({ data: { session: { kind: 'setup' } } });
  expect((await ask('0'.repeat(64))).text).toContain('PERSISTED_QUERY_NOT_FOUND');
});

test('a list of many asks the database as often as a list of few', async () => {
  const owner = await kit.person('owner');
  const queries = [
    '{ workflows(first: 50) { rows { id name project { name } recentRuns { id } may { edit } } } }',
    '{ runs(first: 50) { rows { id status workflow { name } initiator { name } } } }',
    '{ members(first: 50) { rows { name } } }',
    '{ audit(first: 50) { rows { action actor { name } } } }',
    '{ credentials(first: 50) { rows { name project { name } } } }',
  ];
  const dataSource = await kit.database.database.dataSource();
  const runner = dataSource.createQueryRunner();
  const asked = vi.spyOn(Object.getPrototypeOf(runner) as { query: () => unknown }, 'query');
  const counts = async (): Promise<number[]> => {
    const found: number[] = [];
    for (const query of queries) {
      const before = asked.mock.calls.length;
      const { json } = await kit.graphql(owner, query);
      expect(json.errors, query).toBeUndefined();
      found.push(asked.mock.calls.length - before);
    }
    return found;
  };
  const make = async (n: number): Promise<void> => {
    for (let i = 0; i < n; i += 1) {
      const { status } = await kit.rest(owner, 'POST', '/workflows', { name: `One of many ${i} of ${n}` });
      expect(status).toBeLessThan(300);
      await kit.person('viewer');
    }
  };
  await make(2);
  const few = await counts();
  expect(Math.min(...few)).toBeGreaterThan(0);
  await make(20);
  expect(await counts()).toEqual(few);
  asked.mockRestore();
});
