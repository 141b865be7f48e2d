import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import { bundledPlugins } from '../bundled-plugins.ts';
import { pagesFolder } from '../pages-folder.ts';

/** `plugboard start`: the server on this machine, until Ctrl-C or SIGTERM. */
export function startCommand(): Command {
  return new Command('start').description('start the server on this machine').action(async (_: object, command: Command) => {
    // Before the first hot code is compiled: what of a run outlives one collection of young objects would be made as old ones from then on,
    // which only a collection of everything takes away. Of a server nearly all is young.
    setFlagsFromString('--no-allocation-site-pretenuring');
    const { createLog, plainLines, readConfig, startServer } = await import('@plugboard/server');
    const { data } = command.optsWithGlobals<{ data?: string }>();
    const env = data === undefined ? process.env : { ...process.env, PLUGBOARD_DATA: resolve(process.cwd(), data) };
    const config = readConfig(env, process.cwd());
    // People read a terminal; what collects a log reads a pipe or a file.
    const log = createLog(config.logLevel, process.stdout.isTTY ? plainLines(process.stdout) : undefined);
    const server = await startServer({
      config,
      bundled: bundledPlugins(),
      pagesDir: pagesFolder(),
      log,
      onFatal: (error) => {
        process.stderr.write(`plugboard: ${error.message}\n`);
        process.exitCode = 1;
        void server.stop().finally(() => process.exit(1));
      },
    });
    process.stdout.write(`Plugboard is ready at ${server.url}\n`);
    if (server.setUpToken !== undefined) {
      // Behind the #: a browser keeps that part to itself, so the token is in no log on the way.
      process.stdout.write(`No owner yet. Open this link once to become it: ${server.url}/setup#token=${server.setUpToken}\n`);
    }
    let asked = false;
    const stop = (): void => {
      // A second signal means: now.
      if (asked) process.exit(130);
      asked = true;
      server.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'stopping failed');
          process.exit(1);
        },
      );
    };
    // What a program that renews certificates sends.
    const reload = (): void => {
      try {
        server.reload();
      } catch (error) {
        log.error({ err: error }, 'the certificate could not be read again; the one before stays');
      }
    };
    if (config.tls) process.on('SIGHUP', reload);
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
