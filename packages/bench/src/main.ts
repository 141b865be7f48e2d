/** The command: reads the options, measures, prints the tables, and leaves no process and no folder behind. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createChildren } from './children.ts';
import { BenchServerError } from './plugboard-server.ts';
import { USAGE, UsageError, readOptions } from './options.ts';
import { formatReport } from './report.ts';
import type { Results } from './results.ts';
import { runBench } from './run-bench.ts';

const NODE_MAJOR = 26;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR) {
    process.stderr.write(
      `bench: this is Node ${process.versions.node}; the server runs under the pinned one. Run: npm run bench -w @plugboard/bench\n`,
    );
    return 2;
  }
  let baseline: Results | undefined;
  let options;
  try {
    options = readOptions(args);
    if (options === undefined) {
      process.stdout.write(USAGE);
      return 0;
    }
    if (options.baseline !== undefined) baseline = readBaseline(fromCaller(options.baseline));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return 2;
  }

  const children = createChildren();
  const scratch = mkdtempSync(join(tmpdir(), 'plugboard-bench-'));
  const removeScratch = (): void => rmSync(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  let isInterrupted = false;
  for (const [name, exitCode] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      // A second signal means: now.
      if (isInterrupted) process.exit(exitCode);
      isInterrupted = true;
      process.stderr.write('stopping what was started\n');
      void children.stopAll().then(() => {
        removeScratch();
        process.exit(exitCode);
      });
    });
  }
  process.on('exit', () => children.killAll());
  try {
    const results = await runBench(options, { children, scratch, progress: (text) => process.stderr.write(`${text}\n`) });
    process.stdout.write(`\n${formatReport(results, baseline)}\n`);
    if (options.json !== undefined) writeFileSync(fromCaller(options.json), `${JSON.stringify(results, null, 2)}\n`);
    return 0;
  } catch (error) {
    // Whatever was waited for breaks when its process is stopped; the signal's handler ends this process.
    if (isInterrupted) return await new Promise<never>(() => undefined);
    if (!(error instanceof BenchServerError)) throw error;
    process.stderr.write(`bench: ${error.message}\n`);
    return 1;
  } finally {
    if (!isInterrupted) {
      await children.stopAll();
      removeScratch();
    }
  }
}

/** npm runs the command in the package's folder; people name files from where they are. */
function fromCaller(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), path);
}

/** @throws UsageError for a file that this bench did not write */
function readBaseline(path: string): Results {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Results>;
    if (Array.isArray(value.throughput) && Array.isArray(value.figures)) return value as Results;
  } catch (error) {
    throw new UsageError([`--baseline ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`]);
  }
  throw new UsageError([`--baseline ${path} holds no results of this bench; write some with --json`]);
}
