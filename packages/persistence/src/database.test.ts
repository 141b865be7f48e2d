import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { openDatabase } from './database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `postgres://someone:hidden-password@127.0.0.1:${(server.address() as AddressInfo).port}/plugboard`;
}

/** Speaks just enough of the protocol to answer every query with one row of text values, as they are at that moment. */
function aServerThatAnswers(row: () => Record<string, string>): Server {
  const message = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const int = (value: number, bytes: 2 | 4): Buffer => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeIntBE(value, 0, bytes);
    return buffer;
  };
  const ready = message('Z', Buffer.from('I'));
  const answer = (): Buffer => {
    const columns = row();
    const fields = Object.keys(columns).map((name) =>
      Buffer.concat([Buffer.from(`${name}\0`), int(0, 4), int(0, 2), int(701, 4), int(8, 2), int(-1, 4), int(0, 2)]),
    );
    const values = Object.values(columns).map((value) => Buffer.concat([int(value.length, 4), Buffer.from(value)]));
    return Buffer.concat([
      message('T', Buffer.concat([int(fields.length, 2), ...fields])),
      message('D', Buffer.concat([int(values.length, 2), ...values])),
      message('C', Buffer.from('SELECT 1\0')),
      ready,
    ]);
  };
  return createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', int(0, 4)), ready]));
      socket.on('data', (data) => {
        if (data.toString('latin1', 0, 1) === 'Q') socket.write(answer());
      });
    });
  });
}

describe('opening a database', () => {
  test('that is too old says what is needed', async () => {
    const server = aServerThatAnswers(() => ({ version: '140011', now: '0' }));
    const opening = openDatabase({ url: await listening(server) });
    await expect(opening).rejects.toMatchObject({
      code: 'DATABASE_TOO_OLD',
      message: expect.stringMatching(/PostgreSQL 14; 15 or later/) as string,
    });
    server.close();
  });

  test('that does not answer is tried for a bounded time, told about, and named without its password', async () => {
    const server = createServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const told: string[] = [];
    const opening = openDatabase({ url, unreachableAfterMs: 2000, onRetry: (message) => told.push(message) });
    const error = await opening.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE' });
    expect(told.length).toBeGreaterThan(1);
    expect(`${String(error)} ${told.join()}`).toContain('127.0.0.1');
    expect(`${String(error)} ${told.join()}`).not.toContain('hidden-password');
  });

  test('that starts a moment later succeeds', async () => {
    const server = createServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const late = aServerThatAnswers(() => ({ version: '180004', now: String(Date.now()) }));
    let hasStarted = false;
    const database = await openDatabase({
      url,
      onRetry: () => {
        if (!hasStarted) late.listen(Number(new URL(url).port), '127.0.0.1');
        hasStarted = true;
      },
    });
    expect(database.serverVersion).toBe(18);
    await database.close();
    late.close();
  });

  test('that does not exist fails at once', async () => {
    const told: string[] = [];
    const url = Object.assign(new URL(db.url), { pathname: '/no_such_database' }).href;
    await expect(openDatabase({ url, onRetry: (message) => told.push(message) })).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' });
    expect(told).toEqual([]);
  });

  for (const url of ['', 'nonsense', 'mysql://root@localhost/db', 'http://localhost:5432']) {
    test(`by "${url}" is refused`, async () => {
      await expect(openDatabase({ url })).rejects.toMatchObject({ code: 'DATABASE_URL_INVALID' });
    });
  }

  test('whose clock differs measures by how much', async () => {
    const server = aServerThatAnswers(() => ({ version: '180004', now: String(Date.now() + 60_000) }));
    const database = await openDatabase({ url: await listening(server) });
    expect(Math.round(database.clockOffsetMs / 1000)).toBe(60);
    await database.close();
    server.close();
    // Puts the clock of this process's ids back.
    await (await openDatabase({ url: db.url })).close();
  });
});

describe('an open database', () => {
  test('answers pings and knows its version', async () => {
    expect(await db.database.ping()).toBeGreaterThan(0);
    expect(db.database.serverVersion).toBeGreaterThanOrEqual(15);
  });

  test('refuses whoever waits two seconds for a connection, through TypeORM as well, and recovers', async () => {
    const database = await openDatabase({ url: db.url, poolSize: 1 });
    const dataSource = await database.dataSource();
    await database.withClient(async () => {
      const waiting = [database.query('select 1'), dataSource.query('select 1')];
      for (const outcome of await Promise.allSettled(waiting))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'DATABASE_BUSY', retryable: true } });
    });
    expect(await dataSource.query('select 1 as one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  test('survives all its connections being cut, in use and idle', async () => {
    const errors: Error[] = [];
    const database = await openDatabase({ url: db.url, poolWaitMs: 60_000, onError: (error) => errors.push(error) });
    const dataSource = await database.dataSource();
    const cut = `select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and application_name = 'plugboard' and pid <> pg_backend_pid()`;
    const inUse = dataSource.transaction(async (manager) => {
      await manager.query('select 1');
      await db.database.query(cut);
      await manager.query('select 1');
    });
    await expect(inUse).rejects.toThrow();
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    expect(await dataSource.query('select 1 as one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  test('whose lent connection breaks between two statements fails the next one, and lends a whole one afterwards', async () => {
    const next = db.database.withClient(async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const broken = new Promise((resolve) => client.once('end', resolve));
      await db.database.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await broken;
      return client.query('select 1');
    });
    await expect(next).rejects.toThrow(/not queryable|terminat/);
    expect(await db.database.withClient(async (client) => (await client.query('select 1 as one')).rows)).toEqual([{ one: 1 }]);
  });

  test('uses one pool for itself and TypeORM', async () => {
    const database = await openDatabase({ url: db.url, poolSize: 2, poolWaitMs: 60_000 });
    const dataSource = await database.dataSource();
    expect(await database.dataSource()).toBe(dataSource);
    const pids = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const text = 'select pg_backend_pid() as pid, pg_sleep(0.005)';
        const [row] = i % 2 === 0 ? await database.query<{ pid: number }>(text) : await dataSource.query<{ pid: number }[]>(text);
        return row?.pid;
      }),
    );
    expect(new Set(pids).size).toBeLessThanOrEqual(2);
    await database.close();
  });

  test('gives no TypeORM after close, which may be called twice', async () => {
    const database = await openDatabase({ url: db.url });
    await Promise.all([database.close(), database.close()]);
    await expect(database.dataSource()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
    await expect(database.query('select 1')).rejects.toThrow();
  });

  test('lends clients of their own for the writer and LISTEN', async () => {
    const [writer, listener] = [db.database.createWriterClient(), db.database.createListenClient()];
    await Promise.all([writer.connect(), listener.connect()]);
    const heard = new Promise((resolve) => listener.once('notification', (message) => resolve(message.payload)));
    await listener.query('listen plugboard_test');
    await writer.query(`notify plugboard_test, 'hello'`);
    expect(await heard).toBe('hello');
    await Promise.all([writer.end(), listener.end()]);
  });
});
