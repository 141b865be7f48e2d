import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Plugin } from '@plugboard/sdk';
import { harness } from './index.ts';
import type { ContractCheck } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugboard-readme-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The first example of a package's README, as a module beside others in `folder`. */
async function example(name: string, file: string, imports: { readonly [wanted: string]: string } = {}): Promise<unknown> {
  const readme = await readFile(join(import.meta.dirname, '../..', name, 'README.md'), 'utf8');
  let source = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const known = { '@plugboard/sdk': import.meta.resolve('@plugboard/sdk'), ...imports };
  for (const [wanted, url] of Object.entries(known)) source = source.replaceAll(`'${wanted}'`, JSON.stringify(url));
  const path = join(folder, file);
  await writeFile(path, source);
  return import(pathToFileURL(path).href);
}

test("the plugin in the SDK's README works as it stands", async () => {
  const { default: plugin } = (await example('sdk', 'plugin.mjs')) as { readonly default: Plugin };
  const run = await harness(plugin, 'greet').params({ name: 'Ada', style: 'loud', marks: '2' }).items([{}]).run();
  expect(run.items).toEqual([{ hello: 'Ada!!' }]);
});

test("the tests in this package's README pass for the plugin in the SDK's", async () => {
  await example('sdk', 'plugin.mjs');
  const found: { readonly title: string; readonly run: () => unknown }[] = [];
  const add = (title: string, run: () => unknown): void => void found.push({ title, run });
  const each = (cases: readonly ContractCheck[]) => (_: string, run: (one: ContractCheck) => unknown) => {
    for (const one of cases) add(one.title, () => run(one));
  };
  Object.assign(globalThis, { readmeTools: { expect, test: Object.assign(add, { each }) } });
  const tools = `data:text/javascript,${encodeURIComponent('export const { expect, test } = globalThis.readmeTools;')}`;
  await example('testing', 'plugin.test.mjs', {
    vitest: tools,
    '@plugboard/testing': pathToFileURL(join(import.meta.dirname, 'index.ts')).href,
    './plugin.ts': './plugin.mjs',
  });
  expect(found.map(({ title }) => title)).toContain('greet gives the same over both transports');
  for (const { run } of found) await run();
});
