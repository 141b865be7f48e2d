/** Tests of workflows as people keep them in a real browser: steps that are pinned, and mocked answers to the requests of the others. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, PAGES, openBrowser, whyNoBrowser } from './browser-kit.ts';
import { type Gate, type TestServer, anEdge, openGate, startTestServer } from './test-server.ts';

const reason = whyNoBrowser();
const OWNER = { email: 'olga@example.com', password: 'four words in a row' };

describe.skipIf(reason !== undefined)(
  `tests of workflows in a browser${reason === undefined ? '' : `: ${reason}`}`,
  { timeout: 180_000 },
  () => {
    let server: TestServer;
    let browser: Browser;
    /** What the step asks when nothing stands in for it. */
    let outside: Gate;
    let workflowId: string;

    beforeAll(async () => {
      [server, browser, outside] = await Promise.all([
        startTestServer({
          pagesDir: PAGES,
          env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password },
        }),
        openBrowser(),
        openGate(),
      ]);
      outside.open();
      workflowId = await imported();
      const { page } = browser;
      await page.goto(`${server.url}/login`);
      await page.getByLabel('Email').fill(OWNER.email);
      await page.getByLabel('Password').fill(OWNER.password);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/w/default/**');
    }, 240_000);
    afterAll(async () => {
      await Promise.all([browser?.close(), outside?.close()]);
      await server?.close();
    }, 120_000);

    const aNode = (id: string, type: string, params: object = {}): object => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params },
    });
    /** With the test that is saved of a run: what the step outside gave is pinned. */
    async function imported(): Promise<string> {
      const definition = {
        schema: 1,
        name: 'Gross price',
        nodes: [
          aNode('start', 'core/manual'),
          aNode('rate', 'core/http-request', { method: 'POST', url: `${outside.url}rate`, bodyKind: 'json', body: '={{ $json }}' }),
          aNode('price', 'core/set', { keep: 'none', fields: { total: "={{ $json.rate * $('start').item.json.n }}" } }),
        ],
        edges: [anEdge('start', 'rate'), anEdge('rate', 'price')],
        tests: [
          {
            id: 'two',
            name: 'Two',
            input: [{ n: 2 }],
            pins: { rate: { main: [{ rate: 1 }] } },
            expect: [{ node: 'price', items: [{ total: 20 }] }],
          },
        ],
      };
      return (await server.api<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: false })).json.workflowId;
    }

    const sheet = () => browser.page.getByRole('dialog', { name: 'Two' });
    const button = (name: string) => sheet().getByRole('button', { name, exact: true });
    const form = () => sheet().getByRole('form', { name: 'Mocked answer' });
    const stored = async () => (await server.api<{ test: Record<string, unknown> }>('GET', `/workflows/${workflowId}/tests/two`)).json.test;
    const focused = (name: string) => sheet().locator(':focus').and(button(name)).waitFor();

    test('a step that is unpinned and has no mocked answer fails the test, and the page says which request it was', async () => {
      const { page } = browser;
      await page.goto(`${server.url}/w/default/workflows/${workflowId}?view=tests`);
      await page.getByRole('table', { name: 'Tests' }).getByText('Two', { exact: true }).click();
      await sheet().getByText('No request has a mocked answer').waitFor();
      await button('Unpin rate').click();
      await button('Unpin rate').waitFor({ state: 'detached' });
      await focused('Add an answer');
      await button('Run test').click();
      await sheet().getByText('Failed', { exact: true }).waitFor();
      await page
        .getByRole('region', { name: /Notifications/ })
        .getByText(`There is no mocked answer for POST ${outside.url}rate.`)
        .waitFor();
      expect(await stored()).not.toHaveProperty('pins');
    });

    test('an answer that cannot be is refused with all that is wrong at its fields', async () => {
      const { page } = browser;
      await button('Add an answer').click();
      await form().getByLabel('Address').and(page.locator(':focus')).waitFor();
      await form().getByLabel('Status').fill('999');
      await form().getByLabel('Headers').fill('no colon');
      await form().getByRole('radio', { name: 'JSON' }).click();
      await form().getByLabel('Body as JSON').fill('{');
      await button('Save answer').click();
      for (const problem of [
        'Write the address of the request.',
        'A status is a whole number from 200 to 599.',
        'Line 1: write a name, a colon and a value.',
        'This is not JSON.',
      ])
        await form().getByText(problem).waitFor();
      // The first field that is wrong has the focus.
      await form().getByLabel('Address').and(page.locator(':focus')).waitFor();
      expect(await browser.findings()).toEqual([]);
      await page.setViewportSize({ width: 1440, height: 900 });
    });

    test('a step gets the mocked answer that was added, and nothing outside is asked', async () => {
      const { page } = browser;
      await form().getByLabel('Method').click();
      await page.getByRole('option', { name: 'POST' }).click();
      await form().getByLabel('Address').fill('*/rate');
      await form().getByLabel('Status').fill('201');
      await form().getByLabel('Headers').fill('x-page: 2');
      await form().getByLabel('Body as JSON').fill('{ "rate": 10 }');
      await form().getByLabel('Address').press('Enter');
      await focused('Edit POST */rate');
      expect((await stored())['mocks']).toEqual([
        { method: 'POST', url: '*/rate', status: 201, headers: { 'x-page': '2' }, body: { rate: 10 } },
      ]);
      await button('Run test').click();
      await sheet().getByText('Passed', { exact: true }).waitFor();
      expect(outside.seen).toEqual([]);
    });

    test('an answer is edited, and the test tells what differs then', async () => {
      await button('Edit POST */rate').click();
      await form().getByLabel('Body as JSON').fill('{ "rate": 11 }');
      await button('Save answer').click();
      await focused('Edit POST */rate');
      await button('Run test').click();
      await sheet().getByText('Failed', { exact: true }).waitFor();
      await sheet().getByText('22', { exact: true }).waitFor();
      expect(outside.seen).toEqual([]);
    });

    test('what others did to the test in between stays, and an answer that they changed is not overwritten', async () => {
      await button('Edit POST */rate').click();
      await form().getByLabel('Body as JSON').fill('{ "rate": 12 }');
      const theirs = { url: '*/rate', body: { rate: 10 } };
      await server.api('PUT', `/workflows/${workflowId}/tests`, {
        test: { ...(await stored()), name: 'Two', input: [{ n: 3 }], mocks: [theirs] },
      });
      await button('Save answer').click();
      await sheet().getByText('Somebody else has changed or removed this answer in between; nothing was saved.').waitFor();
      await sheet().getByText('Any method */rate', { exact: true }).waitFor();
      expect((await stored())['mocks']).toEqual([theirs]);
      // What was written is still in the form.
      await button('Save answer').click();
      await focused('Edit POST */rate');
      expect(await stored()).toMatchObject({ input: [{ n: 3 }], mocks: [theirs, { method: 'POST', body: { rate: 12 } }] });
    });

    test('an answer is left alone by Escape, and removed', async () => {
      const { page } = browser;
      await button('Edit Any method */rate').click();
      await form().getByLabel('Address').fill('https://api.example.com/');
      await page.keyboard.press('Escape');
      await focused('Edit Any method */rate');
      await button('Remove Any method */rate').click();
      await button('Remove Any method */rate').waitFor({ state: 'detached' });
      await button('Remove POST */rate').click();
      await sheet().getByText('No request has a mocked answer').waitFor();
      await focused('Add an answer');
      expect(await stored()).not.toHaveProperty('mocks');
      expect(await browser.findings()).toEqual([]);
    });

    test('nothing of all that made the browser complain', () => {
      expect(browser.complaints()).toEqual([]);
    });
  },
);
