/** What callers and runs are promised when there is too much work, when the database goes away, and when the server stops. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Answer,
  type Gate,
  type TestServer,
  aWorkflow,
  contractFile,
  ended,
  openGate,
  openWire,
  startTestServer,
  until,
} from './test-server.ts';

interface Failure {
  readonly runId?: string;
  readonly error: { readonly code: string; readonly message: string };
}

const EGRESS = { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' };

async function withGate(
  env: Record<string, string>,
  reply: 'immediate' | 'last-step',
  use: (server: TestServer, gate: Gate) => Promise<void>,
): Promise<void> {
  const gate = await openGate();
  const server = await startTestServer({ env: { ...EGRESS, ...env } });
  try {
    await server.publish(aWorkflow('Held', { path: 'held', reply }, ['call', 'core/http-request', { url: gate.url, method: 'GET' }]));
    await use(server, gate);
  } finally {
    gate.open();
    await server.close();
    await gate.close();
  }
}

describe('too much work', () => {
  test('rule 20: a caller gets 202 with the run when it passes the reply timeout, and the run goes on', () =>
    withGate({ PLUGBOARD_REPLY_TIMEOUT_MS: '2000' }, 'last-step', async (server, gate) => {
      const { status, json } = await server.hook<{ runId: string }>('held', {});
      expect([status, Object.keys(json)]).toEqual([202, ['runId']]);
      await until(
        () => gate.held,
        (held) => held === 1,
      );
      gate.open();
      expect((await ended(server, json.runId)).status).toBe('succeeded');
    }));

  test('of runs that were accepted at once, as many as allowed are at work and the next one waits for its turn', () =>
    withGate({}, 'immediate', async (server, gate) => {
      const answers = await Promise.all(Array.from({ length: 11 }, () => server.hook<{ runId: string }>('held', {})));
      expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 11 }, () => 202));
      await until(
        () => gate.held,
        (held) => held === 10,
      );
      const { text } = await server.fetch('/metrics');
      expect(text).toMatch(/^plugboard_runs_active 11$/m);
      expect(text).toMatch(/^plugboard_runs_queued 1$/m);
      gate.letOne();
      await until(
        () => gate.held,
        (held) => held === 10,
      );
      gate.open();
      for (const answer of answers) expect((await ended(server, answer.json.runId)).status).toBe('succeeded');
    }));

  test('of starts that wait for their turn there are as many as allowed: webhooks answer 503 with a time, and schedules say why', () =>
    withGate({}, 'immediate', async (server, gate) => {
      const set = await server.api('PUT', '/settings/runs.waitingStarts', { level: 'instance', value: 2, expectedRev: 0 });
      expect(set.status, set.text).toBeLessThan(300);
      const get = ['call', 'core/http-request', { url: gate.url, method: 'GET' }] as const;
      const settings = { flow: { concurrency: { limit: 1 } } };
      const every = { intervals: [{ unit: 'seconds', every: 1 }], missed: 'skip' };
      const [trigger] = aWorkflow('Timed', { path: 'none' }).nodes;
      const timed = { ...aWorkflow('Timed', { path: 'none' }, get), settings };
      timed.nodes[0] = { ...trigger, type: 'core/schedule', data: { name: 'hook', typeVersion: 1, params: every } };
      await server.publish(
        ...(['immediate', 'last-step'] as const).map((reply) => ({ ...aWorkflow(reply, { path: reply, reply }, get), settings })),
      );
      const taken = await Promise.all(Array.from({ length: 3 }, () => server.hook<{ runId: string }>('immediate', {})));
      expect(taken.map(({ status }) => status)).toEqual([202, 202, 202]);
      await until(
        () => gate.held,
        (held) => held === 1,
      );
      for (const path of ['immediate', 'last-step']) {
        const refused = await server.hook<Failure>(path, {});
        expect([refused.status, refused.json.error.code, Number(refused.headers.get('retry-after')) > 0]).toEqual([
          503,
          'QUEUE_FULL',
          true,
        ]);
      }
      await server.publish(timed);
      const { json } = await until(
        () => server.api<{ rows: { problem?: string }[] }>('GET', '/schedules'),
        ({ json: { rows } }) => rows[0]?.problem !== undefined,
      );
      expect(json.rows[0]?.problem).toContain('2 starts of this workspace wait for their turn');
      // Workflows that say nothing of turns are not concerned.
      const other = await server.hook<{ runId: string }>('held', {});
      expect(other.status).toBe(202);
      gate.open();
      for (const { json: one } of [...taken, other]) expect((await ended(server, one.runId)).status).toBe('succeeded');
      await until(
        () => server.hook('immediate', {}),
        ({ status }) => status === 202,
      );
      await until(
        () => server.api<{ rows: { problem?: string; lastRunId?: string }[] }>('GET', '/schedules'),
        ({ json: { rows } }) => rows[0]?.problem === undefined,
      );
    }));

  test('a run that is at work can be cancelled, and so can one that waits for its turn', () =>
    withGate({ PLUGBOARD_CONCURRENT_RUNS: '1' }, 'immediate', async (server, gate) => {
      const first = await server.hook<{ runId: string }>('held', {});
      await until(
        () => gate.held,
        (held) => held === 1,
      );
      const second = await server.hook<{ runId: string }>('held', {});
      for (const { json } of [second, first]) {
        const answer = await server.api<{ status: string }>('POST', `/runs/${json.runId}/cancel`, { reason: 'no longer needed' });
        expect([answer.status, answer.json.status]).toEqual([200, 'cancelled']);
      }
      expect(gate.seen).toHaveLength(1);
    }));
});

describe('a database that goes away', () => {
  test('new work is refused with when to come back, readyz says no, and both change when it is back; nothing accepted is lost', async () => {
    const gate = await openGate();
    const first = await startTestServer({ env: EGRESS });
    await first.publish(
      await contractFile('echo'),
      aWorkflow('Held', { path: 'held', reply: 'immediate' }, ['call', 'core/http-request', { url: gate.url, method: 'GET' }]),
    );
    await first.stop();
    const database = new URL(first.database.url);
    const wire = await openWire(database.hostname, Number(database.port || 5432));
    const { port } = wire;
    const server = await startTestServer({
      after: first,
      env: EGRESS,
      through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    });
    try {
      const accepted = await server.hook<{ runId: string }>('held', {});
      await until(
        () => gate.held,
        (held) => held === 1,
      );

      wire.cut();
      const refused = await until<Answer<Failure>>(
        () =>
          server
            .hook<Failure>('contract/echo', { name: 'Ada' }, { signal: AbortSignal.timeout(1000) })
            .catch(() => ({ status: 0, headers: new Headers(), text: '', json: { error: { code: '', message: '' } } })),
        (answer) => answer.status === 503,
      );
      expect(refused.json.error.code).toBe('SERVER_BUSY');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      const ready = await server.fetch('/readyz');
      expect([ready.status, (await server.fetch('/healthz')).status]).toEqual([503, 200]);
      expect((await server.fetch('/metrics')).text).toContain('plugboard_journal_up 0');
      gate.open();

      wire.mend();
      await until(
        async () => (await server.fetch('/readyz')).status,
        (status) => status === 200,
      );
      expect((await server.hook('contract/echo', { name: 'Ada' })).json).toEqual({ hello: 'Ada', length: 3 });
      expect((await ended(server, accepted.json.runId)).status).toBe('succeeded');
      // Callers that gave up while the database was away have a run or none; none is left half done.
      await until(
        async () => (await server.api<{ runs: unknown[] }>('GET', '/runs?status=running')).json.runs,
        (runs) => runs.length === 0,
      );
    } finally {
      await server.close();
      await wire.close();
      await gate.close();
    }
  });

  test('a caller whose run cannot be confirmed in time gets its id and is told not to send blindly again', async () => {
    const first = await startTestServer();
    await first.publish(await contractFile('echo'), aWorkflow('Later', { path: 'later', reply: 'immediate' }));
    await first.stop();
    const database = new URL(first.database.url);
    const wire = await openWire(database.hostname, Number(database.port || 5432));
    const server = await startTestServer({
      after: first,
      env: { PLUGBOARD_REPLY_TIMEOUT_MS: '1000' },
      through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${wire.port}` }).href,
    });
    try {
      // Once before, so that the workflows are in memory.
      for (const path of ['contract/echo', 'later']) {
        await until(
          () => server.hook(path, { name: 'Ada' }),
          ({ status }) => status < 300,
        );
      }
      wire.freeze();
      const answers = await Promise.all([server.hook<Failure>('contract/echo', { name: 'Ada' }), server.hook<Failure>('later', {})]);
      for (const { status, json } of answers) {
        expect([status, json.error.code]).toEqual([504, 'NOT_CONFIRMED']);
        expect(json.error.message).toContain('before sending the request again');
      }
      wire.thaw();
      // These were stored after all; their ids find them.
      for (const { json } of answers) {
        await until(
          () => ended(server, json.runId ?? ''),
          (run) => run.status === 'succeeded',
        );
      }
    } finally {
      wire.thaw();
      await server.close();
      await wire.close();
    }
  });

  test('a caller of a workflow that is not in memory is told that nothing was started, and nothing is', async () => {
    const first = await startTestServer();
    await first.publish(await contractFile('echo'));
    await first.stop();
    const database = new URL(first.database.url);
    const wire = await openWire(database.hostname, Number(database.port || 5432));
    const server = await startTestServer({
      after: first,
      env: { PLUGBOARD_REPLY_TIMEOUT_MS: '2000' },
      through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${wire.port}` }).href,
    });
    try {
      wire.freeze();
      const { status, json } = await server.hook<Failure>('contract/echo', { name: 'Ada' });
      expect([status, json.error.code]).toEqual([503, 'WORKFLOW_UNAVAILABLE']);
      wire.thaw();
      expect((await server.hook('contract/echo', { name: 'Ada' })).status).toBe(200);
      expect((await server.api<{ runs: unknown[] }>('GET', '/runs')).json.runs).toHaveLength(1);
    } finally {
      wire.thaw();
      await server.close();
      await wire.close();
    }
  });

  test('a server whose database is gone still stops', async () => {
    const first = await startTestServer();
    await first.stop();
    const database = new URL(first.database.url);
    const wire = await openWire(database.hostname, Number(database.port || 5432));
    const server = await startTestServer({
      after: first,
      through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${wire.port}` }).href,
    });
    wire.cut();
    await server.close();
    await wire.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow('fetch failed');
  });
});

/** A connection that was refused brought no request; one that breaks off after it was made lost one. */
function notTaken(error: Error): undefined {
  const cause = error.cause as NodeJS.ErrnoException;
  if (cause.code !== 'ECONNREFUSED') throw error;
}

