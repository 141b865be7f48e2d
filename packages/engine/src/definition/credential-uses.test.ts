import { definePlugin, defineNode, describePlugin, p, when } from '@plugboard/sdk';
import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { credentialUses } from './credential-uses.ts';

const node = defineNode({
  id: 'call',
  version: 1,
  title: 'Call',
  group: 'Test',
  per: 'item',
  effects: 'read',
  credentials: ['test/old'],
  params: {
    how: p.choice(['open', 'signed']).title('How').default('open'),
    account: p.credential('test/token', 'test/login').title('Account').when(when.eq('how', 'signed')),
    always: p.credential('test/token').title('Always'),
  },
  run: () => ({}),
});
const [type] = describePlugin(definePlugin({ id: 'test', title: 'Test', nodes: [node] })).types;
if (type === undefined) throw new Error('the plugin has no type');
const usesOf = (params: JsonObject, credentials?: { readonly [slot: string]: string }) =>
  credentialUses(type, { data: { name: 'n', typeVersion: 1, params, ...(credentials ? { credentials } : {}) } }).map(
    ({ slot, key }) => `${slot}: ${key}`,
  );

describe('credentials of a node', () => {
  test.each([
    ['none that is not named', {}, undefined, []],
    ['those of its parameters', { always: 'a' }, undefined, ['always: a']],
    ['none of a parameter that is hidden', { account: 'b' }, undefined, []],
    ['those of parameters that show', { how: 'signed', account: 'b', always: 'a' }, undefined, ['account: b', 'always: a']],
    ['those of parameters that may show', { how: '={{ $json.how }}', account: 'b' }, undefined, ['account: b']],
    ['those it names by their type', {}, { 'test/old': 'c', 'test/other': 'd' }, ['test/old: c']],
    ['none of an empty or wrong value', { always: '', account: 7 }, undefined, []],
  ] as const)('are %s', (_, params, credentials, expected) => {
    expect(usesOf(params, credentials)).toEqual(expected);
  });

  test('say which types fit, and where they are named', () => {
    expect(credentialUses(type, { data: { name: 'n', typeVersion: 1, params: { how: 'signed', account: 'b' } } })).toEqual([
      { slot: 'account', key: 'b', types: ['test/token', 'test/login'], path: 'data.params.account' },
    ]);
  });
});
