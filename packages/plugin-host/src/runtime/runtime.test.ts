import { describe, expect, test } from 'vitest';
import type { CallEnd, CallInput, CallSpec, ItemOutcome, LogLine, RpcOp, Sink } from '@plugboard/engine';
import { defineNode, definePlugin, fail, failed, GIVE_WAY, item, p, StepFailure } from '@plugboard/sdk';
import type { GiveWay, Item, Json, JsonObject, NodeDefinition, Shape, StepCtx } from '@plugboard/sdk';
import { createPluginHost, inProcess, loopback, pluginEntry } from '../index.ts';
import type { Transport } from '../index.ts';

type ItemRun = Parameters<typeof defineNode>[0] extends infer N
  ? Extract<N, { per: 'item' }> extends { run: infer R }
    ? R
    : never
  : never;
type BatchRun = Parameters<typeof defineNode>[0] extends infer N
  ? Extract<N, { per: 'batch' }> extends { run: infer R }
    ? R
    : never
  : never;

const common = { id: 'x', version: 1, title: 'X', group: 'G', effects: 'none', params: {} as Shape } as const;

function perItem(run: ItemRun, more: Partial<NodeDefinition> = {}): NodeDefinition {
  return { ...defineNode({ ...common, per: 'item', run }), ...more };
}

function perBatch(run: BatchRun, more: Partial<NodeDefinition> = {}): NodeDefinition {
  return { ...defineNode({ ...common, per: 'batch', run }), ...more };
}

interface Given {
  readonly items?: readonly JsonObject[];
  readonly inputs?: { readonly [port: string]: readonly CallInput[] };
  readonly spec?: Partial<CallSpec>;
  readonly transport?: Transport;
  readonly signal?: AbortSignal;
  readonly graceMs?: number;
  readonly fetch?: typeof fetch;
  readonly rpc?: (op: RpcOp, i: number | undefined) => Promise<Json>;
}

interface Ran {
  readonly outcomes: ItemOutcome[];
  readonly batches: (readonly ItemOutcome[])[];
  readonly logs: LogLine[];
  readonly end: CallEnd | Promise<CallEnd>;
}

function call(node: NodeDefinition, given: Given = {}): Ran {
  const host = createPluginHost({
    entries: [pluginEntry(definePlugin({ id: 't', title: 'T', nodes: [node] }))],
    transport: given.transport ?? inProcess,
    graceMs: given.graceMs ?? 5_000,
  });
  const outcomes: ItemOutcome[] = [];
  const batches: (readonly ItemOutcome[])[] = [];
  const logs: LogLine[] = [];
  const sink: Sink = {
    outcomes(some) {
      batches.push(some);
      outcomes.push(...some);
    },
    log: (lines) => void logs.push(...lines),
    rpc: given.rpc ?? (() => Promise.reject(new Error('no rpc'))),
    fetch: given.fetch ?? (() => Promise.reject(new Error('no fetch'))),
  };
  const inputs = given.inputs ?? { main: (given.items ?? [{ n: 1 }]).map((json, i) => ({ i, json, key: `k${i}` })) };
  const spec: CallSpec = {
    call: 1,
    type: 't/x',
    version: 1,
    node: { id: 'node', name: 'Node' },
    run: { id: 'run', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'live' },
    now: '2026-01-01T00:00:00.000Z',
    attempt: 1,
    deadlineMs: 0,
    concurrency: 10,
    constants: {},
    inputs,
    ...given.spec,
  };
  return { outcomes, batches, logs, end: host.call(spec, sink, given.signal ?? new AbortController().signal) };
}

/** Runs to the end; outcomes by input index. */
async function settled(node: NodeDefinition, given: Given = {}): Promise<Omit<Ran, 'end'> & { readonly end: CallEnd }> {
  const ran = call(node, given);
  const end = await ran.end;
  ran.outcomes.sort((a, b) => a.i - b.i);
  return { ...ran, end };
}

function gate(): { readonly open: () => void; readonly wait: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, wait: promise };
}

