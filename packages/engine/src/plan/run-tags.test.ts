/** Tags of runs from the settings of their workflow: settled once, and never a reason for a run not to start. */
import type { Item } from '@plugboard/sdk';
import { expect, test } from 'vitest';
import { type RunTag, compileRunTags, settleRunTags } from './run-tags.ts';

const facts = { run: { id: 'r1' }, workflow: { name: 'W' }, vars: { region: 'eu' }, now: '2026-11-20T12:00:00.000Z', zone: 'Europe/Paris' };
const settle = (text: string, items: readonly Item[] = [{ json: { id: 7, list: [1, 2], long: 'x'.repeat(300) } }]): readonly RunTag[] =>
  settleRunTags(compileRunTags({ key: text }), items, facts);

test.each([
  ['a text', 'north', 'north'],
  ['a value of the first item', '={{ $json.id }}', '7'],
  ['a template', '=order {{ $json.id }}', 'order 7'],
  ['a variable', '={{ $vars.region }}', 'eu'],
  ['the day by the clock of the workflow', "={{ $now.toFormat('yyyy-MM-dd HH') }}", '2026-11-20 13'],
  ['the number of items', '={{ $input.all().length }}', '1'],
  ['a long value, cut', '={{ $json.long }}', 'x'.repeat(200)],
  ['yes or no', '={{ $json.id > 5 }}', 'true'],
])('%s', (_, text, value) => {
  expect(settle(text)).toEqual([{ key: 'key', value }]);
});

test.each([
  ['comes to nothing', '={{ $json.missing }}'],
  ['is empty', ''],
  ['is a list', '={{ $json.list }}'],
  ['fails', '={{ $json.missing.deeper }}'],
  ['takes too long', "={{ $json.long.repeat(100).split('').map((c) => c + c).length }}"],
  ['names a node', "={{ $('other').item.json.x }}"],
])('a tag that %s is left out', (_, text) => {
  expect(settle(text)).toEqual([]);
});

test('a run without items has the tags that need none', () => {
  expect(settle('north', [])).toEqual([{ key: 'key', value: 'north' }]);
  expect(settle('={{ $json.id }}', [])).toEqual([]);
});
