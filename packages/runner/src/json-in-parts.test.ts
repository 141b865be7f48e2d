import { expect, test } from 'vitest';
import { jsonInParts, jsonParts } from './json-in-parts.ts';

function whole(value: unknown): { text: string; parts: number } {
  const work = jsonInParts(value);
  for (let parts = 0; ; parts += 1) {
    const step = work.next();
    if (step.done) return { text: step.value, parts };
  }
}

test.each([
  [
    'an event with many items',
    {
      type: 'step.finished',
      outputs: { main: { items: Array.from({ length: 5000 }, (_, n) => ({ json: { n, text: 'é"\n' } })), from: [0, [1, 2]] } },
    },
  ],
  ['fields and elements that are undefined', { a: undefined, b: [undefined, 1], c: { d: undefined } }],
  ['empty values', { a: [], b: {}, c: '', d: null }],
  ['deep values', { a: [{ b: [{ c: [{ d: [{ e: [{ f: 1 }] }] }] }] }] }],
  ['an object with many fields', { many: Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n])) }],
  ['what holds nothing', { a: undefined }],
  ['a long list with elements that are undefined', Array.from({ length: 200 }, (_, n) => (n % 3 === 0 ? undefined : { n }))],
])('the text of %s is the one JSON.stringify gives', (_, value) => {
  expect(whole(value).text).toBe(JSON.stringify(value));
});

test('many items are written in many parts', () => {
  expect(whole({ items: Array.from({ length: 20_000 }, (_, n) => ({ json: { n, text: 'x'.repeat(20) } })) }).parts).toBeGreaterThan(5);
});

test('what is handed over in parts is never one long text', () => {
  const work = jsonParts({ outputs: { main: { items: Array.from({ length: 20_000 }, (_, n) => ({ json: { n } })) } } });
  let step = work.next();
  while (!step.done) step = work.next();
  expect(Math.max(...step.value.map((part) => part.length))).toBeLessThan(200_000);
});
