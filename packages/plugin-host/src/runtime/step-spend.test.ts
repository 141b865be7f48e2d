import type { ItemOutcome, RpcOp } from '@plugboard/engine';
import type { Json, StepCtx } from '@plugboard/sdk';
import { StepFailure, defineNode, definePlugin } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { createPluginHost, loopback, pluginEntry } from '../index.ts';

const URL_OF = 'https://paid.example/answer';

type Paid = (ctx: StepCtx) => Promise<Json>;

interface Around {
  readonly answer?: () => Response | Promise<Response>;
  readonly budget?: () => Promise<Json>;
}

/** A step that makes the paid calls; what it gave, what it told the server, and how often it asked the service. */
async function pay(call: Paid, { answer = () => Response.json('yes'), budget = async () => null }: Around = {}) {
  const node = defineNode({
    id: 'pay',
    version: 1,
    title: 'Pay',
    group: 'Test',
    per: 'item',
    effects: 'read',
    params: {},
    run: async ({ ctx }) => ({ got: await call(ctx) }),
  });
  const entries = [pluginEntry(definePlugin({ id: 'test', title: 'Test', nodes: [node] }))];
  const host = createPluginHost({ entries, transport: loopback, graceMs: 50 });
  const outcomes: ItemOutcome[] = [];
  const told: RpcOp[] = [];
  let requests = 0;
  await host.call(
    {
      call: 1,
      type: 'test/pay',
      version: 1,
      node: { id: 'n', name: 'N' },
      run: { id: 'r', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'draft' },
      now: '2026-01-01T00:00:00.000Z',
      attempt: 1,
      deadlineMs: 0,
      concurrency: 1,
      constants: {},
      inputs: { main: [{ i: 0, json: {} }] },
    },
    {
      outcomes: (some) => void outcomes.push(...some),
      log: () => undefined,
      rpc: (op) => {
        told.push({ ...op });
        return budget();
      },
      fetch: async () => {
        requests += 1;
        return answer();
      },
    },
    new AbortController().signal,
  );
  const [outcome] = outcomes;
  const error = outcome && 'error' in outcome ? outcome.error : undefined;
  const given = outcome && 'ok' in outcome ? outcome.ok : undefined;
  return { given, error, told, requests };
}

const ask: Paid = (ctx) => ctx.spend({ upTo: '0.05' }, async () => ({ value: (await ctx.http.get(URL_OF)).data, cost: 0.02 }));
const reserved = { op: 'money.reserve', call: '0', upTo: '50000000000' };

describe('a call that costs money', () => {
  test('reserves the most before it and settles its cost after it', async () => {
    const { given, told } = await pay(ask);
    expect(JSON.stringify(given)).toContain('"got":"yes"');
    expect(told).toEqual([reserved, { op: 'money.settle', call: '0', cost: '20000000000' }]);
  });

  test('is not made when the budget refuses it', async () => {
    const { error, told, requests } = await pay(ask, { budget: () => Promise.reject(new StepFailure('BUDGET_EXCEEDED', 'No more.')) });
    expect(requests).toBe(0);
    expect(error).toMatchObject({ code: 'BUDGET_EXCEEDED', kind: 'input' });
    expect(told).toEqual([reserved]);
  });

  test.each([
    ['was refused by the service', () => new Response('', { status: 429 }), 'money.release'],
    ['met no service', () => Promise.reject(connectionError('ECONNREFUSED')), 'money.release'],
    ['lost its connection', () => Promise.reject(connectionError('ECONNRESET')), 'money.settle'],
    ['broke the service', () => new Response('', { status: 500 }), 'money.settle'],
  ] as const)('that %s tells %s', async (_, answer, op) => {
    const { error, told } = await pay(ask, { answer });
    expect(error).toBeDefined();
    expect(told).toEqual([reserved, { op, call: '0' }]);
  });

  test('is free when the step fails before anything left, and not when it fails over the answer', async () => {
    const early = await pay((ctx) => ctx.spend({ upTo: 1 }, () => Promise.reject(new Error('oh'))));
    expect(early.told.at(-1)).toEqual({ op: 'money.release', call: '0' });
    const late = await pay((ctx) =>
      ctx.spend({ upTo: 1 }, async () => {
        await ctx.http.get(URL_OF);
        throw new StepFailure('ANSWER_ODD', 'The answer is odd.');
      }),
    );
    expect(late.told.at(-1)).toEqual({ op: 'money.settle', call: '0' });
    expect(late.error?.code).toBe('ANSWER_ODD');
  });

  test('of which the service does not tell the cost costs what was reserved', async () => {
    const { told } = await pay((ctx) => ctx.spend({ upTo: 1 }, async () => ({ value: 'x', cost: undefined })));
    expect(told.at(-1)).toEqual({ op: 'money.settle', call: '0' });
  });

  test('has a name, or its place among the calls of the item', async () => {
    const one = (ctx: StepCtx, name?: string) =>
      ctx.spend({ upTo: 1, ...(name === undefined ? {} : { name }) }, async () => ({ value: null, cost: 0 }));
    const { told } = await pay(async (ctx) => {
      await one(ctx);
      await Promise.all([one(ctx, 'draw'), one(ctx)]);
      return null;
    });
    const names = told.flatMap((op) => (op.op === 'money.reserve' ? [op.call] : []));
    expect(names.toSorted()).toEqual(['0', '1', 'draw']);
  });

  test.each([{ upTo: -1 }, { upTo: 'much' }, { upTo: 1, name: '' }, { upTo: 1, currency: 'EUR' as 'USD' }])(
    'with %j is refused before anything is reserved',
    async (options) => {
      const { error, told } = await pay((ctx) => ctx.spend(options, async () => ({ value: null, cost: 0 })));
      expect(error?.code).toBe('AMOUNT_INVALID');
      expect(told).toEqual([]);
    },
  );
});

function connectionError(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}
