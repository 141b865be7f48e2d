/** A write that was in flight when the server died, of a step that must not be repeated silently: the run waits for a person. */
import { writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Plugboard } from './plugboard-process.ts';

interface Details {
  readonly status: string;
  readonly waitingFor?: string;
  readonly takenOver?: readonly string[];
  readonly steps: readonly {
    readonly node: string;
    readonly status: string;
    readonly sentAgain?: number;
    readonly asking?: readonly { readonly item: number }[];
  }[];
}

describe('a write that may have happened', () => {
  let server: Plugboard;
  let service: Server;
  let keys: string[];
  let seen: () => void;

  beforeEach(async () => {
    keys = [];
    seen = () => undefined;
    // The first call is never answered: it is in flight when the server dies.
    service = createServer((req, res) => {
      keys.push(String(req.headers['idempotency-key']));
      if (keys.length > 1) res.setHeader('content-type', 'application/json').end('{"stored":true}');
      seen();
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    server = await Plugboard.create({ PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' });
    await server.start();
  });

  afterEach(async () => {
    await server.remove();
    service.closeAllConnections();
    await new Promise((resolve) => service.close(resolve));
  });

  /** Starts the run, kills the server inside its call, starts it again, and gives the waiting run's id. */
  async function interrupted(): Promise<string> {
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
    const node = (id: string, type: string, name: string, params: object) => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name, typeVersion: 1, params },
    });
    const file = join(server.dataDir, 'ask.workflow.json');
    writeFileSync(
      file,
      JSON.stringify({
        schema: 1,
        name: 'Ask',
        nodes: [
          node('start', 'core/manual', 'Start', {}),
          node('send', 'core/http-request', 'Send', { method: 'POST', url, body: { a: 1 }, afterUnknown: 'ask' }),
        ],
        edges: [{ id: 'e', source: 'start', sourceHandle: 'main', target: 'send', targetHandle: 'main' }],
        settings: {},
      }),
    );
    const inFlight = new Promise<void>((resolve) => (seen = resolve));
    const started = server.command('run', file, '--no-wait');
    expect(started.code, started.stderr).toBe(0);
    await inFlight;
    await server.kill();
    await server.start();
    const id = started.stdout.trim();
    await expect.poll(() => details(id).then((run) => run.status), { timeout: 60_000 }).toBe('waiting');
    return id;
  }

  async function details(id: string): Promise<Details> {
    const answer = await fetch(`${server.url}/api/runs/${id}`, { headers: { authorization: `Bearer ${server.token()}` } });
    return (await answer.json()) as Details;
  }

  test('is not repeated by itself; the run waits, tells which item, and survives another restart', async () => {
    const id = await interrupted();
    await server.stop();
    await server.start();
    const run = await details(id);
    expect(run).toMatchObject({ status: 'waiting', waitingFor: 'unknown_effect' });
    expect(run.steps.find((step) => step.node === 'send')?.asking?.map(({ item }) => item)).toEqual([0]);
    expect(keys).toHaveLength(1);
    expect(server.command('show', id).stdout).toContain('resolve');
  });

  test('is sent again with the same key when a person says so, and the run goes on', async () => {
    const id = await interrupted();
    const resolved = server.command('resolve', id.slice(-8), 'send', '--retry');
    expect(resolved.code, resolved.stderr).toBe(0);
    await expect.poll(() => details(id).then((run) => run.status), { timeout: 60_000 }).toBe('succeeded');
    expect(keys).toHaveLength(2);
    expect(keys[1]).toBe(keys[0]);
    expect((await details(id)).steps.find((step) => step.node === 'send')?.sentAgain).toBe(1);
  });

  test('counts as done with what the person says it gave, without another call', async () => {
    const id = await interrupted();
    const resolved = server.command('resolve', id, 'Send', '--done', '--output', '{"stored":"by hand"}');
    expect(resolved.code, resolved.stderr).toBe(0);
    await expect.poll(() => details(id).then((run) => run.status), { timeout: 60_000 }).toBe('succeeded');
    expect(keys).toHaveLength(1);
    expect(JSON.parse(server.command('show', id, '--output', 'Send').stdout)).toEqual({ main: [{ stored: 'by hand' }] });
  });

  test('is decided once: a second decision, another item and a finished run are refused with the reason', async () => {
    const id = await interrupted();
    expect(server.command('resolve', id, 'send', '--item', '3', '--fail')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not wait for a decision'),
    });
    expect(server.command('resolve', id, 'nowhere', '--fail')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no step "nowhere"'),
    });
    expect(server.command('resolve', id, 'send')).toMatchObject({ code: 2 });
    expect(server.command('resolve', id, 'send', '--fail').code).toBe(0);
    await expect.poll(() => details(id).then((run) => run.status), { timeout: 60_000 }).toBe('failed');
    expect(server.command('resolve', id, 'send', '--retry')).toMatchObject({ code: 1, stderr: expect.stringContaining('ended as failed') });
    expect(keys).toHaveLength(1);
  });

  test('goes when the run is stopped instead', async () => {
    const id = await interrupted();
    expect(server.command('cancel', id)).toMatchObject({ code: 0, stdout: 'cancelled\n' });
    expect(keys).toHaveLength(1);
  });
});
