/** Waiting for a run on the command line: its output when it succeeds, else why it did not. */
import { CommandFailure } from './failure.ts';
import type { ServerClient } from './server-client.ts';

interface RunState {
  readonly id: string;
  readonly status: string;
  readonly waitingFor?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A run that waits for a timer is looked at this often, in milliseconds. */
const TIMER_POLL_MS = 1000;
/** What comes by itself. */
const GOES_ON: ReadonlySet<string> = new Set(['timer', 'child', 'turn']);
const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'timed_out']);

/** Waits for the run and prints its output as JSON. @throws CommandFailure when it does not succeed */
export async function printOutcome(server: ServerClient, runId: string): Promise<void> {
  // Ctrl-C ends the waiting, not the run.
  process.once('SIGINT', () => {
    process.stderr.write(`the run goes on; look into it with: npx plugboard show ${runId.slice(-8)}\n`);
    process.exit(130);
  });
  const run = await waitFor(server, runId);
  if (run.status !== 'succeeded') throw notSucceeded(run);
  const { output } = await server.get<{ output: unknown[] }>(`/api/runs/${runId}/output`);
  process.stdout.write(`${JSON.stringify(output.length === 1 ? output[0] : output, null, 2)}\n`);
}

async function waitFor(server: ServerClient, runId: string): Promise<RunState> {
  for (;;) {
    const run = await server.get<RunState>(`/api/runs/${runId}/state?waitMs=25000`);
    // A timer comes by itself; everything else needs someone.
    if (ENDED.has(run.status) || (run.status === 'waiting' && !GOES_ON.has(run.waitingFor ?? ''))) return run;
    if (run.status === 'waiting') await new Promise((resolve) => setTimeout(resolve, TIMER_POLL_MS));
  }
}

function notSucceeded(run: RunState): CommandFailure {
  const what =
    run.status === 'waiting'
      ? `waits for ${(run.waitingFor ?? 'something').replaceAll('_', ' ')}`
      : run.status === 'timed_out'
        ? 'ran out of time'
        : run.status === 'cancelled'
          ? 'was cancelled'
          : run.status;
  return new CommandFailure(`the run ${what}${run.error ? `: ${run.error.message} [${run.error.code}]` : ''}`, {
    hint: `Look into it with: npx plugboard show ${run.id.slice(-8)}`,
  });
}
