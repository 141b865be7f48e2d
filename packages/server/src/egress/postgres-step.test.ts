/** The PostgreSQL step of the core plugin against a real database. Here and not at the plugin, which knows nothing of ours. */
import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import type { JsonObject, Plugin } from '@plugboard/sdk';
import { type Harness, type HarnessRun, harness } from '@plugboard/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let db: TestDatabase;
let plugin: Plugin;
/** In front of the database, so that one on a socket of the file system can be reached too, and connections can be cut. */
let gate: Server;
let cut: (data: Buffer) => boolean = () => false;
const pairs = new Set<Socket>();
let account: JsonObject;
beforeAll(async () => {
  db = await createTestDatabase({ isEmpty: true });
  ({ plugin } = (await import(new URL('../../../../plugins/core/src/index.ts', import.meta.url).href)) as { plugin: Plugin });
  const url = new URL(db.url);
  const folder = url.searchParams.get('host');
  gate = createServer((near) => {
    const far = folder === null ? connect(Number(url.port || 5432), url.hostname) : connect(`${folder}/.s.PGSQL.5432`);
    for (const socket of [near, far]) {
      pairs.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => (near.destroy(), far.destroy()));
    }
    near.on('data', (data: Buffer) => {
      far.write(data);
      if (cut(data)) near.destroy();
    });
    far.pipe(near);
  }).listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const { port } = gate.address() as AddressInfo;
  account = { host: '127.0.0.1', port, database: db.name, user: url.username, password: decodeURIComponent(url.password), tls: 'off' };
  await db.database.query(
    `create table thing (id int primary key, name text, price numeric(12, 2), tags text[], data jsonb, "Odd ""name" bool, at timestamptz)`,
  );
});
afterAll(async () => {
  for (const socket of pairs) socket.destroy();
  gate.close();
  await db.close();
});

const asking = (params: object, more: JsonObject = {}): Harness =>
  harness(plugin, 'postgres')
    .params({ account: 'db', ...params })
    .credential('account', { ...account, ...more })
    .connect(`127.0.0.1:${String(account['port'])}`);
const codes = (run: HarnessRun): readonly string[] => run.errors.map(({ error }) => error.code);
const rowsOf = (sql = 'select id, name from thing order by id') => db.database.query<JsonObject>(sql);
const empty = () => db.database.query('delete from thing');

describe('reading', () => {
  test('gives an item for each row, with values of the item as parameters, and knows where each came from', async () => {
    const run = await asking({
      sql: 'select n, $1::text as who from generate_series(1, $2::int) n',
      values: (json: JsonObject) => [json['who'] ?? null, json['n'] ?? 0],
    })
      .items([
        { who: "Robert'); drop table thing;--", n: 2 },
        { who: 'Ada', n: 1 },
      ])
      .run();
    expect(run.errors).toEqual([]);
    expect(run.items).toEqual([
      { n: 1, who: "Robert'); drop table thing;--" },
      { n: 2, who: "Robert'); drop table thing;--" },
      { n: 1, who: 'Ada' },
    ]);
    expect(run.from['main']).toEqual([[0], [0], [1]]);
  });

  test('values become JSON without losing a digit or moving to another zone', async () => {
    const sql = `select true as yes, 9007199254740993::int8 as big, 7::int8 as small, 12.50::numeric as money, 'NaN'::float8 as nan, 1.5::float4 as half,
      date '2026-02-28' as day, timestamp '2026-02-28 10:00:00.5' as clock, timestamptz '2026-02-28 10:00:00+02' as instant, timestamptz 'infinity' as never,
      '{"a":[1]}'::jsonb as data, array[1,null,3] as ints, array['a','b,c'] as texts, array[[1,2],[3,4]] as deep, '\\xff00'::bytea as bytes, null as nothing,
      '00000000-0000-0000-0000-000000000001'::uuid as id`;
    const run = await asking({ sql }).items([{}]).run();
    expect(run.items).toEqual([
      {
        yes: true,
        big: '9007199254740993',
        small: 7,
        money: '12.50',
        nan: 'NaN',
        half: 1.5,
        day: '2026-02-28',
        clock: '2026-02-28T10:00:00.5',
        instant: '2026-02-28T08:00:00.000Z',
        never: 'infinity',
        data: { a: [1] },
        ints: [1, null, 3],
        texts: ['a', 'b,c'],
        deep: [
          [1, 2],
          [3, 4],
        ],
        bytes: '/wA=',
        nothing: null,
        id: '00000000-0000-0000-0000-000000000001',
      },
    ]);
  });

  test('cannot change anything, whatever the statement says', async () => {
    await db.database.query(`insert into thing (id) values (1)`);
    for (const sql of [
      'delete from thing',
      'with gone as (delete from thing returning *) select * from gone',
      'select 1; delete from thing',
      'create table x ()',
    ])
      expect(codes(await asking({ sql }).items([{}]).run())).toEqual(['PG_ERROR']);
    expect(await rowsOf()).toHaveLength(1);
    await empty();
  });

  test('too many rows, too long a statement, and a wrong one are told apart', async () => {
    expect(codes(await asking({ sql: 'select generate_series(1, 1000000) n', maxRows: 10 }).items([{}]).run())).toEqual([
      'PG_TOO_MANY_ROWS',
    ]);
    const slow = await asking({ sql: 'select pg_sleep(60)', timeoutMs: 100 }).items([{}]).run();
    expect(slow.errors[0]?.error).toMatchObject({ code: 'PG_BUSY', kind: 'rejected', data: { sqlstate: '57014' } });
    const wrong = await asking({ sql: 'select nme from thing' }).items([{}]).run();
    expect(wrong.errors[0]?.error).toMatchObject({ code: 'PG_ERROR', kind: 'input', data: { sqlstate: '42703', position: '8' } });
  });

  test('a stopped step ends its statement', async () => {
    const stop = new AbortController();
    const running = asking({ sql: `select pg_sleep(30) /* to be stopped */` }).items([{}]).run({ signal: stop.signal, graceMs: 20_000 });
    const busy = () =>
      db.database.query(
        `select 1 from pg_stat_activity where query like '%to be stopped%' and state = 'active' and pid <> pg_backend_pid()`,
      );
    await expect.poll(async () => (await busy()).length, { timeout: 60_000 }).toBe(1);
    stop.abort();
    expect(codes(await running)).toEqual(['CANCELLED']);
    await expect.poll(async () => (await busy()).length, { timeout: 60_000 }).toBe(0);
  });
});

