/** Forms that runs wait for, on a real database and runner; and what a field takes. */
import type { FormField } from '@plugboard/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, openApiKit } from '../operation/api.test-kit.ts';
import { checkForm } from './form-fields.ts';
import { safeMarkdown } from './safe-markdown.ts';

let kit: ApiKit;
let number = 0;
beforeAll(async () => {
  kit = await openApiKit();
});
afterAll(() => kit.close());

const FIELDS = [
  { name: 'name', title: 'Your name', kind: 'text', required: true, max: '20' },
  { name: 'age', kind: 'number', min: '18' },
  { name: 'mail', kind: 'email' },
  { name: 'kind', kind: 'choice', options: [{ value: 'a', title: 'A & B' }, { value: 'c' }] },
  { name: 'cv', kind: 'file' },
];

async function waits(params: object = {}): Promise<{ readonly runId: string; readonly link: string }> {
  number += 1;
  const node = (id: string, type: string, own: object = {}) => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params: own },
  });
  const edge = (source: string, target: string, sourceHandle = 'main') => ({
    id: `${source}-${target}`,
    source,
    sourceHandle,
    target,
    targetHandle: 'main',
  });
  const definition = {
    schema: 1,
    name: `Form ${number}`,
    nodes: [
      node('start', 'core/manual'),
      node('link', 'core/set', { fields: { link: '={{ $run.form["ask"] }}' } }),
      node('ask', 'core/form', { title: '=For {{ $json.who }} <b>', fields: FIELDS, thanks: '**Great**', ...params }),
      node('filled', 'core/noop'),
      node('late', 'core/noop'),
    ],
    edges: [edge('start', 'link'), edge('link', 'ask'), edge('ask', 'filled'), edge('ask', 'late', 'late')],
  };
  const made = await kit.rest(kit.system, 'POST', '/workflows/import', { definition, publish: true });
  const { json } = await kit.rest(kit.system, 'POST', '/runs', { workflowId: made.json.workflowId, input: { who: 'Ada' } });
  const runId = String(json.id ?? json.runId);
  await becomes(runId, 'waiting');
  return { runId, link: String((await outputOf(runId, 'link'))?.[0]?.['link']) };
}

async function becomes(runId: string, wanted: string): Promise<void> {
  await expect
    .poll(async () => (await kit.rest(kit.system, 'GET', `/runs/${runId}/state`)).json.status as string, { timeout: 30_000, interval: 10 })
    .toBe(wanted);
}

const outputOf = async (runId: string, node: string) =>
  (await kit.rest(kit.system, 'GET', `/runs/${runId}/output?node=${node}`)).json.output?.main as { [name: string]: unknown }[] | undefined;

const send = (link: string, fields: Record<string, string | File>) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return fetch(link, { method: 'POST', body });
};

