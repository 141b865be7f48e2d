/** Webhooks as callers meet them: the contract's rows, the three ways to answer, and what is refused. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, type TestServer, aWorkflow, anEdge, contractFile, ended, openGate, startTestServer, until } from './test-server.ts';

interface Failure {
  readonly runId?: string;
  readonly error: { readonly code: string; readonly message: string };
}

let server: TestServer;
let gate: Gate;

beforeAll(async () => {
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', PLUGBOARD_BODY_LIMIT: '64 KiB' } });
  gate = await openGate();
  await server.publish(
    ...(await Promise.all(['echo', 'chain10', 'items', 'code', 'branches'].map(contractFile))),
    aWorkflow('See', { path: 'see' }, ['see', 'core/set', { keep: 'all', fields: {} }]),
    aWorkflow('See GET', { path: 'see', method: 'GET' }, ['see', 'core/set', { keep: 'all', fields: {} }]),
    aWorkflow('Item', { path: 'item/:id/parts/:part', method: 'GET' }, [
      'see',
      'core/set',
      { keep: 'none', fields: { params: '={{ $json.params }}' } },
    ]),
    aWorkflow('Item new', { path: 'item/new/parts/:part', method: 'GET' }, [
      'see',
      'core/set',
      { keep: 'none', fields: { is: 'the exact one' } },
    ]),
    aWorkflow('Wait', { path: 'wait' }, ['call', 'core/http-request', { url: gate.url, method: 'GET' }]),
  );
});

afterAll(async () => {
  await gate.close();
  await server.close();
});

async function runCount(workflow: string): Promise<number> {
  const { json } = await server.api<{ runs: unknown[] }>('GET', `/runs?limit=100&workflow=${encodeURIComponent(workflow)}`);
  return json.runs.length;
}

describe('rows of the contract', () => {
  test.each([
    ['echo', { name: 'Ada' }, { hello: 'Ada', length: 3 }],
    ['items', { count: 10_000 }, { count: 5000, sum: 166_616_670_000, max: 9998 }],
    ['code', { text: 'the quick brown fox' }, { words: 4, longest: 'quick' }],
  ])('%s answers 200 with exactly its result', async (name, body, expected) => {
    const answer = await server.hook(`contract/${name}`, body);
    expect([answer.status, answer.json]).toEqual([200, expected]);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  test('chain10 passes through ten steps', async () => {
    const { status, json } = await server.hook('contract/chain10', { n: 1 });
    expect(status).toBe(200);
    expect(json).toMatchObject({ n: 11, step10: 'after 10: 11' });
  });

  test('branches answers 202 at once; the run succeeds, the branch not taken is skipped, the join does not hang', async () => {
    const { status, json } = await server.hook<{ runId: string }>('contract/branches', { amount: 5 });
    expect(status).toBe(202);
    expect(Object.keys(json)).toEqual(['runId']);
    expect((await ended(server, json.runId)).status).toBe('succeeded');
    const run = await server.api<{ steps: { node: string; status: string }[] }>('GET', `/runs/${json.runId}`);
    expect(Object.fromEntries(run.json.steps.map((step) => [step.node, step.status]))).toEqual({
      hook: 'succeeded',
      kind: 'succeeded',
      large: 'skipped',
      small: 'succeeded',
      join: 'succeeded',
      stamp: 'succeeded',
    });
  });
});

describe('a webhook answered by its last step', () => {
  test('gives one item as its JSON, several as an array, none as an empty array', async () => {
    await server.publish(aWorkflow('Spread', { path: 'spread' }, ['list', 'core/split', { field: 'body.list' }]));
    expect((await server.hook('spread', { list: [{ a: 1 }] })).json).toEqual({ a: 1 });
    expect((await server.hook('spread', { list: [{ a: 1 }, { a: 2 }] })).json).toEqual([{ a: 1 }, { a: 2 }]);
    const none = await server.hook('spread', { list: [] });
    expect([none.status, none.json]).toEqual([200, []]);
  });

  test('gives the items of all end nodes that were not skipped, in node order', async () => {
    const workflow = aWorkflow('Fork', { path: 'fork' });
    const set = (id: string, is: string): object => ({
      id,
      type: 'core/set',
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params: { keep: 'none', fields: { is } } },
    });
    workflow.nodes.push(
      {
        id: 'if',
        type: 'core/if',
        position: { x: 0, y: 0 },
        data: { name: 'if', typeVersion: 1, params: { condition: '={{ $json.body.yes }}' } },
      },
      set('always', 'always'),
      set('yes', 'yes'),
      set('no', 'no'),
    );
    workflow.edges.push(anEdge('hook', 'if'), anEdge('hook', 'always'), anEdge('if', 'yes', 'true'), anEdge('if', 'no', 'false'));
    await server.publish(workflow);
    expect((await server.hook('fork', { yes: true })).json).toEqual([{ is: 'always' }, { is: 'yes' }]);
    expect((await server.hook('fork', { yes: false })).json).toEqual([{ is: 'always' }, { is: 'no' }]);
  });

  test('answers 500 with the run and the error, and nothing of the inside', async () => {
    await server.publish(
      aWorkflow('Fail', { path: 'fail' }, ['bad', 'core/code', { code: 'const secretLocal = 1; throw new Error("the ledger is closed")' }]),
    );
    const { status, json, text } = await server.hook<Failure>('fail', {});
    expect(status).toBe(500);
    expect(Object.keys(json).toSorted()).toEqual(['error', 'runId']);
    expect(Object.keys(json.error).toSorted()).toEqual(['code', 'message']);
    expect(json.error).toEqual({ code: 'CODE_THREW', message: 'A code step of the workflow failed.' });
    expect(text).not.toMatch(/ at |node_modules|file:|\.ts:|secretLocal|stack|ledger/);
    const run = await ended(server, json.runId ?? '');
    expect(run.status).toBe('failed');
    expect(run.error?.message).toContain('the ledger is closed');
  });

  test('tells the words of a Stop step, which its author wrote for whoever calls', async () => {
    await server.publish(
      aWorkflow('Stop', { path: 'stop' }, ['stop', 'core/stop', { message: '={{ "We are closed, " + $json.body.name }}' }]),
    );
    const { status, json } = await server.hook<Failure>('stop', { name: 'Ada' });
    expect([status, json.error]).toEqual([500, { code: 'STOPPED_BY_WORKFLOW', message: 'We are closed, Ada' }]);
  });

  test('an address that cannot be found is not told to callers, only to those who may look into the run', async () => {
    const url = 'http://intranet-billing.invalid/services/T0SECRET/xyzTOKEN';
    await server.publish(aWorkflow('Inside', { path: 'inside' }, ['call', 'core/http-request', { url, method: 'GET' }]));
    const { status, json, text } = await server.hook<Failure>('inside', {});
    expect(status).toBe(500);
    expect(text).not.toMatch(/intranet|T0SECRET|xyzTOKEN|url/i);
    expect((await ended(server, json.runId ?? '')).error?.message).toContain('intranet-billing.invalid');
  });
});

describe('a webhook answered by a Respond step', () => {
  const respond = (name: string, params: object): object =>
    aWorkflow(name, { path: name, reply: 'respond' }, ['answer', 'core/respond', params]);

  test('sends the status, headers and JSON the step names', async () => {
    await server.publish(respond('r-json', { status: 418, headers: { 'x-kind': 'tea' }, body: { short: '={{ $json.body.n + 1 }}' } }));
    const answer = await server.hook('r-json', { n: 1 });
    expect([answer.status, answer.json, answer.headers.get('x-kind')]).toEqual([418, { short: 2 }, 'tea']);
  });

  test('sends text as it is, as a page that can do nothing here', async () => {
    await server.publish(
      respond('r-text', { headers: { 'content-type': 'text/html' }, bodyKind: 'text', body: '<script>alert(1)</script>' }),
    );
    const answer = await server.hook('r-text', {});
    expect(answer.text).toBe('<script>alert(1)</script>');
    expect(answer.headers.get('content-type')).toBe('text/html');
    expect(answer.headers.get('content-security-policy')).toBe('sandbox');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('drops headers that would reach beyond the reply, and values that would add headers', async () => {
    await server.publish(
      respond('r-headers', {
        headers: {
          'Set-Cookie': 'a=1',
          'Content-Security-Policy': 'default-src *',
          'Strict-Transport-Security': 'max-age=1',
          'Clear-Site-Data': '"*"',
          'Service-Worker-Allowed': '/',
          'Access-Control-Allow-Origin': '*',
          'Transfer-Encoding': 'chunked',
          'Content-Length': '1',
          'Alt-Svc': 'h2="evil.example:443"',
          Refresh: '0; url=http://evil.example/',
          Link: '<http://evil.example/a.css>; rel=stylesheet',
          'WWW-Authenticate': 'Basic realm="log in"',
          'Content-Encoding': 'gzip',
          Date: 'Thu, 01 Jan 1970 00:00:00 GMT',
          'Cross-Origin-Resource-Policy': 'cross-origin',
          'X-Request-Id': 'chosen',
          'x-split': '={{ "a\\r\\nset-cookie: b=1" }}',
          'bad name': 'x',
          'x-good': 'kept',
        },
        body: { ok: true },
      }),
    );
    const { headers, json } = await server.hook('r-headers', {});
    expect(json).toEqual({ ok: true });
    expect(headers.get('x-good')).toBe('kept');
    expect(headers.get('content-security-policy')).toBe('sandbox');
    for (const name of [
      'set-cookie',
      'strict-transport-security',
      'clear-site-data',
      'service-worker-allowed',
      'access-control-allow-origin',
      'alt-svc',
      'refresh',
      'link',
      'www-authenticate',
      'content-encoding',
      'cross-origin-resource-policy',
      'x-split',
    ]) {
      expect(headers.get(name), name).toBeNull();
    }
    expect(headers.get('date')).not.toContain('1970');
    expect(headers.get('x-request-id')).not.toBe('chosen');
  });

  test.each([204, 205, 304])('%i goes out without a body, so that the next answer on the connection is read right', async (status) => {
    await server.publish(respond(`r-${status}`, { status, body: { never: 'sent' } }));
    const one = `POST /hooks/r-${status} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n`;
    const text = await server.raw(`${one}GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).not.toContain('never');
    expect(text).toContain('{"status":"ok"}');
  });

  test('answers 200 with the run when the step that would respond was skipped', async () => {
    const workflow = aWorkflow('Silent', { path: 'silent', reply: 'respond' }, ['if', 'core/if', { condition: false }]);
    workflow.nodes.push({
      id: 'answer',
      type: 'core/respond',
      position: { x: 0, y: 0 },
      data: { name: 'answer', typeVersion: 1, params: {} },
    });
    workflow.edges.push(anEdge('if', 'answer', 'true'));
    await server.publish(workflow);
    const { status, json } = await server.hook<{ runId: string }>('silent', {});
    expect([status, Object.keys(json)]).toEqual([200, ['runId']]);
    expect((await ended(server, json.runId)).status).toBe('succeeded');
  });

  test('answers before the steps after it have ended', async () => {
    await server.publish(
      aWorkflow(
        'Early',
        { path: 'early', reply: 'respond' },
        ['answer', 'core/respond', { body: { early: true } }],
        ['call', 'core/http-request', { url: gate.url, method: 'GET' }],
      ),
    );
    expect((await server.hook('early', {})).json).toEqual({ early: true });
    await until(
      () => gate.held,
      (held) => held > 0,
    );
    gate.letOne();
  });
});

describe('what steps may reach', () => {
  test('an address inside is refused by name, and what may be done about it is said to those who may look into the run', async () => {
    await server.publish(
      aWorkflow('Reach', { path: 'reach' }, ['call', 'core/http-request', { url: '={{ $json.body.url }}', method: 'POST' }]),
    );
    for (const url of ['http://169.254.169.254/latest/meta-data', 'http://[::1]:8022/', 'http://10.0.0.1/', 'http://[::ffff:a9fe:a9fe]/']) {
      const { status, json } = await server.hook<Failure>('reach', { url });
      expect([status, json.error.code], url).toEqual([500, 'EGRESS_DENIED']);
      expect(json.error.message).not.toMatch(/PLUGBOARD|\d+\.\d+|::/);
      expect((await ended(server, json.runId ?? '')).error?.message).toContain('PLUGBOARD_EGRESS_ALLOW');
    }
  });
});

describe('bodies', () => {
  const see = (body: RequestInit['body'], headers: Record<string, string>) =>
    server.fetch<{ body: unknown } & Failure>('/hooks/see', { method: 'POST', headers, body: body ?? null });

  test.each([
    ['JSON', '{"a":1}', 'application/json', { a: 1 }],
    ['JSON with a byte order mark', '\uFEFF{"a":1}', 'application/json', { a: 1 }],
    ['JSON of another name', '[1]', 'application/vnd.api+json', [1]],
    ['a form', 'a=1&b=2&b=3&c=', 'application/x-www-form-urlencoded', { a: '1', b: ['2', '3'], c: '' }],
    ['JSON under the type of a form', '{"a":1}', 'application/x-www-form-urlencoded', { a: 1 }],
    ['text', 'a,b\n1,2\n', 'text/csv', 'a,b\n1,2\n'],
    ['text of another charset', Buffer.from('caf\u00e9', 'latin1'), 'text/plain; charset=ISO-8859-1', 'caf\u00e9'],
    ['a form name of every object', 'toString=1&constructor=2', 'application/x-www-form-urlencoded', { toString: '1', constructor: '2' }],
  ])('%s is read by its type', async (_, body, type, expected) => {
    expect((await see(body, { 'content-type': type })).json.body).toEqual(expected);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('%s is unpacked', async (encoding, pack) => {
    const answer = await see(new Uint8Array(pack('{"packed":true}')), { 'content-type': 'application/json', 'content-encoding': encoding });
    expect(answer.json.body).toEqual({ packed: true });
  });

  test.each([
    ['text that is no JSON', '{"a":', 'application/json', 400, 'JSON_INVALID'],
    ['nothing but a word', 'undefined', 'application/json', 400, 'JSON_INVALID'],
    ['a key that is the prototype', '{"a":{"__proto__":{"x":1}}}', 'application/json', 400, 'JSON_KEY_REFUSED'],
    ['the same key, spelled with escapes', '{"\\u005f_proto__":1}', 'application/json', 400, 'JSON_KEY_REFUSED'],
    ['nesting without end', '['.repeat(5000) + ']'.repeat(5000), 'application/json', 400, 'JSON_TOO_DEEP'],
    ['a form name that is the prototype', '__proto__=1', 'application/x-www-form-urlencoded', 400, 'JSON_KEY_REFUSED'],
    ['a form of too many values', 'a=1&'.repeat(1001), 'application/x-www-form-urlencoded', 400, 'FORM_TOO_LONG'],
    ['a charset nobody knows', 'x', 'text/plain; charset=klingon', 415, 'CHARSET_UNSUPPORTED'],
    ['bytes that are not of their charset', Buffer.from([0x81]), 'text/plain; charset=shift_jis', 400, 'TEXT_INVALID'],
    ['a NUL in a text', '{"a":["\\u0000"]}', 'application/json', 400, 'TEXT_INVALID'],
    ['a NUL in a key', '{"a\\u0000":1}', 'application/json', 400, 'TEXT_INVALID'],
    ['half of a surrogate pair', '{"a":"\\ud800"}', 'application/json', 400, 'TEXT_INVALID'],
    ['half of a surrogate pair as a key', '{"\\udc00":1}', 'application/json', 400, 'TEXT_INVALID'],
    ['a number beyond all numbers', '{"a":1e400}', 'application/json', 400, 'JSON_NUMBER_TOO_LARGE'],
    ['bytes that are no UTF-8 as JSON', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400, 'TEXT_INVALID'],
    ['bytes that are no UTF-8 as a form', Buffer.from([0x61, 0x3d, 0xff]), 'application/x-www-form-urlencoded', 400, 'TEXT_INVALID'],
    ['bytes that are no UTF-8 as text', Buffer.from([0x61, 0xff]), 'text/plain', 400, 'TEXT_INVALID'],
    ['escaped bytes that are no UTF-8', 'a=%ff', 'application/x-www-form-urlencoded', 400, 'TEXT_INVALID'],
    ['a NUL in a form', 'a=%00', 'application/x-www-form-urlencoded', 400, 'TEXT_INVALID'],
    ['a NUL in a text body', 'a\0b', 'text/plain', 400, 'TEXT_INVALID'],
  ])('%s is refused and starts no run', async (_, body, type, status, code) => {
    const before = await runCount('See');
    const answer = await see(body, { 'content-type': type });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
    expect(await runCount('See')).toBe(before);
  });

  test('a query that is no text is refused and starts no run', async () => {
    const before = await runCount('See GET');
    for (const query of ['a=%00', '%00=a', 'a=%ff', 'a=%ed%a0%80']) {
      const { status, json } = await server.fetch<Failure>(`/hooks/see?${query}`);
      expect([status, json.error.code], query).toEqual([400, 'TEXT_INVALID']);
    }
    expect(await runCount('See GET')).toBe(before);
    expect((await server.fetch<{ query: object }>('/hooks/see?a=%ef%bf%bd')).json.query).toEqual({ a: '\ufffd' });
  });

  test('an encoding nobody reads is 415, and one that lies is 400', async () => {
    expect((await see('x', { 'content-encoding': 'zstd' })).status).toBe(415);
    expect((await see('not gzip', { 'content-encoding': 'gzip' })).json.error.code).toBe('BODY_UNREADABLE');
  });

  test('a body over the limit is 413, whether its length is declared or only found out', async () => {
    const big = 'x'.repeat(3_000_000);
    const declared = await see(big, { 'content-type': 'text/plain' });
    expect([declared.status, declared.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
    const streamed = await server.fetch<Failure>('/hooks/see', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: new Blob([big]).stream(),
      duplex: 'half',
    });
    expect([streamed.status, streamed.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('a small body that unpacks to a large one is 413', async () => {
    const bomb = gzipSync(Buffer.alloc(30_000_000));
    expect(bomb.length).toBeLessThan(64 * 1024);
    expect((await see(new Uint8Array(bomb), { 'content-type': 'text/plain', 'content-encoding': 'gzip' })).status).toBe(413);
  });

  test('a request with two lengths, or a length and chunks, is refused whole', async () => {
    const head = 'POST /hooks/see HTTP/1.1\r\nhost: localhost\r\n';
    for (const framing of [
      'content-length: 5\r\ncontent-length: 6\r\n',
      'content-length: 5\r\ntransfer-encoding: chunked\r\n',
      'transfer-encoding: chunked, identity\r\n',
    ]) {
      expect(await server.raw(`${head}${framing}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /);
    }
  });
});

describe('what the run sees of a request', () => {
  test('method, path, query, params and headers, but never credentials of the caller', async () => {
    const { json } = await server.fetch<{ headers: Record<string, string>; query: unknown; method: string; path: string; body: unknown }>(
      '/hooks/see?a=1&b=2&b=3&toString=x',
      {
        headers: { authorization: 'Bearer canary', cookie: 'session=canary', 'proxy-authorization': 'canary', 'x-given': 'yes' },
      },
    );
    expect(json).toMatchObject({ method: 'GET', path: '/see', query: { a: '1', b: ['2', '3'], toString: 'x' }, body: null });
    expect(json.headers['x-given']).toBe('yes');
    expect(JSON.stringify(json)).not.toContain('canary');
  });

  test('a query name that is the prototype is refused', async () => {
    expect((await server.fetch('/hooks/see?__proto__=1')).status).toBe(400);
  });
});

describe('paths and methods', () => {
  test('an unknown path is 404, a wrong method 405 with what is allowed', async () => {
    expect((await server.hook('never/was')).status).toBe(404);
    const wrong = await server.fetch('/hooks/see', { method: 'PUT', body: 'x' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST']);
  });

  test.each(['HEAD', 'OPTIONS'])('%s starts no run', async (method) => {
    const before = (await runCount('See')) + (await runCount('See GET'));
    expect((await server.fetch('/hooks/see', { method })).status).toBe(405);
    expect((await runCount('See')) + (await runCount('See GET'))).toBe(before);
  });

  test('TRACE and CONNECT start no run', async () => {
    expect(await server.raw('TRACE /hooks/see HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 405 /);
    expect(await server.raw('CONNECT /hooks/see HTTP/1.1\r\nhost: localhost\r\n\r\n')).not.toMatch(/^HTTP\/1.1 2/);
  });

  const item = async (path: string): Promise<string> => {
    const text = await server.raw(`GET /hooks/${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    return `${text.slice(9, 12)} ${text.slice(text.indexOf('\r\n\r\n') + 4)}`;
  };

  test.each([
    ['item/7/parts/a', '{"params":{"id":"7","part":"a"}}'],
    ['item/7/parts/a%20b', '{"params":{"id":"7","part":"a b"}}'],
    ['item/7/parts/a%2Fb', '{"params":{"id":"7","part":"a/b"}}'],
    ['item/*/parts/:part', '{"params":{"id":"*","part":":part"}}'],
    ['item/7/parts/__proto__', '{"params":{"id":"7","part":"__proto__"}}'],
    ['item/new/parts/a', '{"is":"the exact one"}'],
  ])('%s fills the parameters of the path', async (path, expected) => {
    expect(await item(path)).toBe(`200 ${expected}`);
  });

  test.each([
    'item%2F7/parts/a',
    'item/7/parts',
    'item/7/parts/a/b',
    'item/../see',
    'item/%2e%2e/parts/a',
    'item/7/parts/%',
    'item/7/parts/%00',
    'item/7/parts/%ff',
    '../readyz',
    'SEE',
  ])('%s meets no webhook', async (path) => {
    expect(await item(path)).toMatch(/^404 /);
  });

  test('an address longer than any real one is 414', async () => {
    expect((await server.fetch(`/hooks/${'a'.repeat(9000)}`)).status).toBe(414);
  });
});

