/** Signing in at services and keeping their tokens fresh, against a real authorization server. */
import type { IncomingMessage } from 'node:http';
import { OAuth2Server } from 'oauth2-mock-server';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { type CredentialKit, type Service, credentialKit, openService } from './credentials.test-kit.ts';

interface TokenAnswer {
  body: Record<string, unknown>;
  statusCode: number;
}
type TokenCall = IncomingMessage & { readonly body: Readonly<Record<string, string>> };

let kit: ApiKit;
let owner: TestCaller;
let use: CredentialKit;
let service: Service;
let issuer: OAuth2Server;
/** Calls of the token address. */
const calls: { readonly form: Readonly<Record<string, string>>; readonly authorization: string | undefined }[] = [];
let answerTokens: (answer: TokenAnswer, call: TokenCall) => void = () => undefined;

beforeAll(async () => {
  kit = await openApiKit();
  owner = await kit.person('owner');
  use = credentialKit(kit, owner);
  service = await openService();
  issuer = new OAuth2Server();
  await issuer.issuer.keys.generate('RS256');
  await issuer.start(0, '127.0.0.1');
  issuer.service.on('beforeResponse', (answer: TokenAnswer, call: TokenCall) => {
    calls.push({ form: { ...call.body }, authorization: call.headers.authorization });
    answerTokens(answer, call);
  });
  // The first run loads the plugin.
  await use.request({ url: service.url });
  service.seen.length = 0;
});
afterEach(() => {
  calls.length = 0;
  service.seen.length = 0;
  answerTokens = () => undefined;
});
afterAll(async () => {
  await issuer.stop();
  await service.close();
  await kit.close();
});

/** Where the authorization server listens, as an address that the credential names. */
const base = (): string => `http://127.0.0.1:${issuer.address().port}`;
const hosts = (): string[] => [service.host, base()];
const client = (more: object = {}): object => ({
  tokenUrl: `${base()}/token`,
  clientId: 'the client',
  clientSecret: 'canary-client-secret',
  ...more,
});
const signInClient = (more: object = {}): object => client({ authorizeUrl: `${base()}/authorize`, scopes: 'read  write', ...more });
const health = async (id: string): Promise<string> => (await kit.rest(owner, 'GET', `/credentials/${id}`)).json.health;
const expire = (): void => {
  answerTokens = (answer) => (answer.body['expires_in'] = 1);
};

/** Leaves for the service and agrees there; gives the address the browser is sent back to. */
async function agree(id: string): Promise<URL> {
  const started = await kit.rest(owner, 'POST', `/credentials/${id}/sign-in`);
  const answer = await fetch(started.json.url, { redirect: 'manual' });
  return new URL(answer.headers.get('location') ?? '');
}
const comeBack = async (address: URL, by: TestCaller = owner): Promise<string> => {
  const answer = await fetch(address, {
    redirect: 'manual',
    headers: { cookie: by.headers['cookie'] ?? '', 'sec-fetch-site': 'cross-site' },
  });
  return answer.status === 303 ? (answer.headers.get('location') ?? '') : String(answer.status);
};

