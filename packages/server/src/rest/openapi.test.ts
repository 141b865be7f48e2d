/** The OpenAPI document: it describes every operation, and every reference in it leads somewhere. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiKit, openApiKit } from '../operation/api.test-kit.ts';
import { VERSION } from '../version.ts';
import { openApiDocument } from './openapi.ts';

let kit: ApiKit;
beforeAll(async () => {
  kit = await openApiKit();
});
afterAll(() => kit.close());

test('anybody may read the document; it has each operation once, and no reference leads nowhere', async () => {
  const { status, json, text } = await kit.rest(kit.nobody, 'GET', '/openapi.json');
  expect(status).toBe(200);
  expect(json.openapi).toBe('3.1.0');
  const described = Object.entries<Record<string, { operationId: string; parameters?: { name?: string; in?: string }[] }>>(
    json.paths,
  ).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => ({ address: `${method.toUpperCase()} ${path}`, ...one })));
  expect(described.map((one) => one.address).toSorted()).toEqual(
    kit.registry.all.flatMap(({ rest }) => [rest, ...(rest.alsoAt ?? [])].map(({ method, path }) => `${method} /api${path}`)).toSorted(),
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

const DOCUMENT = new URL('../../openapi.json', import.meta.url);

test('the committed document is the one that is served; PLUGBOARD_UPDATE=1 writes it anew', () => {
  const served = openApiDocument(kit.registry, { url: 'http://127.0.0.1:7400', version: VERSION });
  const printed = `${JSON.stringify(served, null, 1)}\n`;
  if (process.env['PLUGBOARD_UPDATE'] === '1') writeFileSync(DOCUMENT, printed);
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(printed);
});

test('the document is valid OpenAPI 3.1', async () => {
  const { json } = await kit.rest(kit.nobody, 'GET', '/openapi.json');
  const result = await new Validator().validate(json as Record<string, unknown>);
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
});
