import { Command } from 'commander';
import { CommandFailure } from '../failure.ts';
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

/** Longest value that is shown of a difference, in characters. */
const SHOWN = 200;

/** `plugboard test [FILE|NAME…]`: carries tests of workflows out and prints how what they gave differs. */
export function testCommand(): Command {
  return new Command('test')
    .description('carry the tests of workflows out: of files as they are, of workflows by name as their drafts are, or of all')
    .argument('[workflows...]', 'workflow files or names; every workflow that has tests when none is named')
    .option('--json', 'print the results as JSON')
    .action(async (given: string[], { json }: { json?: true }, command: Command) => {
      const server = connect(command);
      const all: { workflow: string; results: readonly Outcome[] }[] = [];
      for await (const one of given.length > 0 ? named(server, given) : every(server)) {
        all.push(one);
        if (!json) process.stdout.write(textOf(one.workflow, one.results));
      }
      const results = all.flatMap((one) => one.results);
      const bad = results.filter((result) => result.outcome !== 'passed').length;
      if (json) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
      else process.stdout.write(`${results.length - bad} passed${bad > 0 ? `, ${bad} not` : ''}\n`);
      if (bad > 0) throw new CommandFailure(`${bad} of ${results.length} tests did not pass`);
      if (results.length === 0)
        throw new CommandFailure('there are no tests', {
          hint: 'Make one of a run: open the run in the editor and choose "Save as test".',
        });
    });
}

type Tested = AsyncGenerator<{ readonly workflow: string; readonly results: readonly Outcome[] }>;

async function* named(server: ServerClient, given: readonly string[]): Tested {
  for (const one of given) {
    if (!looksLikeFile(one)) {
      const { id, name } = await byName(server, one);
      yield { workflow: name, results: await ofDraft(server, id) };
      continue;
    }
    for (const definition of await readWorkflowsFile(one)) {
      const { results } = await server.post<Outcomes>('/api/workflow-tests/try', { definition });
      yield { workflow: nameOf(definition) ?? one, results };
    }
  }
}

async function* every(server: ServerClient): Tested {
  for (const { id, name } of await allNamed(server)) {
    const { rows } = await server.get<{ rows: readonly unknown[] }>(`/api/workflows/${id}/tests`);
    if (rows.length > 0) yield { workflow: name, results: await ofDraft(server, id) };
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
