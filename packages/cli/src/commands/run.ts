import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure } from '../failure.ts';
import { type ServerClient, connect } from '../server-client.ts';
import { looksLikeFile, readWorkflowFile } from '../workflow-file.ts';

interface RunState {
  readonly id: string;
  readonly status: string;
  readonly waitingFor?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A run that waits for a timer is looked at this often, in milliseconds. */
const TIMER_POLL_MS = 1000;
const ENDED = new Set(['succeeded', 'failed', 'cancelled', 'timed_out']);

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
      // Ctrl-C ends the waiting, not the run.
      process.once('SIGINT', () => {
        process.stderr.write(`the run goes on; look into it with: npx plugboard show ${runId.slice(-8)}\n`);
        process.exit(130);
      });
      const run = await waitFor(server, runId);
      if (run.status !== 'succeeded') throw notSucceeded(run);
      const { output } = await server.get<{ output: unknown[] }>(`/api/runs/${runId}/output`);
      process.stdout.write(`${JSON.stringify(output.length === 1 ? output[0] : output, null, 2)}\n`);
    });
}

async function waitFor(server: ServerClient, runId: string): Promise<RunState> {
  for (;;) {
    const run = await server.get<RunState>(`/api/runs/${runId}/state?waitMs=25000`);
    // A timer comes by itself; everything else needs someone.
    if (ENDED.has(run.status) || (run.status === 'waiting' && run.waitingFor !== 'timer')) return run;
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

function readInput(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  const source = text.startsWith('@') ? readInputFile(text.slice(1)) : text;
  try {
    return JSON.parse(source);
  } catch (error) {
    const what = text.startsWith('@') ? `the input file ${text.slice(1)}` : '--input';
    throw new CommandFailure(`${what} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: EXIT.usage,
      hint: `Quote it, for example: --input '{"name":"Ada"}'   or name a file: --input @order.json`,
    });
  }
}

/** `-` is standard input. */
function readInputFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new CommandFailure(`the input file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}
