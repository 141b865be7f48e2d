import { resolve } from 'node:path';
import { Command } from 'commander';

/** `plugboard migrate`: brings the database schema up to date without starting a server. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the database schema up to date, without starting the server')
    .option('--accept-root-key', 'let the next start bind the database to its root key, when the one it was first used with is lost')
    .action(async (options: { acceptRootKey?: boolean }, command: Command) => {
      const [{ migrate, openDatabase, startEmbeddedPostgres }, { forgetRootKey, readConfig }, { makeDataFolder }] = await Promise.all([
        import('@plugboard/persistence'),
        import('@plugboard/server'),
        import('@plugboard/server/local'),
      ]);
      const { data } = command.optsWithGlobals<{ data?: string }>();
      const config = readConfig(
        data === undefined ? process.env : { ...process.env, PLUGBOARD_DATA: resolve(process.cwd(), data) },
        process.cwd(),
      );
      if (config.databaseUrl === undefined) makeDataFolder(config.dataDir, true);
      const embedded = config.databaseUrl ? undefined : await startEmbeddedPostgres({ dataDir: config.dataDir });
      try {
        const database = await openDatabase(embedded ? { embedded } : { url: config.databaseUrl ?? '' });
        try {
          const { applied } = await migrate(database);
          process.stdout.write(applied.length === 0 ? 'The schema is up to date.\n' : `Applied: ${applied.join(', ')}\n`);
          if (options.acceptRootKey === true) {
            const hadOne = await forgetRootKey(database);
            process.stdout.write(
              hadOne ? 'The next start binds the database to its root key.\n' : 'The database belonged to no root key yet.\n',
            );
          }
        } finally {
          await database.close();
        }
      } finally {
        await embedded?.stop();
      }
    });
}