describe('changing', () => {
  const columns = (json: JsonObject) => json;
  const things: readonly JsonObject[] = [
    { id: 1, name: 'one', price: '1.10', tags: ['a', 'b'], data: { deep: [1] }, 'Odd "name': true, at: '2026-02-28T08:00:00Z' },
    { id: 2, name: 'two' },
  ];

  test('inserts rows by column, each in its own type, and goes on with the items or the rows', async () => {
    const kept = await asking({ operation: 'insert', table: 'thing', columns, resultField: 'db.rows' }).items(things).run();
    expect(kept.errors).toEqual([]);
    expect(kept.items).toEqual(things.map((thing) => ({ ...thing, db: { rows: 1 } })));
    expect(await rowsOf(`select name, price::text, tags, data, "Odd ""name" as odd from thing where id = 1`)).toEqual([
      { name: 'one', price: '1.10', tags: ['a', 'b'], data: { deep: [1] }, odd: true },
    ]);
    await empty();
    const returned = await asking({ operation: 'insert', schema: 'public', table: 'thing', columns: { id: 3, price: 2 }, returning: true })
      .items([{}])
      .run();
    expect(returned.items).toMatchObject([{ id: 3, price: '2.00', tags: null }]);
    await empty();
  });

  test('upserts and updates by keys', async () => {
    await asking({ operation: 'upsert', table: 'thing', keys: ['id'], columns })
      .items([{ id: 1, name: 'old' }])
      .run();
    const run = await asking({ operation: 'upsert', table: 'thing', keys: ['id'], columns, returning: true })
      .items([{ id: 1, name: 'new' }])
      .run();
    expect(run.items).toMatchObject([{ id: 1, name: 'new' }]);
    const updated = await asking({ operation: 'update', table: 'thing', keys: ['id'], columns, resultField: 'n' })
      .items([
        { id: 1, name: 'newer' },
        { id: 99, name: 'nobody' },
      ])
      .run();
    expect(updated.items.map((one) => one['n'])).toEqual([1, 0]);
    expect(await rowsOf()).toEqual([{ id: 1, name: 'newer' }]);
    await empty();
  });

  test('a batch is kept as a whole or not at all', async () => {
    const run = await asking({ operation: 'insert', table: 'thing', columns })
      .items([{ id: 1 }, { id: 2 }, { id: 1 }])
      .run();
    expect(run.errors).toMatchObject([
      { error: { code: 'PG_ERROR', data: { sqlstate: '23505', constraint: 'thing_pkey' } }, isUnknown: false },
    ]);
    expect(await rowsOf()).toEqual([]);
  });

  test('items on their own fail on their own', async () => {
    const run = await asking({ operation: 'insert', table: 'thing', columns, transaction: 'item' })
      .items([{ id: 1 }, { id: 1 }, { id: 2 }])
      .run();
    expect(run.errors).toMatchObject([{ i: 1, error: { code: 'PG_ERROR' }, isUnknown: false }]);
    expect((await rowsOf()).map((row) => row['id'])).toEqual([1, 2]);
    await empty();
  });

  test('S0-092: any statement gives the row it wrote with its key, or how many it changed', async () => {
    const sql = 'insert into thing (id, data) values ($1, $2) returning id, data';
    const run = await asking({ operation: 'execute', sql, values: (json: JsonObject) => [json['id'] ?? null, { a: [1] }] })
      .items([{ id: 5 }])
      .run();
    expect(run.items).toEqual([{ id: 5, data: { a: [1] } }]);
    const gone = await asking({ operation: 'execute', sql: 'delete from thing', resultField: 'n' }).items([{}]).run();
    expect(gone.items).toEqual([{ n: 1 }]);
  });

  test.each([
    [{ table: 'thing"; drop table thing; --' }, 'PG_ERROR'],
    [{ columns: { 'id") values (1); --': 1 } }, 'PG_ERROR'],
    [{ columns: {} }, 'COLUMNS_MISSING'],
    [{ operation: 'upsert' }, 'KEYS_MISSING'],
    [{ operation: 'update', keys: ['other'] }, 'KEYS_MISSING'],
    [{ operation: 'update', keys: ['id'] }, 'COLUMNS_MISSING'],
  ])('%j cannot be more than a name', async (params, code) => {
    const run = await asking({ operation: 'insert', table: 'thing', columns: { id: 1 }, ...params })
      .items([{}])
      .run();
    expect(codes(run)).toEqual([code]);
    expect(await rowsOf('select count(*)::int as n from thing')).toEqual([{ n: 0 }]);
  });

  test.each([
    ['before the end', 'insert into', 'PG_NOT_DONE', false],
    ['while it is kept', 'commit', 'PG_OUTCOME_UNKNOWN', true],
  ])('a connection that breaks %s says what is known of it', async (_, at, code, isUnknown) => {
    cut = (data) => data.includes(at);
    const run = await asking({ operation: 'insert', table: 'thing', columns })
      .items([{ id: 7 }])
      .run();
    cut = () => false;
    expect(run.errors).toMatchObject([{ error: { code }, isUnknown }]);
    await empty();
  });
});

