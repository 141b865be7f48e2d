/** A whole server in a process of its own, to be killed: settings from the environment, tells when it is ready, logs to standard error. */
import { fileURLToPath } from 'node:url';
import { createLog, readConfig, startServer } from '../src/index.ts';

const [bundleFile = '', irFile = ''] = ['plugin.mjs', 'plugin.ir.json'].map((name) =>
  fileURLToPath(new URL(`../../../plugins/core/dist/${name}`, import.meta.url)),
);
const dataDir = process.env['PLUGBOARD_DATA'] ?? '';
const server = await startServer({
  config: readConfig(process.env, dataDir),
  bundled: [{ bundleFile, irFile }],
  log: createLog('info', process.stderr),
});
process.stdout.write(`ready ${server.url}\n`);
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
