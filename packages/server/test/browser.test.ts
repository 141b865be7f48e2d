/**
 * The way of a person through the pages, in a real browser at a real server: from the printed link to a run that is watched, and every
 * page on it. Steps build on each other, so after the first that fails the rest is left out.
 */
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Browser, PAGES, openBrowser, whyNoBrowser } from './browser-kit.ts';
import { type Gate, type Step, type TestServer, anEdge, openGate, startTestServer, until } from './test-server.ts';

const reason = whyNoBrowser();
const OLGA = { name: 'Olga Brandt', email: 'olga@example.com', password: 'four words in a row' };

let server: TestServer;
let gate: Gate;
let browser: Browser;
let page: Page;
let isBroken = false;
const found: string[] = [];
/** Addresses that were looked at, as the router has them. */
const seen = new Set<string>();
let invitation = '';
const CANARY = 'canary-7f3k-of-the-browser';

/** Three steps by hand: one computes, one asks a service that answers when the test lets it, one computes what came back. */
function orders(url: string): object {
  const steps: readonly Step[] = [
    ['start', 'core/manual'],
    ['price', 'core/set', { keep: 'all', fields: { total: '={{ $json.quantity * 12.5 }}' } }],
    ['stock', 'core/http-request', { method: 'GET', url }],
    ['answer', 'core/set', { keep: 'none', fields: { inStock: '={{ $json.ok }}' } }],
  ];
  const names = ['Order by hand', 'Price it', 'Ask the stock', 'Answer'];
  return {
    schema: 1,
    name: 'Order intake',
    nodes: steps.map(([id, type, params = {}], i) => ({
      id,
      type,
      position: { x: i * 240, y: 0 },
      data: { name: names[i], typeVersion: 1, params },
    })),
    edges: steps.slice(1).map(([id], i) => anEdge(steps[i]?.[0] ?? '', id)),
  };
}

/** Publishes a row of steps, one after another unless `more` has its edges; the id of the workflow. */
async function published(name: string, steps: readonly Step[], more: object = {}): Promise<string> {
  const definition = {
    schema: 1,
    name,
    nodes: steps.map(([id, type, params = {}], i) => ({
      id,
      type,
      position: { x: i * 240, y: 0 },
      data: { name: id, typeVersion: 1, params },
    })),
    edges: steps.slice(1).map(([id], i) => anEdge(steps[i]?.[0] ?? '', id)),
    ...more,
  };
  const { json, text, status } = await server.api<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: true });
  expect(status, text).toBeLessThan(300);
  return json.workflowId;
}

const formatRuns = (count: number): string => (count === 1 ? '1 run' : `${count} runs`);
const plate = (id: string, state?: string) => page.locator(`[data-plate="${id}"]${state === undefined ? '' : `[aria-label*="${state}"]`}`);
const heading = (name: string | RegExp) => page.getByRole('heading', { name, level: 1 });
const nav = (name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true });
const isFocused = (one: Locator): Promise<boolean> => one.evaluate((element) => element.matches(':focus'));
/** Collected and judged at the end: what is wrong with one page should not hide the rest. */
const look = async (where: string): Promise<void> => {
  seen.add(await browser.route());
  found.push(...(await browser.findings()).map((one) => `${where}: ${one}`));
};

