/** Webhooks with settings: who may call, pages of other origins, files, deliveries that come twice, test addresses, requests sent again. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPerson, createWorkspace, inInstance } from '@plugboard/persistence';
import { SignJWT, exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, aWorkflow, ended, openGate, startTestServer, until } from './test-server.ts';

interface Failure {
  readonly runId?: string;
  readonly error: { readonly code: string; readonly message: string };
}
interface Seen {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly params: object;
  readonly method: string;
  readonly auth?: { readonly username?: string; readonly claims?: { readonly sub?: string } };
}

let server: TestServer;
let issuer: Server;
let jwksUrl: string;
const signing = generateKeyPairSync('rsa', { modulusLength: 2048 });
const elliptic = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const SECRET = 'whsec-that-nobody-else-knows-0123456789';
const see = (name: string, params: object): object =>
  aWorkflow(name, { path: name, ...params }, ['see', 'core/set', { keep: 'all', fields: {} }]);

beforeAll(async () => {
  const jwk = await exportJWK(signing.publicKey);
  issuer = createServer(
    (_, res) => void res.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [{ ...jwk, kid: 'k1', alg: 'RS256' }] })),
  );
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks`;
  server = await startTestServer({
    env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', PLUGBOARD_BODY_LIMIT: '64 KiB', PLUGBOARD_PUBLIC_URL: 'http://localhost' },
  });
  for (const [key, type, data] of [
    ['login', 'core/basic', { username: 'ada', password: 'pa:ss wörd' }],
    ['api-key', 'core/header', { name: 'X-API-Key', value: 'canary-of-the-header' }],
    ['shared', 'core/webhook-secret', { secret: SECRET, previousSecret: 'the one before, still good' }],
  ] as const) {
    const { status, text } = await server.api('POST', '/credentials', { key, name: key, type, data, allowedHosts: [] });
    if (status !== 201) throw new Error(text);
  }
  await server.publish(
    see('basic', { auth: 'basic', basicCredential: 'login' }),
    see('header', { auth: 'header', headerCredential: 'api-key' }),
    see('github', { auth: 'signature', signature: 'github', secretCredential: 'shared' }),
    see('stripe', { auth: 'signature', signature: 'stripe', secretCredential: 'shared', signatureRefuseRepeats: true }),
    see('jwks', { auth: 'jwt', jwksUrl, jwtIssuer: 'https://issuer.example', jwtAudience: 'plugboard' }),
    see('es', {
      auth: 'jwt',
      jwtAlgorithm: 'ES256',
      jwtKeyFrom: 'public-key',
      jwtPublicKey: elliptic.publicKey.export({ type: 'spki', format: 'pem' }),
    }),
    see('hs', { auth: 'jwt', jwtAlgorithm: 'HS256', secretCredential: 'shared' }),
    see('many', { method: 'GET', moreMethods: ['PUT', 'HEAD'] }),
    aWorkflow('rest', { path: 'files/:owner/*rest', method: 'GET' }, [
      'see',
      'core/set',
      { keep: 'none', fields: { params: '={{ $json.params }}' } },
    ]),
    aWorkflow('exact', { path: 'files/me/avatar', method: 'GET' }, ['see', 'core/set', { keep: 'none', fields: { is: 'the exact one' } }]),
    see('pages', { method: 'POST', moreMethods: ['PUT'], cors: 'origins', corsOrigins: ['https://shop.example'], corsCredentials: true }),
    see('anywhere', { cors: 'origins', corsOrigins: ['*'], corsMaxAgeSeconds: 60 }),
    see('once', { dedupe: 'header' }),
    see('once-at-once', { dedupe: 'field', dedupeField: 'body.event.id', reply: 'immediate' }),
    see('few', { perMinute: 3 }),
    aWorkflow('upload', { path: 'upload' }, [
      'see',
      'core/set',
      {
        keep: 'all',
        fields: { names: '={{ Object.keys($item.files ?? {}) }}', file: '={{ $item.files?.file }}', photo: '={{ $item.files?.photo }}' },
      },
    ]),
    aWorkflow('as-text', { path: 'as-text', readBody: 'text' } as never, ['see', 'core/set', { keep: 'all', fields: {} }]),
    aWorkflow('back', { path: 'back', reply: 'respond' }, ['answer', 'core/respond', { bodyKind: 'file' }]),
    aWorkflow('away', { path: 'away', reply: 'respond' }, [
      'answer',
      'core/respond',
      { status: 302, headers: { Location: '={{ $input.first().json.body.to }}' }, body: {} },
    ]),
  );
});

afterAll(async () => {
  await server.close();
  await new Promise((resolve) => issuer.close(resolve));
});

async function runCount(workflow: string): Promise<number> {
  const { json } = await server.api<{ runs: unknown[] }>('GET', `/runs?limit=100&workflow=${encodeURIComponent(workflow)}`);
  return json.runs.length;
}

const basic = (text: string): { authorization: string } => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
const post = (path: string, headers: Record<string, string>, body = '{"a":1}') =>
  server.fetch<Seen & Failure>(`/hooks/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

describe('a webhook that asks for a user name and password', () => {
  test('lets the right ones in, tells the run who it was, and shows it neither', async () => {
    const { status, json, text } = await post('basic', basic('ada:pa:ss wörd'));
    expect([status, json.auth]).toEqual([200, { username: 'ada' }]);
    expect(text).not.toMatch(/wörd|authorization/i);
  });

  test.each([
    ['no header', {}],
    ['a wrong password', basic('ada:wrong')],
    ['a wrong name', basic('bob:pa:ss wörd')],
    ['nothing in it', basic('')],
    ['a half of it', basic('ada')],
    ['another scheme', { authorization: `Bearer ${Buffer.from('ada:pa:ss wörd').toString('base64')}` }],
  ])('refuses %s with 401 and starts no run', async (_, headers) => {
    const before = await runCount('basic');
    const { status, json, headers: answered } = await post('basic', headers);
    expect([status, json.error.code]).toEqual([401, 'HOOK_UNAUTHENTICATED']);
    expect(answered.get('www-authenticate')).toContain('Basic');
    expect(await runCount('basic')).toBe(before);
  });

  test('refuses before anything of the body is read', async () => {
    const text = await server.raw('POST /hooks/basic HTTP/1.1\r\nhost: localhost\r\ncontent-length: 60000\r\nconnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 401 /);
  });
});

describe('a webhook that asks for a secret header', () => {
  test('takes the right value, and the run does not see it', async () => {
    const { status, text } = await post('header', { 'x-api-key': 'canary-of-the-header' });
    expect(status).toBe(200);
    expect(text).not.toContain('canary');
    expect((await post('header', { 'x-api-key': 'canary-of-the-heade' })).status).toBe(401);
    expect((await post('header', {})).status).toBe(401);
  });

  test('with a credential that was deleted serves nobody', async () => {
    await server.api('POST', '/credentials', {
      key: 'gone',
      name: 'gone',
      type: 'core/header',
      data: { name: 'x-k', value: 'v'.repeat(20) },
      allowedHosts: [],
    });
    await server.publish(see('orphan', { auth: 'header', headerCredential: 'gone' }));
    const { json } = await server.api<{ rows: { id: string; key: string; rev?: number }[] }>('GET', '/credentials');
    const row = json.rows.find((one) => one.key === 'gone');
    await server.api('DELETE', `/credentials/${row?.id ?? ''}`);
    const answer = await until(
      () => post('orphan', { 'x-k': 'v'.repeat(20) }),
      (one) => one.status !== 200,
    );
    expect([answer.status, answer.json.error.code]).toEqual([503, 'HOOK_AUTH_UNAVAILABLE']);
  });
});

describe('a webhook that asks for a signature', () => {
  const hub = (body: string, secret = SECRET): string => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const stripe = (body: string, time = Math.floor(Date.now() / 1000), secret = SECRET): string =>
    `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;

  test('takes the body exactly as it was signed, with the present secret or the one before', async () => {
    const body = '{ "a" : 1,\n "b": "ü" }';
    expect((await post('github', { 'x-hub-signature-256': hub(body) }, body)).json.body).toEqual({ a: 1, b: 'ü' });
    expect((await post('github', { 'x-hub-signature-256': hub(body, 'the one before, still good') }, body)).status).toBe(200);
    for (const given of [
      hub(`${body} `),
      hub(body, 'another'),
      'sha256=',
      'sha256=zz',
      hub(body).slice(0, -2),
      hub(body).replace('sha256=', 'sha1='),
    ]) {
      expect((await post('github', { 'x-hub-signature-256': given }, body)).status, given).toBe(401);
    }
    expect((await post('github', {}, body)).json.error.code).toBe('SIGNATURE_MISSING');
  });

  test('a signed body that is no JSON is told so only to who signed it', async () => {
    expect((await post('github', { 'x-hub-signature-256': hub('{') }, '{')).json.error.code).toBe('JSON_INVALID');
    expect((await post('github', { 'x-hub-signature-256': hub('x') }, '{')).json.error.code).toBe('SIGNATURE_INVALID');
  });

  test('refuses an old time, and the same request twice, also when both come at once', async () => {
    const now = Math.floor(Date.now() / 1000);
    expect((await post('stripe', { 'stripe-signature': stripe('{"a":1}', now - 301) })).json.error.code).toBe('SIGNATURE_EXPIRED');
    expect((await post('stripe', { 'stripe-signature': stripe('{"a":1}', now + 400) })).json.error.code).toBe('SIGNATURE_EXPIRED');
    const signed = { 'stripe-signature': stripe('{"a":1}') };
    const both = await Promise.all([post('stripe', signed), post('stripe', signed), post('stripe', signed)]);
    expect(both.filter((one) => one.status === 200)).toHaveLength(1);
    expect((await post('stripe', signed)).json.error?.code).toBe('REQUEST_REPEATED');
    expect(await runCount('stripe')).toBe(1);
  });
});

describe('a webhook that asks for a token', () => {
  const claims = (more: object = {}) => ({ sub: 'ada', iss: 'https://issuer.example', aud: 'plugboard', ...more });
  const signed = (payload: object, expires: string | number = '5m') =>
    new SignJWT(payload as never)
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(signing.privateKey);
  const call = async (path: string, token: string) => post(path, { authorization: `Bearer ${token}` });

  test('takes one of the issuer’s key set and gives its claims to the run', async () => {
    const { status, json, text } = await call('jwks', await signed(claims()));
    expect([status, json.auth?.claims?.sub]).toEqual([200, 'ada']);
    expect(text).not.toContain('Bearer');
  });

  test('refuses wrong claims, a time that is over or not yet there, and one without an end', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const [payload, expires] of [
      [claims({ iss: 'https://other.example' }), '5m'],
      [claims({ aud: 'somebody-else' }), '5m'],
      [claims(), now - 60],
      [claims({ nbf: now + 120 }), '5m'],
    ] as const) {
      expect((await call('jwks', await signed(payload, expires))).json.error?.code).toBe('TOKEN_INVALID');
    }
    const endless = await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(signing.privateKey);
    expect((await call('jwks', endless)).status).toBe(401);
  });

  test('refuses a token that is signed in another way: not at all, with the public key as a secret, or with a stranger’s key', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = part({ ...claims(), exp: Math.floor(Date.now() / 1000) + 300 });
    const pem = elliptic.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const confused = `${part({ alg: 'HS256' })}.${body}`;
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    for (const [path, token] of [
      ['jwks', `${part({ alg: 'none' })}.${body}.`],
      ['es', `${part({ alg: 'none' })}.${body}.`],
      ['es', `${confused}.${createHmac('sha256', pem).update(confused).digest('base64url')}`],
      ['hs', `${part({ alg: 'none' })}.${body}.`],
      ['jwks', await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).setExpirationTime('5m').sign(stranger)],
      ['jwks', await new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', kid: 'unknown' }).setExpirationTime('5m').sign(stranger)],
      ['jwks', 'not.a.token'],
    ] as const) {
      const { status, json } = await call(path, token);
      expect([status, json.error.code], path).toEqual([401, 'TOKEN_INVALID']);
    }
    expect((await post('jwks', {})).json.error.code).toBe('TOKEN_MISSING');
  });

  test('takes a pasted public key and a shared secret', async () => {
    const es = await new SignJWT({ sub: 'eve' }).setProtectedHeader({ alg: 'ES256' }).setExpirationTime('5m').sign(elliptic.privateKey);
    expect((await call('es', es)).json.auth?.claims?.sub).toBe('eve');
    const hs = await new SignJWT({ sub: 'hal' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('5m').sign(Buffer.from(SECRET));
    expect((await call('hs', hs)).json.auth?.claims?.sub).toBe('hal');
  });
});

describe('wrong proofs', () => {
  test('of one address become slow after a while, and no secret shows in the log', async () => {
    await server.publish(see('guessed', { auth: 'header', headerCredential: 'api-key' }));
    const answers = new Set<number>();
    for (let i = 0; i < 500 && !answers.has(429); i += 1) answers.add((await post('guessed', { 'x-api-key': `guess ${i}` })).status);
    expect([...answers]).toEqual([401, 429]);
    expect(server.log()).not.toMatch(/canary-of-the-header|whsec-that|pa:ss/);
  });
});

describe('pages of other origins', () => {
  const preflight = (path: string, origin: string, method = 'POST') =>
    server.fetch(`/hooks/${path}`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'content-type, x-trace' },
    });

  test('learn before the request what they may send; nothing is started by the question', async () => {
    const before = await runCount('pages');
    const { status, headers } = await preflight('pages', 'https://shop.example');
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(headers.get('access-control-allow-credentials')).toBe('true');
    expect(headers.get('access-control-allow-methods')?.split(', ').toSorted()).toEqual(['POST', 'PUT']);
    expect(headers.get('access-control-allow-headers')).toBe('content-type, x-trace');
    expect(headers.get('access-control-max-age')).toBe('600');
    expect(headers.get('vary')).toContain('Origin');
    expect(await runCount('pages')).toBe(before);
  });

  test.each(['https://evil.example', 'https://shop.example.evil.example', 'http://shop.example', 'null', 'https://shop.example:444'])(
    '%s gets none of the headers',
    async (origin) => {
      for (const answer of [await preflight('pages', origin), await post('pages', { origin })]) {
        expect(answer.headers.get('access-control-allow-origin')).toBeNull();
        expect(answer.headers.get('vary')).toContain('Origin');
      }
    },
  );

  test('get them on answers and on refusals, and a star never with credentials', async () => {
    expect((await post('pages', { origin: 'https://shop.example' })).headers.get('access-control-allow-origin')).toBe(
      'https://shop.example',
    );
    expect((await post('pages', { origin: 'https://shop.example' }, '{')).headers.get('access-control-allow-origin')).toBe(
      'https://shop.example',
    );
    const { headers } = await post('anywhere', { origin: 'https://any.example' });
    expect([headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')]).toEqual(['*', null]);
    expect((await preflight('see-nothing', 'https://shop.example')).status).toBe(404);
    expect((await preflight('many', 'https://shop.example', 'GET')).status).toBe(405);
  });

  test('settings that would open everything are refused when the workflow is published', async () => {
    for (const [params, code] of [
      [{ cors: 'origins', corsOrigins: ['*'], corsCredentials: true }, 'WEBHOOK_CORS_INVALID'],
      [{ cors: 'origins', corsOrigins: ['shop.example'] }, 'WEBHOOK_CORS_INVALID'],
      [{ auth: 'jwt', jwtAlgorithm: 'ES256', jwtKeyFrom: 'public-key', jwtPublicKey: 'x' }, 'WEBHOOK_JWT_INVALID'],
      [
        {
          auth: 'jwt',
          jwtAlgorithm: 'RS256',
          jwtKeyFrom: 'public-key',
          jwtPublicKey: elliptic.publicKey.export({ type: 'spki', format: 'pem' }),
        },
        'WEBHOOK_JWT_INVALID',
      ],
      [{ dedupe: 'field', dedupeField: 'nothing' }, 'WEBHOOK_DEDUPE_INVALID'],
      [{ auth: 'basic' }, 'PARAM_REQUIRED'],
    ] as const) {
      const { status, text } = await server.api('POST', '/workflows/import', { definition: see('wrong', params), publish: true });
      expect([status, text.includes(code)], text).toEqual([422, true]);
    }
  });
});

describe('methods and paths', () => {
  test('a webhook answers all its methods, HEAD only where it is declared, without a body', async () => {
    expect((await server.fetch<Seen>('/hooks/many')).json.method).toBe('GET');
    expect((await server.fetch<Seen>('/hooks/many', { method: 'PUT', body: 'x' })).json.method).toBe('PUT');
    const head = await server.fetch('/hooks/many', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await server.fetch('/hooks/many', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD, PUT');
  });

  test('two webhooks of a workflow cannot answer the same method and path, also not by a further method', async () => {
    const definition = aWorkflow('Twice', { path: 'twice', method: 'GET' });
    const [first] = definition.nodes as [{ data: object }];
    const second = {
      ...first,
      id: 'other',
      data: { name: 'other', typeVersion: 1, params: { path: 'twice', method: 'POST', moreMethods: ['GET'] } },
    };
    definition.nodes.push(second);
    const { status, text } = await server.api('POST', '/workflows/import', { definition, publish: true });
    expect([status, text.includes('WEBHOOK_PATH_DUPLICATE')], text).toEqual([422, true]);
  });

  test.each([
    ['files/ada/a', '{"params":{"owner":"ada","rest":"a"}}'],
    ['files/ada/a/b/c.txt', '{"params":{"owner":"ada","rest":"a/b/c.txt"}}'],
    ['files/ada/a%2Fb/c', '{"params":{"owner":"ada","rest":"a/b/c"}}'],
    ['files/me/avatar', '{"is":"the exact one"}'],
    ['files/me/avatar/large', '{"params":{"owner":"me","rest":"avatar/large"}}'],
  ])('%s is taken by the most exact path', async (path, expected) => {
    expect((await server.fetch(`/hooks/${path}`)).text).toBe(expected);
  });

  test('a path that stops before the rest, or climbs, is not there', async () => {
    for (const path of ['files/ada', 'files/ada/', 'files/ada/..%2f..%2fx/%2e%2e/%2e%2e'])
      expect((await server.fetch(`/hooks/${path}`)).status, path).toBe(404);
  });
});

describe('a delivery that comes twice', () => {
  const deliver = (key: string, body: string) => post('once', { 'idempotency-key': key }, body);

  test('starts one run and gets the earlier answer; who sends something else under its key learns only the run', async () => {
    const first = await deliver('d-1', '{"n":1}');
    const again = await deliver('d-1', '{"n":1}');
    expect([first.status, again.status, again.json.body]).toEqual([200, 200, { n: 1 }]);
    expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([null, 'true']);
    const other = await deliver('d-1', '{"n":2}');
    expect([other.status, Object.keys(other.json), other.headers.get('idempotency-replayed')]).toEqual([202, ['runId'], 'true']);
    expect((await deliver('d-2', '{"n":2}')).json.body).toEqual({ n: 2 });
    expect(await runCount('once')).toBe(2);
  });

  test('starts one run when many come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => deliver('d-3', '{"n":3}')));
    expect(new Set(answers.map((one) => one.status)).difference(new Set([200, 202])).size).toBe(0);
    expect(answers.filter((one) => one.headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(await runCount('once')).toBe(3);
  });

  test('that loses has done nothing: not even a step that only reads was begun', async () => {
    const gate = await openGate();
    try {
      await server.publish(
        aWorkflow('reads', { path: 'reads', dedupe: 'header' } as never, ['call', 'core/http-request', { url: gate.url, method: 'GET' }]),
      );
      gate.open();
      const answers = await Promise.all(Array.from({ length: 8 }, () => post('reads', { 'idempotency-key': 'one' })));
      expect(answers.filter((one) => one.status === 200 && one.headers.get('idempotency-replayed') === null)).toHaveLength(1);
      expect(gate.seen).toHaveLength(1);
    } finally {
      await gate.close();
    }
  });

  test('is known by a field of its body, and without one each starts a run', async () => {
    const send = (body: string) =>
      server.fetch<{ runId: string }>('/hooks/once-at-once', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const [one, two] = [await send('{"event":{"id":7}}'), await send('{"event":{"id":7},"try":2}')];
    expect([one.status, two.status, two.json.runId]).toEqual([202, 202, one.json.runId]);
    const [three, four] = [await send('{"event":{}}'), await send('{"event":{}}')];
    expect(three.json.runId).not.toBe(four.json.runId);
    expect((await ended(server, one.json.runId)).status).toBe('succeeded');
  });
});

describe('limits a webhook sets itself', () => {
  test('hold for everybody, this machine included', async () => {
    const answers = [];
    for (let i = 0; i < 5; i += 1) answers.push(await post('few', {}));
    expect(answers.map((one) => one.status)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[4]?.headers.get('retry-after')).toBe('1');
  });
});

describe('bodies with files', () => {
  const png = Buffer.from('89504e470d0a1a0a0000', 'hex');

  test('of another type become a file, whole and unread', async () => {
    const { status, json } = await server.fetch<{ body: unknown; file: { name: string; mime: string; size: number; id: string } }>(
      '/hooks/upload',
      {
        method: 'POST',
        headers: { 'content-type': 'image/png', 'content-disposition': 'attachment; filename="../../cat.png"' },
        body: png,
      },
    );
    expect([status, json.body, json.file.mime, json.file.size]).toEqual([200, null, 'image/png', png.length]);
    expect(json.file.name).not.toMatch(/[/\\]/);
  });

  test('of a form in parts become fields and files', async () => {
    const form = new FormData();
    form.append('title', 'two cats');
    form.append('tag', 'a');
    form.append('tag', 'b');
    form.append('photo', new Blob([png], { type: 'image/png' }), 'one.png');
    form.append('photo', new Blob([Buffer.from('second')]), 'two.bin');
    const { status, json } = await server.fetch<{ body: unknown; names: string[]; photo: { name: string } }>('/hooks/upload', {
      method: 'POST',
      body: form,
    });
    expect([status, json.body, json.names, json.photo.name]).toEqual([
      200,
      { title: 'two cats', tag: ['a', 'b'] },
      ['photo', 'photo_2'],
      'one.png',
    ]);
  });

  test.each([
    ['a form without a boundary', 'multipart/form-data', 'x', 400, 'FORM_INVALID'],
    [
      'a form that breaks off',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="a"; filename="x"\r\n\r\nhalf',
      400,
      'FORM_INVALID',
    ],
    [
      'a name of the prototype',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="__proto__"\r\n\r\n1\r\n--b--\r\n',
      400,
      'JSON_KEY_REFUSED',
    ],
    [
      'a NUL in a field',
      'multipart/form-data; boundary=b',
      '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n\0\r\n--b--\r\n',
      400,
      'TEXT_INVALID',
    ],
    [
      'fields over the limit',
      'multipart/form-data; boundary=b',
      `--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n${'x'.repeat(70_000)}\r\n--b--\r\n`,
      413,
      'BODY_TOO_LARGE',
    ],
  ])('%s is refused and leaves nothing', async (_, type, body, status, code) => {
    const before = await runCount('upload');
    const answer = await server.fetch<Failure>('/hooks/upload', { method: 'POST', headers: { 'content-type': type }, body });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
    expect(await runCount('upload')).toBe(before);
  });

  test('that are larger together than the webhook takes are refused, and nothing is kept', async () => {
    await server.publish(see('small', { maxFileMiB: 0.01 }));
    const form = new FormData();
    for (const name of ['a', 'b', 'c']) form.append(name, new Blob([Buffer.alloc(4000)]), name);
    const before = await server.database.database.query('select from file');
    for (const init of [
      { body: form },
      { body: new Uint8Array(11_000), headers: { 'content-type': 'application/octet-stream' } },
      {
        body: new Blob([new Uint8Array(50_000)]).stream(),
        duplex: 'half' as const,
        headers: { 'content-type': 'application/octet-stream' },
      },
    ]) {
      const answer = await server.fetch<Failure>('/hooks/small', { method: 'POST', ...init });
      expect([answer.status, answer.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
    }
    expect(await runCount('small')).toBe(0);
    expect((await server.database.database.query('select from file')).length).toBe(before.length);
  });

  test('are read as text where the webhook says so', async () => {
    const answer = await server.fetch<Seen>('/hooks/as-text', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":',
    });
    expect(answer.json.body).toBe('{"a":');
  });

  test('go out again under their own name, as something to save and not as a page', async () => {
    const send = (type: string, body: string, name: string) =>
      server.fetch('/hooks/back', {
        method: 'POST',
        headers: { 'content-type': type, 'content-disposition': `attachment; filename="${name}"` },
        body,
      });
    const page = await send('image/svg+xml; x=1', '<svg onload="alert(1)"/>', 'x.svg');
    expect(page.status).toBe(500);
    const zip = await send('application/zip', 'PK-not-really', 'pack"age.zip');
    expect([zip.status, zip.text, zip.headers.get('content-type')]).toEqual([200, 'PK-not-really', 'application/zip']);
    expect(zip.headers.get('content-disposition')).toMatch(/^attachment; filename="pack/);
    expect(zip.headers.get('content-security-policy')).toBe('sandbox');
    expect(zip.headers.get('content-length')).toBe('13');
  });
});

describe('where an answer may send its reader', () => {
  test.each([
    ['https://example.com/next?a=1', true],
    ['/hooks/elsewhere', true],
    ['javascript:alert(1)', false],
    ['\tjavascript:alert(1)', false],
    ['data:text/html,x', false],
    ['https://user:pass@example.com/', false],
  ])('%s: %s', async (to, isKept) => {
    const { status, headers } = await server.fetch('/hooks/away', {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to }),
    });
    expect([status, headers.get('location')]).toEqual([302, isKept ? to : null]);
  });
});

describe('a test address', () => {
  interface Listener {
    readonly id: string;
    readonly url: string;
    readonly methods: string[];
    readonly takenAt?: string;
    readonly runId?: string;
    readonly captured?: { readonly json: { readonly body: unknown } };
  }
  const draftOf = async (name: string, params: object): Promise<string> => {
    const { status, json, text } = await server.api<{ workflowId: string }>('POST', '/workflows/import', { definition: see(name, params) });
    if (status >= 300) throw new Error(text);
    return json.workflowId;
  };
  const listen = (workflowId: string, more: object = {}) => server.api<Listener>('POST', `/workflows/${workflowId}/listen`, more);
  const listeners = async (workflowId: string) =>
    (await server.api<{ listeners: Listener[] }>('GET', `/workflows/${workflowId}/listeners`)).json.listeners;
  const at = (path: string, init?: RequestInit) =>
    server.fetch<Seen & Failure>(`/hooks-test/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"n":1}',
      ...init,
    });

  test('starts one run of the draft with the first request, and nothing with the second', async () => {
    const id = await draftOf('drafted', {});
    expect((await at('drafted')).json.error.code).toBe('TEST_HOOK_NOT_FOUND');
    const opened = await listen(id);
    expect([opened.status, opened.json.methods]).toEqual([201, ['POST']]);
    expect(opened.json.url).toBe('http://localhost/hooks-test/drafted');
    const both = await Promise.all([at('drafted'), at('drafted')]);
    expect(both.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 404]);
    const [taken] = await until(
      () => listeners(id),
      ([one]) => one?.runId !== undefined,
    );
    const run = await server.api<{ environment: string; status: string }>('GET', `/runs/${taken?.runId ?? ''}`);
    expect([run.json.environment, run.json.status]).toEqual(['draft', 'succeeded']);
    expect((await server.fetch('/hooks/drafted', { method: 'POST' })).status).toBe(404);
  });

  test('keeps the request instead of running, where it is to be pinned', async () => {
    const id = await draftOf('pinned', { path: 'pinned/:id' });
    await listen(id, { mode: 'capture' });
    const { status, json } = await at('pinned/7');
    expect([status, json]).toEqual([200, { captured: true }]);
    const [taken] = await listeners(id);
    expect(taken?.captured?.json).toMatchObject({ body: { n: 1 }, params: { id: '7' }, method: 'POST' });
    expect(await runCount('pinned')).toBe(0);
  });

  test('asks for the same proof as the webhook will, and a request that is refused leaves it open', async () => {
    const id = await draftOf('proven', { auth: 'basic', basicCredential: 'login' });
    await listen(id);
    expect((await at('proven')).status).toBe(401);
    expect((await at('proven', { method: 'GET', body: null })).status).toBe(405);
    const right = await at('proven', { headers: { 'content-type': 'application/json', ...basic('ada:pa:ss wörd') } });
    expect([right.status, right.json.auth]).toEqual([200, { username: 'ada' }]);
  });

  test('is closed by hand, and by its time', async () => {
    const id = await draftOf('closed', {});
    await listen(id);
    expect((await server.api<{ closed: number }>('DELETE', `/workflows/${id}/listeners`)).json.closed).toBe(1);
    expect((await at('closed')).status).toBe(404);
    await listen(id);
    await server.database.database.query(`update test_listener set expires_at = now() - interval '1 second' where workflow_id = $1`, [id]);
    expect((await at('closed')).status).toBe(404);
    expect((await listen(id)).status).toBe(201);
  });

  test('shows that the draft cannot be started, and nobody else’s name', async () => {
    const id = await draftOf('broken', {});
    await listen(id);
    await draftOf('broken', { path: 'moved', method: 'PUT' });
    const { status, json } = await at('broken');
    expect([status, json.error.code]).toEqual([409, 'TEST_HOOK_UNSERVED']);
  });
});

describe('a request that came before', () => {
  test('is sent again as a new run with the body that came, on the live version or the draft', async () => {
    await server.publish(see('again', {}));
    await post('again', { 'x-given': 'yes', authorization: 'Bearer canary' }, '{"deep":{"n":[1,2,3]}}');
    const { json: list } = await server.api<{ runs: { id: string; workflowId: string }[] }>('GET', '/runs?workflow=again');
    const [run] = list.runs;
    const replay = (body: object, headers: Record<string, string> = {}) =>
      server.fetch<{ runId: string } & Failure>(`/api/runs/${run?.id ?? ''}/replay`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    const live = await replay({});
    expect([live.status, live.json.runId === run?.id]).toEqual([202, false]);
    expect((await ended(server, live.json.runId)).status).toBe('succeeded');
    const output = await server.api<{ output: Seen[] }>('GET', `/runs/${live.json.runId}/output`);
    expect(output.json.output[0]).toMatchObject({
      body: { deep: { n: [1, 2, 3] } },
      headers: { 'x-given': 'yes' },
      method: 'POST',
      path: '/again',
    });
    expect(output.text).not.toContain('canary');
    const draft = await replay({ source: 'draft' });
    const { json } = await server.api<{ environment: string; trigger: string }>('GET', `/runs/${draft.json.runId}`);
    expect([json.environment, json.trigger]).toEqual(['draft', 'rerun']);
    const [once, twice] = [await replay({}, { 'idempotency-key': 'r-1' }), await replay({}, { 'idempotency-key': 'r-1' })];
    expect(twice.json.runId).toBe(once.json.runId);
  });

  test('cannot be sent again where there was none, or its webhook is gone', async () => {
    const manual = {
      schema: 1,
      name: 'By hand',
      nodes: [{ id: 'm', type: 'core/manual', position: { x: 0, y: 0 }, data: { name: 'm', typeVersion: 1, params: {} } }],
      edges: [],
    };
    const { json } = await server.api<{ runId: string }>('POST', '/runs', { definition: manual, input: {} });
    expect((await server.api<Failure>('POST', `/runs/${json.runId}/replay`, {})).json.error.code).toBe('NO_TRIGGER');
    expect((await server.api('POST', '/runs/00000000-0000-7000-8000-000000000000/replay', {})).status).toBe(404);
  });
});

describe('another workspace', () => {
  test('has its name before its paths: the same path is free in each, and neither reaches the other', async () => {
    const { database } = server.database;
    const owner = await createPerson(database, { email: 'owner@acme.example', displayName: 'Owner' });
    if (owner.kind !== 'created') throw new Error(owner.kind);
    await inInstance(database, (tx) =>
      createWorkspace(tx, { slug: 'acme', name: 'Acme', ownerId: owner.personId, createdBy: owner.personId }),
    );
    const inAcme = <Body>(method: string, path: string, body?: unknown) =>
      server.fetch<Body>(`/api${path}`, {
        method,
        headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', 'x-plugboard-workspace': 'acme' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const of = (where: string): object =>
      aWorkflow('shared name', { path: 'shared/:id' }, [
        'see',
        'core/set',
        { keep: 'none', fields: { where, params: '={{ $json.params }}' } },
      ]);
    await server.publish(of('default'));
    const made = await inAcme<{ workflowId: string; hooks: object[] }>('POST', '/workflows/import', {
      definition: of('acme'),
      publish: true,
    });
    expect([made.status, made.json.hooks]).toEqual([201, [{ method: 'POST', path: '/hooks/acme/shared/:id' }]]);
    expect((await server.hook('shared/1')).json).toEqual({ where: 'default', params: { id: '1' } });
    expect((await server.hook('acme/shared/2')).json).toEqual({ where: 'acme', params: { id: '2' } });
    const detail = await inAcme<{ starts: { text: string }[] }>('GET', `/workflows/${made.json.workflowId}`);
    expect(detail.json.starts[0]?.text).toBe('POST /hooks/acme/shared/:id');
    // Nobody of `default` can put a webhook in its place.
    const { status, text } = await server.api('POST', '/workflows/import', {
      definition: see('intruder', { path: 'acme/shared/:other' }),
      publish: true,
    });
    expect([status, text.includes('HOOK_PATH_TAKEN'), text.includes('shared name')]).toEqual([409, true, false]);
    const listening = await inAcme<{ url: string }>('POST', `/workflows/${made.json.workflowId}/listen`, {});
    expect(listening.json.url).toBe('http://localhost/hooks-test/acme/shared/:id');
    expect((await server.fetch('/hooks-test/shared/3', { method: 'POST' })).status).toBe(404);
    expect((await server.fetch<{ where: string }>('/hooks-test/acme/shared/3', { method: 'POST' })).json.where).toBe('acme');
  });
});

describe('webhooks with an address of their own', () => {
  test('are served there and nowhere else, and nothing else is served there', async () => {
    const own = await startTestServer({
      env: { PLUGBOARD_PUBLIC_URL: 'https://app.example', PLUGBOARD_HOOKS_URL: 'https://hooks.example' },
    });
    try {
      await own.publish(see('own', {}));
      const as = async (host: string, path: string): Promise<string> => {
        const text = await own.raw(`POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`);
        return text.slice(9, 12);
      };
      expect(await as('hooks.example', '/hooks/own')).toBe('200');
      expect(await as('HOOKS.example:443', '/hooks/own')).toBe('200');
      for (const host of ['app.example', 'localhost', '127.0.0.1']) expect(await as(host, '/hooks/own'), host).toBe('421');
      for (const path of ['/', '/api/workflows', '/graphql', '/healthz', '/hooks', '/hooksown'])
        expect(await as('hooks.example', path), path).toBe('404');
      expect((await own.fetch('/healthz')).status).toBe(200);
    } finally {
      await own.close();
    }
  });
});

describe('a paused workflow', () => {
  async function aPausedOne(name: string, meanwhile: object) {
    await server.publish(
      aWorkflow(name, { path: name, reply: 'last-step' }, ['see', 'core/set', { keep: 'none', fields: { n: '={{ $json.body.n }}' } }]),
    );
    const found = (await server.api('GET', `/workflows/overview?search=${name}`)).json as { rows: { id: string }[] };
    const id = found.rows[0]?.id ?? '';
    expect((await server.api('POST', `/workflows/${id}/pause`, meanwhile)).status).toBe(200);
    return id;
  }
  const stands = async (runId: string) => (await server.api('GET', `/runs/${runId}/state`)).json as { status: string; waitingFor?: string };
  const call = (name: string, n: number) =>
    fetch(`${server.url}/hooks/${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ n }) });

  test('takes in what its webhooks get, and begins it when it goes on, all of it once', async () => {
    const id = await aPausedOne('held', {});
    const replies = await Promise.all([1, 2, 3].map((n) => call('held', n)));
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    const runs = await Promise.all(replies.map(async (reply) => ((await reply.json()) as { runId: string }).runId));
    const stands = async (runId: string) =>
      (await server.api('GET', `/runs/${runId}/state`)).json as { status: string; waitingFor?: string };
    for (const run of runs)
      await until(
        () => stands(run),
        ({ waitingFor }) => waitingFor === 'turn',
      );
    await server.api('POST', `/workflows/${id}/resume`);
    for (const run of runs)
      await until(
        () => stands(run),
        ({ status }) => status === 'succeeded',
      );
    expect(await (await call('held', 4)).json()).toEqual({ n: 4 });
  });

  test('refuses when that was asked for', async () => {
    const id = await aPausedOne('refused', { webhooks: 'refuse' });
    const reply = await call('refused', 1);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '60']);
    expect(await reply.json()).toEqual({
      error: { code: 'WORKFLOW_PAUSED', message: 'The workflow of this webhook is paused; nothing was started' },
    });
    expect(await server.database.database.query('select id from run where workflow_id = $1', [id])).toEqual([]);
    expect((await fetch(`${server.url}/hooks/refused`)).status).toBe(405);
    // A test address serves the draft, which nobody has paused.
    expect((await server.api('POST', `/workflows/${id}/listen`, {})).status).toBe(201);
    expect(
      (await server.fetch('/hooks-test/refused', { method: 'POST', body: '{"n":9}', headers: { 'content-type': 'application/json' } }))
        .json,
    ).toEqual({ n: 9 });
    await server.api('POST', `/workflows/${id}/resume`);
    expect(await (await call('refused', 2)).json()).toEqual({ n: 2 });
    await server.api('POST', `/workflows/${id}/pause`, { webhooks: 'refuse' });
    await server.api('POST', `/workflows/${id}/unpublish`);
    expect((await call('refused', 3)).status).toBe(404);
  });

  test('begins what it has taken in when it is taken out of service: it was accepted', async () => {
    const id = await aPausedOne('taken-out', {});
    const { runId } = (await (await call('taken-out', 1)).json()) as { runId: string };
    await server.api('POST', `/workflows/${id}/unpublish`);
    await until(
      () => stands(runId),
      ({ status }) => status === 'succeeded',
    );
  });
});
