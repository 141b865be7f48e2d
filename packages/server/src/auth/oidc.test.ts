/** Signing in at an OpenID provider: who comes in, who does not, and what a provider, a page or a thief may try. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPerson, disablePerson, grantInstanceRole, inInstance, savePlan } from '@plugboard/persistence';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { OAuth2Server } from 'oauth2-mock-server';
import Provider from 'oidc-provider';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { pageOfOurs } from './return-to.ts';
import { isAllowed, whoComes } from './who-comes.ts';

const CLIENT = { clientId: 'plugboard', clientSecret: 'CANARY-client-secret-of-the-provider' };

let kit: ApiKit;
let operator: TestCaller;
let idp: OAuth2Server;
let idpPort: number;
/** What the provider says about who signs in there. */
let says: Record<string, unknown>;
/** What it answers in the place of its own answer. */
let answers: ((body: Record<string, unknown>) => Promise<Record<string, unknown>>) | undefined;
let count = 0;
const subject = (): string => `subject-${(count += 1)}`;
const someone = (): Record<string, unknown> => ({
  sub: subject(),
  email: `new-${count}@corp.example`,
  email_verified: true,
  name: `New ${count}`,
});

async function openIdp(port: number): Promise<OAuth2Server> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(port, '127.0.0.1');
  server.issuer.url = `http://127.0.0.1:${server.address().port}`;
  server.service.on('beforeTokenSigning', (token: { payload: Record<string, unknown> }) => void Object.assign(token.payload, says));
  return server;
}

/** What stands between us and the provider may answer in its place. */
let front: Server;
let frontUrl: string;

beforeAll(async () => {
  kit = await openApiKit();
  operator = await kit.person('owner', { name: 'Olga' });
  await inInstance(kit.database.database, (tx) => grantInstanceRole(tx, { principalId: operator.principalId, role: 'operator' }));
  idp = await openIdp(0);
  idpPort = idp.address().port;
  front = createServer((req, res) => void inFront(req.url ?? '/', req.method ?? 'GET', req, res));
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  frontUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  idp.issuer.url = frontUrl;
  await saveProvider({ key: 'corp' });
});
afterAll(async () => {
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
  await idp.stop();
  await kit.close();
});
beforeEach(async () => {
  says = someone();
  answers = undefined;
  // All come from one address, which would have to wait.
  await kit.database.database.query('delete from login_attempt');
});

async function inFront(url: string, method: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const { authorization, 'content-type': type } = req.headers;
  const answer = await fetch(`http://127.0.0.1:${idpPort}${url}`, {
    method,
    redirect: 'manual',
    headers: { ...(authorization ? { authorization } : {}), ...(type ? { 'content-type': type } : {}) },
    ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
  });
  let body = url.startsWith('/userinfo') ? JSON.stringify({ sub: says['sub'] }) : await answer.text();
  if (answers && url.startsWith('/token')) body = JSON.stringify(await answers(JSON.parse(body)));
  const location = answer.headers.get('location');
  res.writeHead(answer.status, { 'content-type': 'application/json', ...(location === null ? {} : { location }) });
  res.end(body);
}

const saveProvider = async (more: object): Promise<Answer> =>
  kit.rest(operator, 'PUT', '/identity-providers', {
    title: 'Corp',
    issuer: frontUrl,
    ...CLIENT,
    allowedDomains: ['corp.example'],
    joinsWorkspaceId: kit.workspace.id,
    joinRole: 'editor',
    ...more,
  });

interface Visit {
  readonly status: number;
  readonly location: string;
  readonly cookies: Readonly<Record<string, string>>;
  readonly setCookies: readonly string[];
}

async function visit(url: string, cookies: Readonly<Record<string, string>> = {}): Promise<Visit> {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
  const answer = await fetch(url, { redirect: 'manual', headers: cookie.length > 0 ? { cookie: cookie.join('; ') } : {} });
  expect(answer.status, await answer.clone().text()).toBeLessThan(500);
  const setCookies = answer.headers.getSetCookie();
  const given = Object.fromEntries(setCookies.map((one) => /^([^=]+)=([^;]*)/.exec(one)?.slice(1, 3) ?? []));
  return { status: answer.status, location: answer.headers.get('location') ?? '', cookies: { ...cookies, ...given }, setCookies };
}