describe('a server that stops', () => {
  test('rule 20: answers every request it took, and goes on at the next start with every run it accepted', async () => {
    const gate = await openGate();
    const first = await startTestServer({ env: EGRESS });
    await first.publish(
      await contractFile('echo'),
      aWorkflow('Held', { path: 'held', reply: 'immediate' }, ['call', 'core/http-request', { url: gate.url, method: 'GET' }]),
    );
    const accepted = await Promise.all(Array.from({ length: 12 }, () => first.hook<{ runId: string }>('held', {})));
    const callers = Array.from({ length: 8 }, async () => {
      const statuses: number[] = [];
      for (;;) {
        const status = await first.hook('contract/echo', { name: 'Ada' }).then((answer) => answer.status, notTaken);
        if (status === undefined) return statuses;
        statuses.push(status);
      }
    });
    await until(
      () => gate.held,
      (held) => held === 10,
    );
    const answered = Promise.all(callers);
    const stopped = first.stop();
    gate.open();
    const statuses = (await answered).flat();
    await stopped;
    expect(statuses.length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);

    const second = await startTestServer({ after: first, env: EGRESS });
    for (const { json } of accepted) expect((await ended(second, json.runId)).status).toBe('succeeded');
    await second.close();
    await gate.close();
  });
});

describe('a data folder that goes away', () => {
  test('closes the server to new work, in words for people, until it is there again', async () => {
    const server = await startTestServer();
    await server.publish(await contractFile('echo'));
    const away = `${server.dataDir}-away`;
    renameSync(server.dataDir, away);
    const unready = await until(
      () => server.fetch<{ status: string; reasons: string[] }>('/readyz'),
      ({ status }) => status === 503,
    );
    expect(unready.json.reasons).toEqual(['the data folder is gone']);
    const refused = await server.hook<Failure>('contract/echo', { name: 'Ada' });
    expect([refused.status, refused.json.error.code, refused.headers.get('retry-after')]).toEqual([503, 'SERVER_BUSY', '1']);
    expect(server.log()).toContain('put the folder back from a backup');
    renameSync(away, server.dataDir);
    await until(
      async () => (await server.fetch('/readyz')).status,
      (status) => status === 200,
    );
    expect((await server.hook('contract/echo', { name: 'Ada' })).status).toBe(200);
    await server.close();
  });
});

