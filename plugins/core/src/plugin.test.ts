import { readFile } from 'node:fs/promises';
import { describePlugin, validateParams } from '@plugboard/sdk';
import type { JsonObject } from '@plugboard/sdk';
import { contractSuite, harness } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { referenceTable } from '../test-support/reference-table.ts';
import { plugin } from './index.ts';

const ir = describePlugin(plugin);
const typeOf = (name: string) => ir.types.find((type) => type.type === name);
const eachParam = () =>
  ir.types.flatMap((type) =>
    Object.entries(type.params).map(([name, param], at, all) => ({
      path: `${type.type}.${name}`,
      param,
      before: all.slice(0, at).map(([earlier]) => earlier),
    })),
  );

describe('the core plugin', () => {
  test.each([
    ...contractSuite(plugin, {
      entry: new URL('./index.ts', import.meta.url),
      samples: [
        { node: 'set', given: (one) => one.params({ fields: { a: 1 } }).items([{ b: 2 }]) },
        { node: 'aggregate', given: (one) => one.params({ operations: [{ op: 'count' }] }).items([{}, {}]) },
        {
          node: 'merge',
          given: (one) =>
            one
              .params({ keysA: ['id'] })
              .input('a', [{ json: { id: 1 } }])
              .input('b', [{ json: { id: 1, b: 2 } }]),
        },
        { node: 'xml-parse', given: (one) => one.items([{ data: '<a b="1"/>' }]) },
        {
          node: 'graphql-request',
          given: (one) =>
            one
              .params({ url: 'https://api.example.com/', query: '{ a }' })
              .items([{}])
              .respond('https://api.example.com/', () => ({ data: { a: 1 } })),
        },
        {
          node: 'http-request',
          given: (one) =>
            one
              .params({ url: 'https://api.example.com/' })
              .items([{}])
              .respond('https://api.example.com/', () => [1]),
        },
      ],
    }),
  ])('$title', ({ run }) => run());

  test('says the id and version of its package', () => {
    expect([ir.id, ir.version]).toEqual([manifest.plugboard.id, manifest.version]);
  });

  test('every type has a help text, an icon and a group', () => {
    const bare = ir.types.filter((type) => !(type.help ?? '').endsWith('.') || !/^[a-z0-9-]+$/.test(type.icon ?? '') || type.group === '');
    expect(bare.map((type) => type.type)).toEqual([]);
  });

  test('every parameter explains itself; a switch or a plain choice may do so by its title', () => {
    const bare = eachParam().filter(
      ({ param }) => !(param.help ?? '').endsWith('.') && param.kind !== 'boolean' && param.kind !== 'choice',
    );
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  test('a condition reads only parameters declared before it, so that it is decided when its turn comes', () => {
    const late = eachParam().filter(({ param, before }) => {
      const read = [...JSON.stringify(param.when ?? {}).matchAll(/"param":"(\w+)"/g)].map(([, name]) => name ?? '');
      return !read.every((name) => before.includes(name));
    });
    expect(late.map(({ path }) => path)).toEqual([]);
  });

  test.each(['echo', 'chain10', 'items', 'code', 'branches', 'effects'])('the contract file %s fits the types it uses', async (name) => {
    const file = new URL(`../../../packages/testing/contract/${name}.workflow.json`, import.meta.url);
    const workflow = JSON.parse(await readFile(file, 'utf8')) as {
      nodes: { id: string; type: string; data: { typeVersion: number; params: JsonObject } }[];
    };
    const problems = workflow.nodes.flatMap(({ id, type: wanted, data }) => {
      const type = ir.types.find((one) => one.type === wanted && one.version === data.typeVersion);
      return type === undefined
        ? [{ id, code: 'TYPE_UNKNOWN' }]
        : validateParams(type.params, data.params).map(({ code, message }) => ({ id, code, message }));
    });
    expect(problems).toEqual([]);
  });

  test('what decides about repeating and firing is declared', () => {
    expect(typeOf('core/http-request')).toMatchObject({
      effects: { by: 'method', cases: { GET: 'read', HEAD: 'read', OPTIONS: 'read' }, else: 'write' },
      repeatable: { by: 'afterUnknown', values: ['retry'] },
    });
    expect(typeOf('core/graphql-request')).toMatchObject({
      effects: { by: 'kind', cases: { query: 'read' }, else: 'write' },
      repeatable: { by: 'afterUnknown', values: ['retry'] },
    });
    expect(typeOf('core/crypto')).toMatchObject({ effects: { by: 'operation', cases: { hash: 'none', hmac: 'none' }, else: 'read' } });
    for (const type of ['core/merge', 'core/compare'])
      expect(typeOf(type)).toMatchObject({ ports: { inputs: [{ id: 'a' }, { id: 'b' }] } });
    expect(typeOf('core/respond')).toMatchObject({ effects: 'write', atomic: true, repeatable: true, replies: true, runsOnEmpty: true });
    expect(typeOf('core/code')).toMatchObject({ per: 'batch', effects: 'none', atomic: { by: 'mode', values: ['all-items'] } });
    expect(typeOf('core/join')).toMatchObject({ join: { policy: 'policy', count: 'count' }, runsOnEmpty: true });
    expect(typeOf('core/aggregate')).toMatchObject({ per: 'batch', runsOnEmpty: true });
    expect(typeOf('core/webhook')).toMatchObject({ kind: 'trigger', trigger: 'webhook' });
    expect(typeOf('core/manual')).toMatchObject({ kind: 'trigger', trigger: 'manual' });
  });

  test('the example of the README gives what it says', async () => {
    const run = await harness(plugin, 'set')
      .params({ fields: { seen: true } })
      .items([{ n: 1 }])
      .run();
    expect(run.items).toEqual([{ n: 1, seen: true }]);
  });

  test('the README lists every type and parameter as it is', async () => {
    const file = new URL('../README.md', import.meta.url);
    const [before = ''] = (await readFile(file, 'utf8')).split('<!-- reference -->');
    await expect(`${before}<!-- reference -->\n\n${referenceTable(ir)}\n<!-- /reference -->\n`).toMatchFileSnapshot('../README.md');
  });
});
