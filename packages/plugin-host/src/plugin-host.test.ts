import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallSpec, Sink } from '@plugboard/engine';
import { defineNode, definePlugin, defineTrigger, describePlugin } from '@plugboard/sdk';
import type { Plugin } from '@plugboard/sdk';
import { createCatalog, createPluginHost, describeBundle, loadBundled, pluginEntry, writeDescription } from './index.ts';
import type { Catalog } from './index.ts';

const SDK = pathToFileURL(join(import.meta.dirname, '../../sdk/src/index.ts')).href;

function aPlugin(id = 'sample', version = '1.0.0'): Plugin {
  const node = (nodeVersion: number) =>
    defineNode({
      id: 'echo',
      version: nodeVersion,
      title: 'Echo',
      group: 'G',
      per: 'item',
      effects: 'none',
      params: {},
      run: () => ({ from: nodeVersion }),
    });
  const trigger = defineTrigger({ id: 'start', version: 1, title: 'Start', group: 'G', kind: 'manual', params: {} });
  return definePlugin({ id, title: 'Sample', version, nodes: [node(1), node(2)], triggers: [trigger] });
}

function aSpec(type: string, version = 1): CallSpec {
  return {
    call: 1,
    type,
    version,
    node: { id: 'n', name: 'N' },
    now: '2026-01-01T00:00:00.000Z',
    attempt: 1,
    deadlineMs: 0,
    concurrency: 1,
    constants: {},
    run: { id: 'run', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'live' },
    inputs: { main: [{ i: 0, json: {} }] },
  };
}

const sink: Sink = { outcomes: () => undefined, log: () => undefined, rpc: () => Promise.resolve(null), fetch };
const { signal } = new AbortController();

describe('the catalog', () => {
  const catalog = createCatalog([describePlugin(aPlugin())]);

  test('finds types by version, and the latest', () => {
    expect(catalog.find('sample/echo', 1)).toMatchObject({ version: 1 });
    expect(catalog.find('sample/echo', 3)).toBeUndefined();
    expect(catalog.find('sample/toString', 1)).toBeUndefined();
    expect(catalog.latest('sample/echo')).toMatchObject({ version: 2 });
    expect(catalog.latest('sample/none')).toBeUndefined();
    expect(catalog.types()).toHaveLength(3);
  });

  test('is JSON', () => {
    expect(JSON.parse(catalog.json())).toEqual({ plugins: [describePlugin(aPlugin())] });
  });

  test('refuses two plugins with the same type', () => {
    expect(() => createCatalog([describePlugin(aPlugin()), describePlugin(aPlugin('sample', '2.0.0'))])).toThrow(
      expect.objectContaining({ code: 'TYPE_DUPLICATE' }),
    );
  });
});

describe('the host', () => {
  test('calls the version the workflow pins', async () => {
    const host = createPluginHost({ entries: [pluginEntry(aPlugin())] });
    const seen: unknown[] = [];
    for (const version of [1, 2])
      await host.call(aSpec('sample/echo', version), { ...sink, outcomes: (some) => void seen.push(...some) }, signal);
    expect(seen).toEqual([1, 2].map((from) => ({ i: 0, ok: [{ item: { json: { from } } }] })));
  });

  test.each([
    ['a type nobody has', 'other/thing', 1, 'TYPE_NOT_FOUND'],
    ['a version nobody has', 'sample/echo', 9, 'TYPE_NOT_FOUND'],
    ['a trigger', 'sample/start', 1, 'FUNCTION_NOT_FOUND'],
  ])('ends a call of %s with an error that says what to do', (_, type, version, code) => {
    const host = createPluginHost({ entries: [pluginEntry(aPlugin())] });
    expect(host.call(aSpec(type, version), sink, signal)).toMatchObject({ ok: false, error: { code, kind: 'input' }, missing: 'not_sent' });
  });

  test('drain waits for calls in flight and refuses new ones', async () => {
    const { promise, resolve } = Promise.withResolvers<{ a: number }>();
    const node = defineNode({
      id: 'wait',
      version: 1,
      title: 'W',
      group: 'G',
      per: 'item',
      effects: 'none',
      params: {},
      run: () => promise,
    });
    const host = createPluginHost({ entries: [pluginEntry(definePlugin({ id: 't', title: 'T', nodes: [node] }))] });
    const end = host.call(aSpec('t/wait'), sink, signal);
    let isDrained = false;
    const drained = host.drain().then(() => (isDrained = true));
    expect(host.call(aSpec('t/wait'), sink, signal)).toMatchObject({ ok: false, error: { code: 'HOST_DRAINING', kind: 'rejected' } });
    expect(isDrained).toBe(false);
    resolve({ a: 1 });
    await expect(end).resolves.toEqual({ ok: true });
    await drained;
  });
});

