import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ItemOutcome, RpcOp, Sink } from '@plugboard/engine';
import { defineNode, definePlugin, item, StepFailure } from '@plugboard/sdk';
import type { FileRef, ItemArgs, JsonObject, StepSocket } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { createPluginHost, inProcess, loopback, pluginEntry } from '../index.ts';
import type { Transport } from '../index.ts';

const REF: FileRef = { id: 'f1', name: 'a.txt', mime: 'text/plain', size: 5, sha256: 'x' };

type Run = (args: ItemArgs<object>) => Promise<JsonObject | ReturnType<typeof item>>;

interface Given {
  readonly sink?: Partial<Sink>;
  readonly effects?: 'none' | 'write';
  readonly rejected?: readonly string[];
  readonly slots?: readonly string[];
  readonly signal?: AbortSignal;
}

async function outcomeOf(
  transport: Transport,
  run: Run,
  { sink, effects = 'none', rejected, slots, signal }: Given = {},
): Promise<ItemOutcome> {
  const node = defineNode({
    id: 'x',
    version: 1,
    title: 'X',
    group: 'G',
    per: 'item',
    effects,
    params: {},
    ...(rejected && { rejected }),
    run,
  } as never);
  const host = createPluginHost({ entries: [pluginEntry(definePlugin({ id: 't', title: 'T', nodes: [node] }))], transport, graceMs: 50 });
  const outcomes: ItemOutcome[] = [];
  await host.call(
    {
      call: 1,
      type: 't/x',
      version: 1,
      node: { id: 'n', name: 'N' },
      run: { id: 'r', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'draft' },
      now: '2026-01-01T00:00:00.000Z',
      attempt: 1,
      deadlineMs: 0,
      concurrency: 1,
      constants: {},
      ...(slots && { slots }),
      inputs: { main: [{ i: 0, json: {}, key: 'k' }] },
    },
    {
      outcomes: (some) => void outcomes.push(...some),
      log: () => undefined,
      rpc: () => Promise.reject(new Error('no rpc')),
      fetch: globalThis.fetch,
      ...sink,
    },
    signal ?? new AbortController().signal,
  );
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error('the item has no outcome');
  return outcome;
}

