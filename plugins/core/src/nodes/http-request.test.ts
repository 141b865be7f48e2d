import type { JsonObject } from '@plugboard/sdk';
import { connectionError } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const URL_OF = 'https://api.example.com/orders';
const FULL_URL = `${URL_OF}?page=2&tag=a&tag=b`;

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const call = (params: Params, answer: () => unknown = () => ({ ok: true })) =>
  both(
    step('http-request')
      .params({ url: URL_OF, ...params })
      .items([{ n: 1 }])
      .respond('https://api.example.com/*', answer),
  );

describe('http-request', () => {
  test('reads with query and headers, without a key, and the answer becomes the item', async () => {
    const run = await call({ query: { page: 2, tag: ['a', 'b'], none: null }, headers: { 'X-Trace': 't1' } });
    expect(run.items).toEqual([{ ok: true }]);
    expect(run.requests).toHaveLength(1);
    expect(run.requests[0]).toMatchObject({ method: 'GET', url: FULL_URL, body: '' });
    expect(run.requests[0]?.headers['x-trace']).toBe('t1');
    expect(run.requests[0]?.headers['idempotency-key']).toBeUndefined();
  });

  test("writes JSON with the item's idempotency key", async () => {
    const run = await call({ method: 'POST', body: { run: 'r1', call: 1 } });
    expect(run.requests[0]).toMatchObject({ method: 'POST', body: '{"run":"r1","call":1}' });
    expect(run.requests[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': 'key-0' });
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s carries a key of your own instead when you give one', async (method) => {
    const run = await call({ method, headers: { 'idempotency-KEY': 'mine' } });
    expect(run.requests[0]?.headers['idempotency-key']).toBe('mine');
  });

  test.each([
    [{ bodyKind: 'form', body: { a: 1, b: 'x y', c: null } }, 'a=1&b=x+y', 'application/x-www-form-urlencoded'],
    [{ bodyKind: 'text', body: '<a/>', headers: { 'Content-Type': 'application/xml' } }, '<a/>', 'application/xml'],
    [{ bodyKind: 'json', body: null }, 'null', 'application/json'],
    [{ bodyKind: 'json', body: 'text' }, '"text"', 'application/json'],
    [{ bodyKind: 'none', body: { a: 1 } }, '', undefined],
    [{}, '', undefined],
  ] as const)('sends the body of %j', async (params, body, type) => {
    const [request] = (await call({ method: 'POST', ...params })).requests;
    expect(request?.body).toBe(body);
    expect(request?.headers['content-type']).toBe(type);
  });

  test.each([
    [{ bodyKind: 'text', body: { a: 1 } }, 'BODY_NOT_TEXT'],
    [{ bodyKind: 'form', body: ['a'] }, 'BODY_NOT_A_FORM'],
    [{ bodyKind: 'multipart', body: 'a' }, 'BODY_NOT_A_FORM'],
    [{ bodyKind: 'multipart', body: { a: [1] } }, 'VALUE_NOT_SCALAR'],
    [{ bodyKind: 'form', body: { a: { b: 1 } } }, 'VALUE_NOT_SCALAR'],
    [{ query: { a: { b: 1 } } }, 'VALUE_NOT_SCALAR'],
    [{ headers: { 'bad name': 'x' } }, undefined],
  ] as const)('%j is refused before anything is sent', async (params, code) => {
    const run = await call({ method: 'POST', ...params });
    expect(run.requests).toEqual([]);
    expect(run.errors).toHaveLength(1);
    if (code !== undefined) expect(codes(run)).toEqual([code]);
  });

  test('puts what is no object into the field data', async () => {
    expect((await call({}, () => [1, { a: 2 }])).items).toEqual([{ data: [1, { a: 2 }] }]);
    expect((await call({}, () => new Response('hello'))).items).toEqual([{ data: 'hello' }]);
    expect((await call({}, () => Response.json(7))).items).toEqual([{ data: 7 }]);
    expect((await call({}, () => new Response(null, { status: 204 }))).items).toEqual([{}]);
  });

  test('gives an item for each entry of a list when asked to', async () => {
    expect((await call({ splitArray: true }, () => [1, { a: 2 }])).items).toEqual([{ data: 1 }, { a: 2 }]);
    expect((await call({ splitArray: true }, () => [])).items).toEqual([]);
  });

  test('gives status, headers and body when asked to', async () => {
    const run = await call({ full: true, failOnStatus: false }, () =>
      Response.json({ error: 'gone' }, { status: 410, headers: { 'X-A': '1' } }),
    );
    expect(run.items).toEqual([{ status: 410, headers: { 'content-type': 'application/json', 'x-a': '1' }, body: { error: 'gone' } }]);
  });

  test('reads the answer as told', async () => {
    expect((await call({ answer: 'text' }, () => ({ a: 1 }))).items).toEqual([{ data: '{"a":1}' }]);
    expect((await call({ answer: 'json' }, () => new Response('{"a":1}'))).items).toEqual([{ a: 1 }]);
    expect(codes(await call({ answer: 'json' }, () => new Response('<html>')))).toEqual(['RESPONSE_NOT_JSON']);
  });

  test.each([
    [400, 'rejected'],
    [401, 'auth'],
    [404, 'rejected'],
    [500, 'unavailable'],
  ])('the status %i is an error of the kind %s', async (status, kind) => {
    const run = await call({ method: 'POST' }, () => new Response('why', { status }));
    expect(run.errors.map(({ error }) => ({ code: error.code, kind: error.kind, status: error.status }))).toEqual([
      { code: `HTTP_${status}`, kind, status },
    ]);
  });

  test('passes on how long a busy service asks to wait', async () => {
    const run = await call({}, () => new Response('', { status: 429, headers: { 'Retry-After': '7' } }));
    expect(run.errors[0]?.error).toMatchObject({ code: 'HTTP_429', kind: 'rate_limited', retryAfterMs: 7_000 });
  });

  test('a write whose connection broke is unknown; one that was refused, or a read, is not', async () => {
    const broken = (code: 'ECONNRESET' | 'ECONNREFUSED') => () => Promise.reject(connectionError(code));
    expect((await call({ method: 'POST' }, broken('ECONNRESET'))).errors[0]).toMatchObject({
      isUnknown: true,
      error: { kind: 'unavailable' },
    });
    expect((await call({ method: 'POST' }, broken('ECONNREFUSED'))).errors[0]).toMatchObject({
      isUnknown: false,
      error: { kind: 'rejected' },
    });
    expect((await call({ method: 'GET' }, broken('ECONNRESET'))).errors[0]).toMatchObject({
      isUnknown: false,
      error: { kind: 'unavailable' },
    });
  });

  test('gives up after its time limit', async () => {
    const run = await call({ method: 'POST', timeoutMs: 1 }, () => new Promise(() => undefined));
    expect(run.errors[0]).toMatchObject({ isUnknown: true, error: { code: 'HTTP_TIMEOUT', kind: 'timeout' } });
  });

  test.each(['GET', 'POST'])('follows redirects of %s, and takes them for the answer when told not to', async (method) => {
    const given = step('http-request')
      .items([{}])
      .respond(URL_OF, () => new Response(null, { status: 307, headers: { Location: 'https://api.example.com/elsewhere' } }))
      .respond('https://api.example.com/elsewhere', () => ({ there: true }));
    const followed = await both(given.params({ url: URL_OF, method }));
    expect(followed.items).toEqual([{ there: true }]);
    const seen = await both(given.params({ url: URL_OF, method, followRedirects: false, full: true }));
    expect(seen.items).toMatchObject([{ status: 307, headers: { location: 'https://api.example.com/elsewhere' } }]);
    expect(seen.requests.map(({ url }) => url)).toEqual([URL_OF]);
  });

  test('keeps every item apart: one failure is one failure', async () => {
    const given = step('http-request')
      .params({ method: 'POST', url: (json) => `${URL_OF}/${String(json['id'])}` })
      .items([{ id: 1 }, { id: 2 }, { id: 3 }])
      .respond(`${URL_OF}/*`, ({ url, headers }) =>
        url.endsWith('/2') ? new Response('', { status: 404 }) : { key: headers['idempotency-key'] ?? null },
      );
    const run = await both(given, { concurrency: 1 });
    expect(run.items).toEqual([{ key: 'key-0' }, { key: 'key-2' }]);
    expect(run.errors.map(({ i, error }) => [i, error.code])).toEqual([[1, 'HTTP_404']]);
  });

  test('the key __proto__ in an answer reaches nothing', async () => {
    await call({}, () => new Response('{"__proto__":{"polluted":1},"a":1}', { headers: { 'Content-Type': 'application/json' } }));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('a form in parts', () => {
  const send = (body: Params[string], headers: { [name: string]: string } = {}) =>
    call({ method: 'POST', bodyKind: 'multipart', body, headers });

  test('is read as what was written, with the same bytes in every attempt', async () => {
    const given = { 'na"me\r\nX: 1': 'a"b', n: 1, text: 'l1\r\nl2 ü', none: null };
    const runs = [await send(given, { 'content-type': 'text/plain' }), await send(given)];
    const [request, again] = runs.map((run) => run.requests[0]);
    expect(again?.body).toBe(request?.body);
    expect(request?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=plugboard-[0-9a-f]{40}$/);
    const form = await new Response(request?.body, { headers: { 'content-type': request?.headers['content-type'] ?? '' } }).formData();
    expect([...form]).toEqual([
      ['na"me\r\nX: 1', 'a"b'],
      ['n', '1'],
      ['text', 'l1\r\nl2 ü'],
    ]);
  });
});

describe('pages', () => {
  const ALL = Array.from({ length: 7 }, (_, n) => ({ n }));
  const numbers = (run: { readonly items: readonly JsonObject[] }) => run.items.map(({ n }) => n);
  const query = (url: string) => new URL(url).searchParams;

  test('counts pages up until one is empty', async () => {
    const run = await both(
      step('http-request')
        .params({ url: `${URL_OF}?q=x`, pages: 'page', pageSizeParam: 'limit', pageSize: 3, query: { sort: 'n' } })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => ALL.slice((Number(query(url).get('page')) - 1) * 3).slice(0, 3)),
    );
    expect(numbers(run)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(run.requests.map(({ url }) => new URL(url).search)).toEqual([1, 2, 3, 4].map((page) => `?q=x&sort=n&limit=3&page=${page}`));
  });

  test('counts what came and not what was asked for', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'offset', pageSizeParam: 'limit', pageSize: 100, pageParam: 'skip', pageList: 'data.list' })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => ({ data: { list: ALL.slice(Number(query(url).get('skip'))).slice(0, 2) } })),
    );
    expect(numbers(run)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(run.requests.map(({ url }) => query(url).get('skip'))).toEqual(['0', '2', '4', '6', '7']);
  });

  test.each([null, '', false, undefined])('follows cursors until the answer holds %j', async (end) => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'cursor', pageParam: 'after', nextPath: 'meta.next', pageList: 'list' })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => {
          const at = Number(query(url).get('after') ?? 0);
          return { list: ALL.slice(at, at + 3), meta: at + 3 < 7 ? { next: String(at + 3) } : end === undefined ? {} : { next: end } };
        }),
    );
    expect(numbers(run)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(run.requests.map(({ url }) => query(url).get('after'))).toEqual([null, '3', '6']);
  });

  test('follows addresses in answers and in Link headers, relative ones too, with the headers of the author', async () => {
    const next = (url: string): string | undefined => {
      const at = Number(query(url).get('at') ?? 0) + 3;
      return at < 7 ? `/orders?at=${at}` : undefined;
    };
    const part = (url: string) => ALL.slice(Number(query(url).get('at') ?? 0)).slice(0, 3);
    const given = step('http-request').items([{}]);
    const byBody = await both(
      given
        .params({ url: URL_OF, pages: 'next-url', pageList: 'list', query: { only: 'first' }, headers: { Authorization: 'Bearer t' } })
        .respond(`${URL_OF}*`, ({ url }) => ({ list: part(url), next: next(url) ?? null })),
    );
    expect(numbers(byBody)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(byBody.requests.map(({ url }) => new URL(url).search)).toEqual(['?only=first', '?at=3', '?at=6']);
    expect(byBody.requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer t', 'Bearer t', 'Bearer t']);
    const byHeader = await both(
      given.params({ url: URL_OF, pages: 'link' }).respond(`${URL_OF}*`, ({ url }) =>
        Response.json(part(url), {
          headers: {
            Link: `<${URL_OF}>; rel="first", <${next(url) ?? ''}>; title="a, b"; rel="${next(url) === undefined ? 'none' : 'last next'}"`,
          },
        }),
      ),
    );
    expect(numbers(byHeader)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('does not take headers to another host', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'next-url', pageList: 'list' })
        .items([{}])
        .respond(`${URL_OF}*`, () => ({ list: [1], next: 'https://evil.example/orders' })),
    );
    expect(codes(run)).toEqual(['PAGE_ELSEWHERE']);
    expect(run.requests).toHaveLength(1);
  });

  test('a service that gives the same page for ever does not keep the step, and says so', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'page' })
        .items([{}])
        .respond(`${URL_OF}*`, () => [{ n: 1 }]),
    );
    expect(numbers(run)).toEqual([1]);
    expect(run.requests).toHaveLength(2);
    expect(run.logs.map(({ level }) => level)).toEqual(['warn']);
  });

  test('a circle of cursors is an error', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'cursor', pageList: 'list' })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => ({ list: [1], next: query(url).get('cursor') === 'a' ? 'b' : 'a' })),
    );
    expect(codes(run)).toEqual(['PAGES_IN_A_CIRCLE']);
    expect(run.requests).toHaveLength(3);
  });

  test('stops after the most pages, with a line in the log', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'page', maxPages: 2 })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => [{ n: Number(query(url).get('page')) }]),
    );
    expect(numbers(run)).toEqual([1, 2]);
    expect(run.logs.map(({ message }) => message)).toEqual([
      'Stopped after 2 pages, and there are more. Allow more pages if you need them.',
    ]);
  });

  test('gives whole answers when asked to', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'page', full: true })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => (query(url).get('page') === '1' ? [1] : [])),
    );
    expect(run.items).toMatchObject([
      { status: 200, body: [1] },
      { status: 200, body: [] },
    ]);
  });

  test.each([
    [{ pages: 'page' }, { list: [] }, 'PAGE_NOT_A_LIST'],
    [{ pages: 'page', pageList: 'list' }, { list: 'x' }, 'PAGE_NOT_A_LIST'],
    [{ pages: 'cursor' }, { next: { a: 1 } }, 'PAGE_CURSOR'],
    [{ pages: 'next-url' }, { next: 'http://' }, 'PAGE_ADDRESS'],
    [{ pages: 'next-url' }, { next: 7 }, 'PAGE_ADDRESS'],
    [{ pages: 'next-url' }, { next: 'file:///etc/passwd' }, 'PAGE_ELSEWHERE'],
  ])('%j with the answer %j is the error %s', async (params, answer, code) => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, ...params })
        .items([{}])
        .respond(`${URL_OF}*`, () => answer),
    );
    expect(codes(run)).toEqual([code]);
  });

  test('pages that fill the memory are an error', async () => {
    const page = 'x'.repeat(15_000_000);
    const run = await step('http-request')
      .params({ url: URL_OF, pages: 'cursor', pageList: 'list' })
      .items([{}])
      .respond(`${URL_OF}*`, ({ url }) => ({ list: [page], next: `${query(url).get('cursor') ?? ''}n` }))
      .run({ transport: 'in-process' });
    expect(codes(run)).toEqual(['PAGES_TOO_LARGE']);
    expect(run.requests).toHaveLength(7);
  });

  test('a page that fails fails the item, and nothing half read goes on', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'page' })
        .items([{}])
        .respond(`${URL_OF}*`, ({ url }) => (query(url).get('page') === '2' ? new Response('', { status: 503 }) : [1])),
    );
    expect(run.items).toEqual([]);
    expect(run.errors[0]).toMatchObject({ isUnknown: false, error: { code: 'HTTP_503', kind: 'unavailable' } });
  });

  test('a Link header without end is read in time', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_OF, pages: 'link' })
        .items([{}])
        .respond(`${URL_OF}*`, () => Response.json([1], { headers: { Link: `<a>${';rel='.repeat(100_000)}` } })),
    );
    expect(run.items).toEqual([{ data: 1 }]);
  });
});

