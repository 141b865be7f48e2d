/** The generated part of the client is the one that fits the server's document. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type OpenApi, clientSource } from './generate.test-kit.ts';

const DOCUMENT = new URL('../../server/openapi.json', import.meta.url);
const GENERATED = new URL('./generated.ts', import.meta.url);

test('S2-035: the committed source is the one made from the document; PLUGBOARD_UPDATE=1 writes it anew', () => {
  const source = clientSource(JSON.parse(readFileSync(DOCUMENT, 'utf8')) as OpenApi);
  if (process.env['PLUGBOARD_UPDATE'] === '1') writeFileSync(GENERATED, source);
  expect(readFileSync(GENERATED, 'utf8') === source, 'run: PLUGBOARD_UPDATE=1 vitest run packages/client').toBe(true);
});
