import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CallEnd, CallInput, CallSpec, ItemOutcome, LogLine, PluginHost } from '@plugboard/engine';
import type { JsonObject } from '@plugboard/sdk';
import { createPluginHost, descriptionHash, loadBundled, writeDescription } from '../index.ts';
import type { BundledPlugin } from '../index.ts';
import { HeavyLane } from './heavy-lane.ts';

const SDK = pathToFileURL(join(import.meta.dirname, '../../../sdk/src/index.ts')).href;

/** Node types that tell the thread they ran in. */
const SOURCE = `
  import { existsSync, writeFileSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  import { defineNode, definePlugin, item, StepFailure } from ${JSON.stringify(SDK)};
  const batch = (id, run) => defineNode({ id, version: 1, title: id, group: 'G', per: 'batch', effects: 'none', cpu: 'heavy', params: {}, run });
  const each = (id, run, more) => defineNode({ id, version: 1, title: id, group: 'G', per: 'item', effects: 'none', cpu: 'heavy', params: {}, run, ...more });
  const nodes = [
    batch('where', () => [{ isMainThread }]),
    each('where-each', ({ item: { json } }) => ({ isMainThread, n: json.n })),
    each('where-write', () => ({ isMainThread }), { effects: 'write' }),
    batch('sort', ({ items }) => items.toSorted((a, b) => a.json.n - b.json.n)),
    batch('reshape', ({ items }) => items.flatMap((one, i) => [item({ i, twice: one.json.n * 2 }, { from: i }), item(one.json, { from: i })])),
    each('spread', ({ item: { json } }) => json.n === 1 ? undefined : json.n === 2 ? Array.from({ length: 30_000 }, (_, i) => ({ i })) : json),
    each('odd', ({ item: { json } }) => { if (json.n % 2 === 0) throw new StepFailure('EVEN', 'even'); return { odd: json.n }; }),
    each('log', ({ item: { json }, ctx }) => { if (json.n === 7) ctx.log.info('seven', { isMainThread }); return json; }),
    batch('until', ({ items }) => { const { file, started } = items[0].json; writeFileSync(started, ''); while (!existsSync(file)); return []; }),
    batch('forever', ({ items }) => { writeFileSync(items[0].json.started, ''); for (;;); }),
    batch('busy', ({ items }) => { const until = performance.now() + items[0].json.ms; while (performance.now() < until); return [{ isMainThread }]; }),
    batch('busy-later', async ({ items }) => { await null; const until = performance.now() + items[0].json.ms; while (performance.now() < until); return [{ isMainThread }]; }),
    batch('exit', () => process.exit(3)),
    batch('late', async () => { setImmediate(() => { throw new Error('nobody waits for this'); }); await new Promise(() => {}); }),
    batch('memory', () => { const all = []; for (;;) all.push(new Array(10_000).fill(all.length)); }),
    batch('fetch', async ({ ctx }) => [{ status: (await ctx.fetch('http://127.0.0.1/')).status }]),
    batch('code', async ({ ctx }) => [await ctx.code.run({ code: '', language: 'javascript', mode: 'all-items' })]),
    batch('env', () => [{ env: Object.keys(process.env) }]),
  ];
  export default definePlugin({ id: 'h', title: 'H', nodes });`;

let folder: string;
let files: BundledPlugin;
const hosts: PluginHost[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugboard-heavy-'));
  files = { bundleFile: join(folder, 'plugin.mjs'), irFile: join(folder, 'plugin.ir.json') };
  await writeFile(files.bundleFile, SOURCE);
  await writeDescription(files.bundleFile, files.irFile);
});
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.drain()));
});
afterAll(() => rm(folder, { recursive: true }));

async function aHost(
  worker: {
    readonly items?: number;
    readonly characters?: number;
    readonly stallMs?: number;
    readonly idleMs?: number;
    readonly memoryMb?: number;
    readonly longestMs?: number;
  } = { items: 2 },
) {
  const host = createPluginHost({ entries: await loadBundled([files]), worker });
  hosts.push(host);
  return host;
}

