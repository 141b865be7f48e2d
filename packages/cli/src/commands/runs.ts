import { Command, InvalidArgumentError, Option } from 'commander';
import { connect } from '../server-client.ts';
import { age, duration, table } from '../table.ts';

interface RunLine {
  readonly id: string;
  readonly status: string;
  readonly waitingFor?: string;
  readonly workflowName?: string;
  readonly version: number;
  readonly environment: string;
  readonly trigger: string;
  readonly startedAt: string;
  readonly durationMs?: number;
  readonly error?: { readonly code: string; readonly nodeName?: string };
}

const STATES = ['pending', 'running', 'paused', 'waiting', 'succeeded', 'failed', 'cancelled', 'timed_out'];

/** `plugboard runs`: the newest runs, a page at a time. */
export function runsCommand(): Command {
  return new Command('runs')
    .description('list the newest runs of the last 7 days')
    .addOption(new Option('--status <status>', 'only runs in this state').choices(STATES))
    .option('--workflow <name>', 'only runs of this workflow')
    .option('--limit <n>', 'runs to show, 1 to 100', limit, 20)
    .option('--cursor <cursor>', 'go on where the page before ended')
    .option('--json', 'print JSON')
    .action(async (options: { status?: string; workflow?: string; limit: number; cursor?: string; json?: boolean }, command: Command) => {
      const query = new URLSearchParams({ limit: String(options.limit) });
      for (const key of ['status', 'workflow', 'cursor'] as const) if (options[key] !== undefined) query.set(key, options[key]);
      const page = await connect(command).get<{ runs: RunLine[]; nextCursor?: string }>(`/api/runs?${query.toString()}`);
      if (options.json) {
        process.stdout.write(`${JSON.stringify(page, null, 2)}\n`);
        return;
      }
      if (page.runs.length === 0) {
        const isFiltered = options.status !== undefined || options.workflow !== undefined || options.cursor !== undefined;
        process.stdout.write(
          isFiltered
            ? 'No runs match in the last 7 days.\n'
            : 'No runs in the last 7 days. Start one with: npx plugboard run FILE, or call a published webhook.\n',
        );
        return;
      }
      const rows = page.runs.map((run) => [
        run.id.slice(-8),
        run.waitingFor ? `${run.status} (${run.waitingFor})` : run.status,
        run.workflowName ?? '',
        run.environment === 'draft' ? 'draft' : `v${run.version}`,
        run.trigger,
        age(run.startedAt),
        run.durationMs === undefined ? '' : duration(run.durationMs),
        run.error?.nodeName ?? '',
        run.error?.code ?? '',
      ]);
      process.stdout.write(table(['run', 'status', 'workflow', 'version', 'trigger', 'started', 'took', 'failed at', 'error'], rows));
      if (page.nextCursor) process.stdout.write(`more: npx plugboard runs${filters(options)} --cursor ${page.nextCursor}\n`);
    });
}

function limit(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 100) return value;
  throw new InvalidArgumentError('Expected a whole number from 1 to 100.');
}

/** The options of this page, for the command that shows the next one. */
function filters(options: { readonly status?: string; readonly workflow?: string; readonly limit: number }): string {
  const words = [];
  if (options.status !== undefined) words.push(`--status ${options.status}`);
  if (options.workflow !== undefined) words.push(`--workflow '${options.workflow.replaceAll("'", `'\\''`)}'`);
  if (options.limit !== 20) words.push(`--limit ${options.limit}`);
  return words.map((word) => ` ${word}`).join('');
}
