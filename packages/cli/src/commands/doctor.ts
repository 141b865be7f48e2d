import { accessSync, constants, existsSync, readFileSync, readdirSync, statSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Config } from '@plugboard/server';
import { makeDataFolder } from '@plugboard/server/local';
import { Command } from 'commander';
import { bundledPlugins } from '../bundled-plugins.ts';
import { CommandFailure } from '../failure.ts';
import { dataFolder, serverFile } from '../server-client.ts';

interface Finding {
  readonly name: string;
  /** `look`: it works, and somebody should look at it. */
  readonly state: 'ok' | 'look' | 'wrong';
  readonly ok: boolean;
  readonly detail: string;
  /** What to do. */
  readonly advice?: string;
}

type Row = readonly [name: string, state: Finding['state'], detail: string, advice?: string];

const NEEDED_NODE = 26;
const LOW_DISK_BYTES = 1024 ** 3;
const LOW_INODES = 10_000;
/** Below this a few hundred callers use up what the steps and the database need. */
const FEW_OPEN_FILES = 4096;
const OLD_BACKUP_DAYS = 7;
const CERTIFICATE_DAYS = 21;
const MAX_CLOCK_SKEW_MS = 2000;
const DAY_MS = 24 * 60 * 60_000;
const WORDS = { ok: 'ok   ', look: 'LOOK ', wrong: 'WRONG' } as const;

/** `plugboard doctor`: looks at everything a server needs and says what is wrong and what to do. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check what the server needs on this machine, and what an operator should look at')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const findings = await examine(dataFolder(command));
      if (options.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      else {
        for (const { name, state, detail, advice } of findings) {
          process.stdout.write(`${WORDS[state]} ${name}: ${detail}\n`);
          if (advice !== undefined && state !== 'ok') process.stdout.write(`        ${advice}\n`);
        }
      }
      const wrong = findings.filter((finding) => !finding.ok).length;
      if (wrong > 0) throw new CommandFailure(`${wrong} ${wrong === 1 ? 'thing needs' : 'things need'} attention`);
    });
}

async function examine(dataDir: string): Promise<Finding[]> {
  const { ConfigError, readConfig } = await import('@plugboard/server');
  const findings: Finding[] = [];
  const add = (...rows: readonly Row[]): void => {
    for (const [name, state, detail, advice] of rows)
      findings.push({ name, state, ok: state !== 'wrong', detail, ...(advice === undefined ? {} : { advice }) });
  };
  const major = Number(process.versions.node.split('.')[0]);
  add(
    major >= NEEDED_NODE
      ? ['node', 'ok', process.versions.node]
      : ['node', 'wrong', process.versions.node, `Install Node ${NEEDED_NODE} or later.`],
  );
  add(checkFolder(dataDir), checkDisk(dataDir), checkOpenFiles());
  const server = serverFile(dataDir);
  const running = server ? await reach(server.url, server.token) : undefined;
  if (server && !running)
    add([
      'server',
      'wrong',
      `${server.url} does not answer`,
      'The server that wrote server.json was killed, or is starting. Start it again; what was accepted goes on then.',
    ]);
  else add(...(running ?? [['server', 'ok', 'none is running on this data folder'] as const]));
  let config: Config | undefined;
  try {
    config = readConfig({ ...process.env, PLUGBOARD_DATA: dataDir }, process.cwd());
    add(['settings', 'ok', `${config.host}:${config.port}, ${config.databaseUrl ? 'DATABASE_URL' : 'embedded PostgreSQL'}`]);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    add(['settings', 'wrong', error.problems.join('; '), 'Put them right in the environment or in plugboard.config.json.']);
  }
  if (config) {
    if (running === undefined) add(await checkPort(config.host, config.port));
    add(...(await checkTls(config)));
    add(checkRootKey(config));
    if (config.databaseUrl) add(...(await checkDatabase(config.databaseUrl)));
    if (config.host !== '127.0.0.1' && config.host !== 'localhost' && config.host !== '::1' && !config.publicUrl?.startsWith('https:'))
      add([
        'transport',
        'look',
        'reached from other machines without https',
        'Put TLS in front, or set PLUGBOARD_TLS_CERT and PLUGBOARD_TLS_KEY, and PLUGBOARD_PUBLIC_URL; until then people cannot sign in from elsewhere.',
      ]);
  }
  add(checkBackups(dataDir));
  add(checkPlugins());
  add(await checkSandbox());
  return findings;
}

function checkFolder(dataDir: string): Row {
  try {
    const isNew = !existsSync(dataDir);
    if (isNew) makeDataFolder(dataDir, !process.env['DATABASE_URL']);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    const isListed = process.platform !== 'win32' && (statSync(dataDir).mode & 0o044) !== 0;
    if (isListed) return ['data folder', 'look', `${dataDir} can be read by other users of this machine`, `chmod go-rw ${dataDir}`];
    return ['data folder', 'ok', `${dataDir}${isNew ? ', made now' : ''}`];
  } catch (error) {
    return [
      'data folder',
      'wrong',
      `${dataDir} cannot be used: ${messageOf(error)}`,
      'Choose another one with PLUGBOARD_DATA, or give this user access.',
    ];
  }
}

function checkDisk(dataDir: string): Row {
  try {
    const { bavail, bsize, ffree, files } = statfsSync(dataDir);
    const free = bavail * bsize;
    const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
    const advice = 'Make room, or set runs.retentionDays lower: a full disk makes the server refuse new runs.';
    if (files > 0 && ffree < LOW_INODES) return ['disk', 'wrong', `${detail}, room for ${ffree} more files`, advice];
    return free > LOW_DISK_BYTES ? ['disk', 'ok', detail] : ['disk', 'wrong', detail, advice];
  } catch (error) {
    return ['disk', 'wrong', messageOf(error)];
  }
}

function checkOpenFiles(): Row {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return ['open files', 'ok', 'this system does not tell its limit'];
  }
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  if (limit >= FEW_OPEN_FILES) return ['open files', 'ok', `${limit} at once`];
  return [
    'open files',
    'look',
    `${limit} at once, so at most about ${Math.max(10, limit - 200)} callers`,
    'Raise it: ulimit -n 65536, or LimitNOFILE in the unit of systemd.',
  ];
}

/** What the running server says of itself; undefined when it does not answer. */
async function reach(url: string, token: string): Promise<Row[] | undefined> {
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(3000) });
    return answer.json();
  };
  try {
    const { status, reasons = [] } = (await ask('/readyz')) as { status: string; reasons?: readonly string[] };
    const rows: Row[] = [
      status === 'ready'
        ? ['server', 'ok', `${url} is ready`]
        : ['server', 'wrong', `${url} is not ready: ${reasons.join('; ')}`, 'Its log says since when and why.'],
    ];
    const { notes = [] } = (await ask('/api/health')) as { notes?: readonly string[] };
    for (const note of notes) if (!reasons.includes(note)) rows.push(['operation', 'look', note]);
    return rows;
  } catch {
    return undefined;
  }
}