interface Seen {
  readonly end: CallEnd;
  readonly outcomes: readonly ItemOutcome[];
  readonly logs: readonly LogLine[];
}

function aSpec(type: string, items: readonly JsonObject[]): CallSpec {
  return {
    call: 1,
    type: `h/${type}`,
    version: 1,
    node: { id: 'n', name: 'N' },
    now: '2026-01-01T00:00:00.000Z',
    attempt: 1,
    deadlineMs: 0,
    concurrency: 10,
    constants: {},
    run: { id: 'run', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'live' },
    inputs: { main: items.map((json, i): CallInput => ({ i, json })) },
  };
}

async function call(
  host: PluginHost,
  type: string,
  items: readonly JsonObject[],
  spec: Partial<CallSpec> = {},
  signal = new AbortController().signal,
) {
  const outcomes: ItemOutcome[] = [];
  const logs: LogLine[] = [];
  const end = await host.call(
    { ...aSpec(type, items), ...spec },
    {
      outcomes: (some) => {
        for (const one of some) outcomes.push(one);
      },
      log: (lines) => void logs.push(...lines),
      rpc: () => Promise.resolve({}),
      fetch,
    },
    signal,
  );
  return { end, outcomes, logs } satisfies Seen;
}

const numbers = (count: number): JsonObject[] => Array.from({ length: count }, (_, i) => ({ n: (i * 7_919) % count }));
const outputs = ({ end }: Seen): readonly unknown[] => (end.ok ? (end.outputs ?? []).map(({ json }) => json) : []);

/** Waits for a file that the worker writes. */
async function there(file: string): Promise<void> {
  const { access } = await import('node:fs/promises');
  for (;;) {
    try {
      return await access(file);
    } catch {
      await new Promise(setImmediate);
    }
  }
}