interface Begun {
  readonly callback: string;
  readonly cookies: Readonly<Record<string, string>>;
}

/** Leaves for the provider and comes back to the door, without going through it. */
async function begin(to = '/w/default/workflows', key = 'corp'): Promise<Begun> {
  const left = await visit(`${kit.url}/auth/oidc/${key}/start?to=${encodeURIComponent(to)}`);
  expect(left.status).toBe(303);
  expect(new URL(left.location).searchParams.get('code_challenge_method')).toBe('S256');
  const back = await visit(left.location);
  return { callback: back.location, cookies: left.cookies };
}

const comeBack = ({ callback, cookies }: Begun): Promise<Visit> => visit(callback, cookies);
const signIn = async (): Promise<Visit> => comeBack(await begin());
const reasonOf = ({ location }: Visit): string => new URL(location, kit.url).searchParams.get('reason') ?? '';
const problemOf = ({ location }: Visit): string => new URL(location, kit.url).searchParams.get('problem') ?? '';
const asBrowser = ({ cookies }: Visit): TestCaller => ({
  ...kit.nobody,
  headers: { 'x-plugboard-request': '1', cookie: `plugboard=${cookies['plugboard'] ?? ''}` },
});

function expectRefused(back: Visit, problem = 'SIGN_IN_FAILED'): void {
  expect([back.status, problemOf(back)]).toEqual([303, problem]);
  expect(back.location).toMatch(/^\/(?:login|account)\?/);
  expect(back.cookies['plugboard'] ?? '').toBe('');
}

describe('somebody who signs in at the company', () => {
  test('becomes a member with the role the operator named, comes back to the page, and is the same person the next time', async () => {
    const back = await comeBack(await begin('/w/default/runs?status=failed#latest'));
    expect([back.status, back.location]).toEqual([303, '/w/default/runs?status=failed#latest']);
    expect(back.setCookies.find((one) => one.startsWith('plugboard='))).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    expect(back.setCookies).toContain('plugboard-sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0');
    const first = (await kit.rest(asBrowser(back), 'GET', '/session')).json;
    expect(first).toMatchObject({
      kind: 'signedIn',
      person: { email: says['email'], name: says['name'] },
      workspaces: [{ slug: 'default', role: 'editor' }],
    });
    // The address changed at the company; who it is did not.
    says = { ...says, email: 'renamed@elsewhere.example', email_verified: false };
    const again = (await kit.rest(asBrowser(await signIn()), 'GET', '/session')).json;
    expect(again.person.id).toBe(first.person.id);
    expect((await kit.rest(asBrowser(back), 'GET', '/person/identities')).json).toMatchObject([{ issuer: frontUrl, subject: says['sub'] }]);
  });

  test('sees the provider on the sign-in page, and nobody ever sees its secret', async () => {
    expect((await kit.rest(kit.nobody, 'GET', '/session')).json.providers).toEqual([{ id: 'corp', title: 'Corp' }]);
    const listed = await kit.rest(operator, 'GET', '/identity-providers');
    expect(listed.json).toMatchObject([{ key: 'corp', hasSecret: true, allowedDomains: ['corp.example'] }]);
    const stored = await kit.database.database.query(`select encode(client_secret, 'escape') as text from identity_provider`);
    for (const text of [listed.text, JSON.stringify(stored), ...kit.log.map((line) => line.message)]) expect(text).not.toContain('CANARY');
    // Nor can whoever edits the provider have it sent somewhere else.
    const { id, rev } = listed.json[0];
    const { clientSecret: _, ...without } = CLIENT;
    const moved = await kit.rest(operator, 'PUT', '/identity-providers', {
      ...without,
      id,
      expectedRev: rev,
      key: 'corp',
      title: 'Corp',
      issuer: 'https://thief.example',
    });
    expect([moved.status, moved.json.error.path]).toEqual([422, 'input.clientSecret']);
  });

  test.each([
    ['an address the company did not verify', { email_verified: false }, 'not-verified'],
    ['no address', { email: undefined }, 'no-address'],
    ['an address of another domain', { email: 'x@evil-corp.example' }, 'other-domain'],
    ['a domain that only begins like it', { email: 'x@corp.example.evil.example' }, 'other-domain'],
  ])('stays out with %s', async (_, claims, reason) => {
    says = { ...says, ...claims };
    const back = await signIn();
    expectRefused(back);
    expect(reasonOf(back)).toBe(reason);
  });

  test('is not taken for who has the address here, unless the operator says so and there is no second factor', async () => {
    const email = `held-${(count += 1)}@corp.example`;
    const made = await createPerson(kit.database.database, { email, displayName: 'Held' });
    says = { ...says, email };
    const back = await signIn();
    expectRefused(back);
    expect(reasonOf(back)).toBe('has-account');
    await saveProvider({ key: 'trusted', linksByEmail: true });
    const linked = await comeBack(await begin('/', 'trusted'));
    expect((await kit.rest(asBrowser(linked), 'GET', '/session')).json.person.id).toBe(made.kind === 'created' ? made.personId : '');
  });

  test('stays out once an operator keeps the person out, and does not come back as somebody new', async () => {
    const { id } = (await kit.rest(asBrowser(await signIn()), 'GET', '/session')).json.person;
    await inInstance(kit.database.database, (tx) => disablePerson(tx, id));
    const back = await signIn();
    expectRefused(back);
    expect(reasonOf(back)).toBe('disabled');
  });

  test('is refused with the numbers where the plan has no room for one more member', async () => {
    const other = await kit.otherWorkspace('full');
    await inInstance(kit.database.database, (tx) => savePlan(tx, { key: 'one', name: 'One', limits: { members: 1 } }));
    await kit.database.database.query(`update workspace set plan_key = 'one' where id = $1`, [other.workspaceId]);
    await saveProvider({ key: 'full', joinsWorkspaceId: other.workspaceId });
    expectRefused(await comeBack(await begin('/', 'full')), 'ENTITLEMENT_EXCEEDED');
    // Nothing of who was refused is left behind.
    expect(await kit.database.database.query('select from identity where subject = $1', [says['sub']])).toEqual([]);
  });
});

