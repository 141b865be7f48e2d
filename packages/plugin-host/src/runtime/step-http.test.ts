import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallSpec, ItemOutcome } from '@plugboard/engine';
import { defineNode, definePlugin, StepFailure } from '@plugboard/sdk';
import type { Effects, HttpResponse, JsonObject, StepCtx } from '@plugboard/sdk';
import { createPluginHost, pluginEntry } from '../index.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let base: string;
let seen: Seen[];
let handle: (request: Seen, response: ServerResponse, raw: IncomingMessage) => void;

beforeEach(async () => {
  seen = [];
  handle = (_, response) => response.end();
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(one);
      handle(one, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Options {
  readonly effects?: Effects;
  readonly rejected?: readonly string[];
  readonly constants?: JsonObject;
  readonly deadlineMs?: number;
  readonly graceMs?: number;
  readonly send?: typeof fetch;
}

/** What became of one item whose step does `run`. */
async function outcome(run: (ctx: StepCtx) => Promise<unknown>, options: Options = {}): Promise<ItemOutcome> {
  const node = defineNode({
    id: 'x',
    version: 1,
    title: 'X',
    group: 'G',
    per: 'item',
    params: {},
    effects: options.effects ?? 'write',
    ...(options.rejected !== undefined && { rejected: options.rejected }),
    run: async ({ ctx }) => ((await run(ctx)) ?? {}) as JsonObject,
  });
  const entry = pluginEntry(definePlugin({ id: 't', title: 'T', nodes: [node] }));
  const host = createPluginHost({ entries: [entry], graceMs: options.graceMs ?? 5_000 });
  const outcomes: ItemOutcome[] = [];
  const spec: CallSpec = {
    call: 1,
    type: 't/x',
    version: 1,
    node: { id: 'n', name: 'N' },
    now: '2026-01-01T00:00:00.000Z',
    attempt: 1,
    concurrency: 10,
    run: { id: 'run', workflowId: 'w', workflowName: 'W', workspaceId: 's', version: 1, environment: 'live' },
    deadlineMs: options.deadlineMs ?? 0,
    constants: options.constants ?? {},
    inputs: { main: [{ i: 0, json: {}, key: 'item-key' }] },
  };
  const sink = {
    outcomes: (some: readonly ItemOutcome[]) => void outcomes.push(...some),
    log: () => undefined,
    rpc: () => Promise.reject(new Error('none')),
    fetch: options.send ?? fetch,
  };
  expect(await host.call(spec, sink, new AbortController().signal)).toEqual({ ok: true });
  const [first] = outcomes;
  if (first === undefined) throw new Error('The item has no outcome.');
  return first;
}

const answered = (json: JsonObject): object => ({ ok: [{ item: { json } }] });

describe('ctx.http', () => {
  test('sends query, headers and JSON, and reads JSON', async () => {
    handle = (_, response) => response.setHeader('content-type', 'application/json; charset=utf-8').end('{"a":{"__proto__":1,"b":2}}');
    const result = await outcome(async ({ http }) => {
      const { status, data } = await http.post(`${base}/p?a=1`, {
        query: { b: [1, 2], c: undefined, d: true },
        headers: { 'x-a': 'y' },
        json: { z: null },
      });
      return { status, data };
    });
    expect(result).toMatchObject(answered({ status: 200, data: { a: { b: 2 } } }));
    expect(seen).toMatchObject([
      { method: 'POST', url: '/p?a=1&b=1&b=2&d=true', headers: { 'content-type': 'application/json', 'x-a': 'y' }, body: '{"z":null}' },
    ]);
  });

  test('sends forms and reads text, bytes, and pages that claim to be JSON', async () => {
    handle = ({ url }, response) => response.setHeader('content-type', url === '/lies' ? 'application/json' : 'text/plain').end('<p>');
    const result = await outcome(async ({ http }) => {
      const text = await http.put(`${base}/`, { form: { a: 'x y', b: 1 } });
      const bytes = await http.get(`${base}/`, { as: 'bytes' });
      const lies = await http.get(`${base}/lies`);
      return { text: text.data, bytes: [...(bytes.bytes ?? [])], lies: lies.data };
    });
    expect(result).toMatchObject(answered({ text: '<p>', bytes: [60, 112, 62], lies: '<p>' }));
    expect(seen[0]?.body).toBe('a=x+y&b=1');
  });

  const statuses: readonly (readonly [status: number, headers: { readonly [name: string]: string }, error: object])[] = [
    [400, {}, { code: 'HTTP_400', kind: 'rejected', status: 400 }],
    [401, {}, { code: 'HTTP_401', kind: 'auth' }],
    [403, {}, { code: 'HTTP_403', kind: 'auth' }],
    [404, { 'x-request-id': 'abc' }, { code: 'HTTP_404', kind: 'rejected', requestId: 'abc', data: { body: 'why' } }],
    [429, { 'retry-after': '1.5' }, { code: 'HTTP_429', kind: 'rate_limited', retryAfterMs: 1_500 }],
    [429, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, { kind: 'rate_limited', retryAfterMs: 0 }],
    [500, {}, { code: 'HTTP_500', kind: 'unavailable', status: 500 }],
    [503, { 'retry-after': '2' }, { kind: 'unavailable', retryAfterMs: 2_000 }],
  ];
  test.each(statuses)('%i %j is an error that says what a retry may do', async (status, headers, error) => {
    handle = (_, response) => response.writeHead(status, headers).end('why');
    const result = await outcome(({ http }) => http.post(`${base}/secret?token=t`));
    expect(result).toMatchObject({ error });
    // An answer came, so nothing is unknown; and what may be secret is not told.
    expect(result).not.toHaveProperty('unknown');
    expect('error' in result && result.error.message).not.toContain('token');
  });

  test('hands error answers back when asked to', async () => {
    handle = (_, response) => response.writeHead(404, { 'content-type': 'application/json' }).end('{"no":1}');
    const result = await outcome(async ({ http }) => {
      const { status, data } = await http.get(base, { throwOnStatus: false });
      return { status, data };
    });
    expect(result).toMatchObject(answered({ status: 404, data: { no: 1 } }));
  });

  test('a refused connection and an unknown host are proof that nothing was applied', async () => {
    await new Promise((resolve) => server.close(resolve));
    const refused = await outcome(({ http }) => http.post(base));
    expect(refused).toEqual({ i: 0, error: expect.objectContaining({ code: 'CONNECTION_REFUSED', kind: 'rejected' }) });
    const noHost = await outcome(({ http }) => http.post('http://no-such-host.invalid/'));
    expect(noHost).toEqual({ i: 0, error: expect.objectContaining({ code: 'HOST_NOT_FOUND', kind: 'rejected' }) });
  });

  test('a connection that breaks after the request leaves a write unknown, a read not', async () => {
    handle = (_, __, raw) => raw.socket.destroy();
    expect(await outcome(({ http }) => http.post(base))).toMatchObject({
      error: { code: 'CONNECTION_LOST', kind: 'unavailable' },
      unknown: true,
    });
    expect(await outcome(({ http }) => http.get(base))).not.toHaveProperty('unknown');
    expect(await outcome(({ http }) => http.post(base), { effects: 'read' })).not.toHaveProperty('unknown');
  });

  test('a time limit leaves a write unknown', async () => {
    handle = () => undefined;
    const result = await outcome(({ http }) => http.post(base, { timeoutMs: 500 }));
    expect(result).toMatchObject({ error: { code: 'HTTP_TIMEOUT', kind: 'timeout' }, unknown: true });
  });

  test("the step's own time limit aborts the request and leaves a write unknown", async () => {
    handle = () => undefined;
    const result = await outcome(({ http }) => http.post(base), { deadlineMs: 500 });
    expect(result).toMatchObject({ error: { code: 'STEP_TIMEOUT', kind: 'timeout' }, unknown: true });
  });

  test('a write in flight when the step is abandoned is unknown, even if the transport ignores the abort', async () => {
    const deaf = (): Promise<Response> => new Promise(() => undefined);
    expect(await outcome(({ http }) => http.post(base), { deadlineMs: 200, graceMs: 5, send: deaf })).toMatchObject({
      error: { code: 'STEP_TIMEOUT' },
      unknown: true,
    });
    expect(await outcome(({ http }) => http.get(base), { deadlineMs: 200, graceMs: 5, send: deaf })).not.toHaveProperty('unknown');
  });

  test('a refused second write after an acknowledged first one leaves the item unknown', async () => {
    const result = await outcome(async ({ http }) => {
      await http.post(base);
      await http.post('http://no-such-host.invalid/');
    });
    expect(result).toMatchObject({ error: { code: 'HOST_NOT_FOUND' }, unknown: true });
  });

  test('a code the type lists as proof is believed', async () => {
    handle = (_, __, raw) => raw.socket.destroy();
    const run = async ({ http }: StepCtx): Promise<never> => {
      await http.post(base).catch(() => undefined);
      throw new StepFailure('DECLINED', 'x', { kind: 'rejected' });
    };
    expect(await outcome(run)).toHaveProperty('unknown', true);
    expect(await outcome(run, { rejected: ['DECLINED'] })).not.toHaveProperty('unknown');
  });

  test('answers are read up to their limit only', async () => {
    handle = (_, response) => response.end('x'.repeat(1_000));
    expect(await outcome(({ http }) => http.get(base, { maxBytes: 999 }))).toMatchObject({ error: { code: 'RESPONSE_TOO_LARGE' } });
  });

  describe('answers that are JSON', () => {
    const answerWith = (body: string): void => {
      handle = (_, response) => response.setHeader('content-type', 'application/json').end(body);
    };

    test.each([
      ['nest too deep', '['.repeat(2_000_000)],
      ['have too many members', `{${Array.from({ length: 100_001 }, (_, i) => `"k${i}":1`).join(',')}}`],
      ['hold too many values', `[${'{},'.repeat(2_000_000)}{}]`],
    ])('are refused when they %s', async (_, body) => {
      answerWith(body);
      const error = { code: 'ANSWER_TOO_COMPLEX', kind: 'input' };
      expect(await outcome(({ http }) => http.get(base))).toMatchObject({ error });
      expect(await outcome(({ http }) => http.get(base, { as: 'json' }))).toMatchObject({ error });
      expect(await outcome(async ({ http }) => void (await http.get(base, { as: 'text' })))).not.toHaveProperty('error');
    });

    test('may hold as many values as the step allows', async () => {
      answerWith('[1,2,3]');
      expect(await outcome(({ http }) => http.get(base, { maxValues: 3 }))).toMatchObject({ error: { code: 'ANSWER_TOO_COMPLEX' } });
      expect(await outcome(async ({ http }) => ({ data: (await http.get(base, { maxValues: 4 })).data }))).toMatchObject(
        answered({ data: [1, 2, 3] }),
      );
    });

    test('are read in slices when they are large, so that others get their turn', async () => {
      answerWith(`[${'{"a":{}},'.repeat(300_000)}{}]`);
      let turns = 0;
      let isReading = false;
      const turn = (): void => {
        if (!isReading) return;
        turns++;
        setImmediate(turn);
      };
      const result = await outcome(async ({ http }) => {
        const send = http.get(base);
        isReading = true;
        turn();
        const { data } = await send;
        isReading = false;
        return { count: (data as readonly unknown[]).length };
      });
      expect(result).toMatchObject(answered({ count: 300_001 }));
      expect(turns).toBeGreaterThan(5);
    });
  });
});

describe('a request that cannot be sent', () => {
  const withHeader = (name: string, value: string) => ({ headers: { [name]: value } });
  test.each([
    ['another protocol', 'ftp://x/', {}, 'URL_INVALID'],
    ['no address', 'nonsense', {}, 'URL_INVALID'],
    ['a file', 'file:///etc/passwd', {}, 'URL_INVALID'],
    ['data in the address', 'data:text/plain,x', {}, 'URL_INVALID'],
    ['a broken host', 'http://[', {}, 'URL_INVALID'],
    ['a user in the address', 'http://user:password@127.0.0.1/', {}, 'URL_INVALID'],
    ['a port of another protocol', 'http://127.0.0.1:25/', {}, 'PORT_BLOCKED'],
    ['a header of the connection', undefined, withHeader('Connection', 'upgrade'), 'HEADER_NOT_ALLOWED'],
    ['a protocol change', undefined, withHeader('Upgrade', 'websocket'), 'HEADER_NOT_ALLOWED'],
    ['a length', undefined, withHeader('Content-Length', '3'), 'HEADER_NOT_ALLOWED'],
    ['another encoding of the transfer', undefined, withHeader('transfer-encoding', 'chunked'), 'HEADER_NOT_ALLOWED'],
    ['an expectation', undefined, withHeader('Expect', '100-continue'), 'HEADER_NOT_ALLOWED'],
    ['a header of two lines', undefined, withHeader('x-a', 'a\r\nb: c'), 'HEADER_INVALID'],
    ['a header with other letters', undefined, withHeader('x-a', '\u20ac'), 'HEADER_INVALID'],
    ['a header name with a space', undefined, withHeader('x a', 'y'), 'HEADER_INVALID'],
    ['a method that is none', undefined, { method: 'GET /' }, 'METHOD_INVALID'],
    ['a method that is not for steps', undefined, { method: 'connect' }, 'METHOD_INVALID'],
    ['a body on GET', undefined, { method: 'GET', json: {} }, 'REQUEST_INVALID'],
  ])('because of %s is refused before anything leaves', async (_, url, options, code) => {
    const result = await outcome(({ http }) => http.request({ url: url ?? base, method: 'POST', ...options }));
    expect(result).toEqual({ i: 0, error: expect.objectContaining({ code, kind: 'input' }) });
    expect(seen).toEqual([]);
  });

  test.each([
    ['an address', 'http://user:password@127.0.0.1/', {}, 'URL_INVALID'],
    ['a port', 'http://127.0.0.1:9/', {}, 'PORT_BLOCKED'],
    ['a method', 'http://127.0.0.1:1234/', { method: 'TRACE' }, 'METHOD_INVALID'],
  ])('over ctx.fetch because of %s is refused as well', async (_, url, init, code) => {
    const result = await outcome(({ fetch: send }) => send(url, { method: 'POST', ...init }));
    expect(result).toEqual({ i: 0, error: expect.objectContaining({ code, kind: 'input' }) });
  });

  test('counts as not sent when the transport refuses it, but not when its body was on its way', async () => {
    const refusing = (): Promise<Response> => Promise.reject(new TypeError('fetch failed', { cause: new Error('bad port') }));
    expect(await outcome(({ http }) => http.post(base), { send: refusing })).toEqual({
      i: 0,
      error: expect.objectContaining({ code: 'REQUEST_INVALID', kind: 'input', message: 'The request cannot be made: bad port.' }),
    });
    const body = (): ReadableStream => new Blob(['x']).stream();
    expect(
      await outcome(({ fetch: send }) => send(base, { method: 'POST', body: body(), duplex: 'half' } as RequestInit), { send: refusing }),
    ).toHaveProperty('unknown', true);
  });

  test('may have left when the error has a code of the network, whatever it is', async () => {
    const broken = (): Promise<Response> =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'HPE_INVALID_CONSTANT' }) }));
    expect(await outcome(({ http }) => http.post(base), { send: broken })).toMatchObject({
      error: { code: 'CONNECTION_LOST' },
      unknown: true,
    });
  });

  test('headers of the connection that a library sets are left out', async () => {
    const result = await outcome(async ({ fetch: send }) => {
      const answer = await send(base, {
        method: 'POST',
        body: 'abc',
        headers: { connection: 'keep-alive', 'content-length': '3', 'x-a': 'y' },
      });
      return { status: answer.status };
    });
    expect(result).toMatchObject(answered({ status: 200 }));
    expect(seen).toMatchObject([{ body: 'abc', headers: { 'x-a': 'y' } }]);
  });
});

