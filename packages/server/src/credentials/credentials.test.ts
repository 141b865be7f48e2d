/** Credentials as people and steps meet them: a secret is used where it may go, and seen nowhere. */
import { createHmac, generateKeyPairSync, verify } from 'node:crypto';
import { setRoleGrant, inWorkspace } from '@plugboard/persistence';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { type CredentialKit, type Service, credentialKit, openService, requestDefinition, unique } from './credentials.test-kit.ts';

const CANARY = 'canary-5f2c9e81-secret';

let kit: ApiKit;
let owner: TestCaller;
let use: CredentialKit;
let service: Service;
let other: Service;
let echo: Service['answer'];
beforeAll(async () => {
  kit = await openApiKit();
  owner = await kit.person('owner');
  use = credentialKit(kit, owner);
  [service, other] = await Promise.all([openService(), openService()]);
  echo = service.answer;
  // The first run loads the plugin.
  await use.request({ url: service.url });
  service.seen.length = 0;
});
afterEach(() => {
  for (const one of [service, other]) {
    one.seen.length = 0;
    one.answer = echo;
  }
});
afterAll(async () => {
  await Promise.all([service.close(), other.close()]);
  await kit.close();
});

const get = (path: string, by = owner) => kit.rest(by, 'GET', path);
const patch = (id: string, body: object, by = owner) => kit.rest(by, 'PATCH', `/credentials/${id}`, body);
const publish = (definition: object, by = owner) => kit.rest(by, 'POST', '/workflows/import', { definition, publish: true });
const codes = (answer: { json: { error?: { problems?: { code: string }[] } } }) => answer.json.error?.problems?.map((one) => one.code);

describe('a secret', () => {
  test('S0-038, S0-039: goes in and is in no answer, no row and no log', async () => {
    const { id } = await use.make('core/basic', { username: 'ada', password: CANARY }, [service.host]);
    const detail = await get(`/credentials/${id}`);
    expect(detail.json).toMatchObject({
      publicData: { username: 'ada' },
      secretsSet: ['password'],
      health: 'untested',
      rev: 1,
      allowedHosts: [service.host],
    });
    const answers = [
      detail,
      await get('/credentials'),
      await get(`/credentials/${id}/uses`),
      await get('/audit'),
      await get('/credential-types'),
    ];
    for (const answer of answers) expect(answer.text).not.toContain(CANARY);
    expect(JSON.stringify(kit.log)).not.toContain(CANARY);
    for (const table of ['credential', 'audit', 'idempotency']) {
      const rows = await kit.database.database.query<{ text: string }>(`select t::text as text from ${table} t`);
      expect(JSON.stringify(rows), table).not.toContain(CANARY);
    }
    const [sealed] = await kit.database.database.query<{ ciphertext: Buffer }>(
      'select ciphertext from credential_secret where credential_id = $1',
      [id],
    );
    expect(sealed?.ciphertext.toString('latin1')).not.toContain(CANARY);
  });

  test('S0-038: that was changed in the database, or copied to another credential, does not open', async () => {
    const [mine, theirs] = await Promise.all([1, 2].map(() => use.make('core/bearer', { token: CANARY }, [service.host])));
    await kit.database.database.query(
      'update credential_secret set ciphertext = (select ciphertext from credential_secret where credential_id = $2) where credential_id = $1',
      [mine?.id, theirs?.id],
    );
    const run = await use.request({ url: service.url, credential: mine?.key });
    expect(run.error?.code).toBe('CREDENTIAL_UNUSABLE');
    await kit.database.database.query(
      'update credential_secret set ciphertext = set_byte(ciphertext, 20, (get_byte(ciphertext, 20) + 1) % 256) where credential_id = $1',
      [theirs?.id],
    );
    expect((await use.request({ url: service.url, credential: theirs?.key })).error?.code).toBe('CREDENTIAL_UNUSABLE');
    expect(service.seen).toEqual([]);
    // It can be entered again.
    expect((await patch(mine?.id ?? '', { expectedRev: 1, data: { token: `${CANARY}-2` } })).status).toBe(200);
    expect((await use.request({ url: service.url, credential: mine?.key })).status).toBe('succeeded');
  });

  test('that a service sends back is taken out of data, headers and errors of the run, of the journal too', async () => {
    const { key } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    const good = await use.request({ url: service.url, credential: key, full: true });
    expect(service.seen[0]?.headers.authorization).toBe(`Bearer ${CANARY}`);
    expect(good.status).toBe('succeeded');
    expect(good.text).toContain(`Bearer ${'*'.repeat(CANARY.length)}`);
    service.answer = (_, __, res) => void res.writeHead(400).end(`you sent ${Buffer.from(CANARY).toString('base64')} and ${CANARY}`);
    const bad = await use.request({ url: service.url, credential: key });
    expect(bad.error?.code).toBe('HTTP_400');
    for (const { text, id } of [good, bad]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(Buffer.from(CANARY).toString('base64'));
      const rows = await kit.database.database.query<{ journal: Buffer; events: Buffer }>(
        'select r.journal, c.events from run r join run_chunk c on c.run_id = r.id where r.id = $1',
        [id],
      );
      const stored = rows.map((row) => `${row.journal.toString('utf8')}${row.events.toString('utf8')}`).join('');
      // The journal is text that can be searched.
      expect(stored).toContain('core/http-request');
      expect(stored).not.toContain(CANARY);
    }
    expect(JSON.stringify(kit.log)).not.toContain(CANARY);
  });
});

