/** A server process for the tests of the embedded PostgreSQL: starts it on argv[2], tells its log and how that went, stops at `stop`. */
import { startEmbeddedPostgres } from '../src/index.ts';

const say = (message: object): boolean => process.stdout.write(`${JSON.stringify(message)}\n`);

try {
  const embedded = await startEmbeddedPostgres({
    dataDir: process.argv[2] ?? '',
    log: (line) => void say({ log: line }),
    onStateChange: (state) => say({ state: state.kind }),
  });
  say({ ready: true, connection: embedded.connection });
  process.stdin.on('data', () => {
    void embedded.stop().then(() => process.exit(0));
  });
} catch (error) {
  say({
    code: error instanceof Error && 'code' in error ? error.code : 'NONE',
    message: error instanceof Error ? error.message : String(error),
  });
  process.exit(1);
}
