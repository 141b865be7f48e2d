import { Command } from 'commander';
import { sourceOption } from '../run-source.ts';
import { printOutcome } from '../run-outcome.ts';
import { connect } from '../server-client.ts';

interface RetryOptions {
  readonly on: string;
  readonly wait: boolean;
}

/** `plugboard retry RUN`: a new run that keeps what succeeded and does the rest. */
export function retryCommand(): Command {
  return new Command('retry')
    .description('go on from a run that failed: what succeeded is kept, the rest is done in a new run')
    .argument('<run>', 'id of the run, its last eight digits, or last')
    .addOption(sourceOption())
    .option('--no-wait', 'print the id of the new run and return')
    .action(async (run: string, { on, wait }: RetryOptions, command: Command) => {
      const server = connect(command);
      const { runId, kept } = await server.post<{ runId: string; kept: number }>(`/api/runs/${encodeURIComponent(run)}/retry`, {
        source: on,
      });
      if (!wait) return void process.stdout.write(`${runId}\n`);
      process.stderr.write(`run ${runId.slice(-8)} keeps the results of ${kept === 1 ? '1 step' : `${kept} steps`}\n`);
      await printOutcome(server, runId);
    });
}
