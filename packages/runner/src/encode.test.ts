import type { RunEvent } from '@plugboard/engine';
import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeEvent } from './encode.ts';

const NO_BLOBS = { put: () => Promise.reject(new Error('nothing here is large')), get: () => Promise.reject(new Error('nothing is kept')) };
const textOf = (event: RunEvent) => encodeEvent(event, NO_BLOBS, { id: 'run', workspaceId: 'workspace' }, Infinity)?.text;

const item = fc.record(
  {
    json: fc.dictionary(fc.string(), fc.jsonValue()),
    files: fc.constant({ scan: { id: 'f', name: 's', mime: 'a/b', size: 1, sha256: 'x' } }),
  },
  { requiredKeys: ['json'] },
);
const batch = fc.record({ items: fc.array(item, { maxLength: 3 }), from: fc.array(fc.nat(3)) }, { requiredKeys: ['items'] });
const finished = fc.record(
  {
    type: fc.constant('step.finished'),
    at: fc.nat(),
    node: fc.oneof(fc.constantFrom('a', 'set-1', 'Über "uns"', '\\'), fc.string()),
    startedAt: fc.nat(),
    outputs: fc.oneof(fc.record({ main: batch }), fc.dictionary(fc.constantFrom('main', 'error', '"'), batch)),
    path: fc.array(fc.nat(9)),
    logs: fc.constant([{ level: 'info', message: 'm', at: 1 }]),
  },
  { requiredKeys: ['type', 'at', 'node', 'startedAt', 'outputs'] },
);

test('the text of a step that has finished is the JSON of its event, whatever it gave', () => {
  fc.assert(
    fc.property(finished, (event) => {
      expect(textOf(event as unknown as RunEvent)).toBe(JSON.stringify(event));
    }),
    { numRuns: 1000 },
  );
  const json: JsonObject = { text: 'quote " and \u2028', n: -0.5, none: null };
  const one = { type: 'step.finished', at: 5, node: 'a', startedAt: 4, outputs: { main: { items: [{ json }] } } } as const;
  expect(textOf(one)).toBe(JSON.stringify(one));
});