function checkPort(host: string, port: number): Promise<Row> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) =>
      resolve([
        'port',
        'wrong',
        `${host}:${port} cannot be used: ${error.message}`,
        'Stop the other program, or choose another port with PLUGBOARD_PORT.',
      ]),
    );
    probe.listen(port, host, () => probe.close(() => resolve(['port', 'ok', `${host}:${port} is free`])));
  });
}

async function checkTls({ tls }: Config): Promise<Row[]> {
  if (!tls) return [];
  const { readTls } = await import('@plugboard/server');
  try {
    const { validTo } = readTls(tls);
    const days = Math.floor((validTo.getTime() - Date.now()) / DAY_MS);
    if (days >= CERTIFICATE_DAYS) return [['certificate', 'ok', `good for ${days} more days`]];
    return [['certificate', 'look', `ends in ${days} days`, 'Renew it; the server sees the new files within seconds.']];
  } catch (error) {
    return [['certificate', 'wrong', messageOf(error)]];
  }
}

function checkRootKey({ dataDir, rootKey }: Config): Row {
  if (rootKey !== undefined) return ['root key', 'ok', 'from PLUGBOARD_ROOT_KEY'];
  const path = join(dataDir, 'keys', 'root.key');
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts) {
    const isUsed = existsSync(join(dataDir, 'postgres')) || existsSync(join(dataDir, 'blobs'));
    return isUsed
      ? [
          'root key',
          'wrong',
          `${path} is gone`,
          'Bring it back from where it is kept: without it nothing encrypted can be read, and the server does not start.',
        ]
      : ['root key', 'ok', 'is made at the first start'];
  }
  if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0)
    return ['root key', 'wrong', `${path} can be read by other users`, `chmod 600 ${path}`];
  if (existsSync(`${path}.next`))
    return [
      'root key',
      'look',
      'is being replaced',
      'The running server goes on with it; start it if none runs, and keep both files until it is done.',
    ];
  return ['root key', 'ok', `${path}; keep a copy in another place`];
}