describe('many requests of one caller', () => {
  test('are refused over the rate before their body is read, each address and webhook for itself; programs on this machine are not', async () => {
    const server = await startTestServer({ env: { PLUGBOARD_RATE_LIMIT: '5', PLUGBOARD_TRUSTED_PROXIES: '127.0.0.1' } });
    await server.publish(await contractFile('echo'), aWorkflow('Other', { path: 'other' }));
    const from = (address: string, path = 'contract/echo') =>
      server.hook<Failure>(path, { name: 'Ada' }, { headers: { 'content-type': 'application/json', 'x-forwarded-for': address } });
    const answers = await Promise.all(Array.from({ length: 100 }, () => from('203.0.113.5')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(50);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(10);
    expect(refused[0]?.json.error.code).toBe('RATE_LIMITED');
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect((await from('203.0.113.6')).status).toBe(200);
    expect((await from('203.0.113.5', 'other')).status).toBe(200);
    const unknown = await Promise.all(Array.from({ length: 100 }, (_, i) => from('203.0.113.7', `nothing/${i}`)));
    expect(new Set(unknown.map(({ status }) => status))).toEqual(new Set([404, 429]));
    await server.stop();

    const open = await startTestServer({ after: server, env: { PLUGBOARD_RATE_LIMIT: '5' } });
    const local = await Promise.all(Array.from({ length: 100 }, () => open.hook('contract/echo', { name: 'Ada' })));
    expect(local.filter(({ status }) => status !== 200)).toEqual([]);
    await open.close();
  });
});

describe('a start that cannot be', () => {
  test('with another root key than the database was first used with says whose to bring back', async () => {
    const key = 'k'.repeat(40);
    const first = await startTestServer({ env: { PLUGBOARD_ROOT_KEY: key } });
    await first.stop();
    const others: Record<string, string>[] = [{ PLUGBOARD_ROOT_KEY: 'x'.repeat(40) }, {}];
    for (const env of others) {
      await expect(startTestServer({ after: first, env })).rejects.toMatchObject({
        code: 'ROOT_KEY_MISMATCH',
        message: expect.stringMatching(/keys\/root\.key.*PLUGBOARD_ROOT_KEY.*migrate --accept-root-key/) as string,
      });
    }
    const again = await startTestServer({ after: first, env: { PLUGBOARD_ROOT_KEY: key } });
    const stored = await again.database.database.query<{ value: string }>(`select root_key_id || wrapped::text as value from instance_key`);
    expect(stored).toHaveLength(1);
    expect(stored[0]?.value).not.toContain(key);
    await again.close();
  });

  test('a port in use, a data folder in use and a damaged key each say what to do', async () => {
    const server = await startTestServer();
    await expect(startTestServer({ after: server })).rejects.toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
      message: expect.stringContaining('PLUGBOARD_DATA') as string,
    });
    await expect(startTestServer({ env: { PLUGBOARD_PORT: String(server.port) } })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`PLUGBOARD_PORT=${server.port + 1}`) as string,
    });
    expect((await server.fetch('/healthz')).status).toBe(200);
    await server.stop();
    writeFileSync(join(server.dataDir, 'keys', 'root.key'), 'short\n');
    await expect(startTestServer({ after: server })).rejects.toMatchObject({ code: 'KEY_FILE_UNUSABLE' });
    await server.database.close();
  });
});

describe('secrets', () => {
  test('what callers send and settings hold never reaches the log', async () => {
    const canary = 'canary-5f1e9c';
    const server = await startTestServer({ env: { PLUGBOARD_ROOT_KEY: `${canary}-${'k'.repeat(32)}` } });
    await server.publish(
      await contractFile('echo'),
      aWorkflow('Fail', { path: 'fail' }, ['bad', 'core/stop', { message: '={{ "no: " + $json.body.secret }}' }]),
    );
    const headers = { authorization: `Bearer ${canary}`, cookie: canary, 'idempotency-key': canary, 'x-api-key': canary };
    for (const path of [`/hooks/contract/echo?token=${canary}`, '/hooks/fail', '/api/runs', `/hooks/${canary}`, '/api/workflows/import']) {
      await server.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ secret: canary }),
      });
      await server.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: `{"secret": "${canary}" broken`,
      });
    }
    await server.close();
    expect(server.log()).toContain('stopping');
    expect(server.log()).not.toContain(canary);
    expect(server.log()).not.toContain(server.token);
  });
});
