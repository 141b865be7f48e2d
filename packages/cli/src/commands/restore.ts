import { resolve } from 'node:path';
import { Command } from 'commander';
import { CommandFailure } from '../failure.ts';
import { dataFolder } from '../server-client.ts';
import { noPassphrase, passphrase } from './backup.ts';

interface RestoreOptions {
  readonly verify?: boolean;
  readonly resumeRuns?: boolean;
  readonly withKey?: boolean;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** `plugboard restore FILE --data DIR`: a new data folder from a backup, or with DATABASE_URL an empty database. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('make a new data folder (with DATABASE_URL: fill an empty database) from a backup, or only check the backup')
    .argument('<file>', 'a file made by "plugboard backup"')
    .option('--verify', 'read the whole file and compare it with its manifest; nothing is made')
    .option('--resume-runs', 'runs that had not ended go on with the next start, instead of waiting for a decision')
    .option('--with-key', 'bring back the root key in the backup, with the passphrase of PLUGBOARD_BACKUP_PASSPHRASE or --passphrase-file')
    .option('--passphrase-file <path>', 'file with the passphrase')
    .option('--json', 'print JSON')
    .action(async (name: string, options: RestoreOptions, command: Command) => {
      const { BackupError, checkBackup, readConfig, restoreBackup } = await import('@plugboard/server');
      const file = resolve(process.cwd(), name);
      const print = (fields: object, text: string): void =>
        void process.stdout.write(options.json === true ? `${JSON.stringify(fields)}\n` : `${text}\n`);
      try {
        if (options.verify === true) {
          const { head, manifest, sizeBytes } = await checkBackup(file);
          const rows = Object.values(manifest.rows).reduce((sum, count) => sum + count, 0);
          const facts = {
            createdAt: head.createdAt,
            version: head.version,
            schema: head.schema,
            rows,
            files: manifest.files,
            sizeBytes,
            hasKeys: head.hasKeys,
          };
          return print(
            facts,
            `${file} is whole: made ${head.createdAt} by ${head.version}, schema ${head.schema}, ${rows} rows, ${manifest.files} files.`,
          );
        }
        const given = passphrase(options);
        if (options.withKey === true && given === undefined) throw noPassphrase();
        const dataDir = dataFolder(command);
        const config = readConfig({ ...process.env, PLUGBOARD_DATA: dataDir }, process.cwd());
        const restored = await restoreBackup({
          file,
          dataDir,
          databaseUrl: config.databaseUrl,
          rootKey: config.rootKey,
          passphrase: options.withKey === true ? given : undefined,
          openRuns: options.resumeRuns === true ? 'resume' : 'held',
          ...(options.json === true ? {} : { log: (message: string) => void process.stderr.write(`${message}\n`) }),
        });
        print({ ...restored, dataDir }, described(dataDir, restored, options.resumeRuns === true));
      } catch (error) {
        if (error instanceof BackupError) throw new CommandFailure(error.message, { cause: error });
        throw error;
      }
    });
}

function described(
  dataDir: string,
  restored: {
    readonly createdAt: string;
    readonly rows: number;
    readonly files: number;
    readonly openRuns: number;
    readonly rootKey: string;
  },
  resumes: boolean,
): string {
  const lines = [`${dataDir}: ${restored.rows} rows and ${restored.files} files of ${restored.createdAt} are back.`];
  if (restored.rootKey === 'absent')
    lines.push(
      'Before the first start put the root key of then into keys/root.key there, or set PLUGBOARD_ROOT_KEY: without it the server does not start.',
    );
  if (restored.openRuns > 0 && !resumes) {
    lines.push(
      `${restored.openRuns} runs had not ended and are held: since the backup they may have done more. Once the server runs, let them go on with ` +
        '"plugboard held-runs resume", or end them with "plugboard held-runs cancel".',
    );
  }
  if (restored.openRuns > 0 && resumes)
    lines.push(`${restored.openRuns} runs go on with the next start; what they did since the backup is done again.`);
  return lines.join('\n');
}
