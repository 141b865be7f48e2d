import { spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { createChildren, hasEnded, portOf, stopChild } from './children.ts';
import { ask } from './http.ts';
import { createLoadProcess } from './load-process.ts';

const children = createChildren();
afterEach(() => children.stopAll());

/** Of the load: short, and right when the answer is 200. */
const A_CALL = { method: 'POST', body: '{}', connections: 1, seconds: 10, expectStatus: 200 };

describe('the load process', () => {
  test('loads the floor and says what that cost', async () => {
    const load = createLoadProcess(children.fork('load-child'));
    const port = await portOf(children.fork('floor-child'));
    const options = { url: `http://127.0.0.1:${port}/`, method: 'POST', connections: 2, seconds: 10, expectStatus: 200 };
    const [right, wrong] = await Promise.all([
      load.run({ ...options, body: '{"name":"Ada"}', maxRequests: 20, expectText: '{"name":"Ada"}' }),
      load.run({ ...options, body: '{"name":', maxRequests: 3 }),
    ]);
    expect(right).toMatchObject({ completed: 20, errors: {} });
    expect(right.cpuUs).toBeGreaterThan(0);
    expect(wrong).toMatchObject({ completed: 0, errors: { status: 3 }, statuses: { 400: 3 } });
  });

  test('passes on why a load is refused', async () => {
    const load = createLoadProcess(children.fork('load-child'));
    await expect(load.run({ ...A_CALL, url: 'http://192.0.2.1/' })).rejects.toThrow('loopback only');
  });

  test('that is killed fails what waits for it, and what comes after', async () => {
    const child = children.fork('load-child');
    const load = createLoadProcess(child);
    const port = await portOf(children.fork('floor-child'));
    const waiting = load.run({ ...A_CALL, url: `http://127.0.0.1:${port}/` });
    child.kill('SIGKILL');
    await expect(waiting).rejects.toThrow('SIGKILL');
    await expect(load.run({ ...A_CALL, url: `http://127.0.0.1:${port}/` })).rejects.toThrow('SIGKILL');
  });
});

test('the counter service tells repeated keys and missing ones', async () => {
  const url = `http://127.0.0.1:${await portOf(children.fork('counter-child'))}/`;
  const load = createLoadProcess(children.fork('load-child'));
  await load.run({ ...A_CALL, url, maxRequests: 3, headers: { 'idempotency-key': 'a' } });
  await load.run({ ...A_CALL, url, maxRequests: 1 });
  expect(JSON.parse((await ask(url))?.text ?? '')).toEqual({ calls: 4, repeated: 2, withoutKey: 1 });
  await ask(url, { method: 'DELETE' });
  expect(JSON.parse((await ask(url))?.text ?? '')).toEqual({ calls: 0, repeated: 0, withoutKey: 0 });
});

test('the counter service takes its time where a call says so', async () => {
  const url = `http://127.0.0.1:${await portOf(children.fork('counter-child'))}/`;
  const load = createLoadProcess(children.fork('load-child'));
  const { completed, p50 } = await load.run({ ...A_CALL, url: `${url}?delayMs=50`, maxRequests: 2 });
  expect(completed).toBe(2);
  expect(p50).toBeGreaterThanOrEqual(49);
});

test('a child that ignores SIGTERM is killed after its grace', async () => {
  const stubborn = children.spawn(
    process.execPath,
    ['-e', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')`],
    process.env,
  );
  await new Promise((resolve) => stubborn.stdout?.once('data', resolve));
  await stopChild(stubborn, 50);
  expect(stubborn.signalCode).toBe('SIGKILL');
});

test('stopping all leaves none, and one that could not start is no obstacle', async () => {
  const floor = children.fork('floor-child');
  await portOf(floor);
  const missing = children.spawn('no-such-program-anywhere', [], process.env);
  await new Promise((resolve) => missing.once('error', resolve));
  await children.stopAll();
  expect(hasEnded(floor)).toBe(true);
  expect(hasEnded(missing)).toBe(true);
});

test('forked children end when the process that forked them is killed', async () => {
  const script = `
    import { createChildren, portOf } from ${JSON.stringify(new URL('./children.ts', import.meta.url).href)};
    const child = createChildren().fork('floor-child');
    await portOf(child);
    console.log(child.pid);
  `;
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
