import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { uuidv7 } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ApiKit, FILE_LIMIT, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { attachment, fileName, fileType, sentType } from './file-name.ts';

let kit: ApiKit;
let runner: TestCaller;
let editor: TestCaller;
let key: TestCaller;
beforeAll(async () => {
  kit = await openApiKit();
  await kit.otherWorkspace('elsewhere');
  runner = await kit.person('runner');
  editor = await kit.person('editor');
  key = await kit.apiKey(editor);
});
afterAll(() => kit.close());

const part = '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n1\r\n';
const field = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n';

interface Sent {
  readonly as?: TestCaller;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Body = NonNullable<RequestInit['body']>;

async function upload(body: Body, { as = runner, query = '', headers = {} }: Sent = {}): Promise<Pick<Answer, 'status' | 'json'>> {
  const answer = await fetch(`${kit.url}/api/files${query}`, {
    method: 'POST',
    headers: { ...as.headers, ...headers },
    body,
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  });
  return { status: answer.status, json: await answer.json() };
}

function get(id: string, headers: Readonly<Record<string, string>> = {}, as: TestCaller = runner, method = 'GET') {
  return fetch(`${kit.url}/api/files/${id}`, { method, headers: { ...as.headers, ...headers } });
}

const count = async (): Promise<number> =>
  Number((await kit.database.database.query<{ n: string }>('select count(*) as n from file'))[0]?.n);
const staged = async (): Promise<number> => (await readdir(join(kit.dir, 'files', '.incoming')).catch(() => [])).length;
const sha = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('uploading', () => {
  test('the body is the file, under the name of the query or of its header, and comes back as it was', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const made = await upload(bytes, { query: '?name=scan.pdf', headers: { 'content-type': 'application/pdf' } });
    expect(made.status).toBe(201);
    expect(made.json.files).toMatchObject([{ name: 'scan.pdf', mime: 'application/pdf', sizeBytes: 60_000, sha256: sha(bytes) }]);
    const back = await get(made.json.files[0].id);
    expect(new Uint8Array(await back.arrayBuffer())).toEqual(bytes);
    const named = await upload('a,b', {
      headers: { 'content-type': 'text/csv', 'content-disposition': `attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe.csv` },
    });
    expect(named.json.files[0]).toMatchObject({ name: 'grüße.csv', createdById: runner.principalId });
  });

  test('a form in parts brings several, whatever other fields it has', async () => {
    const form = new FormData();
    form.append('note', 'read over');
    form.append('a', new Blob(['one'], { type: 'text/plain' }), '../../etc/one.txt');
    form.append('b', new Blob([new Uint8Array(200_000)]), 'two.bin');
    const made = await upload(form);
    expect(made.json.files).toMatchObject([
      { name: 'one.txt', mime: 'text/plain', sizeBytes: 3 },
      { name: 'two.bin', mime: 'application/octet-stream', sizeBytes: 200_000 },
    ]);
  });

  test('an empty file is a file', async () => {
    const made = await upload('', { query: '?name=empty.txt' });
    expect(made.json.files[0]).toMatchObject({ sizeBytes: 0, sha256: sha('') });
    expect(await (await get(made.json.files[0].id)).text()).toBe('');
  });

  test('a stream of unknown length is taken up to the limit, and one byte more is refused and leaves nothing', async () => {
    const before = await count();
    const tooMuch = (): ReadableStream => Readable.toWeb(Readable.from(chunks(FILE_LIMIT + 1))) as ReadableStream;
    expect(await upload(tooMuch())).toMatchObject({ status: 413, json: { error: { code: 'BODY_TOO_LARGE' } } });
    const form = new FormData();
    form.append('a', new Blob(['small']), 'a');
    form.append('b', new Blob([new Uint8Array(FILE_LIMIT + 1)]), 'b');
    expect(await upload(form)).toMatchObject({ status: 413, json: { error: { code: 'BODY_TOO_LARGE' } } });
    expect([await count(), await staged()]).toEqual([before, 0]);
    const just = await upload(Readable.toWeb(Readable.from(chunks(FILE_LIMIT))) as ReadableStream);
    expect(just.json.files[0].sizeBytes).toBe(FILE_LIMIT);
  });

  test('a sender who goes away in the middle leaves nothing', async () => {
    const before = await count();
    for (const type of ['application/octet-stream', 'multipart/form-data; boundary=x']) {
      const socket = connect(Number(new URL(kit.url).port), '127.0.0.1');
      const lines = Object.entries({ ...runner.headers, host: 'localhost', 'content-type': type, 'content-length': '100000' });
      socket.write(`POST /api/files HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
      socket.write('--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nhalf a file');
      await expect.poll(staged, { timeout: 60_000 }).toBe(1);
      socket.destroy();
      await once(socket, 'close');
      await expect.poll(staged, { timeout: 60_000 }).toBe(0);
    }
    expect(await count()).toBe(before);
  });

  test.each([
    ['no file', 'multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', 400],
    ['no boundary', 'multipart/form-data', '--x--', 400],
    [
      'an end that is missing',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n1',
      400,
    ],
    ['more files than a form may have', 'multipart/form-data; boundary=x', `${part.repeat(21)}--x--\r\n`, 400],
    ['more fields than a form may have', 'multipart/form-data; boundary=x', `${field.repeat(101)}${part}--x--\r\n`, 400],
  ])('a form with %s is refused', async (_, type, body, status) => {
    const before = await count();
    expect(await upload(body, { headers: { 'content-type': type } })).toMatchObject({ status, json: { error: { code: 'BODY_INVALID' } } });
    expect([await count(), await staged()]).toEqual([before, 0]);
  });

  test('a compressed body, wrong fields and a wrong hash are refused', async () => {
    expect(await upload('x', { headers: { 'content-encoding': 'gzip' } })).toMatchObject({ status: 415 });
    expect(await upload('x', { query: '?nme=a' })).toMatchObject({ status: 422, json: { error: { code: 'INPUT_INVALID' } } });
    expect(await upload('x', { query: `?sha256=${sha('y')}` })).toMatchObject({ status: 400, json: { error: { path: 'input.sha256' } } });
    expect((await upload('x', { query: `?sha256=${sha('x')}` })).status).toBe(201);
    expect(await staged()).toBe(0);
  });

  test('a repeated key gives the first file again, and another body under it is refused', async () => {
    const headers = { 'idempotency-key': 'upload-1' };
    const first = await upload('same', { headers, query: '?name=a' });
    const before = await count();
    expect((await upload('same', { headers, query: '?name=a' })).json).toEqual(first.json);
    expect(await upload('diff', { headers, query: '?name=a' })).toMatchObject({ status: 422, json: { error: { code: 'KEY_REUSED' } } });
    expect(await count()).toBe(before);
  });

  test('the plan of the workspace bounds what it keeps, and deleting gives it back', async () => {
    const [{ limits } = { limits: {} }] = await kit.database.database.query<{ limits: object }>(
      `select limits from plan where key = 'default'`,
    );
    const [{ used } = { used: 0 }] = await kit.database.database.query<{ used: string }>(
      `select used from counter where limit_key = 'fileBytes'`,
    );
    const setLimit = (more: object) => kit.database.database.query(`update plan set limits = $1`, [JSON.stringify({ ...limits, ...more })]);
    await setLimit({ fileBytes: Number(used) + 10 });
    const kept = await upload('123456');
    expect(kept.status).toBe(201);
    expect(await upload('123456')).toMatchObject({ status: 402, json: { error: { code: 'ENTITLEMENT_EXCEEDED' } } });
    expect((await kit.rest(editor, 'DELETE', `/files/${kept.json.files[0].id}`)).status).toBe(200);
    expect((await upload('1234567')).status).toBe(201);
    await setLimit({});
  });

  test('is in the audit log with names and sizes', async () => {
    const made = await upload('audited', { query: '?name=audited.txt' });
    const rows = (await kit.rest(kit.system, 'GET', '/audit')).text;
    expect(rows).toContain('file.upload');
    expect(rows).toContain(made.json.files[0].id);
  });
});

describe('downloading', () => {
  let id: string;
  beforeAll(async () => {
    id = (await upload('0123456789', { query: '?name=<b>"x\r\ny.html', headers: { 'content-type': 'text/html' } })).json.files[0].id;
  });

  test('a page somebody uploaded is bytes to keep, never a page of this server', async () => {
    const { headers } = await get(id);
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toBe(`attachment; filename="_b__xy.html"; filename*=UTF-8''_b__xy.html`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(headers.get('cache-control')).toBe('private, no-cache');
  });

  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=5-500', 206, '56789', 'bytes 5-9/10'],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
    ['bytes=4-2', 200, '0123456789', null],
  ])('the range %s is answered with %s', async (range, status, text, contentRange) => {
    const answer = await get(id, { range });
    expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([status, text, contentRange]);
  });

  test('a range beyond the end is refused and says how long the file is', async () => {
    for (const range of ['bytes=10-', 'bytes=99-100', 'bytes=-0']) {
      const answer = await get(id, { range });
      expect([
        answer.status,
        answer.headers.get('content-range'),
        ((await answer.json()) as { error: { code: string } }).error.code,
      ]).toEqual([416, 'bytes */10', 'RANGE_INVALID']);
    }
  });

  test('what the caller has already is not sent again, and a part of another content is the whole', async () => {
    const etag = (await get(id)).headers.get('etag') ?? '';
    const same = await get(id, { 'if-none-match': `"x", W/${etag}` });
    expect([same.status, await same.text()]).toEqual([304, '']);
    expect((await get(id, { range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
    expect((await get(id, { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
    const head = await get(id, {}, runner, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
  });

  test('an id that is none, of another workspace, deleted or past its time is not there', async () => {
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    const gone = (await upload('gone')).json.files[0].id;
    await kit.rest(editor, 'DELETE', `/files/${gone}`);
    const old = (await upload('old', { query: '?expiresInSeconds=86400' })).json.files[0].id;
    await kit.database.database.query('update file set expires_at = now() where id = $1', [old]);
    for (const [as, one] of [
      [runner, crypto.randomUUID()],
      [outsider, id],
      [runner, gone],
      [runner, old],
    ] as const)
      expect((await get(one, {}, as)).status).toBe(404);
    expect((await get('..%2f..%2fetc%2fpasswd')).status).toBe(422);
  });

  test.each([
    '..%2f..%2froot.key',
    '..%5c..%5croot.key',
    '%2e%2e/root.key',
    '%252e%252e%252froot.key',
    '%2fetc%2fpasswd',
    '..%c0%afroot.key',
    '..%ef%bc%8froot.key',
    '%00',
    'root.key',
    '.incoming',
    '__proto__',
    '%7b"$ne":null%7d',
    "1'%20or%20'1'='1",
    'a'.repeat(5000),
  ])('the id %j names no file of this machine', async (path) => {
    for (const suffix of ['', '/details']) expect([400, 404, 422]).toContain((await get(`${path}${suffix}`)).status);
  });

  test('a viewer may not read files, a key only with the scope', async () => {
    expect((await get(id, {}, await kit.person('viewer'))).status).toBe(403);
    expect((await get(id, {}, key)).status).toBe(200);
    expect((await get(id, {}, await kit.apiKey(editor, ['file.write']))).status).toBe(403);
    expect((await upload('x', { as: await kit.apiKey(editor, ['file.write']) })).status).toBe(201);
  });

  test('a page of another site cannot upload with the browser’s session', async () => {
    const { 'x-plugboard-request': _, ...headers } = runner.headers;
    expect((await upload('x', { as: { ...runner, headers } })).status).toBe(403);
  });
});

describe('lists', () => {
  test('find by part of the name, page by page, and hold nothing of another workspace', async () => {
    for (const name of ['list-a.txt', 'list-b.txt', 'list-c.txt']) await upload('x', { query: `?name=${name}` });
    const first = (await kit.rest(runner, 'GET', '/files?search=LIST-&first=2')).json;
    expect([first.rows.map((row: { name: string }) => row.name), first.hasMore]).toEqual([['list-c.txt', 'list-b.txt'], true]);
    const next = (await kit.rest(runner, 'GET', `/files?search=list-&first=2&after=${first.endCursor}`)).json;
    expect(next.rows.map((row: { name: string }) => row.name)).toEqual(['list-a.txt']);
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    expect((await kit.rest(outsider, 'GET', '/files')).json.rows).toEqual([]);
    expect((await kit.rest(runner, 'GET', '/files?after=nonsense')).status).toBe(422);
  });
});

describe('files of runs', () => {
  async function hiddenWorkflow(): Promise<string> {
    const owner = await kit.person('editor');
    const [project] = await kit.database.database.query<{ id: string }>(
      `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, $3, 'P', 'members', $2, $2) returning id`,
      [kit.workspace.id, owner.principalId, `p-${uuidv7()}`],
    );
    const made = await kit.rest(owner, 'POST', '/workflows', { name: `w ${uuidv7()}`, projectId: project?.id });
    return made.json.id ?? made.json.workflowId;
  }

  test('are as hidden as their run: from lists, by id, and from steps of other projects', async () => {
    const [mine, other] = [await hiddenWorkflow(), await hiddenWorkflow()];
    const origin = { runId: uuidv7(), workflowId: mine };
    const ref = await kit.files.save({ workspaceId: kit.workspace.id, origin }, Readable.from([Buffer.from('hidden')]), {
      name: 'hidden.txt',
    });
    expect((await get(ref.id)).status).toBe(404);
    expect((await kit.rest(runner, 'GET', '/files?search=hidden')).json.rows).toEqual([]);
    expect((await kit.rest(kit.system, 'GET', `/files?runId=${origin.runId}`)).json.rows).toMatchObject([
      { id: ref.id, runId: origin.runId },
    ]);
    const open = (workflowId: string) => kit.files.open({ workspaceId: kit.workspace.id, reader: { workflowId } }, ref.id);
    expect((await buffer((await open(mine)).content)).toString()).toBe('hidden');
    await expect(open(other)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('names and types', () => {
  test.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\a.txt', 'a.txt'],
    ['..', 'file'],
    ['', 'file'],
    ['a\u0000b\r\nc', 'abc'],
    ['in\u202Egpj.exe', 'ingpj.exe'],
    ['a?b*c', 'a_b_c'],
    [`${'x'.repeat(400)}.tar.gz`, `${'x'.repeat(197)}.gz`],
  ])('the name %j becomes %j', (given, name) => expect(fileName(given)).toBe(name));

  test('types that are none are bytes, and only harmless ones are said to a browser', () => {
    expect([fileType('Text/CSV; charset=x'), fileType('a'), fileType('a/b\r\nx: y'), fileType(undefined)]).toEqual([
      'text/csv',
      'application/octet-stream',
      'application/octet-stream',
      'application/octet-stream',
    ]);
    expect(['image/png', 'image/svg+xml', 'text/html', 'text/plain', 'application/javascript'].map(sentType)).toEqual([
      'image/png',
      'application/octet-stream',
      'application/octet-stream',
      'text/plain; charset=utf-8',
      'application/octet-stream',
    ]);
    expect(attachment('ü"\\.txt')).toBe(`attachment; filename="___.txt"; filename*=UTF-8''%C3%BC%22%5C.txt`);
  });
});

function* chunks(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), 7);
}