describe('connections', () => {
  test('requests sent in one go are answered in their order', async () => {
    const one = (name: string): string => {
      const body = JSON.stringify({ name });
      return `POST /hooks/contract/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    };
    const text = await server.raw(
      `${one('a')}${one('bb')}${one('ccc')}GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    );
    expect([...text.matchAll(/"length":(\d)/g)].map((match) => match[1])).toEqual(['1', '2', '3']);
  });

  test('a run goes on when its caller hangs up', async () => {
    const before = gate.held;
    const req = request(`${server.url}/hooks/wait`, { method: 'POST' });
    req.on('error', () => undefined);
    req.end();
    await until(
      () => gate.held,
      (held) => held > before,
    );
    req.destroy();
    gate.letOne();
    const [run] = await until(
      async () => (await server.api<{ runs: { id: string }[] }>('GET', '/runs?workflow=Wait&limit=1')).json.runs,
      (runs) => runs.length > 0,
    );
    expect((await ended(server, run?.id ?? '')).status).toBe('succeeded');
  });

  test('a caller that hangs up within its body starts no run', async () => {
    const before = await runCount('See');
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) =>
      socket.write('POST /hooks/see HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf', () => resolve()),
    );
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy();
    await closed;
    expect((await server.fetch('/healthz')).status).toBe(200);
    expect(await runCount('See')).toBe(before);
  });

  test.each([
    ['a foreign host', 'GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n', 421],
    [
      'a foreign host that looks like an address',
      'POST /hooks/see HTTP/1.1\r\nhost: 127.0.0.1.evil.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
      421,
    ],
    ['a foreign host behind brackets', 'GET /healthz HTTP/1.1\r\nhost: [::1].evil.example\r\nconnection: close\r\n\r\n', 421],
    ['no host', 'GET /healthz HTTP/1.0\r\n\r\n', 421],
    ['no host in HTTP/1.1', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['an address', 'GET /healthz HTTP/1.1\r\nhost: 192.168.1.7:7400\r\nconnection: close\r\n\r\n', 200],
    ['this machine', 'GET /healthz HTTP/1.1\r\nhost: localhost:1\r\nconnection: close\r\n\r\n', 200],
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s is answered as it should be', async (_, bytes, status) => {
    expect(await server.raw(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});
