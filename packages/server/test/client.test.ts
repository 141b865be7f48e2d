/** The typed client against the real server: what it calls, what it tries again, what it hears, and what it says when something is wrong. */
import { readFile } from 'node:fs/promises';
import { type Client, ConnectionError, PlugboardError, createClient, eachRow, isProblem } from '@plugboard/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, type TestServer, aWorkflow, openGate, startTestServer } from './test-server.ts';

let server: TestServer;
let gate: Gate;
let client: Client;
beforeAll(async () => {
  gate = await openGate();
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
  client = createClient({ url: server.url, apiKey: server.token });
});
afterAll(async () => {
  await server.close();
  await gate.close();
});

describe('calls', () => {
  test('are typed methods by what they are about; fields find their place in path, query and body', async () => {
    const made = await client.workflow.create({ name: 'By the client' });
    expect(await client.workflow.get({ id: made.id })).toMatchObject({ name: 'By the client', rev: 1 });
    const settings = await client.setting.list({ level: 'instance' });
    expect(settings.map((one) => one.key)).toContain('runs.retentionDays');
    const changed = await client.setting.change({ level: 'instance', key: 'runs.retentionDays', value: 12, expectedRev: 0 });
    expect(changed).toMatchObject({ value: 12, from: 'instance' });
  });

  test('a problem is an error with its code, its hint and where it is', async () => {
    const missing = await client.workflow.get({ id: crypto.randomUUID() }).catch((error: unknown) => error);
    expect(isProblem(missing, 'NOT_FOUND')).toBe(true);
    expect(isProblem(missing, 'CONFLICT')).toBe(false);
    const wrong = await client.workflow.create({ name: '' }).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(PlugboardError);
    expect(wrong).toMatchObject({ code: 'INPUT_INVALID', status: 422, path: 'input.name', requestId: expect.any(String) as string });
    const stranger = createClient({ url: server.url, apiKey: 'pb_nobody', retries: 0 });
    await expect(stranger.workflow.counts()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
  });

  test.each(['..', '.', ''])('an id that would lead elsewhere (%j) is refused before it is sent', async (id) => {
    await expect(client.workflow.get({ id })).rejects.toThrow(TypeError);
    await expect(client.workflow.get({ id: '../session' })).rejects.toMatchObject({ status: 422 });
  });

  test('a list is read row by row, page by page', async () => {
    for (const name of ['One', 'Two', 'Three']) await client.workflow.create({ name });
    const names: string[] = [];
    for await (const row of eachRow(client.workflow.overview, { first: 2, sort: 'name' })) names.push(row.name);
    expect(names.toSorted()).toEqual(names);
    expect(names).toEqual(expect.arrayContaining(['One', 'Two', 'Three']));
  });

  test('a server that is not there is said to be so, and a caller can break off', async () => {
    const nowhere = createClient({ url: 'http://127.0.0.1:1', apiKey: 'x', retries: 0 });
    await expect(nowhere.workflow.counts()).rejects.toBeInstanceOf(ConnectionError);
    await expect(client.workflow.counts({}, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(() => createClient({ url: 'ftp://example.com', apiKey: 'x' })).toThrow(TypeError);
  });
});

describe('what does not come through', () => {
  /** Fails as a network does: before the request, or after the server has carried it out. */
  const flaky = (plan: ('lost' | 'unanswered' | 'busy' | 'pass')[]): typeof fetch => {
    let n = 0;
    return async (input, init) => {
      const what = plan[(n += 1) - 1] ?? 'pass';
      if (what === 'lost') throw new TypeError('fetch failed');
      if (what === 'busy')
        return new Response('{"error":{"code":"SERVER_BUSY","message":"later"}}', { status: 503, headers: { 'retry-after': '0' } });
      const answer = await fetch(input, init);
      if (what === 'pass') return answer;
      await answer.arrayBuffer();
      throw new TypeError('fetch failed');
    };
  };

  test('a change whose answer was lost is sent again with its key, and happens once', async () => {
    const patient = createClient({
      url: server.url,
      apiKey: server.token,
      fetch: flaky(['lost', 'unanswered', 'busy', 'unanswered', 'pass']),
    });
    const made = await patient.workflow.create({ name: 'Only once' });
    const found = (await client.workflow.overview({ search: 'Only once' })).rows;
    expect(found.map((row) => row.id)).toEqual([made.id]);
  });

  test('after its tries it gives up and says why', async () => {
    const impatient = createClient({ url: server.url, apiKey: server.token, retries: 1, fetch: flaky(['lost', 'lost', 'pass']) });
    await expect(impatient.workflow.counts()).rejects.toBeInstanceOf(ConnectionError);
    const busy = createClient({ url: server.url, apiKey: server.token, retries: 0, fetch: flaky(['busy']) });
    await expect(busy.workflow.counts()).rejects.toMatchObject({ code: 'SERVER_BUSY', retryAfterMs: 0 });
  });
});

test('a file goes up and comes down as a stream', async () => {
  const content = new Uint8Array(300_000).map((_, i) => i % 251);
  async function* parts(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
  }
  const [file] = (await client.file.upload(parts(), { name: 'bytes.bin' })).files;
  expect(file).toMatchObject({ name: 'bytes.bin', sizeBytes: content.length });
  const download = await client.file.content({ id: file?.id ?? '' });
  expect(download).toMatchObject({ sizeBytes: content.length, name: 'bytes.bin' });
  const back = new Uint8Array(await new Response(download.body).arrayBuffer());
  expect(Buffer.compare(back, content)).toBe(0);
});

test('a run is watched from its beginning to its end, and one that is not there is said so', async () => {
  await server.publish(aWorkflow('Watched', { path: 'watched' }, ['call', 'core/http-request', { method: 'GET', url: gate.url }]));
  const { runId } = await client.run.start({ workflow: 'Watched', input: {} });
  const seen: { seq: number; type: string }[] = [];
  for await (const fact of client.runs.watch(runId)) {
    seen.push({ seq: fact.seq, type: fact.type });
    gate.open();
  }
  expect(seen.map((fact) => fact.seq)).toEqual(seen.map((_, i) => i + 1));
  expect(seen.at(-1)?.type).toBe('run.ended');
  const rest: number[] = [];
  for await (const fact of client.runs.watch(runId, { after: 2 })) rest.push(fact.seq);
  expect(rest).toEqual(seen.map((fact) => fact.seq).slice(2));
  await expect(client.runs.watch(crypto.randomUUID()).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.runs.watch(runId, { after: 1000, signal: AbortSignal.timeout(50) }).next()).rejects.toThrow(/timeout|aborted/i);
});

test('the example of the README runs', async () => {
  const readme = await readFile(new URL('../../client/README.md', import.meta.url), 'utf8');
  const [, code = ''] = /```ts\n([\s\S]+?)```/.exec(readme) ?? [];
  const lines: string[] = [];
  const AsyncFunction = (async () => undefined).constructor as new (...args: string[]) => (...given: unknown[]) => Promise<void>;
  const body = code.replace(/^import .*$/gm, '');
  const run = new AsyncFunction('createClient', 'eachRow', 'isProblem', 'process', 'console', body);
  const env = { PLUGBOARD_URL: server.url, PLUGBOARD_API_KEY: server.token };
  await run(createClient, eachRow, isProblem, { env }, { log: (...words: unknown[]) => lines.push(words.map(String).join(' ')) });
  expect(lines.join('\n')).toContain('run.ended');
  expect(lines).toContain('there is no such workflow');
});