describe('linking an account elsewhere', () => {
  const link = async (who: TestCaller): Promise<Begun & { readonly left: string }> => {
    const begun = await kit.rest(who, 'POST', '/person/identities', { provider: 'corp', returnTo: '/account' });
    expect(begun.status, begun.text).toBe(200);
    const ticket = /plugboard-sign-in=([^;]+)/.exec(begun.headers.get('set-cookie') ?? '')?.[1] ?? '';
    const session = /plugboard=([^;]+)/.exec(who.headers['cookie'] ?? '')?.[1] ?? '';
    const back = await visit(begun.json.address);
    return { callback: back.location, cookies: { plugboard: session, 'plugboard-sign-in': ticket }, left: begun.json.address };
  };

  test('makes it a way in for who is signed in, whatever address it has, and it can be taken away', async () => {
    const me = await kit.person('viewer');
    says = { ...says, email: 'private@mail.example', email_verified: false };
    const back = await comeBack(await link(me));
    expect([back.status, back.location]).toEqual([303, '/account']);
    const session = (await kit.rest(asBrowser(await signIn()), 'GET', '/session')).json;
    expect(session.person.id).toBe(me.principalId);
    // It is the only way in: this person has no password.
    const identity = { issuer: frontUrl, subject: says['sub'] };
    expect((await kit.rest(me, 'POST', '/person/identities/unlink', identity)).json.error.code).toBe('LINK_REFUSED');
    expect((await kit.rest(me, 'GET', '/person/identities')).json).toHaveLength(1);
  });

  test('is refused for an account of somebody else, and in a browser where another one is signed in', async () => {
    await signIn();
    const me = await kit.person('viewer');
    expectRefusedLink(await comeBack(await link(me)), 'LINK_REFUSED');
    says = someone();
    const begun = await link(me);
    const thief = await kit.person('viewer');
    const theirs = /plugboard=([^;]+)/.exec(thief.headers['cookie'] ?? '')?.[1] ?? '';
    expectRefusedLink(await comeBack({ ...begun, cookies: { ...begun.cookies, plugboard: theirs } }), 'SIGN_IN_FAILED');
    const withoutSession = await link(me);
    const { plugboard: _, ...rest } = withoutSession.cookies;
    expectRefusedLink(await comeBack({ ...withoutSession, cookies: rest }), 'SIGN_IN_FAILED');
    expect((await kit.rest(thief, 'GET', '/person/identities')).json).toEqual([]);
  });

  const expectRefusedLink = (back: Visit, problem: string): void => {
    expect([back.status, problemOf(back), back.location.startsWith('/account?')]).toEqual([303, problem, true]);
  };
});

