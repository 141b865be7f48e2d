import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { makeDataFolder } from '@plugboard/server/local';
import { Command } from 'commander';
import { bundledPlugins } from '../bundled-plugins.ts';
import { CommandFailure } from '../failure.ts';
import { dataFolder, serverFile } from '../server-client.ts';

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const NEEDED_NODE = 26;
const LOW_DISK_BYTES = 1024 ** 3;

/** `plugboard doctor`: looks at everything a start needs and says what is wrong. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check what the server needs on this machine')
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const findings = await examine(dataFolder(command));
      if (options.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      else for (const finding of findings) process.stdout.write(`${finding.ok ? 'ok   ' : 'WRONG'} ${finding.name}: ${finding.detail}\n`);
      const wrong = findings.filter((finding) => !finding.ok).length;
      if (wrong > 0) throw new CommandFailure(`${wrong} ${wrong === 1 ? 'thing needs' : 'things need'} attention`);
    });
}

async function examine(dataDir: string): Promise<Finding[]> {
  const { ConfigError, readConfig } = await import('@plugboard/server');
  const findings: Finding[] = [];
  const add = (name: string, ok: boolean, detail: string): void => void findings.push({ name, ok, detail });
  const major = Number(process.versions.node.split('.')[0]);
  add('node', major >= NEEDED_NODE, `${process.versions.node}${major >= NEEDED_NODE ? '' : `, needs ${NEEDED_NODE}`}`);
  add(...checkFolder(dataDir));
  add(...checkDisk(dataDir));
  const server = serverFile(dataDir);
  const running = server ? await reach(server.url) : undefined;
  if (server)
    add(
      'server',
      running !== undefined,
      running ?? `${server.url} does not answer: the server that wrote server.json was killed, or is starting`,
    );
  else add('server', true, 'none is running on this data folder');
  try {
    const config = readConfig({ ...process.env, PLUGBOARD_DATA: dataDir }, process.cwd());
    add('settings', true, `${config.host}:${config.port}, ${config.databaseUrl ? 'DATABASE_URL' : 'embedded PostgreSQL'}`);
    if (running === undefined) add(...(await checkPort(config.host, config.port)));
    if (config.databaseUrl) add(...(await checkDatabase(config.databaseUrl)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    add('settings', false, error.problems.join('; '));
  }
  try {
    add(
      'plugins',
      true,
      bundledPlugins()
        .map((plugin) => `${plugin.id} ${plugin.version}`)
        .join(', '),
    );
  } catch (error) {
    add('plugins', false, error instanceof Error ? error.message : String(error));
  }
  add(...(await checkSandbox()));
  return findings;
}

type Row = [string, boolean, string];

function checkFolder(dataDir: string): Row {
  try {
    const isNew = !existsSync(dataDir);
    if (isNew) makeDataFolder(dataDir, !process.env['DATABASE_URL']);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return ['data folder', true, `${dataDir}${isNew ? ', made now' : ''}`];
  } catch (error) {
    return ['data folder', false, `${dataDir} cannot be used: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function checkDisk(dataDir: string): Row {
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    const free = bavail * bsize;
    return ['disk', free > LOW_DISK_BYTES, `${(free / 1024 ** 3).toFixed(1)} GiB free`];
  } catch (error) {
    return ['disk', false, error instanceof Error ? error.message : String(error)];
  }
}

async function reach(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) });
    const body = (await answer.json()) as { status: string };
    return `${url} is ${body.status}`;
  } catch {
    return undefined;
  }
}

function checkPort(host: string, port: number): Promise<Row> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => resolve(['port', false, `${host}:${port} cannot be used: ${error.message}`]));
    probe.listen(port, host, () => probe.close(() => resolve(['port', true, `${host}:${port} is free`])));
  });
}

async function checkDatabase(url: string): Promise<Row> {
  const { openDatabase } = await import('@plugboard/persistence');
  try {
    const database = await openDatabase({ url, unreachableAfterMs: 3000 });
    const ms = await database.ping();
    await database.close();
    return ['database', true, `PostgreSQL ${database.serverVersion}, round trip ${ms.toFixed(1)} ms`];
  } catch (error) {
    return ['database', false, error instanceof Error ? error.message : String(error)];
  }
}

async function checkSandbox(): Promise<Row> {
  const { createSandbox } = await import('@plugboard/sandbox');
  const sandbox = createSandbox({ size: 1 });
  try {
    await sandbox.ready();
    return ['code sandbox', true, `isolation level ${sandbox.isolation().level}`];
  } catch (error) {
    return ['code sandbox', false, error instanceof Error ? error.message : String(error)];
  } finally {
    await sandbox.close();
  }
}