describe('calls of types that only compute', () => {
  test('run in this thread when small, in the worker when there are many items', async () => {
    const host = await aHost();
    expect(outputs(await call(host, 'where', numbers(2)))).toEqual([{ isMainThread: true }]);
    expect(outputs(await call(host, 'where', numbers(3)))).toEqual([{ isMainThread: false }]);
  });

  test.each([
    ['a long text', [{ n: 'x'.repeat(2_000) }]],
    ['much text in all', Array.from({ length: 60 }, () => ({ a: { b: ['x'.repeat(20)] } }))],
    ['many values', [{ list: Array(200).fill(0) }]],
  ])('run in the worker with %s', async (_, items) => {
    const host = await aHost({ characters: 1_000 });
    expect(outputs(await call(host, 'where', [{ n: 1 }]))).toEqual([{ isMainThread: true }]);
    expect(outputs(await call(host, 'where', items))).toEqual([{ isMainThread: false }]);
    expect(outputs(await call(host, 'where', [{}], { constants: { text: 'x'.repeat(2_000) } }))).toEqual([{ isMainThread: false }]);
  });

  test.each(['busy', 'busy-later'])('run in the worker also when small, once their type has held up this thread: %s', async (type) => {
    const host = await aHost({ stallMs: 25 });
    const items = [{ ms: 60, text: 'x'.repeat(10_000) }];
    // The first call is not held against a type: it loads what later ones find.
    for (const isMainThread of [true, true, false]) expect(outputs(await call(host, type, items))).toEqual([{ isMainThread }]);
    expect(outputs(await call(host, type, [{ ms: 1, text: 'x' }])), 'a small one').toEqual([{ isMainThread: true }]);
    expect(outputs(await call(host, 'where', items)), 'another type').toEqual([{ isMainThread: true }]);
  });

  test('stay in this thread when they do something outside', async () => {
    expect(await call(await aHost(), 'where-write', numbers(3))).toMatchObject({
      outcomes: [{ ok: [{ item: { json: { isMainThread: true } } }] }, {}, {}],
    });
  });

  test.each(['sort', 'reshape', 'spread', 'odd', 'log'])('%s gives the same in both threads', async (type) => {
    const items = numbers(3_000);
    const clean = ({ outcomes, end, logs }: Seen): unknown => ({
      end,
      logs: logs.map(({ message, i }) => ({ i, message: message.replace(/true|false/, '') })),
      outcomes: outcomes.map((one) => ('error' in one ? { i: one.i, code: one.error.code, kind: one.error.kind } : one)),
    });
    const here = await call(await aHost({ items: 1e9, characters: 1e12 }), type, items);
    expect(clean(await call(await aHost(), type, items))).toEqual(clean(here));
  });

  test('hand on the very items they were given', async () => {
    const items = numbers(5_000);
    const { end } = await call(await aHost(), 'sort', items);
    if (!end.ok || end.outputs === undefined) throw new Error('no outputs');
    expect(end.outputs).toHaveLength(5_000);
    for (const { json, from } of end.outputs) expect(json).toBe(items[from?.[0] ?? -1]);
  });

  test('leave the event loop free while 200,000 items are sorted', async () => {
    const host = await aHost({});
    const server = createServer((_, response) => response.end('here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      let isOver = false;
      const sorting = call(host, 'sort', numbers(200_000)).finally(() => (isOver = true));
      let answers = 0;
      while (!isOver) {
        expect(await (await fetch(url)).text()).toBe('here');
        answers++;
      }
      expect(answers).toBeGreaterThan(5);
      const sorted = outputs(await sorting) as readonly { readonly n: number }[];
      expect(sorted).toHaveLength(200_000);
      expect(sorted.every(({ n }, i) => n === i)).toBe(true);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('may compute without end while others are served', async () => {
    const host = await aHost({ items: 0 });
    const [file, started] = [join(folder, 'go'), join(folder, 'until-started')];
    const waiting = call(host, 'until', [{ file, started }]);
    await there(started);
    await writeFile(file, '');
    expect((await waiting).end).toEqual({ ok: true });
  });

  test.each(['fetch', 'code'])('are refused %s in both threads', async (type) => {
    const error = { code: 'STEP_IS_PURE', kind: 'bug' };
    expect((await call(await aHost(), type, numbers(1))).end).toMatchObject({ ok: false, error });
    expect((await call(await aHost(), type, numbers(3))).end).toMatchObject({ ok: false, error });
  });

  test('see nothing of the environment in the worker', async () => {
    expect(outputs(await call(await aHost(), 'env', numbers(3)))).toEqual([{ env: [] }]);
  });
});

describe('the worker', () => {
  test('is ended when its call is cancelled, and the next call gets another', async () => {
    const host = await aHost({ items: 0 });
    const started = join(folder, 'forever-started');
    const stop = new AbortController();
    const running = call(host, 'forever', [{ started }], {}, stop.signal);
    const behind = call(host, 'where', [{}]);
    await there(started);
    stop.abort();
    expect((await running).end).toEqual({
      ok: false,
      error: expect.objectContaining({ code: 'CANCELLED', kind: 'cancelled' }),
      missing: 'not_sent',
    });
    expect(outputs(await behind)).toEqual([{ isMainThread: false }]);
  });

  test('is ended when the call takes longer than its limit', async () => {
    const host = await aHost({ items: 0 });
    const { end } = await call(host, 'forever', [{ started: join(folder, 'slow-started') }], { deadlineMs: 300 });
    expect(end).toMatchObject({ ok: false, error: { code: 'STEP_TIMEOUT', kind: 'timeout' }, missing: 'not_sent' });
  });

  test('is ended after the longest time there is, where the call has no limit of its own', async () => {
    const host = await aHost({ items: 0, longestMs: 300 });
    const { end } = await call(host, 'forever', [{ started: join(folder, 'endless-started') }]);
    expect(end).toMatchObject({ ok: false, error: { code: 'STEP_TIMEOUT', kind: 'timeout' } });
  });

  test('takes a call of each workspace in turn, however many another one has waiting', async () => {
    const host = await aHost({ items: 0 });
    const [file, started] = [join(folder, 'go-3'), join(folder, 'until-started-3')];
    const of = (workspaceId: string) => ({ run: { ...aSpec('where', []).run, workspaceId } });
    const first = call(host, 'until', [{ file, started }], of('busy'));
    await there(started);
    const order: string[] = [];
    const waiting = ['busy', 'busy', 'busy', 'busy', 'other', 'third', 'other'].map((name) =>
      call(host, 'where', [{}], of(name)).then(() => order.push(name)),
    );
    await writeFile(file, '');
    await Promise.all([first, ...waiting]);
    expect(order).toEqual(['busy', 'other', 'third', 'busy', 'other', 'busy', 'busy']);
  });

  test('a call that waits may be cancelled without harm to the one that runs', async () => {
    const host = await aHost({ items: 0 });
    const [file, started] = [join(folder, 'go-2'), join(folder, 'until-started-2')];
    const running = call(host, 'until', [{ file, started }]);
    const stop = new AbortController();
    const waiting = call(host, 'where', [{}], {}, stop.signal);
    await there(started);
    stop.abort();
    expect((await waiting).end).toMatchObject({ ok: false, error: { code: 'CANCELLED' } });
    await writeFile(file, '');
    expect((await running).end).toEqual({ ok: true });
  });

  test.each([
    ['ends itself', 'exit', { code: 'WORKER_DIED', kind: 'unavailable' }],
    ['throws where nobody listens', 'late', { code: 'WORKER_DIED', kind: 'unavailable', message: expect.stringContaining('nobody waits') }],
    ['runs out of memory', 'memory', { code: 'STEP_MEMORY', kind: 'input' }],
  ])('that %s fails its call, and the process lives on', async (_, type, error) => {
    const host = await aHost({ items: 0, memoryMb: 64 });
    const [broken, behind] = await Promise.all([call(host, type, [{}]), call(host, 'where', [{}])]);
    expect(broken.end).toMatchObject({ ok: false, error, missing: 'not_sent' });
    expect(outputs(behind)).toEqual([{ isMainThread: false }]);
  });

  test('does not run a bundle that was changed behind the back of the server', async () => {
    const host = await aHost({ items: 0 });
    await writeFile(files.bundleFile, SOURCE.replace("title: 'H'", "title: 'Changed'"));
    try {
      expect((await call(host, 'where', [{}])).end).toMatchObject({ ok: false, error: { code: 'PLUGIN_CHANGED' }, missing: 'not_sent' });
    } finally {
      await writeFile(files.bundleFile, SOURCE);
    }
  });

  test('stops after its time without a call, and starts again with the next one', async () => {
    const lane = new HeavyLane({ idleMs: 20 });
    const [entry] = await loadBundled([files]);
    if (entry === undefined) throw new Error('no entry');
    const job = { bundleFile: files.bundleFile, hash: descriptionHash(entry.ir), signal: new AbortController().signal };
    const sink = { outcomes: () => undefined, log: () => undefined };
    for (let round = 0; round < 2; round++) {
      const end = await lane.run({ ...job, spec: aSpec('where', [{}]), sink });
      expect(end).toMatchObject({ ok: true, outputs: [{ json: { isMainThread: false } }] });
      expect(lane.isStarted).toBe(true);
      while (lane.isStarted) await new Promise(setImmediate);
    }
    await lane.close();
  });

  test('drain waits for its calls', async () => {
    const host = await aHost({ items: 0 });
    const running = call(host, 'sort', numbers(10_000));
    await host.drain();
    expect(outputs(await running)).toHaveLength(10_000);
  });
});
