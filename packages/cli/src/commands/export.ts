import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { CommandFailure } from '../failure.ts';
import { connect } from '../server-client.ts';

/** `plugboard export NAME`: the draft, or what is live, as a file others can import. */
export function exportCommand(): Command {
  return new Command('export')
    .description('print a workflow as a file')
    .argument('<name>', 'name of the workflow')
    .option('--live', 'the published version instead of the draft')
    .option('--yaml', 'YAML instead of JSON')
    .option('-o, --output <file>', 'write to this file')
    .action(async (name: string, options: { live?: boolean; yaml?: boolean; output?: string }, command: Command) => {
      const definition = await connect(command).get<object>(
        `/api/workflows/${encodeURIComponent(name)}/export${options.live ? '?live=true' : ''}`,
      );
      const isYaml = options.yaml || /\.ya?ml$/i.test(options.output ?? '');
      const text = isYaml ? (await import('yaml')).stringify(definition) : `${JSON.stringify(definition, null, 2)}\n`;
      if (options.output === undefined) process.stdout.write(text);
      else write(options.output, text);
    });
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
