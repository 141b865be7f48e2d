import { expect, test } from 'vitest';
import type { GraphqlEndpoint } from './graphql-endpoint.ts';
import { createLazyGraphql } from './lazy-graphql.ts';

const answer = { status: 200, type: 'application/json', text: '{}' };
const endpoint: GraphqlEndpoint = { answer: () => Promise.resolve(answer) };
const context = {} as Parameters<GraphqlEndpoint['answer']>[1];

test('GraphQL is made at the first request, once for requests that come together', async () => {
  let loads = 0;
  const lazy = createLazyGraphql(() => {
    loads += 1;
    return Promise.resolve(endpoint);
  });
  expect(loads).toBe(0);
  await expect(Promise.all([lazy.answer({}, context), lazy.answer({}, context)])).resolves.toEqual([answer, answer]);
  expect(loads).toBe(1);
});

test('GraphQL that could not be made is tried again by the next request', async () => {
  let loads = 0;
  const lazy = createLazyGraphql(() => {
    loads += 1;
    return loads === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve(endpoint);
  });
  await expect(lazy.answer({}, context)).rejects.toThrow('not yet');
  await expect(lazy.answer({}, context)).resolves.toEqual(answer);
});
