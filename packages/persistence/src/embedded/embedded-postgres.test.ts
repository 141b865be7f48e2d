import type { ChildProcess } from 'node:child_process';
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EmbeddedPostgres, EmbeddedPostgresState } from './embedded-postgres.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { locateBinaries } from './binaries.ts';
import { prepareRoot, requireSpace } from './layout.ts';

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = 65534;
const CHILD = new URL('../../test/embedded-child.ts', import.meta.url).pathname;

/** A made cluster to copy: making one takes longer than everything else a test does. */
let template: string;
const folders: string[] = [];
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  template = tempFolder();
  await (await startEmbeddedPostgres({ dataDir: template })).stop();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((embedded) => embedded.stop()));
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) {
    if (folder === template) continue;
    await quiet(folder);
    rmSync(folder, { recursive: true, force: true });
  }
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plugboard-embedded-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

function aCluster(folder = tempFolder()): string {
  mkdirSync(folder, { recursive: true });
  execFileSync('cp', ['-a', `${template}/.`, folder]);
  return folder;
}

async function start(dataDir: string, onStateChange?: (state: EmbeddedPostgresState) => void): Promise<EmbeddedPostgres> {
  const embedded = await startEmbeddedPostgres({ dataDir, ...(onStateChange ? { onStateChange } : {}) });
  running.push(embedded);
  return embedded;
}

async function query<Row extends pg.QueryResultRow>(connection: pg.ClientConfig, text: string): Promise<Row[]> {
  const client = new pg.Client(connection);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

interface Server {
  readonly child: ChildProcess;
  readonly connection: pg.ClientConfig;
}

/** A server in a process of its own, ready. `as` is the user it runs as. */
async function aServer(dataDir: string, as?: number): Promise<Server> {
  const outcome = await spawnServer(dataDir, as);
  if (!('connection' in outcome.message)) throw new Error(`the server did not start: ${JSON.stringify(outcome.message)}`);
  return { child: outcome.child, connection: outcome.message['connection'] as pg.ClientConfig };
}

async function spawnServer(
  dataDir: string,
  as?: number,
  onLog: (line: string) => void = () => {},
): Promise<{ child: ChildProcess; message: Record<string, unknown> }> {
  const child = spawn(process.execPath, ['--conditions=development', CHILD, dataDir], {
    ...(as === undefined ? {} : { uid: as, gid: as }),
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const message = JSON.parse(line) as Record<string, unknown>;
    if (!('log' in message)) return { child, message };
    onLog(String(message['log']));
  }
  throw new Error('the server said nothing');
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

const postmasterPid = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0]);
const lockFileOf = (dataDir: string): string => {
  const path = join(dataDir, 'postgres/data/postmaster.pid');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const parentOf = (pid: number): number => Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** The PostgreSQL processes of a folder. */
function workersOf(dataDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === join(dataDir, 'postgres/data');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Command lines that name the folder. */
function commandsOn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(folder));
}

const until = (what: string, condition: () => boolean): Promise<true> =>
  vi.waitUntil(condition, { timeout: 60_000, interval: 5, message: `never happened: ${what}` });

/** Ends what a test left running on a folder. */
async function quiet(dataDir: string): Promise<void> {
  for (const pid of workersOf(dataDir)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  }
  await until('no process on the folder', () => workersOf(dataDir).length === 0);
}

describe('a first start', () => {
  test('makes a database whose owner is no superuser, on a private socket and no port', async () => {
    const dataDir = tempFolder();
    const embedded = await start(dataDir);
    const [row] = await query<{ user: string; super: boolean; app: boolean; listen: string; database: string }>(
      embedded.connection,
      `select current_user as user, rolsuper or rolbypassrls or rolcreaterole as super, pg_has_role('plugboard_app', 'member') as app,
              current_setting('listen_addresses') as listen, current_database() as database
         from pg_roles where rolname = current_user`,
    );
    expect(row).toEqual({ user: 'plugboard_owner', super: false, app: true, listen: '', database: 'plugboard' });
    expect(statSync(join(dataDir, 'postgres/run')).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'postgres/data')).mode & 0o777).toBe(0o700);
    await query(embedded.connection, 'create table things (id int)');
    const [durable] = await query<{ fsync: string; commit: string }>(
      embedded.connection,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
    );
    expect(durable).toEqual({ fsync: 'on', commit: 'on' });
  });

  test('hands none of the server’s environment to PostgreSQL', async () => {
    process.env['PLUGBOARD_ROOT_KEY'] = 'very secret';
    try {
      const dataDir = aCluster();
      await start(dataDir);
      expect(readFileSync(`/proc/${postmasterPid(dataDir)}/environ`, 'utf8')).not.toContain('very secret');
    } finally {
      delete process.env['PLUGBOARD_ROOT_KEY'];
    }
  });

  test('that was killed half-way leaves nothing in the way', async () => {
    const dataDir = tempFolder();
    const child = spawn(process.execPath, ['--conditions=development', CHILD, dataDir], { cwd: '/', stdio: 'ignore' });
    children.push(child);
    const root = join(dataDir, 'postgres');
    await until(
      'initdb at work',
      () => existsSync(root) && readdirSync(root).some((name) => name.startsWith('data.init-') && existsSync(join(root, name, 'base'))),
    );
    await kill(child);
    await until('initdb has ended as well', () => commandsOn(root).length === 0);
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(root).toSorted()).toEqual(['data', 'log', 'passwords.json', 'run']);
  });

  test('of two servers at once: one runs, the other is told', async () => {
    const dataDir = tempFolder();
    const outcomes = await Promise.all([spawnServer(dataDir), spawnServer(dataDir), spawnServer(dataDir)]);
    const messages = outcomes.map((outcome) => outcome.message);
    expect(messages.filter((message) => message['ready'] === true)).toHaveLength(1);
    expect(messages.filter((message) => message['code'] === 'EMBEDDED_DB_IN_USE')).toHaveLength(2);
  });
});

