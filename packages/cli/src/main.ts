/** The `plugboard` command: reads the arguments, calls one command, turns failures into plain lines and an exit code. */
import { Command, CommanderError } from 'commander';
import { backupCommand } from './commands/backup.ts';
import { cancelCommand } from './commands/cancel.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { heldRunsCommand } from './commands/held-runs.ts';
import { importCommand } from './commands/import.ts';
import { migrateCommand } from './commands/migrate.ts';
import { pauseCommand, resumeCommand } from './commands/pause.ts';
import { rerunCommand } from './commands/rerun.ts';
import { resolveCommand } from './commands/resolve.ts';
import { restoreCommand } from './commands/restore.ts';
import { retryCommand } from './commands/retry.ts';
import { rotateRootKeyCommand } from './commands/rotate-root-key.ts';
import { runCommand } from './commands/run.ts';
import { runsCommand } from './commands/runs.ts';
import { schedulesCommand } from './commands/schedules.ts';
import { settingsCommand } from './commands/settings.ts';
import { showCommand } from './commands/show.ts';
import { startCommand } from './commands/start.ts';
import { testCommand } from './commands/test.ts';
import { validateCommand } from './commands/validate.ts';
import { workflowsCommand } from './commands/workflows.ts';
import { CommandFailure, reportFailure } from './failure.ts';
import { EXIT } from './exit-code.ts';

// Added keys on the prototype of every object are the way into many libraries; frozen would break some.
Object.preventExtensions(Object.prototype);

const EXIT_HELP = `
Exit codes:
  ${EXIT.ok}  done
  ${EXIT.failed}  understood and failed: a problem in a file, a failed run, a refused request
  ${EXIT.usage}  the command line is wrong
  ${EXIT.unreachable}  no server runs on the data folder, or the one named cannot be reached

Settings come from the environment (PLUGBOARD_PORT, PLUGBOARD_DATA, DATABASE_URL and others),
then from plugboard.config.json in the data folder.`;

const program = new Command('plugboard');
program
  .description('Self-hosted automation server: durable workflows, every step a plugin.')
  .option('--data <folder>', 'data folder, instead of PLUGBOARD_DATA or ./data')
  .option('--server <url>', 'server to talk to, instead of the one on the data folder; needs PLUGBOARD_API_KEY')
  .helpCommand('help [command]', 'show what a command takes')
  .addHelpText('after', EXIT_HELP);

for (const add of [
  startCommand,
  importCommand,
  exportCommand,
  workflowsCommand,
  validateCommand,
  runCommand,
  runsCommand,
  showCommand,
  cancelCommand,
  pauseCommand,
  resumeCommand,
  resolveCommand,
  retryCommand,
  rerunCommand,
  testCommand,
  schedulesCommand,
  doctorCommand,
  settingsCommand,
  backupCommand,
  restoreCommand,
  heldRunsCommand,
  migrateCommand,
  rotateRootKeyCommand,
]) {
  program.addCommand(add());
}

// Commands take these over only when they are made by the program itself.
const takeOver = (command: Command, words: string): void => {
  command.exitOverride().showHelpAfterError(`(see: npx ${words} --help)`);
  for (const inner of command.commands) takeOver(inner, `${words} ${inner.name()}`);
};
takeOver(program, 'plugboard');

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else process.exitCode = reportFailure(error instanceof Error ? error : new CommandFailure(String(error)));
}
