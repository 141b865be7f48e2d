import { dollarText } from '@plugboard/sdk';
import { Command } from 'commander';
import { connect } from '../server-client.ts';
import { duration, table } from '../table.ts';

interface StepLine {
  readonly node: string;
  readonly name: string;
  readonly status: string;
  readonly attempt: number;
  readonly durationMs?: number;
  readonly itemsIn: number;
  readonly itemsOut: { readonly [port: string]: number };
  readonly skipped?: string;
  readonly carried?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly errorItem?: number;
  readonly retryAt?: string;
  readonly waits?: { readonly for: string; readonly until?: string };
  readonly sentAgain?: number;
  readonly asking?: readonly { readonly item: number; readonly error: { readonly code: string; readonly message: string } }[];
  readonly logs: readonly { readonly level: string; readonly message: string }[];
}

/** Pico-dollars of the run, its retries and the runs they call. */
interface RunBudget {
  readonly rootRunId: string;
  readonly spentPd: string;
  readonly reservedPd: string;
  readonly limitPd: string;
}

interface RunDetails {
  readonly id: string;
  readonly status: string;
  readonly waitingFor?: string;
  readonly workflowName: string;
  readonly version: number;
  readonly environment: string;
  readonly trigger: string;
  readonly startedAt: string;
  readonly durationMs?: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly origin?: { readonly runId?: string; readonly how: string; readonly nodeId?: string };
  readonly budget?: RunBudget;
  readonly takenOver?: readonly string[];
  readonly cancelled?: { readonly by: string; readonly reason?: string };
  readonly steps: readonly StepLine[];
}

/** `plugboard show RUN`: what happened, step by step. */
export function showCommand(): Command {
  return new Command('show')
    .description('show a run and its steps')
    .argument('<run>', 'id of the run, its last eight digits, or last')
    .option('--json', 'print JSON')
    .option('--output <node>', 'print the items a step gave, as JSON')
    .action(async (id: string, options: { json?: boolean; output?: string }, command: Command) => {
      const server = connect(command);
      if (options.output !== undefined) {
        const { output } = await server.get<{ output: unknown }>(
          `/api/runs/${encodeURIComponent(id)}/output?node=${encodeURIComponent(options.output)}`,
        );
        process.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
        return;
      }
      const run = await server.get<RunDetails>(`/api/runs/${encodeURIComponent(id)}`);
      process.stdout.write(options.json ? `${JSON.stringify(run, null, 2)}\n` : describe(run));
    });
}

function describe(run: RunDetails): string {
  const version = run.environment === 'draft' ? 'draft' : `version ${run.version}`;
  const took = run.durationMs === undefined ? '' : `, took ${duration(run.durationMs)}`;
  const waits = run.waitingFor ? ` for ${run.waitingFor}` : '';
  const lines = [
    `${run.workflowName} (${version}), run ${run.id}`,
    `${run.status}${waits}, started ${run.startedAt} by ${run.trigger}${took}`,
  ];
  if (run.error) lines.push(`error: ${run.error.message} [${run.error.code}]`);
  if (run.origin) lines.push(originText(run.origin));
  if (run.budget) lines.push(spentText(run.budget, run.id));
  for (const at of run.takenOver ?? []) lines.push(`taken over at ${at}: the process that had it was gone`);
  if (run.cancelled?.reason) lines.push(`stopped because: ${run.cancelled.reason}`);
  const rows = run.steps.map((step) => [
    step.name,
    stepStatus(step),
    step.durationMs === undefined ? '' : duration(step.durationMs),
    String(step.itemsIn),
    ports(step.itemsOut),
    step.error?.code ?? '',
  ]);
  lines.push('', table(['step', 'status', 'took', 'items in', 'items out', 'error'], rows).trimEnd());
  for (const step of run.steps) {
    if (step.error) lines.push('', `${step.name}: ${step.error.message}${step.errorItem === undefined ? '' : ` (item ${step.errorItem})`}`);
    for (const { item, error } of step.asking ?? []) {
      const command = `npx plugboard resolve ${run.id.slice(-8)} ${step.node} --item ${item}`;
      lines.push('', `${step.name}, item ${item}: ${error.message} [${error.code}]`, `  decide with: ${command} --retry | --done | --fail`);
    }
    if (step.logs.length > 0) lines.push('', `${step.name} wrote:`, ...step.logs.map((line) => `  ${line.level}: ${line.message}`));
  }
  return `${lines.join('\n')}\n`;
}

function spentText({ rootRunId, spentPd, reservedPd, limitPd }: RunBudget, runId: string): string {
  const [spent, reserved, limit] = [spentPd, reservedPd, limitPd].map((pico) => dollarText(BigInt(pico)));
  const underWay = reservedPd === '0' ? '' : `, ${reserved} reserved by calls under way`;
  const tree = rootRunId === runId ? '' : `, with run ${rootRunId.slice(-8)} and the others made from it`;
  return `spent: ${spent} of ${limit}${underWay}${tree}`;
}

const SKIPPED: Readonly<Record<string, string>> = {
  empty: 'skipped: no items',
  not_taken: 'skipped: not taken',
  not_reached: 'not reached',
};

/** Results that were not made in this run. */
const CARRIED: Readonly<Record<string, string>> = { pin: 'pinned', skip: 'skipped by a person' };

function stepStatus(step: StepLine): string {
  if (step.carried !== undefined) return CARRIED[step.carried] ?? `kept from ${step.carried.slice(-8)}`;
  if (step.skipped) return SKIPPED[step.skipped] ?? `skipped: ${step.skipped}`;
  if (step.retryAt) return `retries at ${step.retryAt}`;
  if (step.waits) return step.waits.until ? `waits until ${step.waits.until}` : `waits for a ${step.waits.for}`;
  const tries = step.attempt > 1 ? `, try ${step.attempt}` : '';
  const again = step.sentAgain ? `, ${step.sentAgain} sent again` : '';
  return `${step.status}${tries}${again}`;
}

function ports(itemsOut: { readonly [port: string]: number }): string {
  const entries = Object.entries(itemsOut);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === 'main') return String(only[1]);
  return entries.map(([port, count]) => `${port} ${count}`).join(', ');
}

const ORIGINS: Readonly<Record<string, string>> = {
  again: 'the same input as run',
  retry: 'a retry of run',
  rerun: 'goes on from a step of run',
  skip: 'goes on past a step of run',
};

function originText({ runId, how, nodeId }: NonNullable<RunDetails['origin']>): string {
  if (how === 'test') return 'a test of the workflow';
  if (how === 'draft') return `tries ${nodeId === undefined ? 'the draft' : `the draft up to ${nodeId}`}`;
  return `${ORIGINS[how] ?? 'made from run'} ${(runId ?? '').slice(-8)}${nodeId === undefined ? '' : `, at ${nodeId}`}`;
}
