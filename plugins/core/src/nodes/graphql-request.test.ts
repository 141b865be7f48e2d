import { connectionError } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';
import { operationsOf } from '../http/graphql-document.ts';

const ADDRESS = 'https://api.example.com/graphql';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const call = (params: Params, answer: () => unknown = () => ({ data: { ok: true } })) =>
  both(
    step('graphql-request')
      .params({ url: ADDRESS, query: '{ ok }', ...params })
      .items([{ n: 1 }])
      .respond(ADDRESS, answer),
  );

describe('graphql-request', () => {
  test('posts document, variables and operation, and the data becomes the item', async () => {
    const run = await call({
      query: 'query A($n: Int) { ok } query B { ok }',
      operationName: 'A',
      variables: { n: 1 },
      headers: { 'X-A': '1' },
    });
    expect(run.items).toEqual([{ ok: true }]);
    expect(run.requests[0]).toMatchObject({ method: 'POST', url: ADDRESS, headers: { accept: 'application/json', 'x-a': '1' } });
    expect(JSON.parse(run.requests[0]?.body ?? '')).toEqual({
      query: 'query A($n: Int) { ok } query B { ok }',
      variables: { n: 1 },
      operationName: 'A',
    });
  });

  test("a mutation carries the item's idempotency key, or one of your own", async () => {
    const mutation = { kind: 'mutation', query: 'mutation { add }' };
    expect((await call(mutation)).requests[0]?.headers['idempotency-key']).toBe('key-0');
    expect((await call({ ...mutation, headers: { 'Idempotency-Key': 'mine' } })).requests[0]?.headers['idempotency-key']).toBe('mine');
  });

  test.each([
    [{ query: 'mutation { add }' }, 'GRAPHQL_KIND'],
    [{ query: 'query A { a } mutation B { b }', operationName: 'B' }, 'GRAPHQL_KIND'],
    [{ query: '# query\nmutation{add}' }, 'GRAPHQL_KIND'],
    [{ query: '{ a }', kind: 'mutation' }, 'GRAPHQL_KIND'],
    [{ query: 'subscription { a }' }, 'GRAPHQL_KIND'],
    [{ query: 'query A { a } query B { b }' }, 'GRAPHQL_DOCUMENT'],
    [{ query: 'query A { a }', operationName: 'B' }, 'GRAPHQL_DOCUMENT'],
    [{ query: 'fragment F on T { a }' }, 'GRAPHQL_DOCUMENT'],
    [{ query: ' # nothing' }, 'GRAPHQL_DOCUMENT'],
  ])('%j is refused before anything is sent: %s', async (params, code) => {
    const run = await call(params);
    expect(codes(run)).toEqual([code]);
    expect(run.requests).toEqual([]);
  });

  test('goes on with a part of the data, an item for each entry of a list', async () => {
    const data = { orders: { nodes: [{ id: 1 }, 2, null] } };
    expect((await call({ path: 'orders.nodes' }, () => ({ data }))).items).toEqual([{ id: 1 }, { data: 2 }, {}]);
    expect((await call({ path: 'orders' }, () => ({ data }))).items).toEqual([data.orders]);
    expect(codes(await call({ path: 'none' }, () => ({ data })))).toEqual(['GRAPHQL_PART']);
  });

  test('errors of the service fail the item, or go on with it', async () => {
    const answer = { data: { a: null }, errors: [{ message: 'No such order', path: ['a'] }, { message: 'b' }] };
    const [failure] = (await call({}, () => answer)).errors;
    expect(failure?.error).toMatchObject({ code: 'GRAPHQL_ERRORS', kind: 'input', data: { errors: answer.errors, hasData: true } });
    expect(failure?.error.message).toBe('The service answered with an error: No such order (and 1 more)');
    expect((await call({ failOnErrors: false }, () => answer)).items).toEqual([answer]);
  });

  test('an answered mutation is not unknown; one whose connection broke is', async () => {
    const mutation = { kind: 'mutation', query: 'mutation { add }' };
    expect((await call(mutation, () => ({ errors: [{ message: 'no' }] }))).errors[0]?.isUnknown).toBe(false);
    expect((await call(mutation, () => Promise.reject(connectionError('ECONNRESET')))).errors[0]?.isUnknown).toBe(true);
    expect((await call({}, () => Promise.reject(connectionError('ECONNRESET')))).errors[0]?.isUnknown).toBe(false);
  });

  test.each([
    [() => new Response('<html>'), 'RESPONSE_NOT_JSON'],
    [() => Response.json([1]), 'GRAPHQL_ANSWER'],
    [() => ({ message: 'hi' }), 'GRAPHQL_ANSWER'],
    [() => new Response('', { status: 302, headers: { Location: 'https://evil.example/' } }), 'GRAPHQL_ANSWER'],
    [() => Response.json({ errors: [] }, { status: 401 }), 'HTTP_401'],
  ])('an answer that is none is an error (%#)', async (answer, code) => {
    const run = await call({}, answer);
    expect(codes(run)).toEqual([code]);
    expect(run.requests).toHaveLength(1);
  });
});

describe('operations of a document', () => {
  test.each([
    ['{ a }', ['query ']],
    ['query A($x: In = { a: "}" }) @d(x: "mutation {") { mutation { query } }', ['query A']],
    ['query A { a } fragment query on T { mutation } mutation B { b }', ['query A', 'mutation B']],
    ['"""mutation A {""" query B { a(x: """ } \\""" mutation C { """) }', ['query B']],
    ['query{a}mutation{b}subscription S{c}', ['query ', 'mutation ', 'subscription S']],
    ['query # } mutation\n A { a }', ['query A']],
    ['', []],
  ])('%j', (document, expected) => {
    expect(operationsOf(document).map(({ kind, name }) => `${kind} ${name}`)).toEqual(expected);
  });

  test.each(['"', '"""', '\\', '{', '"\\', '""""""', '#', 'a'])('%j again and again comes to an end', (piece) => {
    expect(operationsOf(piece.repeat(66_000)).length).toBeLessThan(2);
  });
});
