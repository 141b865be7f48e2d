import { Argument, Command } from 'commander';
import { connect } from '../server-client.ts';

/** `plugboard held-runs`: runs that a restore holds back until somebody decides. */
export function heldRunsCommand(): Command {
  return new Command('held-runs')
    .description('runs held after a restore: count them, let them go on, or cancel them')
    .addArgument(new Argument('[decision]', 'what to do with them').choices(['resume', 'cancel']))
    .option('--json', 'print JSON')
    .action(async (decision: 'resume' | 'cancel' | undefined, options: { readonly json?: boolean }, command: Command) => {
      const server = connect(command);
      const answer =
        decision === undefined
          ? await server.get<{ count: number }>('/api/held-runs')
          : await server.post<{ count: number }>('/api/held-runs/release', { decision });
      const done = decision === undefined ? 'held' : decision === 'resume' ? 'go on' : 'cancelled';
      process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : `${answer.count} runs: ${done}\n`);
    });
}
