/** What somebody tries who wants in: guessing in bulk, telling accounts apart, planted sessions, odd credentials. */
import { createPerson, setPassword } from '@plugboard/persistence';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { createPasswords } from './passwords.ts';
import { cookiePolicy, setCookieHeader } from './session-cookie.ts';

const PASSWORD = 'four words in a row';
const GUARD = { 'x-plugboard-request': '1' };
const EMAIL = 'victim@example.com';

let kit: ApiKit;
let victimId: string;

beforeAll(async () => {
  kit = await openApiKit();
  const made = await createPerson(kit.database.database, { email: EMAIL, displayName: 'V' });
  victimId = made.kind === 'created' ? made.personId : '';
  await setPassword(kit.database.database, victimId, await createPasswords({ memoryCost: 1024, timeCost: 1 }).hash(PASSWORD));
});
afterAll(() => kit.close());
beforeEach(async () => {
  await kit.database.database.query('delete from login_attempt');
});

const signIn = (body: object, headers: Readonly<Record<string, string>> = {}) =>
  kit.rest(kit.nobody, 'POST', '/session', body, { ...GUARD, ...headers });
const codeOf = (answer: { json: { error?: { code: string } } }): string => answer.json.error?.code ?? 'in';

describe('guessing in bulk', () => {
  const field = (n: number): string =>
    `a${n}: signIn(email: "${EMAIL}", password: "guess number ${n}") { __typename ... on Problem { code } }`;
  const graphql = (fields: number) =>
    kit.graphql(kit.nobody, `mutation { ${Array.from({ length: fields }, (_, n) => field(n)).join(' ')} }`, undefined, GUARD);

  test('by aliases of one GraphQL request counts each guess, and too many aliases are not looked at', async () => {
    const codes = Object.values((await graphql(15)).json.data as Record<string, { code: string }>).map((one) => one.code);
    expect(codes.filter((code) => code === 'SIGN_IN_FAILED')).toHaveLength(5);
    expect(codes.filter((code) => code === 'TOO_MANY_ATTEMPTS')).toHaveLength(10);
    const flood = await graphql(16);
    expect(flood.json.data).toBeUndefined();
    expect(flood.text).toContain('aliases');
  });

  test('by a batch of GraphQL requests is not taken at all', async () => {
    const one = { query: `mutation { ${field(1)} }` };
    const answer = await fetch(`${kit.url}/graphql`, {
      method: 'POST',
      headers: { ...GUARD, 'content-type': 'application/json' },
      body: JSON.stringify(Array.from({ length: 100 }, () => one)),
    });
    const { error } = (await answer.json()) as { error: { code: string } };
    expect([answer.status, error.code]).toEqual([400, 'BODY_INVALID']);
  });

  test('from many addresses makes the account wait, for who guesses right too', async () => {
    const answers = [];
    for (let n = 0; n < 8; n += 1)
      answers.push(await signIn({ email: EMAIL, password: `guess number ${n}` }, { 'x-test-address': `198.51.100.${n}` }));
    expect(answers.map(codeOf)).toEqual([
      ...Array.from({ length: 5 }, () => 'SIGN_IN_FAILED'),
      ...Array.from({ length: 3 }, () => 'TOO_MANY_ATTEMPTS'),
    ]);
    expect(codeOf(await signIn({ email: EMAIL, password: PASSWORD }, { 'x-test-address': '198.51.100.99' }))).toBe('TOO_MANY_ATTEMPTS');
  });

  test('all at once, at as many accounts, from one address does not outrun the count, nor keep others from signing in', async () => {
    const at = { 'x-test-address': '203.0.113.60' };
    const guesses = Promise.all(Array.from({ length: 150 }, (_, n) => signIn({ email: `many-${n}@example.com`, password: 'x' }, at)));
    expect(codeOf(await signIn({ email: EMAIL, password: PASSWORD }, { 'x-test-address': '203.0.113.61' }))).toBe('in');
    const codes = (await guesses).map(codeOf);
    expect(new Set(codes)).toEqual(new Set(['SIGN_IN_FAILED', 'TOO_MANY_ATTEMPTS']));
    // Those that are free, and those that were at work when the last of them failed.
    expect(codes.filter((code) => code === 'SIGN_IN_FAILED').length).toBeLessThanOrEqual(30 + 10);
  });

  test('at many accounts makes the address wait, whatever the spelling of each', async () => {
    const at = { 'x-test-address': '203.0.113.50' };
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => signIn({ email: `nobody-${n}@example.com`, password: 'x' }, at)),
    );
    expect(
      answers.some((one) => codeOf(one) === 'TOO_MANY_ATTEMPTS') ||
        codeOf(await signIn({ email: 'next@example.com', password: 'x' }, at)) === 'TOO_MANY_ATTEMPTS',
    ).toBe(true);
    expect(codeOf(await signIn({ email: EMAIL, password: PASSWORD }, { 'x-test-address': '203.0.113.51' }))).toBe('in');
    const spellings = [EMAIL, EMAIL.toUpperCase(), ` ${EMAIL} `, 'Victim@Example.COM', 'victim@EXAMPLE.com', `${EMAIL} `];
    const codes = [];
    for (const email of spellings) codes.push(codeOf(await signIn({ email, password: 'wrong' }, { 'x-test-address': '203.0.113.52' })));
    expect(codes.at(-1)).toBe('TOO_MANY_ATTEMPTS');
  });
});

