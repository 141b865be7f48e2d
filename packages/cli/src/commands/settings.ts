import { Argument, Command, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { type ServerClient, connect } from '../server-client.ts';
import { table } from '../table.ts';

interface Setting {
  readonly key: string;
  readonly help: string;
  readonly value: unknown;
  readonly from: string;
  readonly rev: number;
  readonly isImmediate: boolean;
  readonly isSecret: boolean;
}

interface SettingsOptions {
  readonly level: 'project' | 'workspace' | 'instance';
  readonly project?: string;
  readonly reset?: boolean;
  readonly json?: boolean;
}

/** `plugboard settings [key] [value]`: what counts and where it comes from; sets one, or takes it back. */
export function settingsCommand(): Command {
  return new Command('settings')
    .description('show settings, set one, or take one back')
    .addArgument(new Argument('[key]', 'such as runs.retentionDays'))
    .addArgument(new Argument('[value]', 'JSON, such as 14 or ["10.0.0.0/8"]'))
    .addOption(
      new Option('--level <level>', 'of the whole server, of the workspace, or of a project')
        .choices(['instance', 'workspace', 'project'])
        .default('instance'),
    )
    .option('--project <slug or id>', 'the project, with --level project', 'default')
    .option('--reset', 'take it back to what counts above it')
    .option('--json', 'print JSON')
    .action(async (key: string | undefined, value: string | undefined, options: SettingsOptions, command: Command) => {
      const server = connect(command);
      const path =
        options.level === 'project' ? `/api/projects/${await projectId(server, options.project ?? '')}/settings` : '/api/settings';
      const level: Record<string, string> = options.level === 'project' ? {} : { level: options.level };
      const all = await server.get<Setting[]>(`${path}?${new URLSearchParams(level).toString()}`);
      const one = all.find((setting) => setting.key === key);
      if (key !== undefined && !one)
        throw new CommandFailure(`there is no setting ${key} on this level`, {
          hint: `There are: ${all.map((setting) => setting.key).join(', ')}`,
        });
      if (!one || (value === undefined && options.reset !== true)) return show(one ? [one] : all, options);
      if (value !== undefined && options.reset === true)
        throw new CommandFailure('give a value or --reset, not both', { exitCode: EXIT.usage });
      const changed = await server.put<Setting>(`${path}/${encodeURIComponent(one.key)}`, {
        ...level,
        value: value === undefined ? null : parsed(value),
        expectedRev: one.rev,
      });
      show([changed], options);
      if (!changed.isImmediate && options.json !== true) process.stdout.write('The next start of the server reads it.\n');
    });
}

async function projectId(server: ServerClient, wanted: string): Promise<string> {
  const projects = await server.get<readonly { readonly id: string; readonly slug: string }[]>('/api/projects');
  const found = projects.find((one) => one.id === wanted || one.slug === wanted);
  if (found) return found.id;
  throw new CommandFailure(`there is no project ${wanted}`, { hint: `There are: ${projects.map((one) => one.slug).join(', ')}` });
}

function show(settings: readonly Setting[], { json }: SettingsOptions): void {
  if (json === true) return void process.stdout.write(`${JSON.stringify(settings, null, 2)}\n`);
  const rows = settings.map((one) => [one.key, one.isSecret ? '(secret)' : JSON.stringify(one.value), one.from, one.help]);
  process.stdout.write(table(['KEY', 'VALUE', 'FROM', 'MEANING'], rows));
}

/** A plain word is a text. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
