import { Argument, Command, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { connect } from '../server-client.ts';
import { table } from '../table.ts';

interface Setting {
  readonly key: string;
  readonly help: string;
  readonly value: unknown;
  readonly from: string;
  readonly rev: number;
  readonly isImmediate: boolean;
}

interface SettingsOptions {
  readonly level: 'workspace' | 'instance';
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
      new Option('--level <level>', 'of the whole server, or of the workspace').choices(['instance', 'workspace']).default('instance'),
    )
    .option('--reset', 'take it back to what counts above it')
    .option('--json', 'print JSON')
    .action(async (key: string | undefined, value: string | undefined, options: SettingsOptions, command: Command) => {
      const server = connect(command);
      const all = await server.get<Setting[]>(`/api/settings?level=${options.level}`);
      const one = all.find((setting) => setting.key === key);
      if (key !== undefined && !one)
        throw new CommandFailure(`there is no setting ${key} on this level`, {
          hint: `There are: ${all.map((setting) => setting.key).join(', ')}`,
        });
      if (!one || (value === undefined && options.reset !== true)) return show(one ? [one] : all, options);
      if (value !== undefined && options.reset === true)
        throw new CommandFailure('give a value or --reset, not both', { exitCode: EXIT.usage });
      const changed = await server.put<Setting>(`/api/settings/${encodeURIComponent(one.key)}`, {
        level: options.level,
        value: value === undefined ? null : parsed(value),
        expectedRev: one.rev,
      });
      show([changed], options);
      if (!changed.isImmediate && options.json !== true) process.stdout.write('The next start of the server reads it.\n');
    });
}

function show(settings: readonly Setting[], { json }: SettingsOptions): void {
  if (json === true) return void process.stdout.write(`${JSON.stringify(settings, null, 2)}\n`);
  const rows = settings.map((one) => [one.key, JSON.stringify(one.value), one.from, one.help]);
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