describe('S0-040: signing in at a service', () => {
  test('gives the credential tokens that requests carry, and asks for them with PKCE', async () => {
    const { id, key } = await use.make('core/oauth2', signInClient(), hosts());
    expect(await health(id)).toBe('needsSignIn');
    expect((await use.request({ url: service.url, credential: key })).error?.code).toBe('CREDENTIAL_SIGN_IN_NEEDED');
    const started = await kit.rest(owner, 'POST', `/credentials/${id}/sign-in`);
    const asked = new URL(started.json.url).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      client_id: 'the client',
      scope: 'read write',
      code_challenge_method: 'S256',
      redirect_uri: `${kit.url}/api/oauth2/callback`,
    });
    expect(asked.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    const back = await fetch(started.json.url, { redirect: 'manual' });
    const page = await comeBack(new URL(back.headers.get('location') ?? ''));
    expect(page).toBe(`${kit.url}/w/default/credentials/${id}?signedIn=1`);
    expect(calls[0]?.form).toMatchObject({ grant_type: 'authorization_code', redirect_uri: `${kit.url}/api/oauth2/callback` });
    expect(calls[0]?.form['code_verifier']).toMatch(/^[\w-]{64}$/);
    expect(calls[0]?.authorization).toBe(`Basic ${Buffer.from('the+client:canary-client-secret').toString('base64')}`);
    expect(await health(id)).toBe('ok');
    const run = await use.request({ url: service.url, credential: key });
    const token = String(service.seen[0]?.headers.authorization);
    expect(token).toMatch(/^Bearer ey/);
    expect(run.text).not.toContain(token.slice('Bearer '.length));
    expect((await kit.rest(owner, 'GET', `/credentials/${id}`)).text).not.toContain(token.slice('Bearer '.length));
  });

  test('is finished once, in the session that began it, and renders nothing it was given', async () => {
    const { id } = await use.make('core/oauth2', signInClient(), hosts());
    const address = await agree(id);
    const stranger = await kit.person('owner');
    expect(await comeBack(address, stranger)).toContain('?problem=stateUnknown');
    expect(await comeBack(address)).toContain('?problem=stateUnknown');
    expect(calls).toEqual([]);
    const again = await agree(id);
    expect(await comeBack(again)).toContain('signedIn=1');
    expect(await comeBack(again)).toContain('?problem=stateUnknown');
    expect(await comeBack(new URL(`${kit.url}/api/oauth2/callback?state=<script>&code=x`))).toBe(`${kit.url}/?problem=stateUnknown`);
    expect((await fetch(again, { redirect: 'manual' })).status).toBe(401);
    const look = await agree(id);
    expect((await fetch(look, { method: 'HEAD', redirect: 'manual', headers: { cookie: owner.headers['cookie'] ?? '' } })).status).toBe(
      405,
    );
    expect(await comeBack(look)).toContain('signedIn=1');
  });

  test('that is declined, answered by another issuer, or by somebody who may not any more, gives nothing', async () => {
    const { id } = await use.make('core/oauth2', signInClient({ issuer: 'https://login.example.com' }), hosts());
    const declined = await agree(id);
    declined.searchParams.delete('code');
    declined.searchParams.set('error', 'access_denied');
    expect(await comeBack(declined)).toContain('?problem=refused');
    const mixed = await agree(id);
    mixed.searchParams.set('iss', 'https://login.evil.test');
    expect(await comeBack(mixed)).toContain('?problem=issuerWrong');
    expect(calls).toEqual([]);
    answerTokens = (answer) => {
      answer.statusCode = 400;
      answer.body = { error: 'invalid_grant', error_description: 'canary-client-secret' };
    };
    expect(await comeBack(await agree(id))).toContain('?problem=noToken');
    expect(JSON.stringify(kit.log)).not.toContain('canary-client-secret');
    expect(await health(id)).toBe('needsSignIn');
  });

  test('needs a person with a browser, and a credential that signs in', async () => {
    const { id } = await use.make('core/oauth2', signInClient(), hosts());
    const byKey = await kit.rest(await kit.apiKey(owner), 'POST', `/credentials/${id}/sign-in`);
    expect(byKey.json.error.code).toBe('CONFLICT');
    const other = await use.make('core/oauth2-client', client(), hosts());
    expect((await kit.rest(owner, 'POST', `/credentials/${other.id}/sign-in`)).json.error.code).toBe('CONFLICT');
  });
});

