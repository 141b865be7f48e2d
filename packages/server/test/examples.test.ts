/** The workflow files of examples/ that the pages of docs/guides tell of, each run as it is, against the service that comes with them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunBody, type TestServer, startTestServer, until } from './test-server.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));
/** Of docs/tour.md, which has a test of its own. */
const OF_THE_TOUR = ['letters', 'stock', 'text', 'wages'];

interface RunRow {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly message: string };
}

let server: TestServer;
let service: ChildProcess;
/** Every line the service printed: method, path, status, body. */
let heard = '';
let serviceUrl = '';

beforeAll(async () => {
  service = spawn(process.execPath, [`${EXAMPLES}service.mjs`], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  service.stdout?.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  serviceUrl = (await until(
    () => /^service at (\S+)$/m.exec(heard)?.[1],
    (url) => url !== undefined,
  )) as string;
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
  const names = (await readdir(EXAMPLES)).filter(
    (name) => name.endsWith('.workflow.json') && !OF_THE_TOUR.includes(name.split('.')[0] ?? ''),
  );
  const texts = await Promise.all(names.toSorted().map((name) => readFile(EXAMPLES + name, 'utf8')));
  await server.publish(...texts.map((text) => JSON.parse(text.replaceAll('http://127.0.0.1:7500', serviceUrl)) as object));
});

afterAll(async () => {
  service?.kill('SIGKILL');
  await server?.close();
});

/** Starts by hand what is published. */
async function start(workflow: string, input: object = {}): Promise<string> {
  const { status, text, json } = await server.api<{ runId: string }>('POST', '/runs', { workflow, input });
  expect(status, text).toBe(202);
  return json.runId;
}

/** How the run ended, however often it waits on the way. */
async function over(runId: string): Promise<RunBody> {
  const look = async (): Promise<RunBody> => (await server.api<RunBody>('GET', `/runs/${runId}/state`)).json;
  return until(look, ({ status }) => ['succeeded', 'failed', 'cancelled', 'timed_out'].includes(status));
}

async function outputOf(runId: string, step: string): Promise<readonly object[]> {
  const look = () => server.api<{ output?: { main: readonly object[] } }>('GET', `/runs/${runId}/output?node=${step}`);
  const { json } = await until(look, ({ status }) => status === 200);
  return json.output?.main ?? [];
}

async function run(workflow: string, input: object, step: string): Promise<readonly object[]> {
  const runId = await start(workflow, input);
  const { status, error } = await over(runId);
  expect(status, JSON.stringify(error)).toBe('succeeded');
  return outputOf(runId, step);
}

const runsOf = async (workflow: string): Promise<readonly RunRow[]> =>
  (await server.api<{ runs: readonly RunRow[] }>('GET', `/runs?workflow=${encodeURIComponent(workflow)}`)).json.runs;

const waits = (runId: string) =>
  until(
    async () => (await server.api<{ status: string; waitingFor?: string }>('GET', `/runs/${runId}`)).json,
    (one) => one.status === 'waiting',
  );

test('pages-in-rounds, price-order: rounds and called runs give their results back in order', async () => {
  expect(await run('Pages in rounds', { lines: [{ amount: 1 }, { amount: 2 }, { amount: 3 }] }, 'sum')).toEqual([{ total: 12 }]);
  const lines = [
    { amount: 2, price: 5 },
    { amount: 1, price: 7 },
  ];
  expect(await run('Price of an order', { lines }, 'total')).toEqual([{ total: 17 }]);
});

test('take-order, order-failures: a refused invoice is told of once, and the run goes on from there', async () => {
  const order = { id: 'o-1', lines: [2, 3].map((amount) => ({ amount, price: 5 })) };
  const { runId } = (await server.hook<{ runId: string }>('shop/orders', order)).json;
  expect((await server.hook<{ runId: string }>('shop/orders', order)).json.runId).toBe(runId);
  expect((await over(runId)).status).toBe('failed');
  await until(
    () => runsOf('Order failures'),
    ([told]) => told?.status === 'succeeded',
  );
  expect(heard).toContain('Take an order failed at Write the invoice');

  await fetch(`${serviceUrl}/books/open`, { method: 'POST' });
  const retried = await server.api<{ runId: string }>('POST', `/runs/${runId}/retry`, {});
  expect((await over(retried.json.runId)).status).toBe('succeeded');
  expect(await runsOf('Price of a line')).toHaveLength(4);
  expect(heard.match(/^POST \/invoices 201 .*"total":25/gm)).toHaveLength(1);
});

test('book-trip: what was booked before is cancelled, the newest first', async () => {
  expect(await run('Book a trip', { city: 'Oslo' }, 'seat')).toEqual([{ booking: 'seat-to-Oslo' }]);
  expect(heard).not.toContain('DELETE');
  const { status, error } = await over(await start('Book a trip', { city: 'Bern' }));
  expect([status, error?.code]).toEqual(['failed', 'HTTP_409']);
  expect(heard.match(/^DELETE \S+ 200/gm)).toEqual(['DELETE /cars/car-in-Bern 200', 'DELETE /rooms/room-in-Bern 200']);
});

test('nightly-report: asks about the day before the one it is due on', async () => {
  const runId = await start('Nightly report', { dueAt: '2026-11-20T01:00:00Z' });
  expect(await waits(runId)).toMatchObject({ waitingFor: 'approval' });
  const { json } = await server.api<{ rows: readonly { title: string }[] }>('GET', '/approvals?show=open');
  expect(json.rows.map((one) => one.title)).toContain('Send the report of 2026-11-19?');
  expect(heard).toContain('GET /sales/2026-11-19 200');
});

test('pay-after-approval, ask-and-wait, ask-with-form: an address that is handed on takes one answer', async () => {
  const pay = await start('Pay after approval', { supplier: 'Brandt', total: 6480 });
  const [{ decideAt = '' } = {}] = (await outputOf(pay, 'link')) as { decideAt?: string }[];
  await fetch(decideAt, { method: 'POST', body: new URLSearchParams({ decision: 'approve', total: '6000' }) });
  await over(pay);
  expect(await outputOf(pay, 'pay')).toEqual([{ paid: 6000 }]);

  const ask = await start('Ask and wait');
  const [{ answerAt = '' } = {}] = (await outputOf(ask, 'link')) as { answerAt?: string }[];
  await fetch(answerAt, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"answer":"yes"}' });
  await over(ask);
  expect(await outputOf(ask, 'answered')).toMatchObject([{ answer: 'yes' }]);

  const shirt = await start('Ask with a form', { name: 'Ada' });
  const [{ formAt = '' } = {}] = (await outputOf(shirt, 'link')) as { formAt?: string }[];
  const send = (size: string) => fetch(formAt, { method: 'POST', body: new URLSearchParams({ size }) });
  expect([(await send('XXL')).status, (await send('M')).status, (await send('L')).status]).toEqual([422, 200, 409]);
  await over(shirt);
  expect(await outputOf(shirt, 'order')).toEqual([{ shirt: 'M' }]);
});

test('contact-form, new-colleague: a form starts a run for each that is sent', async () => {
  const { runId } = (await server.hook<{ runId: string }>('contact', { name: 'Ada', mail: 'ada@example.com', words: 'Hello' })).json;
  await over(runId);
  expect(await outputOf(runId, 'answer')).toEqual([{ text: 'Ada wrote: Hello' }]);

  const colleague = { name: 'Grace', mail: 'grace@example.com', firstDay: '2026-12-01', team: 'sales' };
  const begun = await server.hook<{ runId: string }>('new-colleague', colleague);
  expect((await over(begun.json.runId)).status).toBe('succeeded');
  for (const line of [/^POST \/accounts 201/gm, /^POST \/desks 201/gm, /Welcome, Grace/gm])
    expect(heard.match(line), String(line)).toHaveLength(1);
});

test('one-per-shop, ask-slowly, count-down: who waits for a turn gets it', async () => {
  const began = await Promise.all(
    ['a', 'a', 'b'].map((shop, n) => server.hook<{ runId: string }>('tour/shops', { shop, text: `change ${n}` })),
  );
  for (const { json } of began) expect((await over(json.runId)).status).toBe('succeeded');
  expect(heard.match(/"text":"change \d"/g)).toHaveLength(3);
  expect((await server.hook('tour/slowly', { articles: ['bolt', 'nut', 'screw'] })).json).toEqual([
    { pieces: 40 },
    { pieces: 30 },
    { pieces: 50 },
  ]);

  await start('Count down', { left: 3 });
  await until(
    () => runsOf('Count down'),
    (chain) => chain.length === 3 && chain.every((one) => one.status === 'succeeded'),
  );
});

test('paid-calls: the third call has no room in the budget, and is not made', async () => {
  const paid = await start('Paid calls', { articles: ['washer', 'rivet', 'hinge'] });
  expect((await over(paid)).error?.code).toBe('BUDGET_EXCEEDED');
  expect(heard.match(/^GET \/stock\/(washer|rivet|hinge)/gm)).toHaveLength(2);
});

test('gross-price: its own tests pass, and a real run asks the service', async () => {
  const file = JSON.parse(await readFile(`${EXAMPLES}gross-price.workflow.json`, 'utf8')) as object;
  const tried = await server.api<{ results: readonly { outcome: string }[] }>('POST', '/workflow-tests/try', { definition: file });
  expect(
    tried.json.results.map((one) => one.outcome),
    tried.text,
  ).toEqual(['passed', 'passed']);
  expect(await run('Gross price', { net: 100, country: 'de' }, 'gross')).toEqual([{ gross: 119 }]);
});
