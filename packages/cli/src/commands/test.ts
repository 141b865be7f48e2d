import { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { CommandFailure, printProblem } from '../failure.ts';
import { allNamed, byName } from '../named-workflows.ts';
import { type ServerClient, connect } from '../server-client.ts';
import { looksLikeFile, readWorkflowsFile } from '../workflow-file.ts';

interface Difference {
  readonly node: string;
  readonly path: string;
  readonly expected?: unknown;
  readonly actual?: unknown;
}

interface Outcome {
  readonly testId: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'broken';
  readonly message?: string;
  readonly differences: readonly Difference[];
  readonly runId?: string;
  readonly durationMs: number;
}

interface Outcomes {
  readonly results: readonly Outcome[];
}

/** What is tested: a workflow, or a file that may not be one. */
interface Tested {
  readonly workflow: string;
  readonly carryOut: () => Promise<readonly Outcome[]>;
}

/** Longest value that is shown of a difference, in characters. */
const SHOWN = 200;
/** A test is given a minute before it is broken off, and several go one after the other, in milliseconds. */
const TIMEOUT_MS = 300_000;

/** `plugboard test [FILE|NAME…]`: carries tests of workflows out and prints how what they gave differs. */
export function testCommand(): Command {
  return new Command('test')
    .description('carry the tests of workflows out: of files as they are, of workflows by name as their drafts are, or of all')
    .argument('[workflows...]', 'workflow files or names; every workflow that has tests when none is named')
    .option('--json', 'print the results as JSON')
    .action(async (given: string[], { json }: { json?: true }, command: Command) => {
      const server = connect(command, { timeoutMs: TIMEOUT_MS });
      const all: { workflow: string; results: readonly Outcome[]; problem?: string }[] = [];
      for await (const { workflow, carryOut } of given.length > 0 ? named(server, given) : every(server)) {
        try {
          const results = await carryOut();
          all.push({ workflow, results });
          if (!json) process.stdout.write(textOf(workflow, results));
        } catch (error) {
          if (!(error instanceof CommandFailure) || error.exitCode === EXIT.unreachable) throw error;
          all.push({ workflow, results: [], problem: error.message });
          process.stderr.write(`${error.message.includes(workflow) ? '' : `${workflow}: `}${error.message}\n`);
          for (const problem of error.problems) printProblem(problem);
          if (error.hint) process.stderr.write(`  ${error.hint}\n`);
        }
      }
      const results = all.flatMap((one) => one.results);
      const bad = results.filter((result) => result.outcome !== 'passed').length;
      const untried = all.filter(({ problem }) => problem !== undefined).length;
      if (json) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
      else process.stdout.write(`${results.length - bad} passed${bad > 0 ? `, ${bad} not` : ''}\n`);
      const failures = [
        ...(bad > 0 ? [`${bad} of ${results.length} tests did not pass`] : []),
        ...(untried > 0 ? [`the tests of ${untried} ${untried === 1 ? 'workflow' : 'workflows'} could not be carried out`] : []),
      ];
      if (failures.length > 0) throw new CommandFailure(failures.join('; '));
      if (results.length === 0)
        throw new CommandFailure('there are no tests', {
          hint: 'Make one of a run: open the run in the editor and choose "Save as test".',
        });
    });
}

async function* named(server: ServerClient, given: readonly string[]): AsyncGenerator<Tested> {
  for (const one of given) {
    if (!looksLikeFile(one)) {
      yield { workflow: one, carryOut: async () => ofDraft(server, (await byName(server, one)).id) };
      continue;
    }
    let definitions: readonly unknown[];
    try {
      definitions = await readWorkflowsFile(one);
    } catch (error) {
      yield { workflow: one, carryOut: () => Promise.reject(error) };
      continue;
    }
    for (const definition of definitions)
      yield {
        workflow: nameOf(definition) ?? one,
        carryOut: async () => (await server.post<Outcomes>('/api/workflow-tests/try', { definition })).results,
      };
  }
}

async function* every(server: ServerClient): AsyncGenerator<Tested> {
  for (const { id, name } of await allNamed(server)) {
    const { rows } = await server.get<{ rows: readonly unknown[] }>(`/api/workflows/${id}/tests`);
    if (rows.length > 0) yield { workflow: name, carryOut: () => ofDraft(server, id) };
  }
}

async function ofDraft(server: ServerClient, id: string): Promise<readonly Outcome[]> {
  return (await server.post<Outcomes>(`/api/workflows/${id}/tests/run`, {})).results;
}

function nameOf(definition: unknown): string | undefined {
  const { name } = (definition ?? {}) as { readonly name?: unknown };
  return typeof name === 'string' ? name : undefined;
}

function textOf(workflow: string, results: readonly Outcome[]): string {
  const lines = [`${workflow}${results.length === 0 ? ': no tests' : ''}`];
  for (const { outcome, name, durationMs, message, differences, runId } of results) {
    lines.push(`  ${outcome}  ${name} (${durationMs} ms)`);
    if (message !== undefined) lines.push(`    ${message}`);
    for (const { node, path, expected, actual } of differences)
      lines.push(`    ${node === '' ? 'the run' : node} ${path}`, `      - ${shown(expected)}`, `      + ${shown(actual)}`);
    if (outcome !== 'passed' && runId !== undefined) lines.push(`    look into it with: npx plugboard show ${runId.slice(-8)}`);
  }
  return `${lines.join('\n')}\n`;
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
}
