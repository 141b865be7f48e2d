import { access, copyFile, rename, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { connect, dataFolder, serverFile } from '../server-client.ts';

interface Made {
  readonly file: string;
  readonly sizeBytes: number;
  readonly rows: number;
  readonly files: number;
  readonly hasKeys: boolean;
}

interface BackupOptions {
  readonly withKey?: boolean;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** `plugboard backup FILE`: by the running server, without a pause; or straight from the data folder when none runs. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('back up everything into one file, while the server runs or when it does not')
    .argument('<file>', 'file to make; nothing is overwritten')
    .option('--with-key', 'put the root key in too, closed with the passphrase of PLUGBOARD_BACKUP_PASSPHRASE or --passphrase-file')
    .option('--passphrase-file <path>', 'file with the passphrase')
    .option('--json', 'print JSON')
    .action(async (name: string, options: BackupOptions, command: Command) => {
      const file = resolve(process.cwd(), name);
      if (await exists(file))
        throw new CommandFailure(`${file} is there already`, { hint: 'Nothing is overwritten. Choose another name.' });
      const given = passphrase(options);
      if (options.withKey === true && given === undefined) throw noPassphrase();
      const closing = options.withKey === true ? given : undefined;
      const { server } = command.optsWithGlobals<{ server?: string }>();
      const isRunning = server !== undefined || (await answers(dataFolder(command)));
      const made = isRunning ? await byServer(command, closing) : await fromFolder(command, file, closing);
      if (isRunning && server !== undefined) {
        process.stdout.write(`The backup is on the machine of the server: ${made.file}\n`);
        return;
      }
      if (isRunning) await move(made.file, file);
      if (options.json === true) return void process.stdout.write(`${JSON.stringify({ ...made, file })}\n`);
      process.stdout.write(
        `${file}: ${made.rows} rows, ${made.files} files, ${(made.sizeBytes / 1024 / 1024).toFixed(1)} MiB. ` +
          `${made.hasKeys ? 'The root key is in it, closed with your passphrase.' : 'The root key is NOT in it: keep keys/root.key of the data folder, or PLUGBOARD_ROOT_KEY, in another place.'}\n`,
      );
    });
}

export function passphrase({ passphraseFile }: { readonly passphraseFile?: string }): string | undefined {
  if (passphraseFile === undefined) return process.env['PLUGBOARD_BACKUP_PASSPHRASE'] || undefined;
  try {
    return readFileSync(passphraseFile, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new CommandFailure(`--passphrase-file: ${passphraseFile} cannot be read`, { exitCode: EXIT.usage, cause: error });
  }
}

export function noPassphrase(): CommandFailure {
  return new CommandFailure('--with-key needs a passphrase', {
    exitCode: EXIT.usage,
    hint: 'Set PLUGBOARD_BACKUP_PASSPHRASE, or name a file with --passphrase-file. On the command line others could read it.',
  });
}

function byServer(command: Command, closing: string | undefined): Promise<Made> {
  return connect(command, { timeoutMs: 24 * 60 * 60_000 }).post<Made>('/api/backups', closing === undefined ? {} : { passphrase: closing });
}

/** No server runs: nothing can change meanwhile. */
async function fromFolder(command: Command, file: string, closing: string | undefined): Promise<Made> {
  const [{ openDatabase, startEmbeddedPostgres }, { createBackup, readConfig, VERSION }] = await Promise.all([
    import('@plugboard/persistence'),
    import('@plugboard/server'),
  ]);
  const dataDir = dataFolder(command);
  const config = readConfig({ ...process.env, PLUGBOARD_DATA: dataDir }, process.cwd());
  if (config.databaseUrl === undefined && !(await exists(dataDir)))
    throw new CommandFailure(`there is no data folder ${dataDir}`, { hint: 'Name it with --data.' });
  const embedded = config.databaseUrl ? undefined : await startEmbeddedPostgres({ dataDir });
  try {
    const database = await openDatabase(embedded ? { embedded } : { url: config.databaseUrl ?? '' });
    try {
      return await createBackup({ database, dataDir, file, version: VERSION, passphrase: closing });
    } finally {
      await database.close();
    }
  } finally {
    await embedded?.stop();
  }
}

async function answers(dataDir: string): Promise<boolean> {
  const server = serverFile(dataDir);
  if (!server) return false;
  return fetch(`${server.url}/healthz`, { signal: AbortSignal.timeout(3000) }).then(
    (answer) => answer.ok,
    () => false,
  );
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // On another disk.
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
    await rm(from);
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
