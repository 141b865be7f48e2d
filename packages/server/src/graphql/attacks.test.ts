/** Documents made to cost much more than they are long. What is refused is refused before anything is carried out, and at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
});
afterAll(() => kit.close());

interface Result {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string }[];
}

async function ask(query: string): Promise<Result> {
  const { status, json, text } = await kit.graphql(editor, query);
  expect(status, text).toBe(200);
  return json as Result;
}

const many = (count: number, one: (n: number) => string): string => Array.from({ length: count }, (_, n) => one(n)).join(' ');

describe('fragments do not hide', () => {
  test('aliases from their count', async () => {
    const hidden = `query { ...a ...b } fragment a on Query { ${many(8, (n) => `a${n}: session { kind }`)} } fragment b on Query { ${many(8, (n) => `b${n}: session { kind }`)} }`;
    expect((await ask(hidden)).errors?.[0]?.message).toMatch(/aliases/);
    const inline = `query { ... on Query { ${many(8, (n) => `a${n}: session { kind }`)} ... on Query { ${many(8, (n) => `b${n}: session { kind }`)} } } }`;
    expect((await ask(inline)).errors?.[0]?.message).toMatch(/aliases/);
  });

  test('root fields from their count, in whatever operation of the document', async () => {
    const fields = many(11, () => 'session { kind }');
    expect(
      (await ask(`query { ...a ...b } fragment a on Query { ${fields} } fragment b on Query { ${fields} }`)).errors?.[0]?.message,
    ).toMatch(/fields/);
    const { json } = await kit.graphql(editor, `query a { ${fields} } query b { ${fields} }`);
    expect((json as Result).data ?? null).toBeNull();
  });

  test('changes: a fragment of them that is used again is carried out once', async () => {
    const result = await ask(
      `mutation { ${many(50, () => '...make')} } fragment make on Mutation { createTag(name: "once") { __typename } }`,
    );
    expect(result.errors).toBeUndefined();
    expect((await kit.rest(editor, 'GET', '/tags')).json.rows).toMatchObject([{ name: 'once' }]);
  });

  test('their depth, nor can they hold themselves', async () => {
    const nested = `query { workflows { rows { ...a } } } fragment a on Workflow { project { name } ...b } fragment b on Workflow { ...a }`;
    expect((await ask(nested)).errors?.length).toBeGreaterThan(0);
  });
});

describe('a document that grows when it is unfolded', () => {
  const bomb = (levels: number, on: string, leaf: string): string =>
    many(levels, (n) => `fragment f${n} on ${on} { ...f${n + 1} ...f${n + 1} }`) + ` fragment f${levels} on ${on} { ${leaf} }`;

  test.each([
    ['of fragments in fragments', `query { ...f0 } ${bomb(60, 'Query', 'session { kind }')}`],
    ['of fragments in a list', `query { workflows { ...f0 } } ${bomb(60, 'WorkflowRows', 'rows { id }')}`],
    ['of inline fragments', `query { ${many(105, () => '... on Query { session { kind } }')} }`],
  ])('%s is refused at once', async (_, query) => {
    const startedAt = performance.now();
    const { data, errors } = await ask(query);
    expect(data ?? null).toBeNull();
    expect(errors?.[0]?.message).toMatch(/exceeds maximum breadth|at most \d+ fields/);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('of one list asked for under many names is refused by its cost', async () => {
    const rows = many(7, (n) => `a${n}: workflows(first: 100) { rows { id name project { id name } recentRuns { id status } } }`);
    const startedAt = performance.now();
    const result = await ask(`query { ${rows} }`);
    expect(result.data ?? null).toBeNull();
    expect(result.errors?.[0]?.message).toMatch(/exceeds maximum complexity/);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('nobody else waits for it', async () => {
    const bombs = Array.from({ length: 10 }, () => kit.graphql(editor, `query { ...f0 } ${bomb(60, 'Query', 'session { kind }')}`));
    const startedAt = performance.now();
    expect((await kit.rest(editor, 'GET', '/workflows/counts')).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await Promise.all(bombs);
  });
});