describe.skipIf(reason !== undefined)(
  `the pages in a browser${reason === undefined ? '' : ` (left out: ${reason})`}`,
  { timeout: 240_000 },
  () => {
    beforeAll(async () => {
      [server, gate, browser] = await Promise.all([
        startTestServer({ pagesDir: PAGES, env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } }),
        openGate(),
        openBrowser(),
      ]);
      page = browser.page;
    }, 240_000);

    afterAll(async () => {
      await Promise.all([browser?.close(), gate?.close()]);
      await server?.close();
    }, 120_000);

    beforeEach((context) => {
      if (isBroken) context.skip('an earlier step of the way failed');
      context.onTestFailed(async () => {
        isBroken = true;
        // For whoever looks into it: what the page looked like then.
        if (process.env['PLUGBOARD_SHOTS']) await page.screenshot({ path: process.env['PLUGBOARD_SHOTS'] });
      });
    });

    test('the printed link leads to the owner account, and a wrong token is refused at its field', async () => {
      await page.goto(`${server.url}/setup#token=wrong`);
      await page.getByLabel('Your name').fill(OLGA.name);
      await page.getByLabel('Email').fill(OLGA.email);
      await page.getByLabel('Password').fill(OLGA.password);
      await page.getByRole('button', { name: 'Create owner account' }).click();
      await page.getByText(/token/i).and(page.locator('[role=alert], .error, p')).first().waitFor();
      expect(new URL(page.url()).pathname).toBe('/setup');

      await page.goto('about:blank');
      await page.goto(`${server.url}/setup#token=${server.setUpToken}`);
      expect(await page.getByLabel('Setup token').inputValue()).toBe(server.setUpToken);
      await page.waitForURL((url) => url.hash === '');
      await page.getByLabel('Your name').fill(OLGA.name);
      await page.getByLabel('Email').fill(OLGA.email);
      await page.getByLabel('Password').fill(OLGA.password);
      await look('setup');
      await page.getByRole('button', { name: 'Create owner account' }).click();
      await heading('Workflows').waitFor();
    });

    test('an empty server says how to get the first workflow, and imports one', async () => {
      await page.getByText('No workflows yet').waitFor();
      await look('no workflows');
      await page.getByRole('button', { name: 'Import a file' }).click();
      await page.getByLabel('or its text').fill('{"schema":1,"name":"Broken","nodes":[{"id":"a"}],"edges":[]}');
      await page.getByRole('button', { name: 'Import workflow' }).click();
      await page
        .getByRole('dialog')
        .getByText(/nodes\[0\]/)
        .first()
        .waitFor();
      await page.getByLabel('or its text').fill(JSON.stringify(orders(gate.url)));
      await page.getByRole('checkbox', { name: 'Publish at once' }).click();
      await page.getByRole('button', { name: 'Import workflow' }).click();
      await heading('Order intake').waitFor();
      await plate('stock').waitFor();
      await look('canvas');
    });

    test('S3-030 S3-033: a run is started with its input, and shows its steps as they happen', async () => {
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByLabel('Input', { exact: true }).fill('{"quantity": 4');
      await page.getByText('This is not JSON yet.').waitFor();
      await page.getByLabel('Input', { exact: true }).fill('{"quantity": 4}');
      await page.getByRole('button', { name: 'Start run' }).click();
      await plate('price', 'succeeded').waitFor();
      await plate('stock', 'running').waitFor();
      await until(
        () => gate.held,
        (held) => held > 0,
      );
      gate.letOne();
      await plate('answer', 'succeeded').waitFor();
    });

    test('S3-040: a past run is opened, and each step shows what came in and what went out', async () => {
      await page.getByRole('link', { name: /^Run [0-9a-f]{8}$/ }).click();
      await heading(/^Run /).waitFor();
      await plate('price').click();
      const panel = page.getByRole('complementary', { name: 'Price it' }).or(page.locator('aside')).first();
      await panel.getByRole('tab', { name: 'Input' }).click();
      await panel.getByText('quantity').first().waitFor();
      await panel.getByRole('tab', { name: 'Output' }).click();
      await panel.getByText('total').first().waitFor();
      await panel.getByText('50', { exact: true }).first().waitFor();
      await look('run');
      await page.getByRole('button', { name: 'Steps as list' }).click();
      await page.getByRole('table', { name: 'Steps' }).waitFor();
      await look('run as list');
    });

    test('S0-049 S3-039: the list of runs tells state, trigger, time and version, is filtered, and opens one on the canvas', async () => {
      await nav('Runs').click();
      await heading('Runs').waitFor();
      const table = page.getByRole('table', { name: 'Runs' });
      const row = table.getByRole('row').filter({ hasText: 'Order intake' });
      for (const said of ['Succeeded', OLGA.name, 'v1']) await row.getByText(said).first().waitFor();
      await row.getByText(/^(< 1|\d[\d.]*) (ms|s)$/).waitFor();
      await look('runs');
      await page.getByRole('radio', { name: 'Failed' }).click();
      await row.waitFor({ state: 'detached' });
      await page.getByRole('radio', { name: 'Succeeded' }).click();
      await row.getByRole('link').last().click();
      await heading(/^Run /).waitFor();
      await plate('price', 'succeeded').waitFor();
      await nav('Workflows').click();
      await page.getByRole('link', { name: 'Order intake' }).waitFor();
      await look('workflows');
    });

    test('a run is paused while a step is at work, and goes on from there', async () => {
      const { json } = await server.api<{ runId: string }>('POST', '/runs', { workflow: 'Order intake', input: { quantity: 2 } });
      await until(
        () => gate.held,
        (held) => held > 0,
      );
      await page.goto(`${server.url}/w/default/runs/${json.runId}`);
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByText('Pausing', { exact: true }).waitFor();
      gate.letOne();
      await page.locator('header').getByText('Paused', { exact: true }).waitFor();
      await plate('stock', 'succeeded').waitFor();
      expect(await plate('answer', 'succeeded').count()).toBe(0);
      await page.getByRole('button', { name: 'Resume', exact: true }).click();
      await plate('answer', 'succeeded').waitFor();
    });

    test('chosen runs are started again and deleted as jobs, and those that are left are told why', async () => {
      await nav('Runs').click();
      const table = page.getByRole('table', { name: 'Runs' });
      const bulk = page.getByRole('region', { name: 'Chosen runs' });
      const choice = table.getByRole('checkbox');
      gate.open();
      await table.getByText('Succeeded').nth(1).waitFor();
      const before = await choice.count();

      await choice.first().click();
      await bulk.getByRole('button', { name: 'Run again' }).click();
      await page.getByRole('button', { name: 'Run again 1 run' }).click();
      await page.getByText('1 run done.').first().waitFor();
      await bulk.waitFor({ state: 'detached' });
      await until(
        async () => (await server.api<{ rows: { status: string }[] }>('GET', '/runs/overview')).json.rows,
        (rows) => rows.length === before + 1 && rows.every(({ status }) => status === 'succeeded'),
      );

      await page.reload();
      await choice.nth(before).waitFor();
      await page.getByRole('checkbox', { name: 'Choose all shown' }).click();
      await bulk.getByText(`${before + 1} chosen`).waitFor();
      await choice.first().click();
      await look('chosen runs');
      await bulk.getByRole('button', { name: 'Delete' }).click();
      await look('a question about runs');
      await page.getByRole('button', { name: `Delete ${formatRuns(before)}` }).click();
      await choice.nth(1).waitFor({ state: 'detached' });
      expect(await choice.count()).toBe(1);

      await choice.first().click();
      await bulk.getByRole('button', { name: 'Export' }).click();
      await page.getByRole('button', { name: 'Export 1 run' }).click();
      const download = page.waitForEvent('download');
      await bulk.getByRole('link', { name: /^Download/ }).click();
      expect((await download).suggestedFilename()).toMatch(/ndjson/);
      await bulk.getByRole('button', { name: 'Done' }).click();
    });

    test('the bell counts what was told while the page is open, and what is read is counted no more', async () => {
      await page.getByRole('button', { name: /^Notifications, \d+ unread$/ }).click();
      const list = page.getByRole('list', { name: 'Notifications' });
      await list.getByText('Deleting runs is done').waitFor();
      await page.getByRole('button', { name: 'Mark all as read' }).click();
      await page.getByRole('radio', { name: 'Unread' }).click();
      await page.getByText('Nothing unread').waitFor();
      await page.getByRole('radio', { name: 'All', exact: true }).last().click();
      await list.getByText('Deleting runs is done').waitFor();
      // The windows it is looked at in close the list.
      await look('notifications');
      await page.getByRole('button', { name: 'Notifications', exact: true }).waitFor();
    });

    test('chosen workflows are tagged as a job, filtered by the tag, deleted, and brought back from the trash', async () => {
      await nav('Workflows').click();
      await page.getByRole('checkbox', { name: 'Choose Order intake' }).click();
      const bulk = page.getByRole('region', { name: 'Chosen workflows' });
      await bulk.getByRole('button', { name: 'Tag' }).click();
      await page.getByLabel('New tag').fill('shop');
      await page.getByRole('button', { name: 'Save tags' }).click();
      const tagged = page.getByRole('button', { name: 'shop', exact: true });
      await tagged.click();
      await page.waitForURL(/tag=/);
      await page.getByRole('button', { name: 'Star Order intake' }).click();
      await look('workflows with tags');
      await page.getByRole('checkbox', { name: 'Choose Order intake' }).click();
      await bulk.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('button', { name: 'Move to the trash' }).click();
      await page.getByText('No workflow fits').waitFor();
      await page.getByRole('link', { name: 'Trash' }).click();
      await heading('Trash').waitFor();
      await look('trash');
      await page.getByRole('button', { name: 'Bring back' }).click();
      await page.getByText('The trash is empty').waitFor();
      await nav('Workflows').click();
      await page.getByRole('link', { name: 'Order intake' }).click();
      await page.getByRole('radio', { name: 'Versions' }).click();
      await page.getByRole('button', { name: 'Compare' }).click();
      await page.getByText('The first version: everything in it is new.').waitFor();
      await look('versions');
      await page.keyboard.press('Escape');
      await nav('Runs').click();
    });

    test('a member is invited by a link that is shown once', async () => {
      await nav('Team').click();
      await heading('Team').waitFor();
      await page.getByRole('table', { name: 'Members' }).getByText(OLGA.email).waitFor();
      await page.getByRole('button', { name: 'Invite member' }).click();
      await page.getByRole('dialog').getByLabel('Email').fill('tom@example.com');
      await page.getByRole('button', { name: 'Make invitation' }).click();
      invitation = await page.getByLabel('Invitation link').inputValue();
      expect(invitation).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/invite#token=[\w-]{20,}$/);
      await page.getByRole('button', { name: 'Done' }).click();
      await page.getByText('tom@example.com').waitFor();
      expect(await page.content()).not.toContain(invitation.split('=')[1]);
      await look('team');
    });

    test('a team is made and given a role on a project', async () => {
      await page.getByRole('link', { name: 'Teams' }).click();
      await page.getByText('No teams yet').waitFor();
      await look('teams');
      await page.getByRole('button', { name: 'New team' }).first().click();
      await page.getByRole('dialog').getByLabel('Name').fill('Finance');
      await page.getByRole('button', { name: 'Make team' }).click();
      await page.getByRole('table', { name: 'Teams' }).getByText('Finance').waitFor();
      await page.getByRole('link', { name: 'Projects' }).click();
      await page.getByRole('button', { name: 'New project' }).first().click();
      await page.getByRole('dialog').getByLabel('Name').fill('Accounts payable');
      await page.getByRole('button', { name: 'Make project' }).click();
      await page.getByRole('table', { name: 'Projects' }).getByRole('button', { name: 'Accounts payable' }).click();
      const sheet = page.getByRole('dialog');
      await sheet.getByLabel('Member or team').first().fill('Fin');
      await page.getByRole('option', { name: /Finance/ }).click();
      await sheet.getByRole('button', { name: 'Give role' }).click();
      await sheet.getByRole('listitem').filter({ hasText: 'Finance' }).getByText('editor').waitFor();
      await look('project');
      await page.keyboard.press('Escape');
    });

    test('an API key is shown once and works', async () => {
      await page.getByRole('link', { name: 'API keys' }).click();
      await page.getByText('No API keys yet').waitFor();
      await page.getByRole('button', { name: 'New API key' }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Shop');
      await dialog.getByRole('checkbox').first().click();
      await dialog.getByRole('button', { name: 'Make key' }).click();
      const secret = await dialog.getByLabel('API key', { exact: true }).inputValue();
      await dialog.getByRole('button', { name: 'Done' }).click();
      await page.getByRole('table', { name: 'API keys' }).getByText('Shop').waitFor();
      expect(await page.content()).not.toContain(secret);
      expect((await server.fetch('/api/session', { headers: { authorization: `Bearer ${secret}` } })).status).toBe(200);
      await look('keys');
    });

    test('the audit log names who did all that', async () => {
      await page.getByRole('link', { name: 'Audit log' }).click();
      const table = page.getByRole('table', { name: /audit/i });
      await table.getByText('apiKey.create').waitFor();
      await table.getByText(OLGA.name).first().waitFor();
      await look('audit');
    });

    test('a credential is made, and its secret is on no page afterwards', async () => {
      await nav('Credentials').click();
      await heading('Credentials').waitFor();
      await page.getByText('No credentials yet').waitFor();
      await page.getByRole('button', { name: 'New credential' }).first().click();
      const sheet = page.getByRole('dialog');
      await sheet.getByLabel('Kind').first().fill('Bearer');
      await page
        .getByRole('option', { name: /Bearer/ })
        .first()
        .click();
      await sheet.getByRole('textbox', { name: 'Name', exact: true }).fill('Stock service');
      await sheet.getByLabel(/^Token/).fill(CANARY);
      await sheet.getByRole('textbox', { name: 'May go to' }).fill('stock.example.com');
      await sheet.getByRole('button', { name: 'Save credential' }).click();
      await page.getByRole('heading', { name: 'Stock service' }).waitFor();
      await look('credential');
      expect(await page.content()).not.toContain(CANARY);
      await page.keyboard.press('Escape');
      await page.getByRole('table', { name: 'Credentials' }).getByText('stock-service').waitFor();
    });

    test('a variable is made, and what it is read as is said', async () => {
      await page.getByRole('link', { name: 'Variables' }).click();
      await page.getByText('No variables yet').waitFor();
      await page.getByRole('button', { name: 'New variable' }).first().click();
      await page.getByLabel('Name').fill('maxTotal');
      await page.getByRole('textbox', { name: 'Value' }).fill('5000');
      await page.getByText(/^Is a number/).waitFor();
      await page.getByRole('button', { name: 'Save variable' }).click();
      await page.getByRole('table', { name: 'Variables' }).getByText('maxTotal').waitFor();
      await look('variables');
    });

    test('a setting that somebody else changed meanwhile is not overwritten unseen', async () => {
      await nav('Settings').click();
      await heading('Settings').waitFor();
      const setting = page.getByRole('listitem').filter({ hasText: 'Runs are kept' });
      await setting.getByRole('spinbutton').or(setting.getByRole('textbox')).fill('20');
      const { status } = await server.api('PUT', '/settings/runs.retentionDays', { level: 'workspace', value: 25, expectedRev: 0 });
      expect(status).toBe(200);
      await setting.getByRole('button', { name: 'Save' }).click();
      await setting.getByText(/changed it to 25 days meanwhile/).waitFor();
      await setting.getByRole('button', { name: 'Save' }).click();
      await setting.getByText('Set here').waitFor();
      await setting.getByText(/changed by Olga Brandt/).waitFor();
      await look('settings');
    });

    test('the second factor is offered as a picture and a key, and a wrong code turns nothing on', async () => {
      await page.getByRole('button', { name: /^Olga Brandt:/ }).click();
      await page.getByRole('menuitem', { name: 'Your account' }).click();
      await heading('Your account').waitFor();
      await look('account');
      await page.getByRole('button', { name: 'Turn on' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('img', { name: /QR code/ }).waitFor();
      await dialog.getByLabel('Code the app shows').fill('000000');
      await dialog.getByRole('button', { name: 'Turn on' }).click();
      await dialog.getByRole('alert').waitFor();
      await look('second factor');
      await page.keyboard.press('Escape');
    });

    test('who signs out is out, a wrong password stays out, the right one comes back to the page', async () => {
      await nav('Runs').click();
      await page.getByRole('button', { name: /^Olga Brandt:/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).click();
      await heading('Sign in').waitFor();
      await page.goto(`${server.url}/w/default/runs?view=list`);
      await heading('Sign in').waitFor();
      await look('sign in');
      await page.getByLabel('Email').fill(OLGA.email);
      await page.getByLabel('Password').fill('five words in a row');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      await page.getByLabel('Password').fill(OLGA.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await heading('Runs').waitFor();
      expect(new URL(page.url()).search).toBe('?view=list');
    });

    test('the same by keyboard alone: sign in, find a workflow, run it, read a step, filter runs, begin a credential, invite', async () => {
      const focused = () =>
        // Where nothing has the focus it is the body's, which holds all words there are.
        page.evaluate<string>(
          "document.querySelector(':focus')?.getAttribute('aria-label') ?? document.querySelector(':focus')?.textContent ?? ''",
        );
      const tabTo = async (name: RegExp, key = 'Tab'): Promise<void> => {
        for (let presses = 0; presses < 60 && !name.test(await focused()); presses += 1) await page.keyboard.press(key);
        expect(await focused()).toMatch(name);
      };
      const tabInto = async (field: Locator): Promise<void> => {
        await field.waitFor();
        for (let presses = 0; presses < 30 && !(await isFocused(field)); presses += 1) await page.keyboard.press('Tab');
        expect(await isFocused(field)).toBe(true);
      };
      await page.context().clearCookies();
      await page.goto(`${server.url}/login`);
      await tabInto(page.getByLabel('Email'));
      await page.keyboard.type(OLGA.email);
      await page.keyboard.press('Tab');
      await page.keyboard.type(OLGA.password);
      await page.keyboard.press('Enter');
      await heading('Workflows').waitFor();

      await page.keyboard.press('Control+k');
      await page.getByRole('dialog').locator('input:focus').waitFor();
      await page.keyboard.type('order in');
      await page
        .getByRole('option', { name: /Order intake/ })
        .first()
        .waitFor();
      await page.keyboard.press('Enter');
      await heading('Order intake').waitFor();
      await plate('stock').waitFor();
      await page.keyboard.press('Control+Enter');
      await tabInto(page.getByLabel('Input', { exact: true }));
      await page.keyboard.press('Control+a');
      await page.keyboard.type('{"quantity": 8}');
      await page.keyboard.press('Control+Enter');
      await plate('answer', 'succeeded').waitFor();
      await tabTo(/^Order by hand/);
      await page.keyboard.press('ArrowRight');
      await expect.poll(focused).toMatch(/^Price it/);
      await page.keyboard.press('Enter');
      await tabTo(/^Output/);
      await page.keyboard.press('Enter');
      await page.getByText('100', { exact: true }).first().waitFor();

      await page.keyboard.press('g');
      await page.keyboard.press('r');
      await heading('Runs').waitFor();
      const table = page.getByRole('table', { name: 'Runs' });
      await table.getByRole('row').nth(1).waitFor();
      await tabTo(/^All\s*$/);
      for (const state of ['running', 'waiting', 'failed']) {
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('Space');
        await page.waitForURL(new RegExp(`state=${state}`));
      }
      await page.getByText('No run fits').waitFor();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Space');
      await page.waitForURL(/state=succeeded/);
      await table.getByText('Order intake').first().waitFor();
      await tabTo(/Succeeded.*Order intake/);
      await page.keyboard.press('Enter');
      await heading(/^Run /).waitFor();

      await page.keyboard.press('g');
      await page.keyboard.press('c');
      await heading('Credentials').waitFor();
      await tabTo(/^\s*New credential/);
      await page.keyboard.press('Enter');
      const kind = page.getByRole('dialog').getByLabel('Kind').first();
      await tabInto(kind);
      await page.keyboard.type('Bearer');
      await page
        .getByRole('option', { name: /Bearer/ })
        .first()
        .waitFor();
      await page.keyboard.press('Enter');
      await tabInto(page.getByRole('dialog').getByRole('textbox', { name: 'Name', exact: true }));
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });

      await page.keyboard.press('g');
      await page.keyboard.press('t');
      await heading('Team').waitFor();
      await tabTo(/^\s*Invite member/);
      await page.keyboard.press('Enter');
      await tabInto(page.getByRole('dialog').getByLabel('Email'));
      await page.keyboard.type('keys@example.com');
      await page.keyboard.press('Enter');
      await page.getByLabel('Invitation link').waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('keys@example.com').waitFor();
      await page.keyboard.press('Control+j');
      await expect.poll(() => page.evaluate(() => localStorage.getItem('plugboard.theme'))).toMatch(/^(light|dark)$/);
    });

    test('what starts, repeats and is tried is seen and done on its pages', async () => {
      const rounds: readonly Step[] = [
        ['start', 'core/manual'],
        ['lines', 'core/split', { field: 'lines' }],
        ['each', 'core/loop'],
        ['price', 'core/set', { keep: 'all', fields: { total: '={{ $json.n * 2 }}' } }],
        ['sum', 'core/noop'],
      ];
      const nightly = await published('Nightly', [
        ['every', 'core/schedule', { cron: '30 6 * * 1-5' }],
        ['build', 'core/noop'],
      ]);
      const heartbeat = await published('Heartbeat', rounds.slice(0, 1).concat([['beat', 'core/set', { fields: { n: 1 } }]]), {
        settings: { repeat: { times: 3 } },
      });
      const looped = await published('In rounds', rounds, {
        edges: [
          anEdge('start', 'lines'),
          anEdge('lines', 'each'),
          anEdge('each', 'price', 'body'),
          { ...anEdge('price', 'each'), id: 'back', targetHandle: 'next' },
          anEdge('each', 'sum', 'done'),
        ],
      });

      await page.goto(`${server.url}/w/default/schedules`);
      await page.getByRole('link', { name: 'Nightly', exact: true }).waitFor();
      await look('schedules');
      await page.goto(`${server.url}/w/default/workflows/${nightly}?node=every`);
      await page.getByRole('heading', { name: 'Next runs' }).waitFor();
      await look('schedule on the canvas');

      await page.goto(`${server.url}/w/default/workflows/${looped}?node=sum`);
      await page.getByRole('button', { name: 'Run only this' }).click();
      await page.getByLabel('Items the step gets').fill('[{"n": 1}, {"n": 2}]');
      await look('one node alone');
      await page.getByRole('button', { name: 'Start run' }).click();
      await plate('sum', 'succeeded').waitFor();
      await page.getByRole('button', { name: 'Take from the run' }).click();
      await page.getByLabel('Items the step gives').and(page.locator('textarea')).waitFor();
      await page.getByRole('button', { name: 'Pin these items' }).click();
      await page.getByRole('button', { name: 'Unpin' }).waitFor();
      await page.getByRole('button', { name: 'Take the run off the canvas' }).click();
      await plate('sum', 'pinned').waitFor();
      await look('pinned data');
      await page.goto(`${server.url}/w/default/workflows/${heartbeat}?view=settings`);
      await page.getByText('again at once, at most 3 runs').waitFor();
      await look('settings of a workflow');

      const run = await server.api<{ runId: string }>('POST', '/runs', { workflow: 'In rounds', input: { lines: [{ n: 1 }, { n: 2 }] } });
      await page.goto(`${server.url}/w/default/runs/${run.json.runId}`);
      await page.getByText('2 rounds').first().waitFor();
      await plate('sum', 'succeeded').waitFor();
      const strip = page.getByRole('slider', { name: 'Round of each that is shown' });
      await strip.focus();
      await page.keyboard.press('Home');
      await page.getByText('Round 1 of 2').waitFor();
      await page.getByLabel('The next round').click();
      await page.getByText('Round 2 of 2').waitFor();
      expect(await strip.getAttribute('aria-valuetext')).toBe('Round 2, succeeded');
      await look('run in rounds');

      const first = await server.api<{ runId: string }>('POST', '/runs', { workflow: 'Heartbeat' });
      await until(
        () => server.api<{ rows: readonly { status: string }[] }>('GET', `/runs/${first.json.runId}/chain`),
        ({ json }) => json.rows.length === 3 && json.rows.every(({ status }) => status === 'succeeded'),
      );
      await page.goto(`${server.url}/w/default/runs/${first.json.runId}`);
      await page.getByText('Run 1 of a chain').waitFor();
      await page.getByRole('button', { name: 'All runs of the chain' }).click();
      expect(await page.getByRole('dialog').getByRole('listitem').count()).toBe(3);
      await look('chain of runs');

      await page.goto(`${server.url}/w/default/settings/instance`);
      await page.getByRole('button', { name: 'Send me an e-mail' }).waitFor();
      await look('settings of the server');
      await page.goto(`${server.url}/w/default/team/projects`);
      await page.getByRole('table', { name: 'Projects' }).getByRole('button', { name: 'Default', exact: true }).click();
      await page.getByRole('link', { name: 'Settings of this project' }).click();
      await page.getByRole('link', { name: 'Projects', exact: true }).first().waitFor();
      await page.getByText(/Of the project/).waitFor();
      await look('settings of a project');
    });

    test('a run is started by the form of what its workflow takes, says where it failed, and is retried only where that is open', async () => {
      const workflowId = await published(
        'Takes and fails',
        [
          ['start', 'core/manual'],
          ['share', 'core/set', { fields: { share: '={{ 10 / $json.amount }}' } }],
          ['refuse', 'core/set', { fields: { more: '={{ $json.missing * 2 }}' } }],
        ],
        { inputs: { amount: { type: 'number', required: true, title: 'Amount', help: 'How many.' }, note: { type: 'text' } } },
      );
      await page.goto(`${server.url}/w/default/workflows/${workflowId}`);
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByText('How many.').waitFor();
      await page.getByRole('button', { name: 'Start run' }).click();
      await page.getByText('Needed to go on.').waitFor();
      await look('form of a run');
      await page.getByLabel(/^Amount/).fill('5');
      await page.getByRole('button', { name: 'Start run' }).click();
      await plate('refuse', 'failed').waitFor();

      await page.goto(`${server.url}/w/default/runs?workflow=${workflowId}`);
      const table = page.getByRole('table', { name: 'Runs' });
      await table.getByText('Failed at refuse').waitFor();
      await table.getByRole('checkbox').first().click();
      await page.getByRole('button', { name: 'Retry failed' }).click();
      await page.getByRole('button', { name: 'Retry 1 failed run' }).click();
      await page.getByText('1 run done.').first().waitFor();
      await page.reload();
      await table.getByText('Failed at refuse').nth(1).waitFor();
      await table.getByRole('link').last().click();
      await page.getByText(/^Retried by/).waitFor();
      await page.getByRole('button', { name: 'Run again' }).click();
      await page.getByRole('menuitem', { name: 'Same version, same input' }).waitFor();
      expect(await page.getByRole('menuitem', { name: 'Retry what failed' }).count()).toBe(0);
      await page.keyboard.press('Escape');
    });

    test('who is invited joins by the link, and loses what a changed role takes away while the page is open', async () => {
      await server.api('DELETE', '/session');
      await page.context().clearCookies();
      await page.goto('about:blank');
      await page.goto(invitation);
      await heading(/^Join /).waitFor();
      await look('invitation');
      await page.getByLabel('Your name').fill('Tom Sand');
      await page.getByLabel('Password').fill('six other words in a row');
      await page.getByRole('button', { name: 'Join workspace' }).click();
      await page.getByRole('link', { name: 'Order intake' }).click();
      await page.getByRole('button', { name: 'Run', exact: true }).waitFor();
      const members = await server.api<{ rows: { principalId: string; name: string }[] }>('GET', '/members');
      const tom = members.json.rows.find((one) => one.name === 'Tom Sand')?.principalId ?? '';
      expect((await server.api('PUT', `/members/${tom}/role`, { role: 'viewer' })).status).toBeLessThan(300);
      await page.getByText('Your role here is viewer now.', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Run', exact: true }).waitFor({ state: 'detached' });
      expect((await server.api('DELETE', `/members/${tom}`)).status).toBeLessThan(300);
      await page
        .getByText(/not a member here|session ended/i)
        .first()
        .waitFor();
    });

    test('every page of the router was looked at', async () => {
      // The member whose way ended above is out; the owner looks at the rest.
      await page.context().clearCookies();
      for (const path of ['/reset#token=of-a-link', '/no/such/page']) {
        await page.goto('about:blank');
        await page.goto(`${server.url}${path}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await look(path);
      }
      await page.goto(`${server.url}/login`);
      await page.getByLabel('Email').fill(OLGA.email);
      await page.getByLabel('Password').fill(OLGA.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await heading('Workflows').waitFor();
      // A page that needs no id is looked at here by itself, so that a new one is as well. One that needs an id belongs into a step above.
      const byItself = (await browser.routes()).filter(
        (path) => !seen.has(path) && /^\/w\/:workspace\/[\w/-]+(\/:\w+(\(\w+\))?\?)?$/.test(path),
      );
      for (const path of [...byItself, '/w/:workspace/no/such/page']) {
        const place = path.replace(':workspace', 'default').replace(/\/:.*$/, '');
        await page.goto(`${server.url}${place}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await look(place);
      }
      // `/` only leads on.
      expect((await browser.routes()).filter((path) => path !== '/' && !seen.has(path))).toEqual([]);
    });

    test('S3-096: no page has a serious finding or breaks the policy, in both themes, and none is wider than its window', () => {
      expect(found).toEqual([]);
      expect(browser.complaints()).toEqual([]);
    });
  },
);