describe('bundled plugins', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plugboard-host-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Writes a bundle whose import is seen in `globalThis`, and a description. */
  async function bundle(source: string, ir: unknown): Promise<{ readonly irFile: string; readonly bundleFile: string }> {
    const irFile = join(folder, 'plugin.ir.json');
    const bundleFile = join(folder, `plugin-${process.hrtime.bigint()}.mjs`);
    await writeFile(irFile, typeof ir === 'string' ? ir : JSON.stringify(ir));
    await writeFile(bundleFile, source);
    return { irFile, bundleFile };
  }

  const source = (title: string): string => `
    import { defineNode, definePlugin } from ${JSON.stringify(SDK)};
    globalThis.plugboardImports = (globalThis.plugboardImports ?? 0) + 1;
    const node = defineNode({ id: 'one', version: 1, title: ${JSON.stringify(title)}, group: 'G', per: 'item', effects: 'none', params: {}, run: () => ({ a: 1 }) });
    export default definePlugin({ id: 'b', title: 'B', nodes: [node] });`;
  const ir = describePlugin(
    definePlugin({
      id: 'b',
      title: 'B',
      nodes: [defineNode({ id: 'one', version: 1, title: 'One', group: 'G', per: 'item', effects: 'none', params: {}, run: () => ({}) })],
    }),
  );
  const imports = (): number => (globalThis as { plugboardImports?: number }).plugboardImports ?? 0;

  test('are imported once, on the first call, and called in the same turn afterwards', async () => {
    const before = imports();
    const host = createPluginHost({ entries: await loadBundled([await bundle(source('One'), ir)]) });
    expect(imports()).toBe(before);
    const first = [host.call(aSpec('b/one'), sink, signal), host.call(aSpec('b/one'), sink, signal)];
    expect(await Promise.all(first)).toEqual([{ ok: true }, { ok: true }]);
    expect(imports()).toBe(before + 1);
    expect(host.call(aSpec('b/one'), sink, signal)).toEqual({ ok: true });
  });

  test.each([
    ['describes itself differently', source('Another title'), 'PLUGIN_CHANGED'],
    ['does not parse', 'export default {', 'PLUGIN_LOAD_FAILED'],
    ['throws while it is imported', 'throw new Error("no")', 'PLUGIN_LOAD_FAILED'],
    ['exports no plugin', 'export default 5', 'PLUGIN_LOAD_FAILED'],
  ])('a bundle that %s fails the call', async (_, text, code) => {
    const host = createPluginHost({ entries: await loadBundled([await bundle(text, ir)]) });
    expect(await host.call(aSpec('b/one'), sink, signal)).toMatchObject({ ok: false, error: { code }, missing: 'not_sent' });
  });

  test('are described at build time by a process that may do nothing else, and then load', async () => {
    const files = await bundle(source('One'), '');
    expect(await writeDescription(files.bundleFile, files.irFile)).toEqual(ir);
    const host = createPluginHost({ entries: await loadBundled([files]) });
    expect(await host.call(aSpec('b/one'), sink, signal)).toEqual({ ok: true });
  });

  test('the example of the README runs as it stands', async () => {
    const files = await bundle(source('One'), ir);
    const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
    const example = (/```ts\n(.*?)```/s.exec(readme)?.[1] ?? '')
      .replace("'@plugboard/plugin-host'", JSON.stringify(pathToFileURL(join(import.meta.dirname, 'index.ts')).href))
      .replace("'plugin.ir.json'", JSON.stringify(files.irFile))
      .replace("'plugin.mjs'", JSON.stringify(files.bundleFile));
    Object.assign(globalThis, { readmeGiven: { spec: aSpec('b/one'), sink, signal } });
    const file = join(folder, 'example.mjs');
    await writeFile(
      file,
      `const { spec, sink, signal } = globalThis.readmeGiven;\n${example}\nexport const ended = await end; export { catalog };`,
    );
    const { ended, catalog } = (await import(pathToFileURL(file).href)) as { readonly ended: unknown; readonly catalog: Catalog };
    expect(ended).toEqual({ ok: true });
    expect(catalog.latest('b/one')).toMatchObject({ title: 'One' });
  });

  test.each([
    ['asks the network', "await fetch('http://127.0.0.1:9/');"],
    ['starts a process', "(await import('node:child_process')).execFileSync('true');"],
    ['writes a file', "(await import('node:fs')).writeFileSync('x', 'y');"],
    ['reads its environment', 'if (!process.env.HOME) throw new Error("no home");'],
    ['exports no plugin', 'export default 1;'],
    ['rolls dice', source('One').replace('title: "One"', 'get title() { return String(Math.random()); }')],
  ])('a bundle that %s while it is imported is not described', async (_, text) => {
    const files = await bundle(text, '');
    await expect(describeBundle(files.bundleFile)).rejects.toMatchObject({ code: 'PLUGIN_LOAD_FAILED' });
  });

  test.each([
    ['not JSON', '{'],
    ['null', 'null'],
    ['another version', { irVersion: 2, id: 'b', types: [] }],
  ])('a description that is %s is refused at start', async (_, text) => {
    await expect(loadBundled([await bundle('', text)])).rejects.toMatchObject({ code: 'DESCRIPTION_INVALID' });
  });
});
