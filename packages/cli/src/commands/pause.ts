import { Command } from 'commander';
import { connect } from '../server-client.ts';

/** `plugboard pause RUN`: what is under way ends, nothing behind it starts. */
export function pauseCommand(): Command {
  return control('pause', 'hold a run: what is under way ends, nothing behind it starts');
}

/** `plugboard resume RUN`: a run that is paused or in quarantine goes on. */
export function resumeCommand(): Command {
  return control('resume', 'let a run go on that is paused or in quarantine');
}

function control(what: 'pause' | 'resume', description: string): Command {
  return new Command(what)
    .description(description)
    .argument('<run>', 'id of the run, its last eight digits, or last')
    .action(async (id: string, _: object, command: Command) => {
      const run = await connect(command).post<{ status: string }>(`/api/runs/${encodeURIComponent(id)}/${what}`, {});
      process.stdout.write(`${run.status}\n`);
    });
}
