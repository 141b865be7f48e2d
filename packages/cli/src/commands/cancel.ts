import { Command } from 'commander';
import { connect } from '../server-client.ts';

/** `plugboard cancel RUN`: stops a run; writes in flight settle first. */
export function cancelCommand(): Command {
  return new Command('cancel')
    .description('stop a run')
    .argument('<run>', 'id of the run, its last eight digits, or last')
    .option('--reason <text>', 'kept in the run')
    .action(async (id: string, options: { reason?: string }, command: Command) => {
      const run = await connect(command).post<{ status: string }>(
        `/api/runs/${encodeURIComponent(id)}/cancel`,
        options.reason === undefined ? {} : { reason: options.reason },
      );
      process.stdout.write(`${run.status}\n`);
    });
}