function busy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each([
  ['in process', inProcess],
  ['over the loopback', loopback],
] as const)('%s', (_, transport) => {
  test('a step of plain values ends in the same turn, with one report', () => {
    const ran = call(
      perItem(({ item: one, params }) => ({ ...one.json, p: params['p'] as number })),
      { transport, items: [{ n: 1 }, { n: 2 }], spec: { constants: { p: 3 } } },
    );
    expect(ran.end).toEqual({ ok: true });
    expect(ran.batches).toEqual([
      [
        { i: 0, ok: [{ item: { json: { n: 1, p: 3 } } }] },
        { i: 1, ok: [{ item: { json: { n: 2, p: 3 } } }] },
      ],
    ]);
  });

  test("an item's own parameters win over the constants", async () => {
    const node = perItem(({ params }) => ({ ...params }) as JsonObject);
    const ran = await settled(node, {
      transport,
      spec: { constants: { a: 1, b: 1 } },
      inputs: { main: [{ i: 7, json: {}, params: { b: 2 } }] },
    });
    expect(ran.outcomes).toEqual([{ i: 7, ok: [{ item: { json: { a: 1, b: 2 } } }] }]);
  });

  const forms: readonly (readonly [title: string, run: ItemRun, json: readonly JsonObject[]])[] = [
    ['an object', () => ({ a: 1 }), [{ a: 1 }]],
    ['a promise', async () => ({ a: 1 }), [{ a: 1 }]],
    ['an array', () => [{ a: 1 }, { a: 2 }], [{ a: 1 }, { a: 2 }]],
    ['nothing', () => undefined, []],
    ['a promise of nothing', async () => undefined, []],
    [
      'a generator',
      function* () {
        yield { a: 1 };
        yield { a: 2 };
      },
      [{ a: 1 }, { a: 2 }],
    ],
    [
      'an async generator',
      async function* () {
        yield { a: 1 };
        await turn();
        yield { a: 2 };
      },
      [{ a: 1 }, { a: 2 }],
    ],
    // oxlint-disable-next-line unicorn/no-thenable -- a library's promise is what is tested
    ['a thenable', () => ({ then: (go: (value: JsonObject) => void) => go({ a: 1 }) }) as never, [{ a: 1 }]],
    ['what is not JSON yet', () => ({ at: new Date(0), gone: undefined }), [{ at: '1970-01-01T00:00:00.000Z' }]],
    ['the item itself', ({ item: one }) => one, [{ n: 1 }]],
    ['an object with only json', () => ({ json: { a: 1 } }), [{ json: { a: 1 } }]],
  ];
  test.each(forms)('run may return %s', async (__, run, json) => {
    const ran = await settled(perItem(run), { transport });
    expect(ran.end).toEqual({ ok: true });
    expect(ran.outcomes).toEqual([{ i: 0, ok: json.map((one) => ({ item: { json: one } })) }]);
  });

  const broken: readonly (readonly [title: string, run: ItemRun, code: string])[] = [
    [
      'throws text',
      () => {
        throw 'text';
      },
      'STEP_THREW',
    ],
    ['rejects with undefined', () => Promise.reject(undefined), 'STEP_THREW'],
    ['throws a failure', () => fail('NO_NAME', 'x'), 'NO_NAME'],
    [
      'throws behind a getter',
      () => {
        throw Object.defineProperty({}, 'message', {
          get: () => {
            throw 1;
          },
        });
      },
      'STEP_THREW',
    ],
    [
      'throws in a generator',
      function* () {
        yield { a: 1 };
        throw new StepFailure('LATE', 'x');
      },
      'LATE',
    ],
    [
      'throws in an async generator',
      async function* () {
        yield { a: 1 };
        throw new StepFailure('LATE', 'x');
      },
      'LATE',
    ],
    ['returns a number', () => 5 as never, 'OUTPUT_NOT_ITEM'],
    ['returns null', () => null as never, 'OUTPUT_NOT_ITEM'],
    ['returns an array in the array', () => [[{}]] as never, 'OUTPUT_NOT_ITEM'],
    ['returns a Map', () => new Map() as never, 'OUTPUT_NOT_JSON'],
    ['returns a BigInt inside', () => ({ a: 1n }) as never, 'OUTPUT_NOT_JSON'],
    ['names a port that is not there', () => item({}, { port: 'nope' }), 'PORT_UNKNOWN'],
    ['gives files that are none', () => item({}, { files: { a: {} as never } }), 'FILES_INVALID'],
    // oxlint-disable-next-line unicorn/no-thenable -- hostile on purpose
    [
      'has a then that throws',
      () =>
        ({
          get then(): never {
            throw new StepFailure('THEN', 'x');
          },
        }) as never,
      'THEN',
    ],
  ];
  test.each(broken)('an item whose run %s fails alone', async (__, run, code) => {
    const node = perItem((args) => (args.item.json['n'] === 2 ? { fine: true } : run(args)));
    const ran = await settled(node, { transport, items: [{ n: 1 }, { n: 2 }] });
    expect(ran.end).toEqual({ ok: true });
    expect(ran.outcomes).toMatchObject([
      { i: 0, error: { code } },
      { i: 1, ok: [{ item: { json: { fine: true } } }] },
    ]);
  });

  test('outputs carry ports, files and further ancestors', async () => {
    const files = { data: { id: 'f', name: 'a', mime: 'text/plain', size: 1, sha256: 'ab' } };
    const node = perItem(() => [item({ a: 1 }, { port: 'yes', from: 3 }), item({ a: 2 }, { port: 'no', files })], {
      ports: { outputs: [{ id: 'yes' }, { id: 'no' }] },
    });
    const ran = await settled(node, { transport });
    expect(ran.outcomes).toEqual([
      {
        i: 0,
        ok: [
          { port: 'yes', item: { json: { a: 1 } }, from: [3] },
          { port: 'no', item: { json: { a: 2 }, files } },
        ],
      },
    ]);
  });

  test('a type with one port of another name needs not name it, one with several must', async () => {
    const one = await settled(
      perItem(() => ({}), { ports: { outputs: [{ id: 'out' }] } }),
      { transport },
    );
    expect(one.outcomes).toEqual([{ i: 0, ok: [{ port: 'out', item: { json: {} } }] }]);
    const several = await settled(
      perItem(() => ({}), { ports: { outputs: [{ id: 'a' }, { id: 'b' }] } }),
      { transport },
    );
    expect(several.outcomes).toMatchObject([{ error: { code: 'PORT_UNKNOWN' } }]);
  });

  test('a batch sees all items, and its outputs name theirs', async () => {
    const node = perBatch(
      ({ items, inputs }) => [item({ n: items.length, left: inputs['left']?.length ?? 0 }, { from: [0, 2] }), items[1] ?? {}],
      {
        ports: { inputs: [{ id: 'left' }, { id: 'right' }] },
      },
    );
    const left = [{ i: 10, json: { a: 1 } }];
    const right = [
      { i: 11, json: { a: 2 } },
      { i: 12, json: { a: 3 } },
    ];
    const ran = await settled(node, { transport, inputs: { left, right } });
    expect(ran.end).toEqual({
      ok: true,
      outputs: [
        { json: { n: 3, left: 1 }, from: [10, 12] },
        { json: { a: 2 }, from: [11] },
      ],
    });
  });

  test('a plain batch ends in the same turn', () => {
    expect(
      call(
        perBatch(({ items }) => [{ count: items.length }]),
        { transport, inputs: { main: [] } },
      ).end,
    ).toEqual({ ok: true, outputs: [{ json: { count: 0 } }] });
  });

  test('a batch that gives way ends in the same turn while it is short, and its signs to give way are no outputs', () => {
    const node = perBatch(function* () {
      yield GIVE_WAY;
      yield { n: 1 };
      yield GIVE_WAY;
    });
    expect(call(node, { transport }).end).toEqual({ ok: true, outputs: [{ json: { n: 1 } }] });
  });

  test.each(['a generator', 'an async generator'])('%s that gives way lets the event loop turn while it computes', async (kind) => {
    function* work() {
      for (let n = 0; n < 10; n++) {
        busy(4);
        yield GIVE_WAY;
      }
      yield { done: true };
    }
    async function* later() {
      yield* work();
    }
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const { end } = await settled(perBatch(kind === 'a generator' ? work : later), { transport });
    clearInterval(ticking);
    expect(end).toEqual({ ok: true, outputs: [{ json: { done: true } }] });
    expect(turns).toBeGreaterThan(1);
  });

  test('a generator that gives way is left where it stands when its call is cancelled, and cleans up', async () => {
    const cancel = new AbortController();
    let isCleanedUp = false;
    const node = perBatch(function* (): Generator<GiveWay> {
      try {
        for (;;) {
          busy(2);
          yield GIVE_WAY;
        }
      } finally {
        isCleanedUp = true;
      }
    });
    const ran = call(node, { transport, signal: cancel.signal });
    await turn();
    cancel.abort();
    await expect(ran.end).resolves.toMatchObject({ ok: false, error: { code: 'CANCELLED' }, missing: 'not_sent' });
    expect(isCleanedUp).toBe(true);
  });

  test('new items of a batch meet the limit of a step while they are made; items handed on take no room', async () => {
    const made = perBatch(function* ({ items }) {
      for (;;) yield item({ text: 'x'.repeat(1000) }, { from: items.length - 1 });
    });
    const spec = { maxLength: 100_000 };
    expect((await settled(made, { transport, spec })).end).toMatchObject({
      ok: false,
      error: { code: 'OUTPUT_TOO_LARGE', kind: 'input', message: expect.stringContaining('0.1 MiB') },
    });
    const handedOn = perBatch(({ items }) => items.flatMap((one) => Array<Item>(200).fill(one)));
    expect((await settled(handedOn, { transport, items: [{ text: 'x'.repeat(1000) }], spec })).end).toMatchObject({ ok: true });
  });

  test('parameters evaluated per item reach a batch as arrays', async () => {
    const node = perBatch(({ params }) => [{ ...params } as JsonObject], { params: { w: p.number().perItem(), all: p.text() } });
    const ran = await settled(node, {
      transport,
      spec: { constants: { all: 'x' } },
      inputs: {
        main: [
          { i: 0, json: {}, params: { w: 1 } },
          { i: 1, json: {} },
        ],
      },
    });
    expect(ran.end).toEqual({ ok: true, outputs: [{ json: { all: 'x', w: [1, null] } }] });
  });

  test('a batch that reports per item gives an outcome for each', async () => {
    const node = perBatch(async ({ items }) => [item({ a: 1 }, { from: 2 }), failed(0, new StepFailure('BAD', 'x')), items[2] ?? {}], {
      atomic: false,
    });
    const ran = await settled(node, { transport, items: [{ n: 0 }, { n: 1 }, { n: 2 }], spec: { outcomes: 'item' } });
    expect(ran.end).toEqual({ ok: true });
    expect(ran.outcomes).toMatchObject([
      { i: 0, error: { code: 'BAD' } },
      { i: 1, ok: [] },
      { i: 2, ok: [{ item: { json: { a: 1 } } }, { item: { json: { n: 2 } } }] },
    ]);
  });

  test.each([
    ['one object', () => ({ a: 1 }) as never, 'OUTPUT_NOT_LIST'],
    ['an ancestor that is not there', () => [item({}, { from: 9 })], 'LINEAGE_INVALID'],
    ['a failed item where the batch is one', () => [failed(0, new StepFailure('BAD', 'x'))], 'BAD'],
  ] as const)('a batch that gives %s fails', async (__, run, code) => {
    const ran = await settled(perBatch(run), { transport });
    expect(ran.end).toMatchObject({ ok: false, error: { code }, missing: 'not_sent' });
  });

  test('no more items are in flight than allowed, and all come through', async () => {
    let open = 0;
    let most = 0;
    const node = perItem(async ({ item: one }) => {
      most = Math.max(most, ++open);
      await turn();
      open--;
      return one.json;
    });
    const items = Array.from({ length: 23 }, (__, n) => ({ n }));
    const ran = await settled(node, { transport, items, spec: { concurrency: 4 } });
    expect(most).toBe(4);
    expect(ran.outcomes.map((outcome) => outcome.i)).toEqual(items.map(({ n }) => n));
  });

  test('a finished item is reported while others still wait', async () => {
    const last = gate();
    const node = perItem(async ({ item: one }) => {
      if (one.json['n'] === 0) await last.wait;
      return {};
    });
    const ran = call(node, { transport, items: [{ n: 0 }, { n: 1 }] });
    while (ran.outcomes.length === 0) await turn();
    expect(ran.outcomes).toMatchObject([{ i: 1 }]);
    last.open();
    await expect(ran.end).resolves.toEqual({ ok: true });
    expect(ran.outcomes).toHaveLength(2);
  });

  test('log lines reach the sink with their item and are capped', async () => {
    const node = perItem(({ ctx }) => {
      ctx.log.info('hello', { a: 1 });
      for (let i = 0; i < 1_000; i++) ctx.log.warn('x'.repeat(3_000));
      return {};
    });
    const ran = await settled(node, { transport });
    expect(ran.logs).toHaveLength(500);
    expect(ran.logs[0]).toMatchObject({ level: 'info', message: 'hello {"a":1}', i: 0 });
    expect(ran.logs[1]?.message).toHaveLength(2_000);
    expect(ran.logs[499]?.message).toContain('left out');
  });

  test('every use of a context after its call throws CALL_ENDED', async () => {
    let kept: StepCtx | undefined;
    let log: StepCtx['log'] | undefined;
    let keptFetch: StepCtx['fetch'] | undefined;
    await settled(
      perItem(({ ctx }) => {
        kept = ctx;
        ({ log, fetch: keptFetch } = ctx);
        return {};
      }),
      { transport },
    );
    const ctx = kept as StepCtx;
    const members = [
      'signal',
      'now',
      'run',
      'node',
      'attempt',
      'idempotencyKey',
      'log',
      'fetch',
      'http',
      'code',
      'reply',
      'files',
      'state',
    ] as const;
    for (const member of members) expect(() => ctx[member]).toThrow(expect.objectContaining({ code: 'CALL_ENDED' }));
    expect(() => ctx.key('a')).toThrow(expect.objectContaining({ code: 'CALL_ENDED' }));
    expect(() => log?.info('late')).toThrow(expect.objectContaining({ code: 'CALL_ENDED' }));
    await expect(keptFetch?.('http://x')).rejects.toMatchObject({ code: 'CALL_ENDED' });
  });

  test('what there is not where a step runs says so', async () => {
    const node = perItem(({ ctx, item: one }) => {
      if (one.json['n'] === 0) ctx.files.open({ id: 'x' });
      return ctx.connect({ host: 'x', port: 1 }).then(() => ({}));
    });
    const ran = await settled(node, { transport, items: [{ n: 0 }, { n: 1 }] });
    expect(ran.outcomes).toMatchObject([0, 1].map(() => ({ error: { code: 'NOT_AVAILABLE' } })));
  });

  test('the server answers what a step asks of it, and its errors keep their kind', async () => {
    const node = perItem(async ({ ctx, item: one }) => {
      const request = { code: 'return 1', language: 'javascript', mode: 'all-items' } as const;
      if (one.json['n'] === 0) return (await ctx.code.run(request)).items.map((code) => code.json);
      await ctx.reply.send({ status: 201, body: { a: new Date(0) } as never });
      return {};
    });
    const asked: unknown[] = [];
    const ran = await settled(node, {
      transport,
      items: [{ n: 0 }, { n: 1 }],
      rpc: async (op, i) => {
        asked.push([op, i]);
        if (op.op === 'reply.send') throw new StepFailure('ALREADY_REPLIED', 'x', { kind: 'input' });
        return { items: [{ json: { x: 1 } }] };
      },
    });
    expect(asked).toEqual([
      [{ op: 'code.run', code: 'return 1', language: 'javascript', mode: 'all-items' }, 0],
      [{ op: 'reply.send', status: 201, headers: {}, body: { a: '1970-01-01T00:00:00.000Z' } }, 1],
    ]);
    expect(ran.outcomes).toMatchObject([{ ok: [{ item: { json: { x: 1 } } }] }, { error: { code: 'ALREADY_REPLIED', kind: 'input' } }]);
  });

  describe('stopping', () => {
    test('a call that is cancelled before it starts does nothing', () => {
      const ran = call(
        perItem(() => ({})),
        { transport, signal: AbortSignal.abort() },
      );
      expect(ran.end).toMatchObject({ ok: false, error: { code: 'CANCELLED', kind: 'cancelled' }, missing: 'not_sent' });
      expect(ran.outcomes).toEqual([]);
    });

    test('cancel aborts the signal; items in flight end, the rest is never started', async () => {
      const cancel = new AbortController();
      let started = 0;
      const node = perItem(({ ctx }) => {
        started++;
        return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(new Error('gave up'))));
      });
      const ran = call(node, { transport, items: [{}, {}, {}], spec: { concurrency: 2 }, signal: cancel.signal });
      cancel.abort();
      await expect(ran.end).resolves.toMatchObject({ ok: false, error: { code: 'CANCELLED' }, missing: 'not_sent' });
      expect(started).toBe(2);
      expect(ran.outcomes).toMatchObject([
        { i: 0, error: { code: 'CANCELLED' } },
        { i: 1, error: { code: 'CANCELLED' } },
      ]);
    });

    test('a result within the grace period counts', async () => {
      const cancel = new AbortController();
      const result = gate();
      const ran = call(
        perItem(() => result.wait.then(() => ({ a: 1 }))),
        { transport, signal: cancel.signal },
      );
      cancel.abort();
      result.open();
      await expect(ran.end).resolves.toEqual({ ok: true });
      expect(ran.outcomes).toEqual([{ i: 0, ok: [{ item: { json: { a: 1 } } }] }]);
    });

    test('a step that hangs is abandoned after the grace period, and a late result is ignored', async () => {
      const cancel = new AbortController();
      const result = gate();
      const ran = call(
        perItem(() => result.wait.then(() => ({ a: 1 }))),
        { transport, signal: cancel.signal, graceMs: 5 },
      );
      cancel.abort();
      await expect(ran.end).resolves.toEqual({ ok: true });
      result.open();
      await turn();
      expect(ran.outcomes).toMatchObject([{ i: 0, error: { code: 'CANCELLED' } }]);
    });

    test('the time limit ends a call as a timeout', async () => {
      const ran = await settled(
        perItem(() => new Promise(() => undefined)),
        { transport, spec: { deadlineMs: 5 }, graceMs: 5 },
      );
      expect(ran.outcomes).toMatchObject([{ error: { code: 'STEP_TIMEOUT', kind: 'timeout' } }]);
    });

    test('a batch of very many outputs lets others run, may be stopped, and cleans up', async () => {
      const cancel = new AbortController();
      let isClosed = false;
      let made = 0;
      const generator = function* () {
        try {
          for (;;) yield { n: made++ };
        } finally {
          isClosed = true;
        }
      };
      const ran = call(perBatch(generator), { transport, signal: cancel.signal });
      await turn();
      const before = made;
      await turn();
      await turn();
      expect(made).toBeGreaterThan(before);
      cancel.abort();
      expect(await ran.end).toMatchObject({ ok: false, error: { code: 'CANCELLED' }, missing: 'not_sent' });
      expect(isClosed).toBe(true);
      const whole = await settled(
        perBatch(() => Array.from({ length: 50_000 }, (_one, n) => ({ n }))),
        { transport },
      );
      expect(whole.end).toMatchObject({ ok: true, outputs: { length: 50_000 } });
    });

    test('a batch generator is returned, and one that hangs is abandoned', async () => {
      const cancel = new AbortController();
      let isReturned = false;
      const waits = gate();
      const generator = async function* () {
        try {
          yield { a: 1 };
          await waits.wait;
          yield { a: 2 };
        } finally {
          isReturned = true;
        }
      };
      const ran = call(perBatch(generator), { transport, signal: cancel.signal });
      await turn();
      cancel.abort();
      waits.open();
      await expect(ran.end).resolves.toMatchObject({ ok: false, error: { code: 'CANCELLED' }, missing: 'not_sent' });
      expect(isReturned).toBe(true);

      const hangs = call(
        perBatch(() => new Promise(() => undefined)),
        { transport, spec: { deadlineMs: 5 }, graceMs: 5 },
      );
      await expect(hangs.end).resolves.toMatchObject({ ok: false, error: { code: 'STEP_TIMEOUT' } });
    });

    test('a call aborted by what its own first item did still ends', async () => {
      const cancel = new AbortController();
      const ran = call(
        perItem(() => {
          cancel.abort();
          return new Promise(() => undefined);
        }),
        { transport, signal: cancel.signal, graceMs: 5 },
      );
      await expect(ran.end).resolves.toEqual({ ok: true });
      expect(ran.outcomes).toMatchObject([{ error: { code: 'CANCELLED' } }]);
    });
  });
});

test('the loopback freezes inputs, so a step that changes them fails', async () => {
  const node = perItem(({ item: one }) => {
    (one.json as { n: number }).n = 5;
    return {};
  });
  expect((await settled(node, { transport: loopback })).outcomes).toMatchObject([{ error: { code: 'STEP_THREW' } }]);
});

test('many plain items give the event loop a turn', async () => {
  const node = perItem(() => {
    const until = performance.now() + 1;
    while (performance.now() < until);
    return {};
  });
  const ran = call(node, { items: Array.from({ length: 128 }, () => ({})) });
  expect(ran.end).toBeInstanceOf(Promise);
  await ran.end;
  expect(ran.outcomes).toHaveLength(128);
});
