/** Requests that name a credential slot: the host of the call signs them, step code never sees more than the slot's name. */
import type { CallSpec, ItemOutcome, RequestSlot, Sink } from '@plugboard/engine';
import { type StepCtx, defineNode, definePlugin } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { pluginEntry } from '../plugin-entry.ts';
import { createPluginHost } from '../plugin-host.ts';
import { inProcess } from '../transport/in-process.ts';
import { loopback } from '../transport/loopback.ts';

const SPEC: Omit<CallSpec, 'slots'> = {
  call: 1,
  type: 't/x',
  version: 1,
  node: { id: 'n', name: 'N' },
  now: '2026-01-01T00:00:00.000Z',
  attempt: 1,
  concurrency: 1,
  run: { id: 'run', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'live' },
  deadlineMs: 0,
  constants: {},
  inputs: { main: [{ i: 0, json: {} }] },
};

interface Sent {
  readonly url: string;
  readonly slot?: RequestSlot;
}

describe.each([
  ['in process', inProcess],
  ['over the loopback', loopback],
])('%s', (_, transport) => {
  const call = async (
    run: (ctx: StepCtx) => Promise<unknown>,
    { slots, isSigning = true }: { readonly slots?: readonly string[]; readonly isSigning?: boolean },
  ): Promise<{ readonly sent: Sent[]; readonly outcomes: ItemOutcome[] }> => {
    const node = defineNode({
      id: 'x',
      version: 1,
      title: 'X',
      group: 'G',
      per: 'item',
      params: {},
      effects: 'read',
      run: async ({ ctx }) => void (await run(ctx)),
    });
    const host = createPluginHost({ entries: [pluginEntry(definePlugin({ id: 't', title: 'T', nodes: [node] }))], transport });
    const sent: Sent[] = [];
    const outcomes: ItemOutcome[] = [];
    const answer = (url: string): Response =>
      url.endsWith('/away') ? new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } }) : new Response('{}');
    const signedFetch: Sink['signedFetch'] = (slot, input) => {
      sent.push({ url: String(input), slot });
      return Promise.resolve(answer(String(input)));
    };
    const sink: Sink = {
      outcomes: (some) => void outcomes.push(...some),
      log: () => undefined,
      rpc: () => Promise.reject(new Error('none')),
      fetch: (input) => {
        sent.push({ url: String(input) });
        return Promise.resolve(answer(String(input)));
      },
      ...(isSigning ? { signedFetch } : {}),
    };
    await host.call({ ...SPEC, ...(slots ? { slots } : {}) }, sink, new AbortController().signal);
    return { sent, outcomes };
  };

  test('a request of a filled slot is signed, and so is each hop it is redirected to', async () => {
    const { sent } = await call(({ http }) => http.get('https://a.example/away', { credential: 'account' }), { slots: ['account'] });
    expect(sent).toEqual([
      { url: 'https://a.example/away', slot: { name: 'account', isRedirected: false } },
      { url: 'https://elsewhere.example/', slot: { name: 'account', isRedirected: true } },
    ]);
  });

  test('a request that names no slot, none on purpose, or one that is empty, is not', async () => {
    const { sent } = await call(
      async (ctx) => {
        await ctx.fetch('https://a.example/1');
        await ctx.fetch('https://a.example/2', { credential: false });
        await ctx.fetch('https://a.example/3', { credential: 'other' });
      },
      { slots: ['account'] },
    );
    expect(sent).toEqual([1, 2, 3].map((n) => ({ url: `https://a.example/${n}` })));
  });

  test('where nothing signs, a request of a filled slot fails instead of going without', async () => {
    const { sent, outcomes } = await call(({ fetch: send }) => send('https://a.example/', { credential: 'account' }), {
      slots: ['account'],
      isSigning: false,
    });
    expect(sent).toEqual([]);
    expect(outcomes).toMatchObject([{ error: { code: 'NOT_AVAILABLE' } }]);
  });
});