describe.each([
  ['in process', inProcess],
  ['over the loopback', loopback],
] as const)('%s', (_, transport) => {
  test('a file is opened when it is read, and what is made is handed on with the item', async () => {
    const opened: string[] = [];
    const files: Sink['files'] = {
      open: async ({ id }) => {
        opened.push(id);
        return new Blob(['hello']).stream();
      },
      find: async (id) => ({ ...REF, id }),
      create: async (content, meta) => ({
        ...REF,
        id: 'made',
        name: meta.name,
        size: (await new Response(content as ReadableStream).bytes()).length,
      }),
    };
    const outcome = await outcomeOf(
      transport,
      async ({ ctx }) => {
        const unread = ctx.files.open(REF);
        const text = await new Response(ctx.files.open({ id: 'f2' })).text();
        void unread;
        if ((await ctx.files.find('f3')).id !== 'f3') throw new Error('another file');
        const made = await ctx.files.create(new TextEncoder().encode(text), { name: 'copy.txt' });
        return item({ text }, { files: { copy: made } });
      },
      { sink: { files } },
    );
    expect(opened).toEqual(['f2']);
    expect(outcome).toMatchObject({
      ok: [{ item: { json: { text: 'hello' }, files: { copy: { id: 'made', name: 'copy.txt', size: 5 } } } }],
    });
  });

  test('a file that is gone fails while it is read, with the code of the server', async () => {
    const gone = () => Promise.reject(new StepFailure('FILE_NOT_FOUND', 'There is no such file.'));
    const outcome = await outcomeOf(transport, async ({ ctx }) => ({ text: await new Response(ctx.files.open(REF)).text() }), {
      sink: { files: { open: gone, find: gone, create: gone } },
    });
    expect(outcome).toMatchObject({ error: { code: 'FILE_NOT_FOUND', kind: 'input' } });
  });

  test('values between runs travel as JSON, and bad keys and large values never leave', async () => {
    const asked: RpcOp[] = [];
    const rpc: Sink['rpc'] = async (op) => {
      asked.push(op);
      return op.op === 'state.claim' ? op.keys.slice(0, 1) : op.op === 'state.get' ? { n: 1 } : null;
    };
    const outcome = await outcomeOf(
      transport,
      async ({ ctx }) => {
        await ctx.state.set('k', { at: new Date(0) } as never);
        const codes: string[] = [];
        for (const bad of [
          () => ctx.state.set('', 1),
          () => ctx.state.set('k'.repeat(201), 1),
          () => ctx.state.set('k', 'x'.repeat(70_000)),
        ])
          await bad().catch((error: StepFailure) => codes.push(error.code));
        return { got: await ctx.state.get('k'), own: await ctx.state.claim(['a', 'b'], { keepMs: 5 }), codes } as JsonObject;
      },
      { sink: { rpc } },
    );
    expect(outcome).toMatchObject({
      ok: [{ item: { json: { got: { n: 1 }, own: ['a'], codes: ['STATE_KEY_INVALID', 'STATE_KEY_INVALID', 'STATE_TOO_LARGE'] } } }],
    });
    expect(asked).toEqual([
      { op: 'state.set', key: 'k', value: { at: '1970-01-01T00:00:00.000Z' } },
      { op: 'state.get', key: 'k' },
      { op: 'state.claim', keys: ['a', 'b'], keepMs: 5 },
    ]);
  });

  describe('a connection', () => {
    const socket: StepSocket = { readable: new ReadableStream(), writable: new WritableStream(), close: () => undefined };
    const breaks: Run = async ({ ctx }) => {
      await ctx.connect({ host: 'db', port: 1 });
      throw new StepFailure('BROKE', 'It broke.', { kind: 'unavailable' });
    };

    test('that broke leaves a write open, unless its code proves that nothing was done', async () => {
      const sink = { connect: async () => socket };
      expect(await outcomeOf(transport, breaks, { sink, effects: 'write' })).toMatchObject({ error: { code: 'BROKE' }, unknown: true });
      const proven = await outcomeOf(transport, breaks, { sink, effects: 'write', rejected: ['BROKE'] });
      expect(proven).not.toHaveProperty('unknown');
      expect(await outcomeOf(transport, breaks, { sink })).not.toHaveProperty('unknown');
    });

    test('that was never made leaves nothing open', async () => {
      const refused = () => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED', syscall: 'connect' }));
      const outcome = await outcomeOf(transport, breaks, { sink: { connect: refused }, effects: 'write' });
      expect(outcome).toMatchObject({ error: { code: 'CONNECTION_REFUSED', kind: 'rejected' } });
      expect(outcome).not.toHaveProperty('unknown');
    });

    test('hears of the end of the step', async () => {
      let heard: AbortSignal | undefined;
      const connect: Sink['connect'] = async (_options, signal) => {
        heard = signal;
        return socket;
      };
      await outcomeOf(transport, async ({ ctx }) => (await ctx.connect({ host: 'db', port: 1 }), {}), { sink: { connect } });
      expect(heard?.aborted).toBe(true);
    });
  });

  test('an empty credential slot is none, a filled one is opened by the server', async () => {
    const rpc: Sink['rpc'] = async (op) => ({ user: op.op });
    const run: Run = async ({ ctx }) => ({ got: (await ctx.credential('account')) ?? null });
    expect(await outcomeOf(transport, run, { sink: { rpc } })).toMatchObject({ ok: [{ item: { json: { got: null } } }] });
    expect(await outcomeOf(transport, run, { sink: { rpc }, slots: ['account'] })).toMatchObject({
      ok: [{ item: { json: { got: { user: 'credential.open' } } } }],
    });
  });

  test('a streamed body is sent with its length, and one that is shorter than it says fails', async () => {
    const seen: { length: string | undefined; hash: string }[] = [];
    const server = createServer((req, res) => {
      const hash = createHash('sha256');
      req.on('data', (chunk: Buffer) => void hash.update(chunk));
      req.on('error', () => undefined);
      req.on('end', () => {
        seen.push({ length: req.headers['content-length'], hash: hash.digest('hex') });
        res.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const bytes = new Uint8Array(1_000_000).fill(7);
    const send =
      (sizeBytes: number): Run =>
      async ({ ctx }) => {
        const content = new Blob([bytes]).stream() as ReadableStream<Uint8Array>;
        return { status: (await ctx.http.request({ url, method: 'PUT', stream: { content, sizeBytes } })).status };
      };
    expect(await outcomeOf(transport, send(1_000_000))).toMatchObject({ ok: [{ item: { json: { status: 200 } } }] });
    expect(await outcomeOf(transport, send(1_000_001))).toMatchObject({ error: {} });
    expect(seen).toEqual([{ length: '1000000', hash: createHash('sha256').update(bytes).digest('hex') }]);
    server.closeAllConnections();
    server.close();
  });
});