describe('a form that a run waits for', () => {
  test('is a page without scripts that shows what is asked, and looking changes nothing', async () => {
    const { runId, link } = await waits();
    const page = await fetch(link);
    const text = await page.text();
    expect(text).toContain('For Ada &lt;b&gt;');
    expect(text).toContain('A &amp; B');
    expect(text).toContain('enctype="multipart/form-data"');
    expect(text).not.toContain('<script');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    await becomes(runId, 'waiting');
  });

  test('says all that is wrong at once beside what was filled in, and keeps no file of it', async () => {
    const { link } = await waits();
    const answer = await send(link, { age: '7', mail: 'nobody', kind: 'x', cv: new File(['x'], 'cv.txt') });
    const text = await answer.text();
    expect(answer.status).toBe(422);
    for (const part of [
      '4 things are',
      'Your name: this has to be filled in.',
      'age: this is less than 18.',
      'mail: this is no e-mail',
      'kind: this is none',
    ])
      expect(text).toContain(part);
    expect(text).toContain('value="7"');
    expect(await kit.database.database.query(`select from file where name = 'cv.txt'`)).toEqual([]);
  });

  test('goes on with values and files; it takes one answer, also of two at the same moment', async () => {
    const { runId, link } = await waits();
    const good = { name: 'Bo', age: '30', mail: '', kind: 'a' };
    const answers = await Promise.all([send(link, { ...good, cv: new File(['hello'], 'cv.txt') }), send(link, good)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    await becomes(runId, 'succeeded');
    expect(await outputOf(runId, 'filled')).toMatchObject([
      { name: 'Bo', age: 30, mail: null, kind: 'a', submittedAt: expect.any(String) },
    ]);
    expect((await send(link, good)).status).toBe(409);
    expect(await (await fetch(link)).text()).toContain('it takes one answer');
  });

  test('files go on beside the item', async () => {
    const { runId, link } = await waits();
    expect(await (await send(link, { name: 'Bo', cv: new File(['hello'], 'cv.txt') })).text()).toContain('<strong>Great</strong>');
    await becomes(runId, 'succeeded');
    const { json } = await kit.rest(kit.system, 'GET', `/runs/${runId}/steps/filled/data?side=output`);
    expect(JSON.stringify(json)).toContain('cv.txt');
  });

  test('programs send JSON and get JSON', async () => {
    const { runId, link } = await waits();
    const post = (body: object) =>
      fetch(link, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const wrong = await post({ age: 'x' });
    expect([wrong.status, ((await wrong.json()) as { error: { fields: object[] } }).error.fields.length]).toEqual([422, 2]);
    expect(await (await post({ name: 'Bo', age: 20 })).json()).toEqual({ ok: true });
    await becomes(runId, 'succeeded');
  });

  test('an address that was guessed, cut or of another step is nowhere', async () => {
    const { runId, link } = await waits();
    const token = new URL(link).pathname.split('/').at(-1);
    for (const path of [
      `/f/${runId}/ask/${'A'.repeat(43)}`,
      `/f/${runId}/link/${token}`,
      `/a/${runId}/ask/${token}`,
      `/f/nothing/ask/${token}`,
    ])
      expect((await send(`${kit.url}${path}`, { name: 'Bo' })).status, path).toBe(404);
  });

  test('when its time is over the items go on at late, and nothing is taken', async () => {
    const { runId, link } = await waits();
    for (const table of ['run_form', 'timer'])
      await kit.database.database.query(`update ${table} set due_at = now() where run_id = $1`, [runId]);
    await becomes(runId, 'succeeded');
    expect(await outputOf(runId, 'late')).toMatchObject([{ link }]);
    expect((await send(link, { name: 'Bo' })).status).toBe(409);
  });
});

describe('a field', () => {
  const field = (kind: FormField['kind'], more: Partial<FormField> = {}): FormField => ({ name: 'x', title: 'X', kind, ...more });
  const options = [
    { value: 'a', title: 'A' },
    { value: 'b', title: 'B' },
  ];
  test.each([
    [field('text'), 'a', 'a'],
    [field('text'), 'a\nb', undefined],
    [field('text', { max: 2 }), 'abc', undefined],
    [field('text', { min: 2 }), 'a', undefined],
    [field('text', { required: true }), '', undefined],
    [field('text'), '\0', undefined],
    [field('long-text'), 'a\r\nb', 'a\nb'],
    [field('number'), '1,5', 1.5],
    [field('number'), ' ', undefined],
    [field('number'), 'Infinity', undefined],
    [field('number', { max: 3 }), 4, undefined],
    [field('boolean'), 'on', true],
    [field('boolean'), null, false],
    [field('boolean', { required: true }), null, undefined],
    [field('date'), '2026-02-28', '2026-02-28'],
    [field('date'), '2026-02-30', undefined],
    [field('date', { min: '2026-03-01' }), '2026-02-28', undefined],
    [field('choice', { options }), 'b', 'b'],
    [field('choice', { options }), 'c', undefined],
    [field('choices', { options }), 'b', ['b']],
    [field('choices', { options }), ['a', 'b', 'a'], ['a', 'b']],
    [field('choices', { options, max: 1 }), ['a', 'b'], undefined],
    [field('choices', { options }), { a: 1 }, undefined],
    [field('email'), ' a@b.c ', 'a@b.c'],
    [field('email'), 'a@b@c', undefined],
    [field('text'), { a: 1 }, undefined],
    [field('text'), undefined, null],
  ] as const)('%j takes %j as %j', (one, given, wanted) => {
    const checked = checkForm([one], given === undefined ? {} : { x: given });
    expect(checked.ok ? checked.values['x'] : undefined).toEqual(wanted);
  });
});

describe('Markdown of others', () => {
  test('runs nothing and leads nowhere strange', () => {
    const made = safeMarkdown(
      '<img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](java\nscript:alert(1)) [d](https://x.example) [e](//x.example) [f](https://x"onfocus=1) `<b>`',
    );
    expect(made).not.toMatch(/<img|<script|<b>|href="(?!https:\/\/x\.example")/i);
    expect(made).toContain('href="https://x.example" rel="noopener noreferrer nofollow"');
  });

  test.each([
    ['**a** and *b*', '<p><strong>a</strong> and <em>b</em></p>'],
    ['# Hi', '<h3>Hi</h3>'],
    ['- a\n- b', '<ul><li>a</li><li>b</li></ul>'],
    ['1. a\n2. b', '<ol><li>a</li><li>b</li></ol>'],
    ['```\n<a>\n```\nb', '<pre><code>&lt;a&gt;</code></pre>\n<p>b</p>'],
    ['```\n<a>', '<pre><code>&lt;a&gt;</code></pre>'],
    ['> a', '<blockquote>a</blockquote>'],
    ['a\nb\n\nc', '<p>a<br>\nb</p>\n<p>c</p>'],
    ['a_b_c `*x*`', '<p>a_b_c <code>*x*</code></p>'],
    ['', ''],
  ])('%j becomes %j', (markdown, wanted) => {
    expect(safeMarkdown(markdown)).toBe(wanted);
  });

  test('of any size and shape takes no long time', () => {
    const began = performance.now();
    for (const part of ['*', '**a', '[', '[a](', '`', '> ', '_a ', '- ']) safeMarkdown(part.repeat(50_000));
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
