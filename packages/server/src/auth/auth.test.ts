/** Getting in: what opens the door, what does not, and what closes it again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, SET_UP_TOKEN, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { base32, matchTotp, newTotpSecret, openTotp, sealTotp, totpCode, totpStep } from './totp.ts';

let kit: ApiKit;
const PASSWORD = 'four words in a row';
const GUARD = { 'x-plugboard-request': '1' };
const OWNER = { name: 'Olga', email: 'olga@example.com', password: PASSWORD };

beforeAll(async () => {
  kit = await openApiKit();
});
afterAll(() => kit.close());

const signIn = (body: object, headers: Readonly<Record<string, string>> = {}) =>
  kit.rest(kit.nobody, 'POST', '/session', body, { ...GUARD, ...headers });
const withCookie = (answer: { headers: Headers }): TestCaller => ({
  ...kit.nobody,
  headers: { ...GUARD, cookie: (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '' },
});

describe('setup', () => {
  test('only the printed token makes the owner, and only once, however many try at once', async () => {
    expect((await kit.rest(kit.nobody, 'GET', '/session')).json.kind).toBe('setup');
    const wrong = await kit.rest(kit.nobody, 'POST', '/setup', { ...OWNER, token: `${SET_UP_TOKEN}x` });
    expect([wrong.status, wrong.json.error.code]).toEqual([401, 'SIGN_IN_FAILED']);
    const weak = await kit.rest(kit.nobody, 'POST', '/setup', { ...OWNER, password: 'short', token: SET_UP_TOKEN });
    expect([weak.status, weak.json.error.path]).toEqual([422, 'input.password']);
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        kit.rest(kit.nobody, 'POST', '/setup', { ...OWNER, email: `o${n}@example.com`, token: SET_UP_TOKEN }),
      ),
    );
    expect(answers.filter((one) => one.status === 200)).toHaveLength(1);
    expect(new Set(answers.filter((one) => one.status !== 200).map((one) => one.json.error.code))).toEqual(new Set(['ALREADY_DONE']));
    const owner = withCookie(answers.find((one) => one.status === 200)!);
    expect((await kit.rest(owner, 'GET', '/session')).json).toMatchObject({
      kind: 'signedIn',
      isOperator: true,
      workspaces: [{ slug: 'default', role: 'owner' }],
    });
    expect((await kit.rest(kit.nobody, 'GET', '/session')).json.kind).toBe('signedOut');
  });
});

describe('signing in', () => {
  let member: TestCaller;
  const email = 'mia@example.com';

  beforeAll(async () => {
    const admin = await kit.person('admin');
    const invited = await kit.rest(admin, 'POST', '/invitations', { email, role: 'editor' });
    const token = new URLSearchParams(new URL(invited.json.link).hash.slice(1)).get('token') ?? '';
    expect((await kit.rest(kit.nobody, 'POST', '/invitations/look', { token })).json).toEqual({
      workspaceName: 'Default',
      email,
      role: 'editor',
    });
    const joined = await kit.rest(kit.nobody, 'POST', '/invitations/accept', { token, name: 'Mia', password: PASSWORD });
    expect(joined.status).toBe(200);
    member = withCookie(joined);
    const again = await kit.rest(kit.nobody, 'POST', '/invitations/accept', { token, name: 'Mia', password: PASSWORD });
    expect([again.status, again.json.error.code]).toEqual([404, 'NOT_FOUND']);
  });

  test('the cookie is for this host only, hidden from scripts, and worth nothing once one signed out', async () => {
    const answer = await signIn({ email: ` ${email.toUpperCase()} `.trim(), password: PASSWORD });
    expect(answer.headers.get('set-cookie')).toMatch(/^plugboard=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const me = withCookie(answer);
    expect((await kit.rest(me, 'GET', '/session')).json.person.email).toBe(email);
    expect((await kit.rest(me, 'DELETE', '/session')).status).toBe(200);
    expect((await kit.rest(me, 'GET', '/session')).json.kind).toBe('signedOut');
  });

  test('a wrong password and an unknown address look the same', async () => {
    const wrong = await signIn({ email, password: 'not the password' });
    const unknown = await signIn({ email: 'nobody@example.com', password: PASSWORD });
    expect([wrong.status, wrong.text]).toEqual([401, unknown.text]);
    expect(wrong.headers.get('set-cookie')).toBeNull();
  });

  test('guessing becomes slow for the account, whatever the number of guesses at once, and the right password waits too', async () => {
    const address = { 'x-test-address': '203.0.113.9' };
    const guesses = await Promise.all(
      Array.from({ length: 15 }, (_, n) => signIn({ email: 'victim@example.com', password: `guess ${n} of many` }, address)),
    );
    expect(guesses.filter((one) => one.json.error.code === 'SIGN_IN_FAILED')).toHaveLength(5);
    const refused = guesses.filter((one) => one.json.error.code === 'TOO_MANY_ATTEMPTS');
    expect(refused).toHaveLength(10);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await signIn({ email, password: PASSWORD }, address)).status).toBe(200);
  });

  test('a change without the header, or from a page of another site, is refused', async () => {
    const { 'x-plugboard-request': _, ...bare } = member.headers as Record<string, string>;
    const plain = { ...member, headers: bare };
    expect((await kit.rest(plain, 'POST', '/workflows', { name: 'x' })).json.error.code).toBe('REQUEST_REFUSED');
    expect((await kit.graphql(plain, 'mutation { signOut { __typename ... on Problem { code } } }')).json.data.signOut.code).toBe(
      'REQUEST_REFUSED',
    );
    const foreign: readonly Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of foreign) {
      expect((await kit.rest(member, 'POST', '/workflows', { name: 'x' }, headers)).json.error.code).toBe('REQUEST_REFUSED');
      expect((await kit.rest(member, 'GET', '/workflows', undefined, headers)).json.error.code).toBe('REQUEST_REFUSED');
    }
    expect((await kit.rest(member, 'GET', '/workflows', undefined, { origin: kit.url })).status).toBe(200);
    expect((await signIn({ email, password: PASSWORD }, { origin: 'https://evil.example' })).json.error.code).toBe('REQUEST_REFUSED');
  });

  test('a session that is revoked is out with its next request', async () => {
    const other = withCookie(await signIn({ email, password: PASSWORD }));
    const { json } = await kit.rest(member, 'GET', '/sessions');
    expect(json.filter((one: { isCurrent: boolean }) => one.isCurrent)).toHaveLength(1);
    const mine = (await kit.rest(other, 'GET', '/sessions')).json.find((one: { isCurrent: boolean }) => one.isCurrent);
    expect((await kit.rest(member, 'DELETE', `/sessions/${mine.id}`)).status).toBe(200);
    expect((await kit.rest(other, 'GET', '/workflows')).status).toBe(401);
    const stranger = await kit.person('owner');
    const current = (await kit.rest(member, 'GET', '/sessions')).json[0];
    expect((await kit.rest(stranger, 'DELETE', `/sessions/${current.id}`)).json.error.code).toBe('NOT_FOUND');
  });

  test('a changed password ends every other session and keeps this one', async () => {
    const other = withCookie(await signIn({ email, password: PASSWORD }));
    const wrong = await kit.rest(member, 'POST', '/person/password', { current: 'wrong wrong wrong', next: 'another four words' });
    expect([wrong.json.error.code, wrong.json.error.path]).toEqual(['SIGN_IN_FAILED', 'input.current']);
    expect((await kit.rest(member, 'POST', '/person/password', { current: PASSWORD, next: 'another four words' })).status).toBe(200);
    expect((await kit.rest(other, 'GET', '/workflows')).status).toBe(401);
    expect((await kit.rest(member, 'GET', '/workflows')).status).toBe(200);
    expect((await signIn({ email, password: PASSWORD })).status).toBe(401);
    expect((await kit.rest(member, 'POST', '/person/password', { current: 'another four words', next: PASSWORD })).status).toBe(200);
  });

  test('with a second factor a code is asked for, counts once, and a recovery code counts once', async () => {
    const offer = (await kit.rest(member, 'POST', '/person/totp', {})).json;
    expect(offer.address).toContain(offer.secret);
    const secret = Buffer.from(fromBase32(offer.secret));
    const code = (): string => totpCode(secret, totpStep(kit.clock.now));
    expect((await signIn({ email, password: PASSWORD })).status).toBe(200);
    expect((await kit.rest(member, 'POST', '/person/totp/confirm', { code: '000000' })).json.error?.code).toBe('SIGN_IN_FAILED');
    const { recoveryCodes } = (await kit.rest(member, 'POST', '/person/totp/confirm', { code: code() })).json;
    expect(recoveryCodes).toHaveLength(10);
    expect((await signIn({ email, password: PASSWORD })).json.error.code).toBe('TOTP_REQUIRED');
    expect((await signIn({ email, password: PASSWORD, totp: code() })).json.error.code).toBe('SIGN_IN_FAILED');
    kit.clock.now += 60_000;
    expect((await signIn({ email, password: PASSWORD, totp: code() })).status).toBe(200);
    expect((await signIn({ email, password: PASSWORD, totp: code() })).json.error.code).toBe('SIGN_IN_FAILED');
    expect((await signIn({ email, password: PASSWORD, totp: recoveryCodes[0] })).status).toBe(200);
    expect((await signIn({ email, password: PASSWORD, totp: recoveryCodes[0] })).json.error.code).toBe('SIGN_IN_FAILED');
    expect((await kit.rest(member, 'POST', '/person/totp/disable', { password: PASSWORD })).status).toBe(200);
    expect((await signIn({ email, password: PASSWORD })).status).toBe(200);
  });

  test('S0-095: an API key acts at once, shows its secret once, tells when it was used, and ends at its time or at once', async () => {
    const expiresAt = '2099-01-01T12:30:00.000Z';
    const made = (await kit.rest(member, 'POST', '/api-keys', { name: 'CI', scopes: ['workflow.read'], expiresAt })).json;
    expect(made.secret).toMatch(/^pb_[\w-]{43}$/);
    const key: TestCaller = { ...kit.nobody, headers: { authorization: `Bearer ${made.secret}` } };
    expect((await kit.rest(key, 'GET', '/workflows')).status).toBe(200);
    const listed = await kit.rest(member, 'GET', '/api-keys');
    expect(listed.json.map((one: { id: string }) => one.id)).toContain(made.id);
    expect(listed.text).not.toContain(made.secret);
    expect(listed.json.find((one: { id: string }) => one.id === made.id)).toMatchObject({
      expiresAt: expect.stringContaining(expiresAt.slice(0, 13)),
      lastUsedAt: expect.any(String),
    });
    const stored = await kit.database.database.query('select row_to_json(k)::text as text from api_key k where id = $1', [made.id]);
    expect(JSON.stringify(stored)).not.toContain(made.secret);
    const setEnd = (end: string) => kit.database.database.query(`update api_key set expires_at = ${end} where id = $1`, [made.id]);
    await setEnd(`now() - interval '1 second'`);
    expect((await kit.rest(key, 'GET', '/workflows')).status).toBe(401);
    await setEnd(`now() + interval '1 hour'`);
    expect((await kit.rest(key, 'GET', '/members')).json.error.code).toBe('FORBIDDEN');
    expect((await kit.rest(key, 'POST', '/api-keys', { name: 'more', scopes: ['*'] })).json.error.code).toBe('FORBIDDEN');
    expect((await kit.rest(key, 'GET', '/sessions')).json.error.code).toBe('FORBIDDEN');
    expect((await kit.rest(member, 'DELETE', `/api-keys/${made.id}`)).status).toBe(200);
    expect((await kit.rest(key, 'GET', '/workflows')).status).toBe(401);
  });

  test('no answer, log line or audit row holds a password', async () => {
    const rows = await kit.database.database.query<{ payload: string }>('select coalesce(payload::text, $1) as payload from audit', ['']);
    for (const text of [...rows.map((row) => row.payload), ...kit.log.map((line) => line.message)]) expect(text).not.toContain(PASSWORD);
  });
});

describe('one-time codes', () => {
  test.each([
    [59_000, '287082'],
    [1_111_111_109_000, '081804'],
    [1_234_567_890_000, '005924'],
    [20_000_000_000_000, '353130'],
  ])('at %i ms the code of the test vectors is %s', (at, code) => {
    expect(totpCode(Buffer.from('12345678901234567890'), totpStep(at))).toBe(code);
  });

  test('a code of the step before or after counts, an older one does not', () => {
    const secret = newTotpSecret();
    const now = 1_700_000_000_000;
    const at = (off: number): string => totpCode(secret, totpStep(now) + off);
    expect([-1, 0, 1].map((off) => matchTotp(secret, at(off), now))).toEqual([-1, 0, 1].map((off) => totpStep(now) + off));
    expect(matchTotp(secret, at(-2), now)).toBeUndefined();
  });

  test('a sealed secret opens for its person only', () => {
    const key = new Uint8Array(32);
    const sealed = sealTotp(key, 'a', Buffer.from('secret'));
    expect(openTotp(key, 'a', sealed).toString()).toBe('secret');
    expect(() => openTotp(key, 'b', sealed)).toThrow();
    expect(base32(Buffer.from('foobar'))).toBe('MZXW6YTBOI');
  });
});

function fromBase32(text: string): number[] {
  const bits = text
    .split('')
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  return (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
}
