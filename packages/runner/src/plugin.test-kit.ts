/** A plugin with one small type for each way a step can behave. */
import { type Plugin, defineNode, definePlugin, defineTrigger, failed, item, p, waitForRuns, waitUntil } from '@plugboard/sdk';

/** Doors that steps wait at until a test opens them. */
export class Gates {
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();
  readonly waiting: string[] = [];

  pass(name: string): Promise<void> {
    this.waiting.push(name);
    return this.#of(name).promise;
  }
  open(name: string): void {
    this.#of(name).resolve();
  }
  #of(name: string): PromiseWithResolvers<void> {
    const gate = this.#gates.get(name) ?? Promise.withResolvers<void>();
    this.#gates.set(name, gate);
    return gate;
  }
}

export function testPlugin(gates: Gates): Plugin {
  const common = { version: 1, group: 'Test' } as const;
  const url = p.text().title('Address').required();
  return definePlugin({
    id: 't',
    title: 'T',
    triggers: [defineTrigger({ ...common, id: 'manual', title: 'Manual', kind: 'manual', params: {} })],
    nodes: [
      defineNode({ ...common, id: 'pass', title: 'Pass', per: 'item', effects: 'none', params: {}, run: ({ item: one }) => one }),
      defineNode({
        ...common,
        id: 'odd',
        title: 'Odd',
        per: 'item',
        effects: 'none',
        params: {},
        run: ({ item: one }) => (Number(one.json['n']) % 2 === 1 ? one : undefined),
      }),
      defineNode({
        ...common,
        id: 'big',
        title: 'Big',
        per: 'item',
        effects: 'none',
        params: { size: p.number().title('Size').required() },
        run: ({ params }) => ({ text: 'ä'.repeat(params.size) }),
      }),
      defineNode({
        ...common,
        id: 'many',
        title: 'Many',
        per: 'item',
        effects: 'none',
        params: { count: p.number().title('Count').required() },
        run: ({ params }) => Array.from({ length: params.count }, (_, n) => item({ n })),
      }),
      defineNode({
        ...common,
        id: 'keep',
        title: 'Keep',
        per: 'item',
        effects: 'none',
        params: { when: p.json().title('When') },
        run: ({ params, item: one }) => (params.when ? one : undefined),
      }),
      defineNode({
        ...common,
        id: 'grow',
        title: 'Grow',
        per: 'item',
        effects: 'none',
        params: { by: p.number().title('By').required() },
        run: ({ params, item: one }) => ({ ...one.json, pad: 'x'.repeat(params.by) }),
      }),
      defineNode({
        ...common,
        id: 'loop',
        title: 'Loop',
        per: 'batch',
        effects: 'none',
        ports: { inputs: [{ id: 'main' }, { id: 'next' }], outputs: [{ id: 'body' }, { id: 'done' }] },
        params: {
          mode: p.choice(['items', 'until']).title('Mode').default('items').expr('deny'),
          size: p.number().title('Size').default(1).expr('deny'),
          parallel: p.number().title('Parallel').default(1).expr('deny'),
          limit: p.number().title('Limit').default(10).expr('deny'),
        },
        loop: { mode: 'mode', batchSize: 'size', concurrency: 'parallel', limit: 'limit' },
        run: ({ items }) => items.map(({ json }) => item(json, { port: 'done' })),
      }),
      defineNode({
        ...common,
        id: 'wait',
        title: 'Wait',
        per: 'batch',
        effects: 'none',
        waits: 'timer',
        params: { ms: p.number().title('Milliseconds').required() },
        run: ({ params, items, ctx }) => waitUntil(Date.parse(ctx.now) + params.ms, items),
      }),
      defineNode({
        ...common,
        id: 'call',
        title: 'Call',
        per: 'batch',
        effects: 'write',
        repeatable: true,
        waits: 'child',
        params: {
          workflow: p.text().title('Workflow').required(),
          each: p.boolean().title('Each').default(false),
          answer: p.boolean().title('Answer').default(true),
          gate: p.text().title('Gate between starting and waiting'),
        },
        run: async ({ params: { workflow, each, answer, gate }, items, ctx }) => {
          const { runIds } = await ctx.workflows.start({ workflow, items, each, wants: answer ? 'answer' : 'none' });
          if (!answer) return [...items];
          if (gate) await gates.pass(gate);
          return waitForRuns(runIds.length, each);
        },
      }),
      defineNode({ ...common, id: 'all', title: 'All', per: 'batch', effects: 'none', params: {}, run: ({ items }) => [...items] }),
      defineNode({
        ...common,
        id: 'slow',
        title: 'Slow',
        per: 'item',
        effects: 'read',
        params: { gate: p.text().title('Gate').required() },
        run: async ({ params, item: one, ctx }) => {
          await Promise.race([gates.pass(params.gate), aborted(ctx.signal)]);
          return one;
        },
      }),
      defineNode({
        ...common,
        id: 'fetch',
        title: 'Fetch',
        per: 'item',
        effects: 'read',
        params: { url },
        run: async ({ params, ctx }) => ({ answer: (await ctx.http.get(params.url)).data }),
      }),
      ...(['send', 'send-again'] as const).map((id) =>
        defineNode({
          ...common,
          id,
          title: id,
          per: 'item',
          effects: 'write',
          repeatable: id === 'send-again',
          params: { url, body: p.json().title('Body') },
          run: async ({ params, item: one, ctx }) => {
            const json = { item: one.json, body: params.body ?? null };
            return { sent: one.json, answer: (await ctx.http.post(params.url, { json, idempotencyKey: ctx.idempotencyKey })).data };
          },
        }),
      ),
      defineNode({
        ...common,
        id: 'stubborn',
        title: 'Stubborn',
        per: 'item',
        effects: 'write',
        params: { gate: p.text().title('Gate').required() },
        run: async ({ params, item: one }) => {
          await gates.pass(params.gate);
          return one;
        },
      }),
      defineNode({
        ...common,
        id: 'bulk',
        title: 'Bulk',
        per: 'batch',
        atomic: false,
        effects: 'write',
        repeatable: true,
        params: { url, note: p.text().title('Note'), label: p.text().title('Label').perItem() },
        run: async ({ params, items, ctx }) => {
          const labels = params.label as unknown as readonly string[];
          const out = [];
          for (const [n, one] of items.entries()) {
            try {
              const json = { n: one.json['n'] ?? null, note: params.note ?? null, label: labels[n] ?? null };
              await ctx.http.post(params.url, { json });
              out.push(item({ done: one.json['n'] ?? null }, { from: n }));
            } catch (error) {
              out.push(failed(n, error));
            }
          }
          return out;
        },
      }),
      defineNode({
        ...common,
        id: 'respond',
        title: 'Respond',
        per: 'item',
        effects: 'write',
        repeatable: true,
        replies: true,
        params: {},
        run: async ({ item: one, ctx }) => {
          await ctx.reply.send({ status: 200, body: one.json });
          return one;
        },
      }),
      defineNode({
        ...common,
        id: 'shout',
        title: 'Shout',
        help: 'Replies though it is declared pure',
        per: 'item',
        effects: 'none',
        params: {},
        run: async ({ item: one, ctx }) => {
          await ctx.reply.send({ status: 200, body: one.json });
          return one;
        },
      }),
    ],
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}