test('a server that has started its PostgreSQL and not claimed it yet is not taken for a killed one', async () => {
  const dataDir = aCluster();
  const slow = spawnServer(dataDir);
  await until('its PostgreSQL answers', () => /^ready\s*$/m.test(lockFileOf(dataDir)));
  children[0]?.kill('SIGSTOP');
  const postmaster = postmasterPid(dataDir);
  const log: string[] = [];
  let isOver = false;
  const other = spawnServer(dataDir, undefined, (line) => log.push(line)).finally(() => (isOver = true));
  // It waits, or was told at once when the first one had claimed it before it was stopped.
  await until('the other one has looked', () => log.some((line) => line.includes('another server')) || isOver);
  children[0]?.kill('SIGCONT');
  expect((await slow).message).toMatchObject({ ready: true });
  expect((await other).message).toMatchObject({ code: 'EMBEDDED_DB_IN_USE' });
  expect(postmasterPid(dataDir)).toBe(postmaster);
});

describe('who may connect', () => {
  const asManager = (connection: pg.ClientConfig): pg.ClientConfig => ({ ...connection, user: 'plugboard_manager', database: 'postgres' });

  /** Neither role is let in without its password, whoever asks; this test may be run by root, whom no folder keeps out. */
  async function expectClosed(connection: pg.ClientConfig): Promise<void> {
    const { host, port } = connection;
    for (const user of ['plugboard_owner', 'plugboard_manager', 'plugboard_app', 'postgres', 'root']) {
      await expect(query({ host, port, user, database: 'postgres' }, 'select 1')).rejects.toThrow(/password|does not exist/);
    }
    // The owner's password does not open the superuser's door.
    await expect(query(asManager(connection), 'select 1')).rejects.toMatchObject({ code: '28P01' });
  }

  test('nobody without a password, which only the user of the server can read', async () => {
    const dataDir = tempFolder();
    const embedded = await start(dataDir);
    await expectClosed(embedded.connection);
    const path = join(dataDir, 'postgres/passwords.json');
    expect([statSync(path).mode & 0o777, statSync(path).uid]).toEqual([0o600, process.getuid?.()]);
    const passwords = Object.values(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>);
    expect(passwords).toHaveLength(2);
    for (const name of readdirSync(join(dataDir, 'postgres/log'))) {
      for (const password of passwords) expect(readFileSync(join(dataDir, 'postgres/log', name), 'utf8')).not.toContain(password);
    }
  });

  test('a cluster of an earlier release, which let everybody in, is closed at its next start and keeps its data', async () => {
    const dataDir = aCluster();
    const first = await start(dataDir);
    await query(first.connection, 'create table kept as select 42 as answer');
    await first.stop();
    rmSync(join(dataDir, 'postgres/passwords.json'));
    writeFileSync(join(dataDir, 'postgres/data/pg_hba.conf'), 'local all all trust\n');
    const embedded = await start(dataDir);
    await expectClosed(embedded.connection);
    expect(await query(embedded.connection, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('passwords that were lost, or belong to another cluster, are set anew', async () => {
    const dataDir = aCluster();
    const path = join(dataDir, 'postgres/passwords.json');
    rmSync(path);
    const first = await start(dataDir);
    await first.stop();
    const others = { manager: 'A'.repeat(43), owner: 'B'.repeat(43) };
    writeFileSync(path, JSON.stringify(others), { mode: 0o600 });
    const second = await start(dataDir);
    expect(second.connection.password).toBe(others.owner);
    expect(await query(second.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.stop();
    writeFileSync(path, '{"manager":"');
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'EMBEDDED_DB_FOLDER',
      message: expect.stringContaining('Remove it') as string,
    });
  });
});

describe('the user PostgreSQL runs as', () => {
  test.skipIf(!IS_ROOT)('is not root when the server is', async () => {
    const dataDir = aCluster();
    await start(dataDir);
    expect(statSync(`/proc/${postmasterPid(dataDir)}`).uid).not.toBe(0);
  });

  test.skipIf(!IS_ROOT)('is the server’s own when that is not root', async () => {
    const dataDir = tempFolder();
    chownSync(dataDir, NOBODY, NOBODY);
    await aServer(dataDir, NOBODY);
    expect(statSync(`/proc/${postmasterPid(dataDir)}`).uid).toBe(NOBODY);
  });

  test.skipIf(!IS_ROOT)('may be kept by root for a cluster an ordinary user made', async () => {
    const dataDir = tempFolder();
    chownSync(dataDir, NOBODY, NOBODY);
    const server = await aServer(dataDir, NOBODY);
    await kill(server.child);
    await start(dataDir);
    expect(statSync(`/proc/${postmasterPid(dataDir)}`).uid).toBe(NOBODY);
  });

  test.skipIf(!IS_ROOT)('reaches a data folder below a closed home', async () => {
    const home = tempFolder();
    chmodSync(home, 0o700);
    const dataDir = join(home, 'data');
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    await embedded.stop();
    await start(dataDir);
  });
});

describe.skipIf(!IS_ROOT)('below a closed home, with few tools on the machine', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
  });

  function closedHome(): string {
    const home = tempFolder();
    chmodSync(home, 0o700);
    return join(home, 'data');
  }

  /** Leaves the machine these programs and no others. */
  function onlyTools(...names: string[]): void {
    const tools = tempFolder();
    for (const name of names) symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(tools, name));
    process.env['PATH'] = tools;
  }

  test.skipIf(!canUnshare())('a user namespace does, and stays with the cluster', async () => {
    const dataDir = closedHome();
    onlyTools('unshare');
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    await embedded.stop();
    process.env['PATH'] = path;
    const again = await start(dataDir);
    expect(await query(again.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('and none of them useful, the error says what would be', async () => {
    const dataDir = closedHome();
    onlyTools();
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'EMBEDDED_DB_IDENTITY',
      message: expect.stringMatching(/ordinary user.*DATABASE_URL/) as string,
    });
  });
});

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['--user', '--map-user=1000', '--map-group=1000', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a folder in use', () => {
  test('refuses a second server, which the first does not notice', async () => {
    const dataDir = aCluster();
    const states: EmbeddedPostgresState[] = [];
    const first = await start(dataDir, (state) => states.push(state));
    const outcome = await spawnServer(dataDir);
    expect(outcome.message).toMatchObject({ code: 'EMBEDDED_DB_IN_USE' });
    expect(outcome.message['message']).toContain('PLUGBOARD_DATA');
    expect(await query(first.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(states).toEqual([]);
  });

  test('is free after stop, which may be called twice', async () => {
    const dataDir = aCluster();
    const first = await start(dataDir);
    await Promise.all([first.stop(), first.stop()]);
    expect(first.state()).toEqual({ kind: 'stopped' });
    expect(workersOf(dataDir)).toEqual([]);
    await start(dataDir);
  });
});

describe('a killed server', () => {
  test('takes PostgreSQL down with it, and the next start finds everything', async () => {
    const dataDir = aCluster();
    const server = await aServer(dataDir);
    await query(server.connection, 'create table kept as select 42 as answer');
    await kill(server.child);
    await until('PostgreSQL has ended', () => workersOf(dataDir).length === 0);
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('may be started again at once, while its PostgreSQL is still ending', async () => {
    const dataDir = aCluster();
    for (let round = 0; round < 3; round++) {
      const server = await aServer(dataDir);
      await kill(server.child);
    }
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('and a killed watchdog leave an orphan, which the next start takes over', async () => {
    const dataDir = aCluster();
    const server = await aServer(dataDir);
    await query(server.connection, 'create table kept as select 42 as answer');
    const orphan = postmasterPid(dataDir);
    killWatchdog(orphan);
    await kill(server.child);
    expect(workersOf(dataDir)).toContain(orphan);
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(postmasterPid(dataDir)).not.toBe(orphan);
  });

  test('with postmaster and watchdog killed too leaves locks of the dead, which the next start clears', async () => {
    const dataDir = aCluster();
    const server = await aServer(dataDir);
    const postmaster = postmasterPid(dataDir);
    const watchdog = parentOf(postmaster);
    for (const pid of [watchdog, postmaster]) process.kill(pid, 'SIGKILL');
    await kill(server.child);
    await start(dataDir);
  });

  test('whose pid belongs to a living stranger now does not keep the folder locked', async () => {
    const dataDir = aCluster();
    const layout = await prepareRoot(dataDir);
    const stranger = spawn('sleep', ['60'], { cwd: '/', stdio: 'ignore', ...(IS_ROOT ? ownerOf(layout.data) : {}) });
    children.push(stranger);
    const lock = `${stranger.pid}\n${layout.data}\n1\n5432\n${layout.socket}\n\n\nready\n`;
    for (const path of [join(layout.data, 'postmaster.pid'), join(layout.socket, '.s.PGSQL.5432.lock')])
      writeAsOwner(path, lock, layout.data);
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
  });

  /** The shells above the postmaster: the watchdog and its watcher. */
  function killWatchdog(postmaster: number): void {
    const watchdog = parentOf(postmaster);
    const helpers = readdirSync('/proc').filter(
      (pid) => /^\d+$/.test(pid) && Number(pid) !== postmaster && isChildOf(Number(pid), watchdog),
    );
    for (const pid of [watchdog, ...helpers.map(Number)]) process.kill(pid, 'SIGKILL');
  }

  function isChildOf(pid: number, parent: number): boolean {
    try {
      return parentOf(pid) === parent;
    } catch {
      return false;
    }
  }

  function ownerOf(path: string): { uid: number; gid: number } {
    const { uid, gid } = statSync(path);
    return { uid, gid };
  }

  function writeAsOwner(path: string, content: string, ownedLike: string): void {
    writeFileSync(path, content, { mode: 0o600 });
    const { uid, gid } = ownerOf(ownedLike);
    chownSync(path, uid, gid);
  }
});

describe('PostgreSQL dying under a running server', () => {
  const VICTIMS = {
    'the postmaster': (dataDir: string) => postmasterPid(dataDir),
    'a backend': (dataDir: string) => backendOf(dataDir),
    'the watchdog': (dataDir: string) => parentOf(postmasterPid(dataDir)),
  };

  function backendOf(dataDir: string): number {
    const backend = workersOf(dataDir).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('plugboard_owner'));
    if (backend === undefined) throw new Error('no backend is running');
    return backend;
  }

  for (const [who, victim] of Object.entries(VICTIMS)) {
    test(`(${who} killed under load) comes back, with every acknowledged commit`, async () => {
      const dataDir = aCluster();
      const states: string[] = [];
      const embedded = await start(dataDir, (state) => states.push(state.kind));
      await query(embedded.connection, 'create table acked (id int primary key)');
      const acknowledged: number[] = [];
      let next = 0;
      let isOver = false;
      const writer = async (): Promise<void> => {
        while (!isOver) {
          const client = new pg.Client(embedded.connection);
          client.on('error', () => {});
          try {
            await client.connect();
            while (!isOver) {
              const id = next++;
              await client.query('insert into acked values ($1)', [id]);
              acknowledged.push(id);
            }
          } catch {
            // The database is away; the id in flight was never acknowledged.
            await until('the database is there again', () => embedded.state().kind === 'ready');
          } finally {
            await client.end().catch(() => {});
          }
        }
      };
      const writers = Array.from({ length: 6 }, writer);

      for (let round = 1; round <= 2; round++) {
        const goal = acknowledged.length + 200;
        await until('writes are going on', () => acknowledged.length >= goal);
        process.kill(victim(dataDir), 'SIGKILL');
        await until('the manager is back', () => states.filter((state) => state === 'ready').length >= round);
      }
      const goal = acknowledged.length + 200;
      await until('writes go on', () => acknowledged.length >= goal);
      isOver = true;
      await Promise.all(writers);

      const stored = new Set((await query<{ id: number }>(embedded.connection, 'select id from acked')).map((row) => row.id));
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      expect(embedded.state()).toEqual({ kind: 'ready' });
      expect(await spawnServer(dataDir)).toMatchObject({ message: { code: 'EMBEDDED_DB_IN_USE' } });
    });
  }

  test('does not hold up stop', async () => {
    const dataDir = aCluster();
    const states: string[] = [];
    const embedded = await start(dataDir, (state) => states.push(state.kind));
    process.kill(postmasterPid(dataDir), 'SIGKILL');
    await until('the loss is noticed', () => states.includes('recovering'));
    await embedded.stop();
    expect(embedded.state()).toEqual({ kind: 'stopped' });
    await until('nothing is left running', () => workersOf(dataDir).length === 0);
  });
});

describe('paths', () => {
  test('too long for a socket move it to a private folder elsewhere, which stop removes', async () => {
    const dataDir = aCluster(join(tempFolder(), 'x'.repeat(100)));
    const embedded = await start(dataDir);
    const socket = embedded.connection.host ?? '';
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(90);
    expect(statSync(socket).mode & 0o777).toBe(0o700);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    await embedded.stop();
    expect(existsSync(socket)).toBe(false);
    await quiet(dataDir);
  });

  test('that somebody else prepared for the socket are refused', async () => {
    const dataDir = aCluster(join(tempFolder(), 'y'.repeat(100)));
    const { socket } = await prepareRoot(dataDir);
    mkdirSync(socket, { mode: 0o777 });
    chmodSync(socket, 0o777);
    writeFileSync(join(socket, 'trap'), '');
    folders.push(socket);
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'EMBEDDED_DB_FOLDER' });
  });

  test('may hold spaces, commas and quotes', async () => {
    const dataDir = aCluster(join(tempFolder(), `a, 'b' "c" $d`));
    const embedded = await start(dataDir);
    expect(await query(embedded.connection, 'select 1 as one')).toEqual([{ one: 1 }]);
    await embedded.stop();
  });
});

describe('an unusable folder', () => {
  test('that is a file is named', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    await expect(start(file)).rejects.toMatchObject({ code: 'EMBEDDED_DB_FOLDER', message: expect.stringContaining(file) as string });
  });

  test('whose cluster is a file is named', async () => {
    const dataDir = tempFolder();
    mkdirSync(join(dataDir, 'postgres'));
    writeFileSync(join(dataDir, 'postgres/data'), '');
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'EMBEDDED_DB_FOLDER',
      message: expect.stringContaining('is not a folder') as string,
    });
  });

  test.skipIf(!IS_ROOT)('that the user may not write to says so', async () => {
    const { message } = await spawnServer(tempFolder(), NOBODY);
    expect(message).toMatchObject({ code: 'EMBEDDED_DB_FOLDER' });
    expect(message['message']).toContain('may not write');
  });

  test.skipIf(!IS_ROOT)('that belongs to another user says to whom', async () => {
    const dataDir = aCluster();
    const { message } = await spawnServer(dataDir, NOBODY - 1);
    expect(message).toMatchObject({ code: 'EMBEDDED_DB_FOLDER' });
    expect(message['message']).toContain('belongs to user');
  });

  test('of another major version is left alone', async () => {
    const dataDir = aCluster();
    writeFileSync(join(dataDir, 'postgres/data/PG_VERSION'), '16\n');
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'EMBEDDED_DB_VERSION',
      message: expect.stringContaining('PostgreSQL 16') as string,
    });
  });

  test('that holds something else is left alone', async () => {
    const dataDir = tempFolder();
    mkdirSync(join(dataDir, 'postgres/data'), { recursive: true });
    writeFileSync(join(dataDir, 'postgres/data/precious'), 'x');
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'EMBEDDED_DB_FOLDER' });
    expect(readdirSync(join(dataDir, 'postgres/data'))).toEqual(['precious']);
  });

  test('on a full disk is refused before anything is made', async () => {
    const layout = await prepareRoot(tempFolder());
    await expect(requireSpace(layout, Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: 'EMBEDDED_DB_NO_SPACE' });
  });

  test('with a damaged cluster says what PostgreSQL said', async () => {
    const dataDir = aCluster();
    rmSync(join(dataDir, 'postgres/data/global'), { recursive: true });
    await expect(start(dataDir)).rejects.toMatchObject({
      code: 'EMBEDDED_DB_START_FAILED',
      message: expect.stringMatching(/global/) as string,
    });
  });
});