async function checkDatabase(url: string): Promise<Row[]> {
  const { countHeldRuns, countHeldTimetables, newestSchema, openDatabase, schemaOf } = await import('@plugboard/persistence');
  const rows: Row[] = [];
  try {
    const database = await openDatabase({ url, unreachableAfterMs: 3000 });
    try {
      const ms = await database.ping();
      rows.push(['database', 'ok', `PostgreSQL ${database.serverVersion}, round trip ${ms.toFixed(1)} ms`]);
      const skewMs = Math.round(Math.abs(database.clockOffsetMs));
      rows.push(
        skewMs <= MAX_CLOCK_SKEW_MS
          ? ['clock', 'ok', `within ${skewMs} ms of the database's`]
          : ['clock', 'wrong', `${skewMs} ms off the database's`, 'Run NTP on both machines: a server whose clock is off takes no work.'],
      );
      const schema = await schemaOf(database);
      const newest = newestSchema();
      if (schema > newest)
        rows.push(['schema', 'wrong', `${schema}, of a newer release than this one (${newest})`, 'Start the newer release.']);
      else if (schema === 0) rows.push(['schema', 'ok', 'none yet; the first start makes it']);
      else if (schema < newest)
        rows.push([
          'schema',
          'look',
          `${schema} of ${newest}`,
          'The next start brings it up to date; "plugboard migrate" does so without one. Back up before.',
        ]);
      else rows.push(['schema', 'ok', String(schema)]);
      if (schema > 0) {
        rows.push(
          (await database.hasSecondWall())
            ? ['second wall', 'ok', 'requests run behind row-level security']
            : [
                'second wall',
                'look',
                'row-level security does not stand behind requests: the role plugboard_app is not there, or this user is a superuser',
                'Let the user of DATABASE_URL be no superuser, create the role ("create role plugboard_app nologin") and grant it to that user.',
              ],
        );
        const held = await countHeldRuns(database);
        if (held > 0)
          rows.push([
            'held runs',
            'look',
            `${held} runs of a restored backup wait`,
            'plugboard held-runs resume, or: plugboard held-runs cancel',
          ]);
        const timetables = schema === newest ? await countHeldTimetables(database) : 0;
        if (timetables > 0)
          rows.push([
            'held schedules',
            'look',
            `${timetables} schedules and polls of a restored backup start nothing`,
            'They go on with: plugboard held-runs resume, or: plugboard held-runs cancel',
          ]);
      }
    } finally {
      await database.close();
    }
  } catch (error) {
    rows.push(['database', 'wrong', messageOf(error)]);
  }
  return rows;
}

function checkBackups(dataDir: string): Row {
  const folder = join(dataDir, 'backups');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.backup')) : [];
  const newest = Math.max(0, ...names.map((name) => statSync(join(folder, name)).mtimeMs));
  if (newest === 0)
    return [
      'backups',
      'look',
      'none in the data folder',
      'Set one up: "plugboard settings backups.everyHours 24", or "plugboard backup FILE" from a timer; keep them on another machine.',
    ];
  const days = Math.floor((Date.now() - newest) / DAY_MS);
  if (days > OLD_BACKUP_DAYS)
    return ['backups', 'look', `the newest is ${days} days old`, 'See the setting backups.everyHours, and the log of the server.'];
  return ['backups', 'ok', `${names.length}, the newest of ${new Date(newest).toISOString()}`];
}

function checkPlugins(): Row {
  try {
    const found = bundledPlugins();
    return ['plugins', 'ok', found.map((plugin) => `${plugin.id} ${plugin.version}`).join(', ')];
  } catch (error) {
    return ['plugins', 'wrong', messageOf(error), 'Install Plugboard again: a part of it is missing.'];
  }
}

async function checkSandbox(): Promise<Row> {
  const { createSandbox } = await import('@plugboard/sandbox');
  const sandbox = createSandbox({ size: 1 });
  try {
    await sandbox.ready();
    return ['code sandbox', 'ok', `isolation level ${sandbox.isolation().level}`];
  } catch (error) {
    return ['code sandbox', 'wrong', messageOf(error)];
  } finally {
    await sandbox.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
