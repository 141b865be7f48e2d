import { Command, Option } from 'commander';
import { CommandFailure } from '../failure.ts';
import { EXIT } from '../exit-code.ts';
import { connect } from '../server-client.ts';

interface ResolveOptions {
  readonly item: string;
  readonly retry?: true;
  readonly done?: true;
  readonly fail?: true;
  readonly output?: string;
}

/** `plugboard resolve RUN STEP`: a person's decision about a write that may or may not have happened. */
export function resolveCommand(): Command {
  return new Command('resolve')
    .description('decide about a write that may have happened')
    .argument('<run>', 'id of the run, its last eight digits, or last')
    .argument('<step>', 'name or id of the step')
    .option('--item <n>', 'which item, counted from 0', '0')
    .addOption(new Option('--retry', 'send it again with the same idempotency key').conflicts(['done', 'fail']))
    .addOption(new Option('--done', 'it has happened: go on').conflicts(['retry', 'fail']))
    .addOption(new Option('--fail', 'it has not, and shall not: the item fails').conflicts(['retry', 'done']))
    .option('--output <json>', 'with --done: the item the step gives')
    .action(async (run: string, step: string, options: ResolveOptions, command: Command) => {
      const decision = options.retry ? 'retry' : options.done ? 'done' : options.fail ? 'fail' : undefined;
      if (!decision) throw new CommandFailure('say what to do: --retry, --done or --fail', { exitCode: EXIT.usage });
      if (!/^\d+$/.test(options.item)) throw new CommandFailure(`--item takes a number, not "${options.item}"`, { exitCode: EXIT.usage });
      const state = await connect(command).post<{ status: string }>(`/api/runs/${encodeURIComponent(run)}/resolve`, {
        node: step,
        item: Number(options.item),
        decision,
        ...(options.output === undefined ? {} : { output: parseOutput(options.output) }),
      });
      process.stdout.write(`${state.status}\n`);
    });
}

function parseOutput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`--output is not valid JSON: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: EXIT.usage,
    });
  }
}
