// @vitest-environment node
import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { type DocumentName, DOCUMENTS } from './documents.ts';

const schema = buildSchema(readFileSync(new URL('../../../packages/server/schema.graphql', import.meta.url), 'utf8'));
const offered = new Set([
  ...Object.keys(schema.getQueryType()?.getFields() ?? {}),
  ...Object.keys(schema.getMutationType()?.getFields() ?? {}),
]);

/** What the pages are ready for before the server offers it. Nothing may be missing beyond these. */
const AWAITED: ReadonlySet<DocumentName> = new Set([
  'credentials',
  'credential',
  'credentialTypes',
  'createCredential',
  'updateCredential',
  'testCredential',
  'deleteCredential',
  'settings',
  'changeSetting',
]);

describe('the operations the pages send', () => {
  test.each(Object.entries(DOCUMENTS))('%s is one operation of that name', (name, document) => {
    const [definition, ...more] = parse(document).definitions;
    expect(more).toEqual([]);
    expect(definition?.kind === 'OperationDefinition' && definition.name?.value).toBe(name);
  });

  const ready = (Object.keys(DOCUMENTS) as DocumentName[]).filter((name) => offered.has(name) || !AWAITED.has(name));
  test.each(ready)('%s fits the schema the server prints', (name) => {
    expect(validate(schema, parse(DOCUMENTS[name])).map((problem) => problem.message)).toEqual([]);
  });
});