describe('a price per call', () => {
  const money = (run: { readonly rpcs: readonly { readonly op: string }[] }) => run.rpcs.filter(({ op }) => op.startsWith('money.'));
  const priced = (params: Params = {}) =>
    step('http-request')
      .params({ url: URL_OF, price: 0.002, ...params })
      .items([{}]);

  test('is reserved before each call and settled after it', async () => {
    const run = await both(
      priced({ pages: 'page' }).respond(`${URL_OF}*`, ({ url }) => (new URL(url).searchParams.get('page') === '1' ? [1] : [])),
    );
    expect(money(run)).toEqual(
      ['0', '1'].flatMap((of) => [
        { op: 'money.reserve', call: of, upTo: '2000000000' },
        { op: 'money.settle', call: of, cost: '2000000000' },
      ]),
    );
  });

  test.each([
    [404, { op: 'money.release', call: '0' }],
    [500, { op: 'money.settle', call: '0' }],
  ])('of an answer with the status %i is %j', async (status, last) => {
    expect(money(await both(priced().respond(URL_OF, () => new Response('', { status })))).at(-1)).toEqual(last);
  });

  test.each([
    [404, { op: 'money.settle', call: '0', cost: '0' }],
    [500, { op: 'money.settle', call: '0' }],
  ])('of an accepted answer with the status %i is %j', async (status, last) => {
    const run = await both(priced({ failOnStatus: false }).respond(URL_OF, () => new Response('', { status })));
    expect(money(run).at(-1)).toEqual(last);
  });

  test.each<Params>([{ price: 0 }, {}])('that is %j asks for no money', async (params) => {
    expect(money(await call(params))).toEqual([]);
  });
});
