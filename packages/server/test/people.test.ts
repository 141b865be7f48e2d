/** People at a whole server: the owner made from the settings or the printed address, sessions that outlive a restart, and what is open. */
import { OAuth2Server } from 'oauth2-mock-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, contractFile, startTestServer } from './test-server.ts';

const OWNER = { email: 'olga@example.com', password: 'four words in a row' };
const GUARD = { 'content-type': 'application/json', 'x-plugboard-request': '1' };
const env = { PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password };

interface Session {
  readonly kind: string;
  readonly isOperator: boolean;
}

let server: TestServer;
let cookie: string;
let next: TestServer | undefined;

const signIn = (to: TestServer, body: object): ReturnType<TestServer['fetch']> =>
  to.fetch('/api/session', { method: 'POST', headers: GUARD, body: JSON.stringify(body) });
const sessionOf = async (at: TestServer): Promise<Session> => (await at.fetch<Session>('/api/session', { headers: { cookie } })).json;

beforeAll(async () => {
  server = await startTestServer({ env });
  const answer = await signIn(server, OWNER);
  cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '';
});

afterAll(() => (next ?? server).close());

describe('the owner', () => {
  test('is made from the settings, signs in, and runs the instance', async () => {
    expect(server.setUpToken).toBeUndefined();
    expect(await sessionOf(server)).toMatchObject({ kind: 'signedIn', isOperator: true });
    expect(server.log()).not.toContain(OWNER.password);
  });

  test('imports, publishes, runs and reads by session what the command line does by its token', async () => {
    const headers = { ...GUARD, cookie };
    const body = JSON.stringify({ definition: await contractFile('echo'), publish: true });
    expect((await server.fetch('/api/workflows/import', { method: 'POST', headers, body })).status).toBe(201);
    expect((await server.hook('contract/echo', { name: 'Ada' })).json).toEqual({ hello: 'Ada', length: 3 });
    const query = '{ workflows { rows { name liveVersion recentRuns { status } starts { text } } } }';
    const { json } = await server.fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query }) });
    expect(json).toMatchObject({
      data: {
        workflows: {
          rows: [{ name: 'Echo', liveVersion: 1, recentRuns: [{ status: 'succeeded' }], starts: [{ text: 'POST /hooks/contract/echo' }] }],
        },
      },
    });
  });
});

describe('without an owner', () => {
  test('the server gives a token that works once, and writes it to no log', async () => {
    const fresh = await startTestServer();
    const token = fresh.setUpToken ?? '';
    expect(token).toMatch(/^[\w-]{40,}$/);
    expect(fresh.log()).not.toContain(token);
    const setUp = (): ReturnType<TestServer['fetch']> =>
      fresh.fetch('/api/setup', { method: 'POST', headers: GUARD, body: JSON.stringify({ name: 'Olga', ...OWNER, token }) });
    expect((await setUp()).status).toBe(200);
    expect((await setUp()).status).toBe(409);
    await fresh.close();
  });
});

describe('a restart', () => {
  test('keeps sessions and the owner, whatever the settings say by then; a revoked session stays out', async () => {
    await server.stop();
    next = await startTestServer({ after: server, env: { ...env, PLUGBOARD_OWNER_PASSWORD: 'other words in the settings' } });
    expect(await sessionOf(next)).toMatchObject({ kind: 'signedIn' });
    expect((await signIn(next, { ...OWNER, password: 'other words in the settings' })).status).toBe(401);
    expect((await next.fetch('/api/session', { method: 'DELETE', headers: { ...GUARD, cookie } })).status).toBe(200);
    expect(await sessionOf(next)).toMatchObject({ kind: 'signedOut' });
  });
});

describe('an OpenID provider in the settings', () => {
  test('lets people of the company in, as members, through the whole server', async () => {
    const idp = new OAuth2Server();
    await idp.issuer.keys.generate('RS256');
    await idp.start(0, '127.0.0.1');
    const issuer = `http://127.0.0.1:${idp.address().port}`;
    idp.issuer.url = issuer;
    idp.service.on('beforeTokenSigning', (token: { payload: object }) => {
      Object.assign(token.payload, { sub: 'ada', email: 'ada@corp.example', email_verified: true, name: 'Ada' });
    });
    const fresh = await startTestServer({
      env: {
        ...env,
        PLUGBOARD_EGRESS_ALLOW: '127.0.0.1',
        PLUGBOARD_OIDC_ISSUER: issuer,
        PLUGBOARD_OIDC_CLIENT_ID: 'plugboard',
        PLUGBOARD_OIDC_CLIENT_SECRET: 'canary-secret-of-the-client',
        PLUGBOARD_OIDC_TITLE: 'Corp',
        PLUGBOARD_OIDC_DOMAINS: 'corp.example',
        PLUGBOARD_OIDC_JOIN_ROLE: 'runner',
      },
    });
    try {
      const { json } = await fresh.fetch<{ providers: object[] }>('/api/session');
      expect(json.providers).toEqual([{ id: 'sso', title: 'Corp' }]);
      const left = await fetch(`${fresh.url}/auth/oidc/sso/start?to=/w/default`, { redirect: 'manual' });
      const ticket = left.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
      const back = await fetch(left.headers.get('location') ?? '', { redirect: 'manual' });
      const door = await fetch(back.headers.get('location') ?? '', { redirect: 'manual', headers: { cookie: ticket } });
      expect([door.status, door.headers.get('location')]).toEqual([303, '/w/default']);
      expect(door.headers.get('content-security-policy')).toContain("default-src 'none'");
      const session = door.headers.getSetCookie().find((one) => one.startsWith('plugboard=')) ?? '';
      const me = await fresh.fetch('/api/session', { headers: { cookie: session.split(';', 1)[0] ?? '' } });
      expect(me.json).toMatchObject({ person: { email: 'ada@corp.example' }, workspaces: [{ slug: 'default', role: 'runner' }] });
      expect(fresh.log()).not.toContain('canary-secret');
    } finally {
      await fresh.close();
      await idp.stop();
    }
  });
});

describe('a connection others can read', () => {
  test('carries no password: sign-in is refused with what to do', async () => {
    const at = next ?? server;
    const text = await at.raw(
      `POST /api/session HTTP/1.1\r\nhost: 192.0.2.1\r\nconnection: close\r\nx-plugboard-request: 1\r\ncontent-type: application/json\r\ncontent-length: 66\r\n\r\n${JSON.stringify(OWNER).padEnd(66)}`,
    );
    expect(text).toMatch(/^HTTP\/1.1 403 /);
    expect(text).toContain('CONNECTION_INSECURE');
  });
});
