/** How `plugboard start` ends: in order on the first signal, at once on the second. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CONTRACT, MAIN, Plugboard } from './plugboard-process.ts';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

interface Started {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
}

async function start(home: Plugboard): Promise<Started> {
  const child = spawn(process.execPath, [MAIN, 'start'], { env: home.environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  opened.push(() => {
    child.kill('SIGKILL');
    return exit;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => chunk.includes('Plugboard is ready at') && resolve());
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { child, exit };
}

async function aHome(env: Record<string, string> = {}): Promise<Plugboard> {
  const home = await Plugboard.create(env);
  opened.push(() => home.remove());
  return home;
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s under load: every request that was taken is answered, the exit code is 0, and the token is gone',
  async (signal) => {
    const home = await aHome();
    const { child, exit } = await start(home);
    expect(home.command('import', '--publish', `${CONTRACT}echo.workflow.json`).code).toBe(0);
    let answered = 0;
    const lost: unknown[] = [];
    const callers = Array.from({ length: 8 }, async () => {
      for (;;) {
        try {
          const answer = await fetch(`${home.url}/hooks/contract/echo`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: '{"name":"Ada"}',
          });
          const text = await answer.text();
          if (answer.status === 200 ? text !== '{"hello":"Ada","length":3}' : answer.status !== 503) lost.push(text);
          answered += 1;
          if (answered === 200) child.kill(signal);
        } catch (error) {
          // Refused: the request was never taken.
          const { code } = (error as Error).cause as NodeJS.ErrnoException;
          if (code !== 'ECONNREFUSED') lost.push(code);
          return;
        }
      }
    });
    await Promise.all(callers);
    expect(await exit).toBe(0);
    expect(lost).toEqual([]);
    expect(answered).toBeGreaterThanOrEqual(200);
    expect(existsSync(join(home.dataDir, 'server.json'))).toBe(false);
  },
);

test('a second signal ends the server at once; the run it had goes on at the next start', async () => {
  const held: (() => void)[] = [];
  const service = createServer((req, res) => {
    req.resume();
    const letGo = (): void => void res.setHeader('content-type', 'application/json').end('{"ok":true}');
    if (held.length < 1) held.push(letGo);
    else letGo();
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  opened.push(() => {
    service.closeAllConnections();
    return new Promise((resolve) => service.close(resolve));
  });
  const home = await aHome({ PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' });
  const first = await start(home);
  home.command('import', '--publish', `${CONTRACT}effects.workflow.json`);
  const answer = await fetch(`${home.url}/hooks/contract/effects`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: `http://127.0.0.1:${(service.address() as AddressInfo).port}/` }),
  });
  const { runId } = (await answer.json()) as { runId: string };
  await expect.poll(() => held.length, { timeout: 60_000, interval: 10 }).toBeGreaterThan(0);

  first.child.kill('SIGTERM');
  const readiness = (): Promise<number> =>
    fetch(`${home.url}/readyz`).then(
      (ready) => ready.status,
      () => 0,
    );
  await expect.poll(readiness, { timeout: 60_000, interval: 10 }).not.toBe(200);
  first.child.kill('SIGTERM');
  expect(await first.exit).toBe(130);
  held[0]?.();

  await start(home);
  const { token } = JSON.parse(readFileSync(join(home.dataDir, 'server.json'), 'utf8')) as { token: string };
  const state = await fetch(`${home.url}/api/runs/${runId}/state?waitMs=30000`, { headers: { authorization: `Bearer ${token}` } });
  expect(await state.json()).toMatchObject({ id: runId, status: 'succeeded' });
});