describe('signing in', () => {
  test('a wrong password and a database that is not there are matters of the credential', async () => {
    const nowhere = await asking({ sql: 'select 1' }, { database: 'no_such_database' }).items([{}]).run();
    expect(nowhere.errors[0]?.error).toMatchObject({ code: 'PG_SIGN_IN', kind: 'auth' });
    const nobody = await asking({ sql: 'select 1' }, { user: 'no_such_user', password: 'geheim-123' }).items([{}]).run();
    expect(nobody.errors[0]?.error).toMatchObject({ code: 'PG_SIGN_IN', kind: 'auth' });
    expect(JSON.stringify(nobody.errors)).not.toContain('geheim-123');
  });

  test('TLS that is asked for is never left out', async () => {
    const talk = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('N'));
    }).listen(0, '127.0.0.1');
    await once(talk, 'listening');
    const { port } = talk.address() as AddressInfo;
    const run = await asking({ sql: 'select 1' }, { tls: 'verify', port }).connect(`127.0.0.1:${port}`).items([{}]).run();
    expect(codes(run)).toEqual(['PG_TLS_FAILED']);
    talk.close();
  });

  test('no password of this server’s own environment goes to a database', async () => {
    const seen: string[] = [];
    const listen = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        seen.push(data.toString('latin1'));
        // Asks for the password in the open.
        if (seen.length === 1) socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
        else socket.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(listen, 'listening');
    const { port } = listen.address() as AddressInfo;
    process.env['PGPASSWORD'] = 'of-the-server';
    await asking({ sql: 'select 1' }, { port, password: '' }).connect(`127.0.0.1:${port}`).items([{}]).run();
    delete process.env['PGPASSWORD'];
    listen.close();
    expect(seen).toHaveLength(2);
    expect(seen.join()).not.toContain('of-the-server');
  });
});
