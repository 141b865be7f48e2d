/** Short tokens: what they open, for how long, and what a forged one opens. */
import { createHmac } from 'node:crypto';
import { revokeApiKey, inWorkspace } from '@plugboard/persistence';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { type TokenClaims, createTokens, looksLikeToken } from './tokens.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const KEY = new Uint8Array(32).fill(1);
const CLAIMS: TokenClaims = { principalId: 'p', principalKind: 'person', workspaceId: 'w', madeFor: { kind: 'session', sessionId: 's' } };

describe('a token', () => {
  const clock = { now: Date.UTC(2026, 0, 1, 12) };
  const tokens = createTokens({ key: KEY, now: () => clock.now });
  const issue = async (lifeMs?: number): Promise<string> => (await tokens.issue(CLAIMS, 'api', lifeMs)).token;
  const at = async <Result>(ms: number, work: () => Promise<Result>): Promise<Result> => {
    const before = clock.now;
    clock.now += ms;
    try {
      return await work();
    } finally {
      clock.now = before;
    }
  };

  test('says for whom it speaks, to its audience only', async () => {
    const token = await issue();
    expect(await tokens.read(token, 'api')).toMatchObject(CLAIMS);
    expect(await tokens.read(token, 'live')).toBeUndefined();
    expect(looksLikeToken(token)).toBe(true);
  });

  test('ends, whatever life was asked for, and is not valid before it begins; clocks may be off by half a minute', async () => {
    const token = await issue(DAY);
    expect(await at(10 * MINUTE + 29_000, () => tokens.read(token, 'api'))).toBeDefined();
    expect(await at(10 * MINUTE + 31_000, () => tokens.read(token, 'api'))).toBeUndefined();
    expect(await at(-29_000, () => tokens.read(token, 'api'))).toBeDefined();
    expect(await at(-31_000, () => tokens.read(token, 'api'))).toBeUndefined();
    const short = await issue(5000);
    expect(await at(36_000, () => tokens.read(short, 'api'))).toBeUndefined();
  });

  test('outlives midnight, when the key changes, and no key reads tokens of days before', async () => {
    const late = Date.UTC(2026, 0, 1, 23, 58) - clock.now;
    const token = await at(late, issue);
    expect(await at(late + 4 * MINUTE, () => tokens.read(token, 'api'))).toBeDefined();
    expect(await at(late + 2 * DAY, () => tokens.read(token, 'api'))).toBeUndefined();
    expect(token.split('.')[0]).not.toBe((await at(late + 4 * MINUTE, issue)).split('.')[0]);
  });

  const payload = { kind: 'person', wid: 'w', sid: 's' };
  const period = String(Math.floor(clock.now / DAY));
  const keyOf = (day: string): Uint8Array => createHmac('sha256', KEY).update(`token key ${day}`).digest();
  const forged = (header: object, key: Uint8Array = keyOf(period), claims: object = {}): Promise<string> => {
    const s = Math.floor(clock.now / 1000);
    const all = { iss: 'plugboard', aud: 'plugboard:api', sub: 'p', jti: 'j', iat: s, nbf: s, exp: s + 60, ...payload, ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: 'HS256', typ: 'plugboard+jwt', kid: period, ...header }).sign(key);
  };

  test('made the same way is believed, so that the following ones are refused for what they change', async () => {
    expect(await tokens.read(await forged({}), 'api')).toBeDefined();
  });

  test.each<[string, () => Promise<string> | string]>([
    [
      'that is not signed',
      () => new UnsecuredJWT({ ...payload, sub: 'p' }).setIssuer('plugboard').setAudience('plugboard:api').setExpirationTime('1m').encode(),
    ],
    [
      'with alg none and a signature',
      async () =>
        `${Buffer.from(`{"alg":"none","typ":"plugboard+jwt","kid":"${period}"}`).toString('base64url')}.${(await forged({})).split('.').slice(1).join('.')}`,
    ],
    ['of another algorithm', () => forged({ alg: 'HS384' })],
    ['signed with another key', () => forged({}, new Uint8Array(32))],
    ['signed with the root of the keys', () => forged({}, KEY)],
    ['signed with the key of another day', () => forged({}, keyOf('1'))],
    ['that names a day we have no key for', () => forged({ kid: '1' }, keyOf('1'))],
    ['that names a file as its key', () => forged({ kid: '../../../dev/null' }, new Uint8Array(32))],
    ['without the name of a key', () => forged({ kid: undefined })],
    ['of another kind', () => forged({ typ: 'JWT' })],
    ['of another issuer', () => forged({}, undefined, { iss: 'elsewhere' })],
    ['for nobody', () => forged({}, undefined, { aud: undefined })],
    ['that never ends', () => forged({}, undefined, { exp: undefined })],
    ['that lives for a year', () => forged({}, undefined, { iat: 0, exp: 4_000_000_000 })],
    ['of the future', () => forged({}, undefined, { nbf: Math.floor(clock.now / 1000) + 3600 })],
    ['made for nothing that could be revoked', () => forged({}, undefined, { sid: undefined })],
    ['that speaks for the system', () => forged({}, undefined, { kind: 'system' })],
    ['that was changed', async () => (await issue()).replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"q"}').toString('base64url')}.`)],
    ['that is cut short', async () => (await issue()).slice(0, -1)],
    ['that is none', () => 'eyJ.eyJ.'],
    ['that is endless', () => `eyJ${'a'.repeat(1_000_000)}.a.a`],
  ])('%s is refused', async (_, make) => {
    expect(await tokens.read(await make(), 'api')).toBeUndefined();
  });
});

