import { describe, expect, test } from 'vitest';
import { defineNode, definePlugin, failed, item, p, StepFailure, when } from '@plugboard/sdk';
import { connectionError, contractSuite, fakeClock, harness } from './index.ts';
import type { Harness } from './index.ts';

const greet = defineNode({
  id: 'greet',
  version: 1,
  title: 'Greet',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    name: p.text().title('Name').required(),
    mark: p.text().title('Mark').default('!'),
    loud: p.text().title('Loud').when(when.eq('mark', '?')),
  },
  run: ({ params }) => ({ hello: `${params.name}${params.mark}`, loud: params.loud }),
});

const post = defineNode({
  id: 'post',
  version: 1,
  title: 'Post',
  group: 'Web',
  per: 'item',
  effects: 'write',
  params: { url: p.text().title('Address').required() },
  async run({ params, item: one, ctx }) {
    ctx.log.info('posting');
    const { data } = await ctx.http.post(params.url, { json: one.json, idempotencyKey: ctx.idempotencyKey });
    return { answer: data as string };
  },
});

const each = defineNode({
  id: 'each',
  version: 1,
  title: 'Each',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  atomic: false,
  params: { weight: p.number().title('Weight').required().perItem() },
  run: ({ items, params }) =>
    items.map((_, i) =>
      (params.weight[i] ?? 0) < 0 ? failed(i, new StepFailure('NEGATIVE', 'x')) : item({ w: params.weight[i] }, { from: i }),
    ),
});

const plugin = definePlugin({ id: 'sample', title: 'Sample', nodes: [greet, post, each] });

describe('the harness', () => {
  test('hands over parameters as the server does: defaults, coerced, hidden ones left out, functions per item', async () => {
    const run = await harness(greet)
      .params({ name: ({ n }) => n, loud: 'x' })
      .items([{ n: 1 }, { n: 2 }])
      .run();
    expect(run.items).toEqual([{ hello: '1!' }, { hello: '2!' }]);
    expect(run.from).toEqual({ main: [[0], [1]] });
    expect(run.errors).toEqual([]);
  });

  test('refuses parameters that do not fit, with every problem', async () => {
    await expect(harness(greet).params({ mark: [] }).items([{}]).run()).rejects.toThrow(/name: A value is required.*\n.*mark: Give text/);
    await expect(harness(greet).params({ nope: 1 }).items([{}]).run()).rejects.toThrow('no parameter nope');
    expect(() => harness(plugin, 'nope')).toThrow('no node type nope');
  });

  test('answers requests, shows what was sent, and fails those nobody answers', async () => {
    const node = harness(plugin, 'post')
      .params({ url: 'http://crm.test/a?b=1' })
      .items([{ a: 1 }]);
    const run = await node.respond('http://crm.test/*', ({ body }) => `got ${body}`).run();
    expect(run.items).toEqual([{ answer: 'got {"a":1}' }]);
    expect(run.requests).toMatchObject([{ method: 'POST', url: 'http://crm.test/a?b=1', headers: { 'idempotency-key': 'key-0' } }]);
    expect(run.logs).toMatchObject([{ level: 'info', message: 'posting', i: 0 }]);
    const unanswered = await node.run();
    expect(unanswered.errors[0]).toMatchObject({ error: { code: 'TEST_NO_ANSWER' }, isUnknown: false });
    expect(unanswered.errors[0]?.error.message).toContain('no answer for POST');
  });

  test.each([
    ['ECONNREFUSED', { code: 'CONNECTION_REFUSED' }, false],
    ['ECONNRESET', { code: 'CONNECTION_LOST' }, true],
  ] as const)('plays a connection that ends with %s', async (code, error, isUnknown) => {
    const run = await harness(post)
      .params({ url: 'http://crm.test/' })
      .items([{}])
      .respond('http://crm.test/', () => {
        throw connectionError(code);
      })
      .run();
    expect(run.errors).toMatchObject([{ i: 0, error, isUnknown }]);
  });

  test('runs a batch with an outcome per item', async () => {
    const run = await harness(each)
      .params({ weight: ({ w }) => w })
      .items([{ w: '1' }, { w: -1 }])
      .run();
    expect(run.items).toEqual([{ w: 1 }]);
    expect(run.errors).toMatchObject([{ i: 1, error: { code: 'NEGATIVE' } }]);
  });
});