describe('a request', () => {
  test('carries what its kind of credential says, and what the step set in its place gives way', async () => {
    const basic = await use.make('core/basic', { username: 'ada', password: CANARY }, [service.host]);
    const header = await use.make('core/header', { name: 'X-Api-Key', value: CANARY }, [service.host]);
    const query = await use.make('core/query', { name: 'key', value: `${CANARY}&=` }, [service.host]);
    await use.request({ url: service.url, credential: basic.key, headers: { Authorization: 'Bearer mine', Host: 'evil.test' } });
    await use.request({ url: service.url, credential: header.key, headers: { 'x-API-key': 'mine' } });
    const asked = await use.request({ url: `${service.url}/list?key=mine&b=1`, credential: query.key, full: true });
    const [first, second, third] = service.seen;
    expect(first?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from(`ada:${CANARY}`).toString('base64')}`,
      host: new URL(service.url).host,
    });
    expect(second?.headers['x-api-key']).toBe(CANARY);
    expect(third?.url).toBe(`/list?b=1&key=${encodeURIComponent(`${CANARY}&=`)}`);
    expect(asked.text).not.toContain(CANARY);
  });

  test('without a credential carries none, and a credential that is named and not there fails before anything is sent', async () => {
    expect((await use.request({ url: service.url })).status).toBe('succeeded');
    expect(service.seen[0]?.headers.authorization).toBeUndefined();
    const run = await use.request({ url: service.url, credential: 'nobody' });
    expect([run.status, run.error?.code]).toEqual(['failed', 'CREDENTIAL_MISSING']);
    expect(service.seen).toHaveLength(1);
  });

  test('goes with its credential to allowed hosts only, also after redirects', async () => {
    const { key } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    const refused = await use.request({ url: other.url, credential: key });
    expect([refused.error?.code, other.seen.length]).toEqual(['CREDENTIAL_HOST_NOT_ALLOWED', 0]);
    service.answer = (request, __, res) => {
      if (request.url === '/away') res.writeHead(302, { location: `${other.url}/there` }).end();
      else if (request.url === '/back') res.writeHead(307, { location: '/here' }).end();
      else res.end('ok');
    };
    expect((await use.request({ url: `${service.url}/away`, credential: key })).status).toBe('succeeded');
    expect(other.seen[0]?.headers.authorization).toBeUndefined();
    expect(other.seen[0]?.url).toBe('/there');
    expect((await use.request({ url: `${service.url}/back`, credential: key })).status).toBe('succeeded');
    expect(service.seen.find((one) => one.url === '/here')?.headers.authorization).toBe(`Bearer ${CANARY}`);
  });

  test('is signed over its body and its time', async () => {
    const data = {
      secret: CANARY,
      template: String.raw`{method}\n{path}\n{timestamp}\n{body}`,
      timestampHeader: 'X-Time',
      prefix: 'v1=',
      encoding: 'base64',
    };
    const { key } = await use.make('core/hmac', data, [service.host]);
    const body = { a: '{timestamp}', b: 'ü' };
    await use.request({ url: `${service.url}/sign?x=1`, method: 'POST', bodyKind: 'json', body, credential: key });
    const [seen] = service.seen;
    const text = `POST\n/sign\n${String(seen?.headers['x-time'])}\n${seen?.body}`;
    expect(seen?.headers['x-signature']).toBe(`v1=${createHmac('sha256', CANARY).update(text).digest('base64')}`);
    expect(JSON.parse(seen?.body ?? '')).toEqual(body);
  });

  test('carries a token that its key signed', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const data = { mode: 'direct', algorithm: 'ES256', key: pem, keyId: 'k1', issuer: 'me', audience: 'them' };
    const { key } = await use.make('core/jwt', data, [service.host]);
    await use.request({ url: service.url, credential: key });
    const token = String(service.seen[0]?.headers.authorization).slice('Bearer '.length);
    const [head = '', claims = '', signature = ''] = token.split('.');
    expect(
      verify(
        'sha256',
        Buffer.from(`${head}.${claims}`),
        { key: publicKey, dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      ),
    ).toBe(true);
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toMatchObject({ alg: 'ES256', kid: 'k1' });
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ iss: 'me', sub: 'me', aud: 'them' });
    for (const more of [{ algorithm: 'RS256' }, { key: 'canary that is no key' }]) {
      const wrong = { key: unique('key'), name: 'wrong', type: 'core/jwt', data: { ...data, ...more }, allowedHosts: [service.host] };
      const answer = await kit.rest(owner, 'POST', '/credentials', wrong);
      expect([answer.status, answer.json.error.path]).toEqual([422, 'input.data']);
      expect(answer.text).not.toContain('canary');
    }
  });

  test('to AWS carries its signature and never the key', async () => {
    const { key } = await use.make('core/aws', { accessKeyId: 'AKID', secretAccessKey: CANARY, region: 'eu-central-1', service: 's3' }, [
      service.host,
    ]);
    await use.request({ url: `${service.url}/bucket/a%20b?x=1`, credential: key });
    expect(service.seen[0]?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=\S*host\S*, Signature=[0-9a-f]{64}$/,
    );
    expect(JSON.stringify(service.seen)).not.toContain(CANARY);
  });
});

describe('a credential', () => {
  test('is refused with everything that is wrong with it at once, and with no value', async () => {
    const answer = await kit.rest(owner, 'POST', '/credentials', {
      key: 'bad',
      name: 'bad',
      type: 'core/header',
      data: { name: 'not a header', value: 7, extra: 1, testUrl: 'http://elsewhere.test/' },
      allowedHosts: ['*', 'a.example'],
    });
    expect(answer.status).toBe(422);
    expect(answer.json.error.params.fields.map((one: { field: string }) => one.field)).toEqual([
      'data.extra',
      'data.name',
      'data.value',
      'allowedHosts',
      'data.testUrl',
    ]);
    expect(
      (await kit.rest(owner, 'POST', '/credentials', { key: 'bad', name: 'bad', type: 'core/nothing', data: {} })).json.error.path,
    ).toBe('input.type');
  });

  test('goes somewhere new only with its secret entered again', async () => {
    const { id } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    const moved = await patch(id, { expectedRev: 1, allowedHosts: [service.host, other.host] });
    expect([moved.status, moved.json.error.path]).toEqual([422, 'input.data.token']);
    expect((await patch(id, { expectedRev: 1, allowedHosts: [service.host, other.host], data: { token: 'another-secret' } })).status).toBe(
      200,
    );
    expect((await patch(id, { expectedRev: 2, allowedHosts: [service.host], name: 'Less' })).status).toBe(200);
    const client = await use.make('core/oauth2-client', { tokenUrl: `${service.url}/token`, clientId: 'c', clientSecret: CANARY }, [
      service.host,
    ]);
    const sent = await patch(client.id, { expectedRev: 1, data: { tokenUrl: `${service.url}/steal`, clientId: 'c' } });
    expect(sent.json.error.path).toBe('input.data.clientSecret');
  });

  test('changes on the revision that was read, and its key is its own in the project', async () => {
    const [one, two] = [
      await use.make('core/bearer', { token: CANARY }, ['a.example']),
      await use.make('core/bearer', { token: CANARY }, ['a.example']),
    ];
    expect((await patch(one.id, { expectedRev: 1, name: 'New' })).json).toMatchObject({ rev: 2 });
    const late = await patch(one.id, { expectedRev: 1, name: 'Late' });
    expect([late.status, late.json.error.code, late.json.error.params.rev]).toEqual([409, 'CONFLICT', 2]);
    expect((await patch(two.id, { expectedRev: 1, key: one.key })).json.error.code).toBe('NAME_TAKEN');
    const found = await get(`/credentials?search=${one.key}`);
    expect(found.json.rows.map((row: { id: string }) => row.id)).toEqual([one.id]);
    expect((await get('/credentials?health=expired&type=core/hmac')).json.rows).toEqual([]);
    expect((await get('/credentials?first=1')).json).toMatchObject({ hasMore: true, rows: [{ id: two.id }] });
  });

  test('that is deleted is of no use from then on, and its secret is gone', async () => {
    const { id, key } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    const definition = requestDefinition(unique('deleting'), { url: service.url, credential: key });
    expect((await publish(definition)).status).toBe(201);
    expect((await get(`/credentials/${id}`)).json).toMatchObject({ usedIn: 1, usedInWorkflows: [{ isLive: true }] });
    expect((await kit.rest(owner, 'DELETE', `/credentials/${id}`)).status).toBe(200);
    expect(await kit.database.database.query('select from credential_secret where credential_id = $1', [id])).toEqual([]);
    const started = await kit.rest(owner, 'POST', '/runs', { workflow: (definition as { name: string }).name });
    expect((await use.outcome(started.json.runId)).error?.code).toBe('CREDENTIAL_MISSING');
    expect((await get(`/credentials/${id}`)).json.error.code).toBe('NOT_FOUND');
    expect(service.seen).toEqual([]);
  });

  test('tells by its health what services said, when tested and when used', async () => {
    const { id, key } = await use.make('core/bearer', { token: CANARY, testUrl: `${service.url}/me` }, [service.host]);
    const tested = await kit.rest(owner, 'POST', `/credentials/${id}/test`);
    expect(tested.json).toEqual({ health: 'ok', text: 'The service answered 200.' });
    service.answer = (_, __, res) => void res.writeHead(401).end(CANARY);
    expect((await use.request({ url: service.url, credential: key })).error?.code).toBe('HTTP_401');
    expect((await get(`/credentials/${id}`)).json).toMatchObject({ health: 'failing', healthText: 'The service answered 401.' });
    expect((await get('/credentials?health=failing')).json.rows.map((row: { id: string }) => row.id)).toContain(id);
    expect((await kit.rest(owner, 'POST', `/credentials/${id}/test`)).json).toMatchObject({ health: 'failing' });
    service.answer = echo;
    expect((await use.request({ url: service.url, credential: key })).status).toBe('succeeded');
    expect((await get(`/credentials/${id}`)).json.health).toBe('ok');
    await patch(id, { expectedRev: 1, expiresAt: '2020-01-01T00:00:00Z' });
    expect((await get(`/credentials/${id}`)).json.health).toBe('expired');
  });
});

describe('whoever publishes', () => {
  const grant = (subject: TestCaller, kind: 'workflow' | 'credential', id: string) =>
    inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: owner.principalId }, (tx) =>
      setRoleGrant(tx, { subject: { kind: 'principal', id: subject.principalId }, resource: { kind, id }, role: 'editor' }),
    );

  test('must be allowed to use the credentials of nodes that changed; what was allowed before stays', async () => {
    const { id, key } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    const name = unique('granted');
    const made = await publish(requestDefinition(name, { url: service.url, credential: key }));
    const editor = await kit.person('viewer');
    await grant(editor, 'workflow', made.json.workflowId);
    const moved = requestDefinition(name, { url: service.url, credential: key }) as { nodes: object[] };
    moved.nodes.push({ id: 'more', type: 'core/noop', position: { x: 0, y: 0 }, data: { name: 'more', typeVersion: 1, params: {} } });
    expect((await publish(moved, editor)).json).toMatchObject({ version: 2 });
    const changed = await publish(requestDefinition(name, { url: `${service.url}/other`, credential: key }), editor);
    expect([changed.status, changed.json.error.code, codes(changed)]).toEqual([
      403,
      'CREDENTIAL_USE_REQUIRED',
      ['CREDENTIAL_USE_REQUIRED'],
    ]);
    expect(changed.json.error.message).toContain('"ask"');
    expect(changed.json.error.message).toContain(key);
    const uses = await get(`/members/${owner.principalId}/credential-uses`);
    expect(uses.json.rows).toContainEqual(expect.objectContaining({ credentialId: id, workflow: { id: made.json.workflowId, name } }));
    await grant(editor, 'credential', id);
    expect((await publish(requestDefinition(name, { url: `${service.url}/other`, credential: key }), editor)).json).toMatchObject({
      version: 3,
    });
    const started = await kit.rest(editor, 'POST', '/runs', { workflow: name });
    expect((await use.outcome(started.json.runId)).status).toBe('succeeded');
  });

  test('learns which credentials are missing, and which are of a kind the step does not take', async () => {
    const missing = await publish(requestDefinition(unique('missing'), { url: service.url, credential: 'nobody' }));
    expect([missing.status, codes(missing)]).toEqual([422, ['CREDENTIAL_MISSING']]);
    expect(missing.json.error.problems[0]).toMatchObject({ nodeId: 'ask', path: 'nodes[1].data.params.credential' });
    const draft = await kit.rest(owner, 'POST', '/workflows/import', {
      definition: requestDefinition(unique('missing'), { url: service.url, credential: 'nobody' }),
    });
    const seen = await get(`/workflows/${draft.json.workflowId}`);
    expect(seen.json.problems.map((one: { code: string }) => one.code)).toEqual(['CREDENTIAL_MISSING']);
  });

  test('cannot publish an expression in place of a credential', async () => {
    const answer = await publish(requestDefinition(unique('expression'), { url: service.url, credential: '={{ $json.key }}' }));
    expect(codes(answer)).toContain('EXPR_DENIED');
  });
});

describe('a draft run', () => {
  test('acts as the person who started it', async () => {
    const { key } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    const name = unique('draft');
    const made = await publish(requestDefinition(name, { url: service.url, credential: key }));
    const runner = await kit.person('runner');
    const mine = await kit.rest(runner, 'POST', '/runs', { workflowId: made.json.workflowId, source: 'draft' });
    expect((await use.outcome(mine.json.runId)).error?.code).toBe('CREDENTIAL_USE_REQUIRED');
    const narrow = await kit.apiKey(owner, ['workflow.run', 'workflow.read']);
    const byKey = await kit.rest(narrow, 'POST', '/runs', { workflowId: made.json.workflowId, source: 'draft' });
    expect([byKey.status, byKey.json.error.params.action]).toEqual([403, 'credential.use']);
    expect((await kit.rest(narrow, 'POST', '/runs', { workflowId: made.json.workflowId, source: 'live' })).status).toBe(202);
    const live = await kit.rest(runner, 'POST', '/runs', { workflowId: made.json.workflowId, source: 'live' });
    expect((await use.outcome(live.json.runId)).status).toBe('succeeded');
  });
});

describe('another workspace', () => {
  test('finds, changes, tests and uses nothing of this one', async () => {
    const { id, key } = await use.make('core/bearer', { token: CANARY }, [service.host]);
    await kit.otherWorkspace('foreign');
    const stranger = await kit.person('owner', { in: 'foreign' });
    const calls = [
      ['GET', `/credentials/${id}`],
      ['DELETE', `/credentials/${id}`],
      ['POST', `/credentials/${id}/test`],
      ['POST', `/credentials/${id}/sign-in`],
      ['GET', `/credentials/${id}/uses`],
    ] as const;
    for (const [method, path] of calls) expect((await kit.rest(stranger, method, path)).json.error.code, path).toBe('NOT_FOUND');
    expect((await patch(id, { expectedRev: 1, name: 'x' }, stranger)).json.error.code).toBe('NOT_FOUND');
    expect((await get('/credentials', stranger)).json.rows).toEqual([]);
    const started = await kit.rest(stranger, 'POST', '/runs', {
      definition: requestDefinition(unique('foreign'), { url: service.url, credential: key }),
    });
    const state = await kit.rest(stranger, 'GET', `/runs/${started.json.runId}/state?waitMs=30000`);
    expect(state.json.error.code).toBe('CREDENTIAL_MISSING');
    expect(service.seen).toEqual([]);
  });
});

describe('variables', () => {
  test('are read by expressions of runs, as they are now', async () => {
    const set = (body: object) => kit.rest(owner, 'PUT', '/variables/greeting', body);
    expect((await set({ value: 'hello', environment: 'draft', expectedRev: 0 })).json).toEqual({ rev: 1 });
    expect((await set({ value: 'again', environment: 'draft', expectedRev: 0 })).json.error.code).toBe('CONFLICT');
    const say = async () =>
      (await use.request({ url: '={{ $vars.greeting === "hello" ? "' + service.url + '/hello" : "' + service.url + '/other" }}' })).status;
    expect([await say(), service.seen.at(-1)?.url]).toEqual(['succeeded', '/hello']);
    expect((await set({ value: { b: 1 }, environment: 'draft', expectedRev: 1 })).json).toEqual({ rev: 2 });
    expect([await say(), service.seen.at(-1)?.url]).toEqual(['succeeded', '/other']);
    expect((await get('/variables?environment=draft')).json).toMatchObject([{ key: 'greeting', value: { b: 1 }, rev: 2 }]);
    expect((await get('/variables')).json).toEqual([]);
    expect((await kit.rest(owner, 'DELETE', '/variables/greeting?environment=draft')).status).toBe(200);
    expect((await kit.rest(owner, 'DELETE', '/variables/greeting?environment=draft')).status).toBe(404);
  });
});
