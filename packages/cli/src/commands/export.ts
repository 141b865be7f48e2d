import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { type ServerClient, connect } from '../server-client.ts';
import { BUNDLE } from '../workflow-file.ts';

interface Options {
  readonly live?: boolean;
  readonly yaml?: boolean;
  readonly all?: boolean;
  readonly output?: string;
  readonly dir?: string;
}

interface Bundle {
  readonly workflows: readonly { readonly name: string }[];
  readonly endCursor?: string;
}

/** `plugboard export NAME…`: drafts, or what is live, as files others can import. */
export function exportCommand(): Command {
  return new Command('export')
    .description('print workflows as a file')
    .argument('[names...]', 'names of workflows; several make one file with all of them')
    .option('--all', 'every workflow')
    .option('--live', 'the published versions instead of the drafts')
    .option('--yaml', 'YAML instead of JSON')
    .option('-o, --output <file>', 'write to this file')
    .option('-d, --dir <folder>', 'write each workflow to a file of its own in this folder')
    .action(async (names: string[], options: Options, command: Command) => {
      if ((names.length === 0) === (options.all !== true))
        throw new CommandFailure('name the workflows, or give --all', { exitCode: EXIT.usage });
      if (options.output !== undefined && options.dir !== undefined)
        throw new CommandFailure('give --output or --dir, not both', { exitCode: EXIT.usage });
      const server = connect(command);
      const workflows = options.all ? await everything(server, options) : await named(server, names, options);
      const isYaml = options.yaml === true || /\.ya?ml$/i.test(options.output ?? '');
      if (options.dir !== undefined) return writeEach(options.dir, workflows, isYaml);
      const text = await textOf(workflows, isYaml, options.all === true || names.length > 1);
      if (options.output === undefined) process.stdout.write(text);
      else write(options.output, text);
    });
}

async function named(server: ServerClient, names: readonly string[], { live }: Options): Promise<readonly object[]> {
  const found: object[] = [];
  for (const name of names)
    found.push(await server.get<object>(`/api/workflows/${encodeURIComponent(name)}/export${live ? '?live=true' : ''}`));
  return found;
}

async function everything(server: ServerClient, { live }: Options): Promise<readonly object[]> {
  const found: object[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ ...(live ? { live: 'true' } : {}), ...(after === undefined ? {} : { after }) });
    const bundle: Bundle = await server.get<Bundle>(`/api/workflows/export?${query.toString()}`);
    found.push(...bundle.workflows);
    after = bundle.endCursor;
  } while (after !== undefined);
  return found;
}

async function textOf(workflows: readonly object[], isYaml: boolean, isBundle: boolean): Promise<string> {
  if (isYaml) {
    const { stringify } = await import('yaml');
    return workflows.map((one) => stringify(one)).join('---\n');
  }
  return `${JSON.stringify(isBundle ? { format: BUNDLE, workflows } : workflows[0], null, 2)}\n`;
}

async function writeEach(folder: string, workflows: readonly object[], isYaml: boolean): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new CommandFailure(`${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const taken = new Set<string>();
  for (const workflow of workflows) {
    const stem = fileStem('name' in workflow ? String(workflow.name) : '');
    let name = stem;
    for (let n = 2; taken.has(name); n++) name = `${stem}-${n}`;
    taken.add(name);
    const path = join(folder, `${name}.workflow.${isYaml ? 'yaml' : 'json'}`);
    write(path, await textOf([workflow], isYaml, false));
    process.stdout.write(`${path}\n`);
  }
}

/** Letters and digits of the name: a name may hold anything, a file must stay in its folder. */
function fileStem(name: string): string {
  const stem = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 80)
    .replace(/^-+|-+$/g, '');
  return stem === '' ? 'workflow' : stem;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
