/** Runs as people watch them in a real browser: while they go on, without a socket, and what can be taken out of them. */
import { type Server, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, PAGES, openBrowser, whyNoBrowser } from './browser-kit.ts';
import { type Gate, type Step, type TestServer, anEdge, openGate, startTestServer, until } from './test-server.ts';

const reason = whyNoBrowser();
const OWNER = { email: 'olga@example.com', password: 'four words in a row' };

/** What these tests touch of a page; they run in it. */
interface InPage {
  readonly navigator: { readonly clipboard: { readText(): Promise<string> } };
}

describe.skipIf(reason !== undefined)(`runs in a browser${reason === undefined ? '' : `: ${reason}`}`, { timeout: 180_000 }, () => {
  let server: TestServer;
  let browser: Browser;
  let gate: Gate;

  beforeAll(async () => {
    [server, browser, gate] = await Promise.all([
      startTestServer({
        pagesDir: PAGES,
        env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password },
      }),
      openBrowser(),
      openGate(),
    ]);
    await server.publish(
      inARow('Two calls', [
        ['start', 'core/manual'],
        ['price', 'core/set', { keep: 'all', fields: { total: '={{ $json.quantity * 12.5 }}' } }],
        ['one', 'core/http-request', { method: 'GET', url: `${gate.url}one` }],
        ['two', 'core/http-request', { method: 'GET', url: `${gate.url}two` }],
      ]),
    );
    await signIn(server.url);
  }, 240_000);
  afterAll(async () => {
    await Promise.all([browser?.close(), gate?.close()]);
    await server?.close();
  }, 120_000);

  function inARow(name: string, steps: readonly Step[]): object {
    return {
      schema: 1,
      name,
      nodes: steps.map(([id, type, params = {}], n) => ({
        id,
        type,
        position: { x: n * 240, y: 0 },
        data: { name: id, typeVersion: 1, params },
      })),
      edges: steps.slice(1).map(([id], n) => anEdge(steps[n]?.[0] ?? '', id)),
    };
  }

  async function signIn(url: string): Promise<void> {
    const { page } = browser;
    await page.goto(`${url}/login`);
    await page.getByLabel('Email').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/w/default/**');
  }

  async function started(quantity: number): Promise<string> {
    return (await server.api<{ runId: string }>('POST', '/runs', { workflow: 'Two calls', input: { quantity } })).json.runId;
  }
  const held = () =>
    until(
      () => gate.held,
      (count) => count > 0,
    );
  const plate = (id: string) => browser.page.locator(`[data-plate="${id}"]`);
  const fact = (text: string) => browser.page.getByRole('group', { name: 'Facts' }).getByText(text, { exact: true }).waitFor();
  const panel = () => browser.page.getByRole('complementary').last();

  test('S3-032 S3-033: a run that goes on tells how many of its steps are done, and shows what each gave as it ends', async () => {
    const { page } = browser;
    const id = await started(4);
    await page.goto(`${server.url}/w/default/runs/${id}`);
    await held();
    await fact('2 of 4 steps');
    await fact('triggered, sequential');
    await plate('price').click();
    await panel().getByRole('tab', { name: 'Output' }).click();
    await panel().getByText('50', { exact: true }).waitFor();
    await plate('one').click();
    await panel().getByRole('tab', { name: 'Output' }).click();
    await panel().getByText('The output is there when the step ends.').waitFor();
    gate.letOne();
    await fact('3 of 4 steps');
    // What it gave appears by itself, while the step behind it is at work.
    await panel().getByText('ok', { exact: true }).waitFor();
    await held();
    gate.letOne();
    await fact('4 of 4 steps');
  });

  test('S3-041: what a step gave is copied, one item or all in the table', async () => {
    const { page } = browser;
    const copied = (): Promise<unknown> =>
      page.evaluate(() => (globalThis as unknown as InPage).navigator.clipboard.readText()).then((text) => JSON.parse(text) as unknown);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    await plate('price').click();
    await panel().getByRole('tab', { name: 'Output' }).click();
    await panel().getByText('50', { exact: true }).waitFor();
    await panel().getByRole('button', { name: 'Copy the item', exact: true }).click();
    await page.getByText('Item 1 copied as JSON.').waitFor();
    expect(await copied()).toEqual({ quantity: 4, total: 50 });
    await panel().getByRole('radio', { name: 'Table' }).click();
    await panel().getByRole('button', { name: 'Copy the items', exact: true }).click();
    await page.getByText('1 item copied as JSON.').waitFor();
    expect(await copied()).toEqual([{ quantity: 4, total: 50 }]);
  });

  test('S2-022: behind a proxy that lets no socket through, the list of runs and a run still follow what happens', async () => {
    const { page } = browser;
    const proxy = await proxyWithoutSockets(server.port);
    await page.goto(`${proxy.url}/w/default/runs`);
    const rows = page.getByRole('table', { name: 'Runs' }).locator('[data-row]');
    await rows.first().waitFor();
    const before = await rows.count();
    const id = await started(6);
    await held();
    // The list does not move under the reader's eyes; it says that there is something new.
    await page.getByRole('button', { name: '1 new', exact: true }).click();
    await rows.nth(before).waitFor();
    await page.goto(`${proxy.url}/w/default/runs/${id}`);
    await page.getByText('asking every 2 s').waitFor();
    await fact('2 of 4 steps');
    gate.letOne();
    await fact('3 of 4 steps');
    await held();
    gate.letOne();
    await fact('4 of 4 steps');
    expect(proxy.refused()).toBeGreaterThan(0);
    await page.goto('about:blank');
    await proxy.close();
  });

  test('nothing of all that made the browser complain', () => {
    // The socket that is refused is told by the browser itself.
    expect(browser.complaints().filter((one) => !one.includes('WebSocket'))).toEqual([]);
  });
});

/** Passes requests on, and refuses every change of protocol. */
async function proxyWithoutSockets(port: number): Promise<{ url: string; refused: () => number; close: () => Promise<void> }> {
  let refused = 0;
  const proxy: Server = createServer((req, res) => {
    const passed = request({ host: '127.0.0.1', port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    passed.on('error', () => res.destroy());
    req.pipe(passed);
  });
  proxy.on('upgrade', (_, socket) => {
    refused += 1;
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    refused: () => refused,
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}