describe.skipIf(!canMount())('a full disk', () => {
  const mounts: string[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((embedded) => embedded.stop()));
    for (const folder of mounts.splice(0)) {
      await quiet(folder);
      // A process that has just ended may hold it for a moment; one that stays is a defect, and the deadline says so.
      await works(`${folder} can be unmounted`, () => promisify(execFile)('umount', [folder]));
    }
  });

  function aDisk(size: string): string {
    const folder = tempFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', folder]);
    mounts.push(folder);
    return folder;
  }

  test('is refused before a database is begun on it', async () => {
    await expect(start(aDisk('100m'))).rejects.toMatchObject({ code: 'EMBEDDED_DB_NO_SPACE' });
  });

  test('under a running database loses no acknowledged commit, and work goes on when there is space again', async () => {
    const disk = aDisk('160m');
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(40 * 1024 * 1024));
    const dataDir = aCluster(disk);
    const embedded = await start(dataDir);
    await query(embedded.connection, 'create table acked (id int primary key, filling text)');
    let acknowledged = 0;
    // Random text, so that it takes its space.
    const insert = (): Promise<unknown> =>
      query(
        embedded.connection,
        `insert into acked select ${acknowledged + 1}, string_agg(md5(random()::text), '') from generate_series(1, 60000)`,
      );
    await expect(
      (async () => {
        for (let i = 0; i < 100; i++) {
          await insert();
          acknowledged++;
        }
      })(),
    ).rejects.toThrow();
    rmSync(ballast);
    await until('PostgreSQL is there', () => embedded.state().kind === 'ready');
    let stored: number[] = [];
    await works('it answers', async () => {
      stored = (await query<{ id: number }>(embedded.connection, 'select id from acked order by id')).map((row) => row.id);
    });
    expect(acknowledged).toBeGreaterThan(0);
    expect(stored).toEqual(Array.from({ length: acknowledged }, (_, i) => i + 1));
    await works('it takes new rows', insert);
  });

  const works = (what: string, act: () => Promise<unknown>): Promise<unknown> =>
    vi.waitFor(act, { timeout: 60_000, interval: 20, message: `never happened: ${what}` });
});

/** Containers often may not, and ordinary users never. */
function canMount(): boolean {
  if (!IS_ROOT) return false;
  const folder = mkdtempSync(join(tmpdir(), 'plugboard-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('an unsupported platform', () => {
  for (const platform of ['win32-x64', 'linux-riscv64', 'aix-ppc64']) {
    test(`(${platform}) is told to use DATABASE_URL`, async () => {
      await expect(locateBinaries(platform)).rejects.toMatchObject({
        code: 'EMBEDDED_DB_UNSUPPORTED',
        message: expect.stringContaining('DATABASE_URL') as string,
      });
    });
  }
});
