import { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure, printProblem, type ProblemLine } from '../failure.ts';
import { type ServerClient, connect } from '../server-client.ts';
import { readWorkflowsFile } from '../workflow-file.ts';

interface ImportResult {
  readonly name: string;
  readonly created: boolean;
  readonly version?: number;
  readonly unchanged?: true;
  readonly hooks: readonly { readonly method: string; readonly path: string }[];
  readonly warnings: readonly ProblemLine[];
}

/** `plugboard import FILE…`: all files are tried; one bad file does not stop the others. */
export function importCommand(): Command {
  return new Command('import')
    .description('import workflow files (JSON or YAML, one workflow or many); an existing name gets a new draft or version')
    .argument('<files...>', 'workflow files')
    .option('--publish', 'publish each workflow at once')
    .option('--note <text>', 'note of the published version')
    .action(async (files: string[], options: { publish?: boolean; note?: string }, command: Command) => {
      const server = connect(command);
      let failed = 0;
      for (const file of files) {
        try {
          await importFile(server, file, options);
        } catch (error) {
          if (!(error instanceof CommandFailure) || error.exitCode === EXIT.unreachable) throw error;
          failed += 1;
          // What is wrong with the file itself is told with its name already.
          process.stderr.write(`${error.message.includes(file) ? '' : `${file}: `}${error.message}\n`);
          for (const problem of error.problems) printProblem(problem);
          if (error.hint) process.stderr.write(`  ${error.hint}\n`);
        }
      }
      if (failed > 0)
        throw new CommandFailure(`${failed} of ${files.length} ${files.length === 1 ? 'file was' : 'files were'} not imported`);
    });
}

/** A file with many workflows is taken in whole or not at all. */
async function importFile(server: ServerClient, file: string, options: { publish?: boolean; note?: string }): Promise<void> {
  const workflows = await readWorkflowsFile(file);
  const how = { publish: options.publish === true, ...(options.note === undefined ? {} : { note: options.note }) };
  const [definition] = workflows;
  const results =
    workflows.length === 1
      ? [await server.post<ImportResult>('/api/workflows/import', { definition, ...how })]
      : (await server.post<{ rows: readonly ImportResult[] }>('/api/workflows/import-many', { workflows, ...how })).rows;
  for (const result of results) report(server, result);
}

function report(server: ServerClient, result: ImportResult): void {
  const state =
    result.version === undefined
      ? 'saved as draft'
      : result.unchanged
        ? `version ${result.version} is live already`
        : `version ${result.version} is live`;
  process.stdout.write(`${result.name}: ${result.created ? 'new, ' : ''}${state}\n`);
  for (const hook of result.hooks) process.stdout.write(`  ${hook.method} ${server.url}${hook.path}\n`);
  for (const warning of result.warnings) printProblem(warning);
}
