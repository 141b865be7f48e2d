/** A client made from our document by a public generator: it compiles, and it works against the real server. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { generate } from 'openapi-typescript-codegen';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestServer, startTestServer } from './test-server.ts';

let server: TestServer;
let dir: string;
beforeAll(async () => {
  server = await startTestServer();
  dir = await mkdtemp(join(tmpdir(), 'plugboard-openapi-'));
  const document = (await server.fetch<object>('/api/openapi.json')).json;
  await generate({
    input: document,
    output: join(dir, 'src'),
    httpClient: 'fetch',
    useOptions: true,
    useUnionTypes: true,
    exportSchemas: false,
  });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

test('it compiles without a complaint', async () => {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'Bundler',
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: [],
  };
  await writeFile(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', dir], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, '']);
});

interface Generated {
  readonly OpenAPI: { BASE: string; TOKEN: string | undefined };
  readonly WorkflowService: {
    workflowCreate(options: { requestBody: { name: string }; idempotencyKey?: string }): Promise<{ id: string }>;
    workflowGet(options: { id: string }): Promise<{ name: string; rev: number }>;
  };
  readonly SettingService: { settingList(options: { level: 'instance' }): Promise<readonly { key: string }[]> };
}

test('it reads, changes, repeats without a double, and is told what is wrong', async () => {
  const bundle = join(dir, 'client.mjs');
  await build({
    entryPoints: [join(dir, 'src', 'index.ts')],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  });
  const { OpenAPI, WorkflowService, SettingService } = (await import(pathToFileURL(bundle).href)) as Generated;
  OpenAPI.BASE = server.url;
  OpenAPI.TOKEN = server.token;
  const made = await WorkflowService.workflowCreate({ requestBody: { name: 'By a generated client' }, idempotencyKey: 'once' });
  const again = await WorkflowService.workflowCreate({ requestBody: { name: 'By a generated client' }, idempotencyKey: 'once' });
  expect(again.id).toBe(made.id);
  expect(await WorkflowService.workflowGet({ id: made.id })).toMatchObject({ name: 'By a generated client', rev: 1 });
  expect((await SettingService.settingList({ level: 'instance' })).map((one) => one.key)).toContain('runs.retentionDays');
  await expect(WorkflowService.workflowGet({ id: crypto.randomUUID() })).rejects.toMatchObject({
    status: 404,
    body: { error: { code: 'NOT_FOUND' } },
  });
  await expect(WorkflowService.workflowCreate({ requestBody: { name: 'By a generated client' } })).rejects.toMatchObject({ status: 409 });
  OpenAPI.TOKEN = undefined;
  await expect(WorkflowService.workflowGet({ id: made.id })).rejects.toMatchObject({ status: 401 });
});
