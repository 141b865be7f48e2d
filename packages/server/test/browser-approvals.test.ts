/** Deciding and filling in forms as people do, by keyboard, in a real browser. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, PAGES, openBrowser, whyNoBrowser } from './browser-kit.ts';
import { type TestServer, anEdge, startTestServer, until } from './test-server.ts';

const reason = whyNoBrowser();
const OWNER = { email: 'olga@example.com', password: 'four words in a row' };

describe.skipIf(reason !== undefined)(
  `approvals and forms in a browser${reason === undefined ? '' : `: ${reason}`}`,
  { timeout: 180_000 },
  () => {
    let server: TestServer;
    let browser: Browser;

    beforeAll(async () => {
      server = await startTestServer({
        pagesDir: PAGES,
        env: { PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password },
      });
      browser = await openBrowser();
      await server.publish(
        asking('Supplier invoice', 'core/approval', APPROVAL, ['approved', 'rejected']),
        asking('Sizes', 'core/form', FORM, ['main']),
      );
      await server.publish({
        schema: 1,
        name: 'Contact',
        nodes: [
          aNode('form', 'core/form-trigger', {
            path: 'contact',
            formTitle: 'Contact us',
            formFields: [{ name: 'name', title: 'Your name', required: true }],
          }),
          aNode('got', 'core/noop'),
        ],
        edges: [anEdge('form', 'got')],
      });
      const { page } = browser;
      page.setDefaultTimeout(60_000);
      await page.goto(`${server.url}/login`);
      await page.getByLabel('Email').fill(OWNER.email);
      await page.getByLabel('Password').fill(OWNER.password);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/w/default/**');
    });
    afterAll(async () => {
      await browser.close();
      await server.close();
    });

    const aNode = (id: string, type: string, params: object = {}): object => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params },
    });
    const asking = (name: string, type: string, params: object, ports: readonly string[]): object => ({
      schema: 1,
      name,
      nodes: [
        aNode('start', 'core/manual'),
        aNode('link', 'core/set', { fields: { link: '={{ $run.form["ask"] }}', total: '={{ $json.total }}' } }),
        aNode('ask', type, params),
        ...ports.map((port) => aNode(port, 'core/noop')),
      ],
      edges: [anEdge('start', 'link'), anEdge('link', 'ask'), ...ports.map((port) => anEdge('ask', port, port))],
    });
    const APPROVAL = {
      title: '=Pay {{ $json.total }} EUR?',
      message: 'The total is **over** 5,000 EUR.',
      commentOn: 'rejection',
      fields: [
        { name: 'supplier', title: 'Supplier', value: 'Brandt Verpackung GmbH' },
        { name: 'total', title: 'Total', kind: 'number', value: '={{ $json.total }}', edit: true, required: true },
        { name: 'account', title: 'Account', kind: 'choice', options: [{ value: '4400', title: 'Packaging' }], edit: true },
        { name: 'urgent', title: 'Urgent', kind: 'boolean', edit: true },
      ],
    };
    const FORM = {
      title: 'Which sizes?',
      fields: [
        { name: 'name', title: 'Your name', required: true },
        {
          name: 'size',
          title: 'Size',
          kind: 'choice',
          options: [
            { value: 's', title: 'Small' },
            { value: 'l', title: 'Large' },
          ],
        },
        {
          name: 'extras',
          title: 'Extras',
          kind: 'choices',
          options: [
            { value: 'box', title: 'Box' },
            { value: 'bow', title: 'Bow' },
          ],
        },
        { name: 'news', title: 'Send me news', kind: 'boolean' },
      ],
    };

    async function started(workflow: string): Promise<string> {
      const { json } = await server.api<{ runId?: string; id?: string }>('POST', '/runs', { workflow, input: { total: 6480 } });
      const runId = json.runId ?? json.id ?? '';
      await becomes(runId, 'waiting');
      return runId;
    }
    const becomes = (runId: string, wanted: string) =>
      until(
        async () => (await server.api<{ status: string }>('GET', `/runs/${runId}/state`)).json.status,
        (status) => status === wanted,
      );
    const outputOf = async (runId: string, node: string) =>
      (await server.api<{ output: { main: object[] } }>('GET', `/runs/${runId}/output?node=${node}`)).json.output.main;

    test('an empty list says what will be there', async () => {
      const { page } = browser;
      await page.goto(`${server.url}/w/default/approvals`);
      await page.getByText('When a step of a workflow asks for approval').waitFor();
      expect(await browser.findings()).toEqual([]);
      await page.setViewportSize({ width: 1440, height: 900 });
    });

    test('S2-004: what is asked appears by itself, is read, changed and approved by keyboard', async () => {
      const { page } = browser;
      const runId = await started('Supplier invoice');
      // It is shown beside the list without being chosen.
      await page.getByRole('heading', { name: 'Pay 6480 EUR?' }).waitFor();
      await page.getByText('Brandt Verpackung GmbH').waitFor();
      expect(await page.locator('.message strong').textContent()).toBe('over');
      expect(await browser.findings()).toEqual([]);
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.getByLabel('Total').fill('6000');
      await page.getByLabel('Total').press('a');
      expect((await server.api<{ status: string }>('GET', `/runs/${runId}/state`)).json.status).toBe('waiting');
      await page.getByLabel('Total').fill('6000');
      await page.getByRole('heading', { name: 'Pay 6480 EUR?' }).click();
      await page.keyboard.press('a');
      await page.getByText('Approved. The run goes on.').first().waitFor();
      await becomes(runId, 'succeeded');
      expect(await outputOf(runId, 'approved')).toMatchObject([{ total: 6000, approval: { decisions: [{ via: 'page' }] } }]);
      await page.getByText('approved, changed total').waitFor();
    });

    test('the one that is shown stays when others come in, and a key that means another page decides nothing', async () => {
      const { page } = browser;
      const first = await started('Supplier invoice');
      await page.goto(`${server.url}/w/default/approvals`);
      await page.getByRole('button', { name: /Approve/ }).waitFor();
      const shown = page.url();
      expect(shown).toMatch(/\/approvals\/[0-9a-f-]{36}$/);
      const second = await started('Supplier invoice');
      const rows = page.getByRole('link', { name: /Pay 6480 EUR\?/ });
      await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(2);
      expect(page.url()).toBe(shown);

      await page.getByRole('heading', { name: 'Pay 6480 EUR?' }).click();
      for (const key of ['g', 'r']) await page.keyboard.press(key);
      await page.waitForURL('**/runs');
      await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
      for (const key of ['g', 'a']) await page.keyboard.press(key);
      await page.getByRole('button', { name: /Approve/ }).waitFor();
      for (const runId of [first, second])
        expect((await server.api<{ status: string }>('GET', `/runs/${runId}/state`)).json.status).toBe('waiting');
      for (const left of [1, 0]) {
        await page.getByRole('heading', { name: 'Pay 6480 EUR?' }).click();
        await page.keyboard.press('a');
        await page.getByText('Approved. The run goes on.').first().waitFor();
        await page.goto(`${server.url}/w/default/approvals`);
        if (left > 0) await page.getByRole('button', { name: /Approve/ }).waitFor();
      }
      await becomes(first, 'succeeded');
      await becomes(second, 'succeeded');
    });

    test('a rejection without the comment it needs is refused at its field', async () => {
      const { page } = browser;
      const runId = await started('Supplier invoice');
      await page.goto(`${server.url}/w/default/approvals`);
      await page
        .getByRole('link', { name: /Pay 6480 EUR\?/ })
        .first()
        .click();
      await page.getByRole('button', { name: /Reject/ }).waitFor();
      await page.keyboard.press('r');
      await page.getByText('Comment: say why it is rejected.').waitFor();
      // What is typed next is the comment, although its first letter means yes elsewhere.
      await page.locator('textarea:focus').waitFor();
      await page.keyboard.type('a bit dear');
      await page.getByRole('button', { name: /Reject/ }).click();
      await becomes(runId, 'succeeded');
      expect(await outputOf(runId, 'rejected')).toMatchObject([{ approval: { comment: 'a bit dear' } }]);
      await page.getByRole('radio', { name: 'Decided' }).click();
      await page
        .getByRole('link', { name: /Rejected/ })
        .first()
        .waitFor();
      expect(browser.complaints()).toEqual([]);
    });

    test('who decides what is over in the meantime is told so', async () => {
      const { page } = browser;
      const runId = await started('Supplier invoice');
      await page.goto(`${server.url}/w/default/approvals`);
      await page.getByRole('button', { name: /Approve/ }).waitFor();
      // The run is stopped while the decision is on its way.
      await page.route('**/graphql', async (route) => {
        if (route.request().postData()?.includes('"approve"') === true) {
          await server.api('POST', `/runs/${runId}/cancel`, {});
          await becomes(runId, 'cancelled');
        }
        await route.continue();
      });
      await page.getByRole('button', { name: /Approve/ }).click();
      await page.getByText('It was over before you decided').first().waitFor();
      await page.unroute('**/graphql');
    });

    test('a form is filled in by keyboard, without a script, in both themes and on a telephone', async () => {
      const { page } = browser;
      const runId = await started('Sizes');
      const [{ link }] = (await outputOf(runId, 'link')) as [{ link: string }];
      await page.goto(link);
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        expect(await browser.findings()).toEqual([]);
      }
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      await page.getByRole('link', { name: /Your name: this has to be filled in/ }).press('Enter');
      expect(await browser.findings()).toEqual([]);
      await page.getByLabel(/Your name/).fill('Ada');
      for (const key of ['Tab', 'l', 'Tab', 'Tab', 'Space', 'Tab', 'Space', 'Tab', 'Enter']) await page.keyboard.press(key);
      await page.getByText('Thank you.').waitFor();
      await becomes(runId, 'succeeded');
      expect(await outputOf(runId, 'main')).toMatchObject([{ name: 'Ada', size: 'l', extras: ['bow'], news: true }]);
    });

    test('a form that starts runs is clean in both themes, and a link to decide too', async () => {
      const { page } = browser;
      await page.goto(`${server.url}/hooks/contact`);
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        expect(await browser.findings()).toEqual([]);
      }
      await page.getByLabel(/Your name/).fill('Ada');
      await page.keyboard.press('Enter');
      await page.getByText('Thank you.').waitFor();
      await page.emulateMedia({ colorScheme: null });
    });
  },
);