describe('what comes back from a provider is not believed when', () => {
  test('it comes back twice', async () => {
    const begun = await begin();
    const [one, two] = await Promise.all([comeBack(begun), comeBack(begun)]);
    expect([one, two].filter((back) => back.cookies['plugboard']).length).toBe(1);
    expectRefused(await comeBack(begun));
  });

  test('it comes back to another browser, with another state, or to the address of another provider', async () => {
    const begun = await begin();
    expectRefused(await visit(begun.callback));
    expectRefused(await visit(begun.callback, { 'plugboard-sign-in': `${begun.cookies['plugboard-sign-in']?.slice(0, -4)}AAAA` }));
    expectRefused(await visit(begun.callback.replace(/state=[^&]+/, 'state=x'), begun.cookies));
    expectRefused(await visit(`${begun.callback}&state=x`, begun.cookies), 'SIGN_IN_FAILED');
    await saveProvider({ key: 'another' });
    expectRefused(await visit(begun.callback.replace('/corp/', '/another/'), begun.cookies));
  });

  test('the ticket is older than ten minutes', async () => {
    const begun = await begin();
    kit.clock.now += 11 * 60_000;
    expectRefused(await comeBack(begun));
  });

  test('it names another issuer than the one that was asked (mix-up)', async () => {
    const begun = await begin();
    expectRefused(await visit(`${begun.callback}&iss=https%3A%2F%2Fevil.example`, begun.cookies));
  });

  test('the provider says no, and what it says is shown nowhere', async () => {
    const begun = await begin();
    const { state } = Object.fromEntries(new URL(begun.callback).searchParams);
    const url = `${begun.callback.split('?', 1)[0]}?state=${state}&error=access_denied&error_description=%3Cscript%3E`;
    const back = await visit(url, begun.cookies);
    expectRefused(back);
    expect(back.location).not.toContain('script');
  });

  const now = (): number => Math.floor(Date.now() / 1000);
  test.each<[string, () => Record<string, unknown>]>([
    ['is for another client', () => ({ aud: 'another-client' })],
    ['is from another issuer', () => ({ iss: 'https://evil.example' })],
    ['has run out', () => ({ iat: now() - 7200, exp: now() - 3600 })],
    ['is not valid yet', () => ({ nbf: now() + 3600 })],
    ['answers another question', () => ({ nonce: 'of another sign-in' })],
    ['has no nonce', () => ({ nonce: undefined })],
    ['names nobody', () => ({ sub: undefined })],
  ])('its token %s', async (_, claims) => {
    says = { ...says, ...claims() };
    expectRefused(await signIn());
  });

  test('a clock is off by half a minute it still is', async () => {
    says = { ...says, iat: now() + 30, nbf: now() + 30 };
    expect((await signIn()).location).toBe('/w/default/workflows');
  });

  const payloadOf = (token: unknown): Record<string, unknown> =>
    JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString());
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each<[string, (body: Record<string, unknown>) => Promise<Record<string, unknown>>]>([
    [
      'is not signed (alg none)',
      async (body) => ({ ...body, id_token: `${encoded({ alg: 'none' })}.${encoded(payloadOf(body['id_token']))}.` }),
    ],
    [
      'is signed with the client secret',
      async (body) => ({
        ...body,
        id_token: await new SignJWT(payloadOf(body['id_token']))
          .setProtectedHeader({ alg: 'HS256' })
          .sign(Buffer.from(CLIENT.clientSecret)),
      }),
    ],
    [
      'is signed with the public key as a secret',
      async (body) => ({
        ...body,
        id_token: await new SignJWT(payloadOf(body['id_token']))
          .setProtectedHeader({ alg: 'HS256', kid: idp.issuer.keys.toJSON()[0]?.kid ?? '' })
          .sign(Buffer.from(JSON.stringify(idp.issuer.keys.toJSON()[0]))),
      }),
    ],
    [
      'is signed by a key that came along',
      async (body) => {
        const { publicKey, privateKey } = await generateKeyPair('RS256');
        const header = { alg: 'RS256', kid: idp.issuer.keys.toJSON()[0]?.kid ?? '', jwk: await exportJWK(publicKey) };
        return { ...body, id_token: await new SignJWT(payloadOf(body['id_token'])).setProtectedHeader(header).sign(privateKey) };
      },
    ],
    [
      'was changed after it was signed',
      async (body) => {
        const [header, , signature] = String(body['id_token']).split('.');
        return { ...body, id_token: `${header}.${encoded({ ...payloadOf(body['id_token']), sub: 'somebody else' })}.${signature}` };
      },
    ],
    ['is not there', async ({ id_token: _, ...body }) => body],
  ])('its token %s', async (_, answer) => {
    answers = answer;
    expectRefused(await signIn());
  });

  test('guessing goes on: the address has to wait', async () => {
    const begun = await begin();
    let last = await comeBack({ ...begun, cookies: {} });
    for (let n = 0; n < 40 && problemOf(last) !== 'TOO_MANY_ATTEMPTS'; n += 1) last = await comeBack({ ...begun, cookies: {} });
    expect(problemOf(last)).toBe('TOO_MANY_ATTEMPTS');
    await kit.database.database.query('delete from login_attempt');
  });
});

