import { Command, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { readInput } from '../json-argument.ts';
import { printOutcome } from '../run-outcome.ts';
import { sourceOption } from '../run-source.ts';
import { connect } from '../server-client.ts';

interface RerunOptions {
  readonly from?: string;
  readonly skip?: string;
  readonly items?: string;
  readonly on: string;
  readonly wait: boolean;
}

/** `plugboard rerun RUN`: again from the start, from a step on, or past a failed step. */
export function rerunCommand(): Command {
  return new Command('rerun')
    .description('run again with the same input; with --from, go on from a step; with --skip, go on behind a failed step')
    .argument('<run>', 'id of the run, its last eight digits, or last')
    .addOption(new Option('--from <step>', 'name or id of the step to go on from; what is before it is kept').conflicts('skip'))
    .addOption(new Option('--skip <step>', 'name or id of the failed step to take as done'))
    .option('--items <json>', 'items as JSON, @file, or @- for standard input: what the step gets, or what the skipped step hands on')
    .addOption(sourceOption())
    .option('--no-wait', 'print the id of the new run and return')
    .action(async (run: string, options: RerunOptions, command: Command) => {
      const server = connect(command);
      const { path, body } = request(options);
      const { runId } = await server.post<{ runId: string }>(`/api/runs/${encodeURIComponent(run)}/${path}`, {
        ...body,
        source: options.on,
      });
      if (!options.wait) return void process.stdout.write(`${runId}\n`);
      await printOutcome(server, runId);
    });
}

function request({ from, skip, items: given }: RerunOptions): { readonly path: string; readonly body: object } {
  if (from === undefined && skip === undefined) {
    if (given !== undefined) throw new CommandFailure('--items needs --from or --skip', { exitCode: EXIT.usage });
    return { path: 'again', body: {} };
  }
  const input = readInput(given);
  const items = input === undefined ? {} : { items: Array.isArray(input) ? input : [input] };
  return skip === undefined ? { path: 'rerun', body: { nodeId: from, ...items } } : { path: 'skip', body: { nodeId: skip, ...items } };
}