describe('S0-040: tokens', () => {
  test('are renewed once for many runs at a time, and a rotated refresh token is kept', async () => {
    const { id, key } = await use.make('core/oauth2', signInClient(), hosts());
    expire();
    expect(await comeBack(await agree(id))).toContain('signedIn=1');
    calls.length = 0;
    let last: unknown;
    const used = new Set<unknown>();
    answerTokens = (answer, call) => {
      // A refresh token is good once: its second use would be a theft.
      if (used.has(call.body['refresh_token'])) throw new Error('used twice');
      used.add(call.body['refresh_token']);
      answer.body['refresh_token'] = last = `rotated-${used.size}`;
      // Those of the provider are equal within one second.
      answer.body['access_token'] = `access-${used.size}`;
    };
    const runs = await Promise.all(Array.from({ length: 6 }, () => use.request({ url: service.url, credential: key })));
    expect(runs.map((run) => run.status)).toEqual(runs.map(() => 'succeeded'));
    expect(calls.map((call) => call.form['grant_type'])).toEqual(['refresh_token']);
    expect(new Set(service.seen.map((one) => one.headers.authorization)).size).toBe(1);
    // The service takes the token back before its time: it is renewed with the refresh token that came last, and the request sent again.
    const token = service.seen[0]?.headers.authorization;
    const { answer } = service;
    service.answer = (request, ...rest) =>
      request.headers.authorization === token ? void rest[1].writeHead(401).end() : answer(request, ...rest);
    expect((await use.request({ url: service.url, method: 'POST', bodyKind: 'text', body: 'x', credential: key })).status).toBe(
      'succeeded',
    );
    service.answer = answer;
    expect(calls.at(-1)?.form['refresh_token']).toBe('rotated-1');
    expect(last).toBe('rotated-2');
    expect(await health(id)).toBe('ok');
  });

  test('are renewed by one of several processes, and the others take what it got', async () => {
    const { id } = await use.make('core/oauth2', signInClient(), hosts());
    expire();
    await comeBack(await agree(id));
    calls.length = 0;
    answerTokens = () => undefined;
    const processes = [kit.otherCredentials(), kit.otherCredentials(), kit.otherCredentials()];
    const fresh = await Promise.all(
      processes.map(async ({ store, tokens }) => {
        const credential = await store.read(kit.workspace.id, id);
        if (!credential) throw new Error('it is not there');
        return (await tokens.fresh(credential)).content.tokens?.accessToken;
      }),
    );
    expect(calls).toHaveLength(1);
    expect(new Set(fresh).size).toBe(1);
  });

  test('that cannot be renewed ask for a person, and fail the step for good; a service that is away does not', async () => {
    const { id, key } = await use.make('core/oauth2', signInClient(), hosts());
    expire();
    await comeBack(await agree(id));
    answerTokens = (answer) => {
      answer.statusCode = 503;
      answer.body = {};
    };
    expect((await use.request({ url: service.url, credential: key })).error?.code).toBe('CREDENTIAL_TOKEN_FAILED');
    expect(await health(id)).toBe('ok');
    answerTokens = (answer) => {
      answer.statusCode = 400;
      answer.body = { error: 'invalid_grant' };
    };
    expect((await use.request({ url: service.url, credential: key })).error?.code).toBe('CREDENTIAL_SIGN_IN_NEEDED');
    expect(await health(id)).toBe('needsSignIn');
    answerTokens = () => undefined;
    await comeBack(await agree(id));
    expect((await use.request({ url: service.url, credential: key })).status).toBe('succeeded');
  });

  test('of a program of its own are fetched when they are needed, once for all', async () => {
    const { id, key } = await use.make('core/oauth2-client', client({ clientAuth: 'body', scopes: 'a b', audience: 'api' }), hosts());
    const runs = await Promise.all(Array.from({ length: 5 }, () => use.request({ url: service.url, credential: key })));
    expect(runs.map((run) => run.status)).toEqual(runs.map(() => 'succeeded'));
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      form: {
        grant_type: 'client_credentials',
        client_id: 'the client',
        client_secret: 'canary-client-secret',
        scope: 'a b',
        audience: 'api',
      },
      authorization: undefined,
    });
    expect((await kit.rest(owner, 'POST', `/credentials/${id}/test`)).json.health).toBe('ok');
    answerTokens = (answer) => {
      answer.statusCode = 401;
      answer.body = { error: 'invalid_client', error_description: 'canary-client-secret' };
    };
    const wrong = await use.make('core/oauth2-client', client({ clientId: 'wrong' }), hosts());
    const tested = await kit.rest(owner, 'POST', `/credentials/${wrong.id}/test`);
    expect(tested.json.health).toBe('failing');
    expect(tested.text).not.toContain('canary');
  });

  test('are not asked for over a connection that others could read, unless the host is named so', async () => {
    const answer = await kit.rest(owner, 'POST', '/credentials', {
      key: 'plain',
      name: 'plain',
      type: 'core/oauth2-client',
      data: client(),
      allowedHosts: [service.host],
    });
    expect([answer.status, answer.json.error.path]).toEqual([422, 'input.data.tokenUrl']);
  });
});
