/** The OpenAPI document: it describes every operation, and every reference in it leads somewhere. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiKit, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
beforeAll(async () => {
  kit = await openApiKit();
});
afterAll(() => kit.close());

test('anybody may read the document; it has each operation once, and no reference leads nowhere', async () => {
  const { status, json, text } = await kit.rest(kit.nobody, 'GET', '/openapi.json');
  expect(status).toBe(200);
  expect(json.openapi).toBe('3.1.0');
  const described = Object.entries<Record<string, { operationId: string; parameters?: { name: string; in: string }[] }>>(
    json.paths,
  ).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => ({ address: `${method.toUpperCase()} ${path}`, ...one })));
  expect(described.map((one) => one.address).toSorted()).toEqual(
    kit.registry.all.map(({ rest }) => `${rest.method} /api${rest.path}`).toSorted(),
  );
  expect(new Set(described.map((one) => one.operationId)).size).toBe(described.length);
  for (const { address, parameters = [] } of described) {
    const inPath = [...address.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect(
      parameters.filter((one) => one.in === 'path').map((one) => one.name),
      address,
    ).toEqual(inPath);
  }
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(json.components.schemas, name).toHaveProperty(name ?? '');
  expect(text).not.toContain('$defs');
});