describe('redirects', () => {
  test('are followed as the fetch standard has it', async () => {
    handle = ({ url }, response) => {
      if (url === '/303') response.writeHead(303, { location: '/end' }).end();
      else if (url === '/307') response.writeHead(307, { location: '/end' }).end();
      else response.end('end');
    };
    await outcome(async ({ http }) => {
      await http.post(`${base}/303`, { json: 1 });
      await http.post(`${base}/307`, { json: 2 });
    });
    expect(seen.map(({ method, url, body }) => `${method} ${url} ${body}`)).toEqual([
      'POST /303 1',
      'GET /end ',
      'POST /307 2',
      'POST /end 2',
    ]);
    expect(seen[1]?.headers).not.toHaveProperty('idempotency-key');
    expect(seen[3]?.headers['idempotency-key']).toBe(seen[2]?.headers['idempotency-key']);
  });

  test('to a host that refuses are no proof, because the first one had the request', async () => {
    handle = (_, response) => response.writeHead(303, { location: 'http://no-such-host.invalid/' }).end();
    expect(await outcome(({ http }) => http.post(base))).toMatchObject({ error: { code: 'HOST_NOT_FOUND' }, unknown: true });
    expect(await outcome(({ fetch: send }) => send(base, { method: 'POST' }))).toMatchObject({
      error: { code: 'HOST_NOT_FOUND' },
      unknown: true,
    });
  });

  test('do not take secrets to another origin', async () => {
    const arrived: IncomingMessage['headers'][] = [];
    const other = createServer((request, response) => {
      arrived.push(request.headers);
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    handle = (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${(other.address() as AddressInfo).port}/` }).end();
    const secret = ['authorization', 'cookie', 'x-api-key', 'apikey', 'x-auth-token', 'private-token', 'idempotency-key'];
    const headers = { 'x-plain': 'y', ...Object.fromEntries(secret.map((name) => [name, 'x'])) };
    await outcome(({ http }) => http.get(base, { headers }));
    await outcome(({ fetch: send }) => send(base, { headers }));
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    expect(seen[0]?.headers).toMatchObject(headers);
    expect(arrived).toHaveLength(2);
    for (const one of arrived) {
      expect(one).toHaveProperty('x-plain', 'y');
      for (const name of secret) expect(one).not.toHaveProperty(name);
    }
  });

  test.each([
    'data:text/plain,x',
    'file:///etc/passwd',
    'blob:http://127.0.0.1/x',
    'http://[',
    'http://u:p@127.0.0.1/',
    'http://127.0.0.1:25/',
  ])('to %s are not followed', async (location) => {
    handle = (_, response) => response.writeHead(302, { location }).end();
    const expected = { i: 0, error: expect.objectContaining({ code: 'REDIRECT_INVALID', kind: 'input' }) };
    expect(await outcome(({ http }) => http.get(base))).toEqual(expected);
    expect(await outcome(({ http }) => http.post(base))).toEqual(expected);
    expect(await outcome(({ fetch: send }) => send(base))).toEqual(expected);
  });

  test('are an error for libraries that want none', async () => {
    handle = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    const result = await outcome(({ fetch: send }) => send(base, { redirect: 'error' }));
    expect(result).toMatchObject({ error: { message: 'fetch failed' } });
    expect(seen).toHaveLength(1);
  });

  test('end after their limit', async () => {
    handle = (_, response) => response.writeHead(302, { location: '/again' }).end();
    expect(await outcome(({ http }) => http.get(base, { redirects: 3 }))).toMatchObject({ error: { code: 'TOO_MANY_REDIRECTS' } });
    expect(seen).toHaveLength(4);
  });

  test.each(['GET', 'POST'])('of %s are handed back to those who follow none', async (method) => {
    handle = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end('moved');
    const answers: HttpResponse[] = [];
    const result = await outcome(async ({ http }) => {
      answers.push(await http.request({ url: base, method, redirects: 0 }));
    });
    expect(result).not.toHaveProperty('error');
    expect(answers).toMatchObject([{ status: 302, headers: { location: '/elsewhere' }, data: 'moved' }]);
    expect(seen).toHaveLength(1);
  });
});

describe('idempotency keys', () => {
  const keys = (): readonly unknown[] => seen.map(({ headers }) => headers['idempotency-key']);

  test('every write has one, equal requests are told apart, and another attempt repeats them', async () => {
    const run = async ({ http, fetch: send }: StepCtx): Promise<void> => {
      await http.get(base);
      await http.post(`${base}/a?nonce=${Math.random()}`);
      await http.post(`${base}/a`);
      await send(`${base}/a`, { method: 'PUT', body: 'x' });
    };
    await outcome(run);
    await outcome(run);
    const [first, second] = [keys().slice(0, 4), keys().slice(4)];
    expect(second).toEqual(first);
    expect(first[0]).toBeUndefined();
    expect(new Set(first.slice(1)).size).toBe(3);
    for (const key of first.slice(1)) expect(key).toMatch(/^item-key\.[\w-]{16}$/);
  });

  test('the author may name one', async () => {
    await outcome(async (ctx) => {
      await ctx.http.post(base, { idempotencyKey: ctx.idempotencyKey });
      await ctx.fetch(base, { method: 'POST', idempotencyKey: ctx.key('mine') });
      await ctx.http.post(base, { headers: { 'Idempotency-Key': 'own' } });
    });
    expect(keys()).toEqual(['item-key', 'item-key.mine', 'own']);
  });
});

test('ctx.fetch is the fetch of the standard, and libraries may call it on its own', async () => {
  handle = ({ body }, response) => response.end(`got ${body}`);
  const result = await outcome(async ({ fetch: send }) => {
    const plain = await send(new Request(`${base}/a`, { method: 'POST', body: 'x' }));
    const stream = await send(base, { method: 'POST', body: new Blob(['y']).stream(), duplex: 'half' } as RequestInit);
    return { plain: await plain.text(), stream: await stream.text() };
  });
  expect(result).toMatchObject(answered({ plain: 'got x', stream: 'got y' }));
});

test('at most 32 requests of a call are open at once', async () => {
  const waiting: ServerResponse[] = [];
  let most = 0;
  handle = (_, response) => {
    most = Math.max(most, waiting.push(response));
    if (seen.length < 40 && waiting.length < 32) return;
    for (const one of waiting.splice(0)) one.end();
  };
  await outcome(({ http }) => Promise.all(Array.from({ length: 64 }, () => http.get(base))));
  expect(seen).toHaveLength(64);
  expect(most).toBe(32);
});
