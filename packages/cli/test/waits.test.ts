/** Runs that wait, and runs that people pause, over the death of the server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Plugboard } from './plugboard-process.ts';

interface Details {
  readonly status: string;
  readonly waitingFor?: string;
  readonly steps: readonly { readonly node: string; readonly status: string; readonly waits?: { readonly until: string } }[];
}

let server: Plugboard;
beforeAll(async () => {
  server = await Plugboard.create({});
  await server.start();
});
afterAll(() => server.remove());

/** A workflow that waits and then says so. */
function aWait(name: string, params: object): string {
  const node = (id: string, type: string, given: object) => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params: given },
  });
  const edge = (source: string, target: string) => ({ id: source + target, source, sourceHandle: 'main', target, targetHandle: 'main' });
  const file = join(server.dataDir, `${name}.workflow.json`);
  const nodes = [
    node('start', 'core/manual', {}),
    node('hold', 'core/wait', params),
    node('say', 'core/set', { fields: { waited: true } }),
  ];
  writeFileSync(file, JSON.stringify({ schema: 1, name, nodes, edges: [edge('start', 'hold'), edge('hold', 'say')], settings: {} }));
  return file;
}

function started(name: string, params: object): string {
  const { code, stdout, stderr } = server.command('run', aWait(name, params), '--no-wait');
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

async function details(id: string): Promise<Details> {
  const answer = await fetch(`${server.url}/api/runs/${id}`, { headers: { authorization: `Bearer ${server.token()}` } });
  return (await answer.json()) as Details;
}

async function becomes(id: string, status: string): Promise<void> {
  await expect.poll(async () => (await details(id)).status, { timeout: 60_000 }).toBe(status);
}

describe('a run that waits for an instant', () => {
  test('says until when, holds nothing, and ends after the server was killed and started again', async () => {
    const id = started('Short wait', { amount: 15, unit: 'seconds' });
    await becomes(id, 'waiting');
    expect((await details(id)).waitingFor).toBe('timer');
    expect(server.command('show', id).stdout).toMatch(/until \d{4}-/);
    await server.kill();
    await server.start();
    await becomes(id, 'succeeded');
    expect((await details(id)).steps.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });

  test('can be paused, resumed and cancelled; what it does not allow is refused with how it stands', async () => {
    const id = started('Long wait', { amount: 2, unit: 'days' });
    await becomes(id, 'waiting');
    const refused = server.command('resume', id);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('The run is waiting for timer')]);
    expect(server.command('pause', id).stdout).toBe('paused\n');
    const again = server.command('pause', id);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('The run is paused')]);
    await server.kill();
    await server.start();
    expect((await details(id)).status).toBe('paused');
    expect(server.command('resume', id).stdout).toBe('waiting\n');
    expect(server.command('cancel', id).stdout).toBe('cancelled\n');
    expect(server.command('pause', id).stderr).toContain('The run has ended as cancelled');
  });
});