describe('a provider', () => {
  test('may change its keys: the next sign-in works', async () => {
    await signIn();
    await idp.stop();
    idp = await openIdp(idpPort);
    idp.issuer.url = frontUrl;
    expect((await signIn()).location).toBe('/w/default/workflows');
  });

  test.each(['https://169.254.169.254', 'https://[::1]:1', 'https://10.0.0.1', 'http://localhost:9'])(
    'at %s is not talked to, and people are told',
    async (issuer) => {
      expect((await saveProvider({ key: 'inside', issuer, id: await idOf('inside') })).status).toBe(200);
      expectRefused(await visit(`${kit.url}/auth/oidc/inside/start`), 'PROVIDER_FAILED');
    },
  );
  const idOf = async (key: string): Promise<string | undefined> =>
    (await kit.rest(operator, 'GET', '/identity-providers')).json.find((one: { key: string }) => one.key === key)?.id;

  test.each([
    ['http://corp.example', 'input.issuer'],
    ['https://user:pw@corp.example', 'input.issuer'],
    ['https://corp.example?x=1', 'input.issuer'],
    ['javascript:alert(1)', 'input.issuer'],
  ])('is not saved with the issuer %s', async (issuer, path) => {
    expect((await saveProvider({ key: 'bad', issuer })).json.error.path).toBe(path);
  });

  test('that lets people in by address names the domains it vouches for', async () => {
    expect((await saveProvider({ key: 'bad', allowedDomains: [], linksByEmail: true })).json.error.path).toBe('input.allowedDomains');
    expect((await saveProvider({ key: 'bad', allowedDomains: [] })).json.error.path).toBe('input.allowedDomains');
    expect((await saveProvider({ key: 'corp' })).json.error.code).toBe('NAME_TAKEN');
  });

  test('that is unknown or turned off is no way in; only looking uses nothing up', async () => {
    expectRefused(await visit(`${kit.url}/auth/oidc/nothing/start`), 'NOT_FOUND');
    const begun = await begin();
    expect((await fetch(begun.callback, { method: 'HEAD', redirect: 'manual' })).status).toBe(405);
    expect((await comeBack(begun)).location).toBe('/w/default/workflows');
  });
});