describe('the contract suite', () => {
  const samples = [
    { node: 'greet', given: (one: Harness) => one.params({ name: 'Ada' }).items([{}]) },
    {
      node: 'post',
      given: (one: Harness) =>
        one
          .params({ url: 'http://crm.test/' })
          .items([{ a: 1 }, { a: 2 }])
          .respond('http://crm.test/', () => ({ ok: true })),
    },
  ];
  test.each(contractSuite(plugin, { samples }))('$title', ({ run }) => run());

  const failing = async (checks: ReturnType<typeof contractSuite>): Promise<readonly string[]> => {
    const titles: string[] = [];
    for (const { title, run } of checks) await run().catch(() => titles.push(title));
    return titles;
  };

  test('finds parameters without title, at any depth', async () => {
    const node = { ...greet, params: { a: p.list(p.object({ b: p.text() })).title('A') } };
    expect(await failing(contractSuite(definePlugin({ id: 'a', title: 'A', nodes: [node] })))).toEqual([
      'every parameter a person fills in has a title',
    ]);
  });

  test('finds migrations that change their input', async () => {
    const node = { ...greet, version: 2, migrate: { 1: (params: object) => Object.assign(params, { name: 'x' }) as never } };
    const checks = contractSuite(definePlugin({ id: 'a', title: 'A', nodes: [node] }), {
      migrations: [{ node: 'greet', from: 1, params: { old: 1 } }],
    });
    expect(await failing(checks)).toEqual(['greet: the migration from version 1 is pure and its result fits']);
  });

  test('finds migrations that do not exist, instead of passing without a look', async () => {
    const checks = contractSuite(plugin, { migrations: [{ node: 'greet', from: 1, params: {} }] });
    expect(await failing(checks)).toEqual(['greet: the migration from version 1 is pure and its result fits']);
  });

  test('finds samples that fail, and those that should and do not', async () => {
    const unanswered = { node: 'post', given: (one: Harness) => one.params({ url: 'http://crm.test/' }).items([{}]) };
    const fine = { node: 'greet', given: (one: Harness) => one.params({ name: 'x' }).items([{}]) };
    const suite = (fails: boolean) =>
      contractSuite(plugin, {
        samples: [
          { ...unanswered, fails },
          { ...fine, fails },
        ],
      });
    expect(await failing(suite(false))).toEqual(['post gives the same over both transports']);
    expect(await failing(suite(true))).toEqual(['greet gives the same over both transports']);
  });

  test('finds steps that lean on being in process', async () => {
    const node = defineNode({
      id: 'mutate',
      version: 1,
      title: 'M',
      group: 'G',
      per: 'item',
      effects: 'none',
      params: {},
      run: ({ item: one }) => Object.assign(one.json, { changed: true }),
    });
    const checks = contractSuite(definePlugin({ id: 'a', title: 'A', nodes: [node] }), {
      samples: [{ node: 'mutate', given: (one) => one.items([{}]) }],
    });
    expect(await failing(checks)).toEqual(['mutate gives the same over both transports']);
  });

  test('finds modules that reach outside while they are imported', async () => {
    const loud = new URL(`data:text/javascript,${encodeURIComponent("import { writeFileSync } from 'node:fs'; writeFileSync('x', 'y');")}`);
    const quiet = new URL('data:text/javascript,export default 1');
    const title = 'importing the plugin reaches nothing outside';
    expect(await failing(contractSuite(plugin, { entry: loud }))).toEqual([title]);
    expect(await failing(contractSuite(plugin, { entry: quiet }))).toEqual([]);
  });
});

test('the fake clock runs what comes due, in order, and nothing by itself', () => {
  const clock = fakeClock(1_000);
  const seen: (readonly [string, number])[] = [];
  const note = (name: string) => () => void seen.push([name, clock.now()]);
  clock.after(20, note('b'));
  clock.after(10, () => {
    note('a')();
    clock.after(5, note('nested'));
  });
  const off = clock.after(15, note('taken off'));
  off();
  clock.advance(9);
  expect(seen).toEqual([]);
  clock.advance(11);
  expect(seen).toEqual([
    ['a', 1_010],
    ['nested', 1_015],
    ['b', 1_020],
  ]);
  expect(clock.now()).toBe(1_020);
  expect(clock.pending()).toBe(0);
});
