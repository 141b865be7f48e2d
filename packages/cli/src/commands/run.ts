import { Command } from 'commander';
import { readInput } from '../json-argument.ts';
import { printOutcome } from '../run-outcome.ts';
import { connect } from '../server-client.ts';
import { looksLikeFile, readWorkflowFile } from '../workflow-file.ts';

/** `plugboard run FILE|NAME`: starts a run, waits for it, prints its output as JSON. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a workflow file as a draft, or a published workflow by name, and print its output')
    .argument('<workflow>', 'workflow file or name')
    .option('--input <json>', 'input as JSON, @file, or @- for standard input; a webhook trigger sees it as the body')
    .option('--trigger <node>', 'trigger to start from, where there are several')
    .option('--no-wait', 'print the id of the run and return')
    .action(async (workflow: string, options: { input?: string; trigger?: string; wait: boolean }, command: Command) => {
      const input = readInput(options.input);
      const what = looksLikeFile(workflow) ? { definition: await readWorkflowFile(workflow) } : { workflow };
      const server = connect(command);
      const { runId } = await server.post<{ runId: string }>('/api/runs', {
        ...what,
        ...(input === undefined ? {} : { input }),
        ...(options.trigger === undefined ? {} : { trigger: options.trigger }),
      });
      if (!options.wait) {
        process.stdout.write(`${runId}\n`);
        return;
      }
      await printOutcome(server, runId);
    });
}
