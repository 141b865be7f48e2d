import { Command, InvalidArgumentError } from 'commander';
import { CommandFailure, type ProblemLine } from '../failure.ts';
import { connect } from '../server-client.ts';
import { table } from '../table.ts';

interface UpcomingRun {
  readonly at: string;
  readonly localTime: string;
  readonly offset: string;
}

interface ScheduleLine {
  readonly id: string;
  readonly workflowName: string;
  readonly nodeName: string;
  readonly text: string;
  readonly timezone: string;
  readonly state: string;
  readonly isWorkflowPaused: boolean;
  readonly nextRuns: readonly UpcomingRun[];
  readonly lastDueAt?: string;
  readonly problem?: string;
}

interface Preview {
  readonly timezone: string;
  readonly runs: readonly UpcomingRun[];
  readonly problems: readonly ProblemLine[];
}

interface Job {
  readonly state: string;
  readonly done: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly total?: number;
  readonly code?: string;
}

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 1000;

/** `plugboard schedules`: what starts by time, and when. */
export function schedulesCommand(): Command {
  const schedules = new Command('schedules').description('see, pause and make up for what starts by time');
  schedules
    .command('list', { isDefault: true })
    .description('list the schedules of published workflows')
    .option('--search <text>', 'only where the workflow or the schedule has this in its name')
    .option('--limit <n>', 'schedules to show, 1 to 100', count, 50)
    .option('--after <cursor>', 'go on where the page before ended')
    .option('--json', 'print JSON')
    .action(async (options: { search?: string; limit: number; after?: string; json?: boolean }, command: Command) => {
      const query = new URLSearchParams({ first: String(options.limit) });
      for (const key of ['search', 'after'] as const) if (options[key] !== undefined) query.set(key, options[key]);
      const page = await connect(command).get<{ rows: ScheduleLine[]; endCursor?: string }>(`/api/schedules?${query.toString()}`);
      if (options.json) return void process.stdout.write(`${JSON.stringify(page, null, 2)}\n`);
      if (page.rows.length === 0) {
        const hint = options.search === undefined ? ' Add a Schedule trigger to a workflow and publish it.' : '';
        return void process.stdout.write(`There are no schedules.${hint}\n`);
      }
      const rows = page.rows.map((one) => [
        one.id,
        one.workflowName,
        one.nodeName,
        one.isWorkflowPaused ? 'workflow paused' : one.state,
        one.text,
        one.nextRuns[0] ? local(one.nextRuns[0], one.timezone) : 'never',
        one.problem ?? '',
      ]);
      process.stdout.write(table(['id', 'workflow', 'schedule', 'state', 'when', 'next', 'problem'], rows));
      if (page.endCursor) process.stdout.write(`more: npx plugboard schedules list --after ${page.endCursor}\n`);
    });
  schedules
    .command('preview')
    .description('show when a cron line would be due next')
    .argument('<cron>', 'five fields, or six with seconds in front, such as "30 8 * * 1-5"')
    .option('--zone <name>', 'time zone, such as Europe/Paris; that of the workspace if left out')
    .option('--count <n>', 'times to show, 1 to 100', count, 10)
    .action(async (cron: string, options: { zone?: string; count: number }, command: Command) => {
      const body = { cron: [cron], count: options.count, ...(options.zone === undefined ? {} : { timezone: options.zone }) };
      const { runs, problems, timezone } = await connect(command).post<Preview>('/api/schedules/preview', body);
      if (problems.length > 0) throw new CommandFailure('This cannot be a schedule.', { problems });
      process.stdout.write(
        table(
          ['local time', 'UTC'],
          runs.map((run) => [local(run, timezone), run.at]),
        ),
      );
    });
  for (const [act, done, words] of [
    ['pause', 'paused', 'let a schedule start nothing until it is resumed'],
    ['resume', 'goes on', 'let a schedule go on; times that were missed follow its policy'],
  ] as const) {
    schedules
      .command(act)
      .description(words)
      .argument('<id>', 'as the list shows it')
      .action(async (id: string, _: object, command: Command) => {
        const one = await connect(command).post<ScheduleLine>(`/api/schedules/${encodeURIComponent(id)}/${act}`, {});
        process.stdout.write(`${one.workflowName} (${one.nodeName}) ${done}\n`);
      });
  }
  schedules
    .command('backfill')
    .description('start a run for each time of a span that had none, and wait for that')
    .argument('<id>', 'as the list shows it')
    .requiredOption('--from <time>', 'such as 2026-01-31T00:00:00Z')
    .requiredOption('--until <time>', 'such as 2026-02-01T00:00:00Z')
    .action(async (id: string, span: { from: string; until: string }, command: Command) => {
      const client = connect(command);
      const started = await client.post<{ id: string; total: number }>(`/api/schedules/${encodeURIComponent(id)}/backfill`, {
        from: span.from,
        until: span.until,
      });
      let pauseMs = FIRST_PAUSE_MS;
      let job = await client.get<Job>(`/api/jobs/${started.id}`);
      while (job.state === 'queued' || job.state === 'running') {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
        job = await client.get<Job>(`/api/jobs/${started.id}`);
      }
      process.stdout.write(`${job.done} of ${started.total} times were made up for; ${job.unchanged} had their run before\n`);
      if (job.state !== 'succeeded')
        throw new CommandFailure(`The backfill ended as ${job.state}${job.code === undefined ? '' : ` (${job.code})`}.`);
    });
  return schedules;
}

function local({ localTime, offset }: UpcomingRun, timezone: string): string {
  return `${localTime.replace('T', ' ')} ${timezone === 'UTC' ? 'UTC' : offset}`;
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 100) return value;
  throw new InvalidArgumentError('Expected a whole number from 1 to 100.');
}