describe('telling accounts apart', () => {
  test('gets the same answer for a wrong password, an unknown address, and a person who is kept out', async () => {
    const gone = await kit.person(undefined);
    await kit.database.database.query(
      `update person set disabled_at = now(), email = 'gone@example.com', email_ci = 'gone@example.com' where principal_id = $1`,
      [gone.principalId],
    );
    const answers = [
      await signIn({ email: EMAIL, password: 'wrong' }),
      await signIn({ email: 'unknown@example.com', password: 'wrong' }),
      await signIn({ email: 'gone@example.com', password: PASSWORD }),
    ];
    expect(new Set(answers.map((one) => `${one.status} ${one.text}`)).size).toBe(1);
  });

  test('gets it after the same work', async () => {
    const passwords = createPasswords({ memoryCost: 8 * 1024, timeCost: 2 });
    const phc = await passwords.hash(PASSWORD);
    await passwords.verify(undefined, 'warm');
    const took = async (of: string | undefined): Promise<number> => {
      const from = performance.now();
      await passwords.verify(of, 'wrong');
      return performance.now() - from;
    };
    // In turn, so that what else the machine does slows both.
    const best = { unknown: Infinity, known: Infinity };
    for (let n = 0; n < 6; n += 1) {
      best.unknown = Math.min(best.unknown, await took(undefined));
      best.known = Math.min(best.known, await took(phc));
    }
    expect(best.unknown).toBeGreaterThan(best.known / 4);
  });
});

describe('a session', () => {
  test('that was planted in a browser is not taken over by signing in', async () => {
    const planted = 'A'.repeat(43);
    const answer = await signIn({ email: EMAIL, password: PASSWORD }, { cookie: `plugboard=${planted}` });
    const [, given] = /^plugboard=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '') ?? [];
    expect(given).toMatch(/^[\w-]{43}$/);
    expect(given).not.toBe(planted);
    const by = (token: string): TestCaller => ({ ...kit.nobody, headers: { cookie: `plugboard=${token}` } });
    expect((await kit.rest(by(planted), 'GET', '/session')).json.kind).not.toBe('signedIn');
    expect((await kit.rest(by(given ?? ''), 'GET', '/session')).json.kind).toBe('signedIn');
  });

  test('is looked for under one name, the first one given; others of that name change nothing', async () => {
    const answer = await signIn({ email: EMAIL, password: PASSWORD });
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
    for (const more of [`x=1; ${cookie}`, `${cookie}; plugboard=other`, `PLUGBOARD=other; ${cookie}`, `;;=; ${cookie}`]) {
      expect((await kit.rest({ ...kit.nobody, headers: { cookie: more } }, 'GET', '/session')).json.kind).toBe('signedIn');
    }
  });

  test('over https has a cookie that no other host, no plain connection and no script reads', () => {
    const policy = cookiePolicy({ publicUrl: 'https://plugboard.example', allowsInsecureHttp: false, isLocal: () => false });
    expect(setCookieHeader(policy, 'token', 1000)).toBe('__Host-plugboard=token; Path=/; HttpOnly; SameSite=Lax; Max-Age=1; Secure');
  });

  test('ends when it is too old, also where it was used all the time', async () => {
    const answer = await signIn({ email: EMAIL, password: PASSWORD });
    const me: TestCaller = { ...kit.nobody, headers: { cookie: (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '' } };
    expect((await kit.rest(me, 'GET', '/session')).json.kind).toBe('signedIn');
    await kit.database.database.query(`update session set absolute_expires_at = now() - interval '1 second' where person_id = $1`, [
      victimId,
    ]);
    expect((await kit.rest(me, 'GET', '/session')).json.kind).not.toBe('signedIn');
  });
});

describe('odd credentials', () => {
  test.each([
    'Bearer',
    'Bearer ',
    'Bearer x',
    'Bearer pb_',
    `Bearer pb_${'x'.repeat(5000)}`,
    'Bearer eyJ.eyJ.eyJ',
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    'bearer  two spaces',
    'Basic b2xnYTpwdw==',
    'Negotiate x',
    "Bearer ' or 1=1 --",
    'Bearer ../../server.json',
  ])('%j are refused and nothing fails', async (authorization) => {
    const answer = await kit.rest({ ...kit.nobody, headers: { authorization } }, 'GET', '/workflows');
    expect([answer.status, answer.json.error.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('a page of another site', () => {
  test('cannot make a change with what forms and simple requests can send', async () => {
    const me = await kit.person('owner');
    const { 'x-plugboard-request': _, ...cookieOnly } = me.headers as Record<string, string>;
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const graphql = await kit.graphql({ ...me, headers: cookieOnly }, 'mutation { leaveWorkspace { __typename } }', undefined, {
        'content-type': type,
      });
      expect([type, graphql.status]).toEqual([type, 415]);
      const rest = await kit.rest({ ...me, headers: cookieOnly }, 'POST', '/workspace/leave', '{}', { 'content-type': type });
      expect([type, rest.json.error.code]).toEqual([type, 'REQUEST_REFUSED']);
    }
    for (const site of ['cross-site', 'same-site']) {
      const answer = await kit.rest(me, 'POST', '/workspace/leave', {}, { 'sec-fetch-site': site });
      expect([site, answer.json.error.code]).toEqual([site, 'REQUEST_REFUSED']);
    }
    expect((await kit.rest(me, 'GET', '/workspace')).status).toBe(200);
  });

  test('cannot read an answer: none names another origin', async () => {
    const answer = await kit.rest(await kit.person('owner'), 'GET', '/workspace', undefined, { origin: 'https://evil.example' });
    expect(answer.json.error.code).toBe('REQUEST_REFUSED');
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});
