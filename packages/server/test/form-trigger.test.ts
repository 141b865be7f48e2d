/** Forms that start runs: a page at a webhook's address, by a real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, ended, startTestServer, until } from './test-server.ts';

let server: TestServer;
const FIELDS = [
  { name: 'name', title: 'Your name', required: true, max: '20' },
  { name: 'topic', kind: 'choice', options: [{ value: 'a', title: 'Apples' }, { value: 'b' }] },
  { name: 'news', kind: 'boolean' },
  { name: 'cv', kind: 'file' },
];

function aForm(name: string, params: object): object {
  const node = (id: string, type: string, own: object = {}) => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params: own },
  });
  return {
    schema: 1,
    name,
    nodes: [node('form', 'core/form-trigger', { formTitle: 'Contact <us>', formFields: FIELDS, ...params }), node('got', 'core/noop')],
    edges: [{ id: 'e', source: 'form', sourceHandle: 'main', target: 'got', targetHandle: 'main' }],
  };
}

beforeAll(async () => {
  server = await startTestServer();
  await server.publish(
    aForm('Contact', { path: 'contact' }),
    aForm('Leads', { path: 'leads', formThen: 'redirect', formRedirect: 'https://example.com/thanks' }),
  );
});
afterAll(() => server.close());

const send = (path: string, fields: Record<string, string | File>) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return fetch(`${server.url}/hooks/${path}`, { method: 'POST', body, redirect: 'manual' });
};
const runsOf = async (name: string): Promise<string[]> => {
  const rows = await server.database.database.query<{ id: string }>(
    'select r.id from run r join workflow w on w.id = r.workflow_id where w.name = $1 order by r.id',
    [name],
  );
  return rows.map((row) => row.id);
};
const output = async (runId: string) =>
  (await server.api<{ output: { main: object[] } }>('GET', `/runs/${runId}/output?node=got`)).json.output.main;

describe('a form that starts runs', () => {
  test('says that its workflow is paused while that refuses what comes', async () => {
    await server.publish(aForm('Closed', { path: 'closed' }));
    const found = (await server.api<{ rows: { id: string }[] }>('GET', '/workflows/overview?search=Closed')).json;
    await server.api('POST', `/workflows/${found.rows[0]?.id}/pause`, { webhooks: 'refuse' });
    for (const reply of [await fetch(`${server.url}/hooks/closed`), await send('closed', { name: 'Ada' })]) {
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '60']);
      expect(reply.headers.get('content-type')).toMatch(/^text\/html/);
      expect(await reply.text()).toContain('The workflow of this form is paused. Nothing was sent.');
    }
    expect(await runsOf('Closed')).toEqual([]);
  });

  test('is a page without scripts, filled in from the address, that nobody frames and nothing keeps', async () => {
    const { status, text, headers } = await server.fetch('/hooks/contact?name=Ada&topic=a&cv=x');
    expect(status).toBe(200);
    expect(text).toContain('Contact &lt;us&gt;');
    expect(text).toContain('value="Ada"');
    expect(text).toMatch(/<option value="a"\s+selected>\s*Apples/);
    expect(text).not.toContain('<script');
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await runsOf('Contact')).toEqual([]);
  });

  test('says all that is wrong at once, and starts nothing', async () => {
    const answer = await send('contact', { name: 'x'.repeat(30), topic: 'z' });
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain('2 things are not right yet');
    expect(text).toContain('name="form_visit"');
    expect(await runsOf('Contact')).toEqual([]);
  });

  test('starts a run for each form that is sent, and one for a form that is sent twice', async () => {
    const page = await server.fetch('/hooks/contact');
    const visit = /name="form_visit" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const fields = { name: 'Ada', topic: 'b', news: 'true', form_visit: visit, contact_website: '' };
    const answers = await Promise.all([send('contact', { ...fields, cv: new File(['hello'], 'cv.txt') }), send('contact', fields)]);
    expect(await Promise.all(answers.map(async (answer) => [answer.status, (await answer.text()).includes('Thank you.')]))).toEqual([
      [200, true],
      [200, true],
    ]);
    expect((await send('contact', fields)).status).toBe(200);
    const [runId = '', ...more] = await runsOf('Contact');
    expect(more).toEqual([]);
    await ended(server, runId);
    expect(await output(runId)).toMatchObject([{ name: 'Ada', topic: 'b', news: true, submittedAt: expect.any(String) }]);
    expect(JSON.stringify(await output(runId))).not.toContain('form_visit');
  });

  test('a program that fills in everything is thanked, and starts nothing', async () => {
    const before = await runsOf('Contact');
    expect((await send('contact', { name: 'Bot', contact_website: 'http://spam.example' })).status).toBe(200);
    expect(await runsOf('Contact')).toEqual(before);
  });

  test('sends people on to another page, which its own page allows', async () => {
    const page = await server.fetch('/hooks/leads');
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https://example.com;");
    const answer = await send('leads', { name: 'Ada' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'https://example.com/thanks']);
  });

  test('programs send JSON and get JSON', async () => {
    const wrong = await server.hook<{ error: { code: string } }>('leads', { topic: 'z' });
    expect([wrong.status, wrong.json.error.code]).toEqual([422, 'INPUT_INVALID']);
    const right = await server.hook<{ runId: string }>('leads', { name: 'Bo' });
    expect(right.status).toBe(202);
    await until(
      () => ended(server, right.json.runId),
      ({ status }) => status === 'succeeded',
    );
  });

  test('a path that another workflow has, fields of one name, and a page that is none are refused when it is published', async () => {
    const refused = async (params: object): Promise<string> => {
      const { status, text } = await server.api('POST', '/workflows/import', { definition: aForm('Refused', params), publish: true });
      return `${status} ${text}`;
    };
    expect(await refused({ path: 'contact' })).toMatch(/^409 .*HOOK_PATH_TAKEN/);
    expect(await refused({ path: 'x1', formFields: [{ name: 'a' }, { name: 'a' }] })).toMatch(/^422 .*Two fields are called a/);
    expect(await refused({ path: 'x2', formFields: [{ name: 'a', kind: 'choice' }] })).toMatch(/^422 .*nothing to choose from/);
    expect(await refused({ path: 'x3', formThen: 'redirect', formRedirect: 'javascript:alert(1)' })).toMatch(/^422 /);
  });

  test('a draft is shown at its test address as often as one looks, and takes one form', async () => {
    const made = await server.api<{ workflowId: string }>('POST', '/workflows/import', {
      definition: aForm('Drafted', { path: 'drafted' }),
    });
    const { workflowId } = made.json;
    const listening = await server.api('POST', `/workflows/${workflowId}/listen`, { nodeId: 'form' });
    expect(listening.status).toBe(201);
    const look = async () => (await server.fetch('/hooks-test/drafted')).text;
    expect([await look(), await look()].filter((page) => page.includes('Contact &lt;us&gt;'))).toHaveLength(2);
    const body = new URLSearchParams({ name: 'Ada' });
    const post = () => server.fetch('/hooks-test/drafted', { method: 'POST', body });
    expect((await post()).text).toContain('Thank you.');
    expect((await post()).status).toBe(404);
  });
});

test.each([
  ['https://example.com/\r\nset-cookie: a=b', 'https://example.com/set-cookie:%20a=b'],
  ['https://bücher.example/日本', 'https://xn--bcher-kva.example/%E6%97%A5%E6%9C%AC'],
])('the page people are sent to is written as a header carries it: %j', async (formRedirect, location) => {
  const path = `away-${location.length}`;
  await server.publish(aForm(path, { path, formThen: 'redirect', formRedirect }));
  const { status, headers } = await send(path, { name: 'Ada', topic: 'a' });
  expect([status, headers.get('location'), headers.get('set-cookie')]).toEqual([303, location, null]);
});