describe('with a token', () => {
  let kit: ApiKit;
  let member: TestCaller;
  beforeAll(async () => {
    kit = await openApiKit();
    member = await kit.person('editor');
  });
  afterAll(() => kit.close());

  const bearer = (token: string, more: object = {}): TestCaller => ({
    ...kit.nobody,
    headers: { authorization: `Bearer ${token}`, ...more },
  });
  const tokenOf = async (by: TestCaller, body: object = { audience: 'api' }): Promise<string> => {
    const made = await kit.rest(by, 'POST', '/tokens', body);
    expect(made.status, made.text).toBe(201);
    return made.json.token as string;
  };

  test('one acts as who made it, in that workspace only, and is named so in the audit log', async () => {
    const token = await tokenOf(member);
    const made = await kit.rest(bearer(token), 'POST', '/workflows', { name: 'By token' });
    expect(made.status, made.text).toBe(201);
    const [row] = await kit.database.database.query('select principal_id as by from audit where resource_id = $1', [made.json.id]);
    expect(row).toEqual({ by: member.principalId });
    await kit.otherWorkspace('elsewhere');
    const elsewhere = await kit.rest(bearer(token, { 'x-plugboard-workspace': 'elsewhere' }), 'GET', '/workflows');
    expect(elsewhere.json.error.code).toBe('NOT_FOUND');
    expect((await kit.rest(bearer(token), 'GET', '/w/elsewhere/workflows')).json.error.code).toBe('NOT_FOUND');
    expect((await kit.rest(bearer(token), 'GET', '/w/default/workflows')).status).toBe(200);
  });

  test('one does no more than its scopes and those of the key that made it', async () => {
    const narrow = await tokenOf(member, { audience: 'api', scopes: ['workflow.read'] });
    expect((await kit.rest(bearer(narrow), 'GET', '/workflows')).status).toBe(200);
    expect((await kit.rest(bearer(narrow), 'POST', '/workflows', { name: 'x' })).json.error.code).toBe('FORBIDDEN');
    const key = await kit.apiKey(member, ['workflow.read']);
    const wider = await tokenOf(key, { audience: 'api', scopes: ['workflow.create', 'workflow.read'] });
    expect((await kit.rest(bearer(wider), 'POST', '/workflows', { name: 'x' })).json.error.code).toBe('FORBIDDEN');
    expect((await kit.rest(bearer(wider), 'GET', '/workflows')).status).toBe(200);
  });

  test('nobody makes another one, a key, or changes what is a person’s own', async () => {
    for (const token of [await tokenOf(member), await tokenOf(await kit.apiKey(member))]) {
      expect((await kit.rest(bearer(token), 'POST', '/tokens', { audience: 'api' })).json.error.code).toBe('FORBIDDEN');
      expect((await kit.rest(bearer(token), 'POST', '/api-keys', { name: 'x', scopes: ['*'] })).json.error.code).toBe('FORBIDDEN');
      expect((await kit.rest(bearer(token), 'GET', '/sessions')).json.error.code).toBe('FORBIDDEN');
      expect((await kit.rest(bearer(token), 'GET', '/person/export')).json.error.code).toBe('FORBIDDEN');
    }
  });

  test('it is over when its session or key is revoked, its person is out, or ten minutes are', async () => {
    const me = await kit.person('viewer');
    const bySession = await tokenOf(me);
    const key = await kit.apiKey(member);
    const byKey = await tokenOf(key);
    const old = await tokenOf(member);
    expect((await kit.rest(me, 'DELETE', '/session')).status).toBe(200);
    expect((await kit.rest(bearer(bySession), 'GET', '/workflows')).status).toBe(401);
    const { apiKeyId = '' } = await key.caller();
    await inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: member.principalId }, (tx) =>
      revokeApiKey(tx, apiKeyId),
    );
    expect((await kit.rest(bearer(byKey), 'GET', '/workflows')).status).toBe(401);
    kit.clock.now += 11 * MINUTE;
    expect((await kit.rest(bearer(old), 'GET', '/workflows')).status).toBe(401);
    const fresh = await kit.person('editor');
    const token = await tokenOf(fresh);
    await kit.rest(kit.system, 'PUT', `/members/${fresh.principalId}/role`, { role: 'viewer' });
    expect((await kit.rest(bearer(token), 'POST', '/workflows', { name: 'x' })).json.error.code).toBe('FORBIDDEN');
    await kit.rest(kit.system, 'DELETE', `/members/${fresh.principalId}`);
    expect((await kit.rest(bearer(token), 'GET', '/workflows')).json.error.code).toBe('NOT_FOUND');
  });

  test('one for sockets opens no request, and a token beside a cookie is what counts', async () => {
    expect((await kit.rest(bearer(await tokenOf(member, { audience: 'live' })), 'GET', '/workflows')).status).toBe(401);
    const both = { ...member, headers: { ...member.headers, authorization: 'Bearer eyJ.eyJ.x' } };
    expect((await kit.rest(both, 'GET', '/workflows')).status).toBe(401);
  });

  test('the address and the header name one workspace', async () => {
    const two = await kit.rest(
      { ...member, headers: { ...member.headers, 'x-plugboard-workspace': 'elsewhere' } },
      'GET',
      '/w/default/workflows',
    );
    expect([two.status, two.json.error.code]).toEqual([422, 'INPUT_INVALID']);
    expect((await kit.rest(member, 'GET', '/w/nothing/workflows')).status).toBe(422);
    const plain = {
      ...member,
      headers: Object.fromEntries(Object.entries(member.headers).filter(([name]) => name !== 'x-plugboard-workspace')),
    };
    expect((await kit.rest(plain, 'GET', '/w/nothing/workflows')).json.error.code).toBe('NOT_FOUND');
    expect((await kit.rest(plain, 'GET', '/w/default/workflows')).status).toBe(200);
    expect((await kit.rest(plain, 'GET', '/w/..%2fdefault/workflows')).json.error.code).toBe('NOT_FOUND');
    expect((await kit.rest(plain, 'GET', '/w/default/w/default/workflows')).status).toBe(404);
  });
});