describe('a certified provider from npm', () => {
  test('signs somebody in, by its own pages', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: 'real',
          client_secret: 'a-secret-of-a-real-client',
          redirect_uris: [`${kit.url}/auth/oidc/real/callback`],
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
      claims: { email: ['email', 'email_verified'], profile: ['name'] },
      findAccount: (_: unknown, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@corp.example`, email_verified: true, name: 'Ada' }),
      }),
      pkce: { required: () => true },
    });
    const handle = provider.callback();
    server.on('request', (req, res) => void handle(req, res));
    await saveProvider({ key: 'real', issuer, clientId: 'real', clientSecret: 'a-secret-of-a-real-client' });
    const left = await visit(`${kit.url}/auth/oidc/real/start?to=/w/default`);
    const callback = await throughItsPages(left.location);
    const back = await visit(callback, left.cookies);
    expect(back.location).toBe('/w/default');
    expect((await kit.rest(asBrowser(back), 'GET', '/session')).json.person).toMatchObject({ email: 'ada@corp.example', name: 'Ada' });
    server.closeAllConnections();
    server.close();
  });

  /** Types a name, agrees, and follows until the provider sends the browser back to us. */
  async function throughItsPages(first: string): Promise<string> {
    const jar = new Map<string, string>();
    let url = first;
    let form: URLSearchParams | undefined;
    for (let step = 0; step < 15; step += 1) {
      const answer: Response = await fetch(url, {
        method: form ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
        ...(form ? { body: form } : {}),
      });
      for (const one of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(one) ?? [];
        jar.set(name, value);
      }
      const location = answer.headers.get('location');
      if (location !== null) {
        url = new URL(location, url).href;
        form = undefined;
        if (url.startsWith(kit.url)) return url;
        continue;
      }
      const page = await answer.text();
      const [, prompt = ''] = /name="prompt" value="(\w+)"/.exec(page) ?? [];
      form = new URLSearchParams(prompt === 'login' ? { prompt, login: 'ada', password: 'x' } : { prompt });
      url = new URL(/action="([^"]+)"/.exec(page)?.[1] ?? '', url).href;
    }
    throw new Error('the provider did not send the browser back');
  }
});

describe('a page to come back to', () => {
  test.each([
    ['/w/default/runs?x=1#y', '/w/default/runs?x=1#y'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['/\t/evil.example', '/'],
    ['/ok\r\nset-cookie: x', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/..//evil.example', '/'],
    ['/%2f%2fevil.example', '/%2f%2fevil.example'],
    ['', '/'],
    [`/${'x'.repeat(3000)}`, '/'],
  ])('%j is %j', (asked, page) => expect(pageOfOurs(asked)).toBe(page));

  test('is one of ours also at the end of a sign-in', async () => {
    for (const to of ['//evil.example', 'https://evil.example/', '/\\evil.example']) {
      says = someone();
      expect((await comeBack(await begin(to))).location).toBe('/');
    }
  });
});

describe('who comes', () => {
  const claims = { issuer: 'i', subject: 's', email: 'a@corp.example', isEmailVerified: true };
  const rules = { allowedDomains: ['corp.example'], linksByEmail: true, joins: {} };

  test('an identity counts more than an address, and a second factor more than trust in addresses', () => {
    const identity = { personId: 'p', isDisabled: false };
    const byEmail = { personId: 'q', isDisabled: false, hasTotp: true };
    expect(whoComes(claims, rules, { identity, byEmail })).toEqual({ kind: 'known', personId: 'p' });
    expect(whoComes(claims, rules, { byEmail })).toEqual({ kind: 'refused', why: 'has-account' });
    expect(whoComes(claims, { ...rules, allowedDomains: [] }, { byEmail: { ...byEmail, hasTotp: false } })).toEqual({
      kind: 'refused',
      why: 'has-account',
    });
    expect(whoComes(claims, { allowedDomains: [], linksByEmail: false }, {})).toEqual({ kind: 'refused', why: 'not-invited' });
  });

  test.each([
    ['a@corp.example', true],
    ['a@CORP.example', true],
    ['a@sub.corp.example', false],
    ['corp.example', false],
    ['a@corp.example@evil.example', false],
  ])('%s is of the domain: %s', (email, is) => expect(isAllowed(email, ['corp.example'])).toBe(is));
});
