/** Answers a plugin's `code.run`: gathers what the code may see, runs it in the sandbox, hands its log to the step. */
import { type StepFacts, allItems, ancestorIndex, inputItems } from '@plugboard/engine';
import { type CodeScope, type Sandbox, prepareCode, referencedNodes } from '@plugboard/sandbox';
import type { Item, Json } from '@plugboard/sdk';
import { StepFailure } from '@plugboard/sdk';
import type { CodeRequest } from './step-services.ts';
import type { Sliced, Turns } from './turns.ts';

interface PreparedCode {
  readonly code: string;
  readonly nodes: readonly string[];
  readonly dynamic: boolean;
}

/** Prepared sources in memory; the oldest leaves when full. */
const PREPARED_LIMIT = 500;
/** Items whose ancestors are looked up between two looks at the clock. */
const PAIRED_ITEMS = 256;

/** @throws StepFailure when the code does not parse, throws, or passes a limit */
export type CodeSteps = (request: CodeRequest, facts: StepFacts) => Promise<Json>;

export function createCodeSteps(sandbox: Sandbox, turns: Turns): CodeSteps {
  const prepared = new Map<string, PreparedCode>();
  const prepareOnce = (code: string, language: string): PreparedCode => {
    const key = `${language}\n${code}`;
    const known = prepared.get(key);
    if (known) return known;
    const made = prepare(code, language);
    if (prepared.size >= PREPARED_LIMIT) prepared.delete(prepared.keys().next().value ?? '');
    prepared.set(key, made);
    return made;
  };
  return (request, facts) => runCodeStep(sandbox, turns, prepareOnce(request.op.code, request.op.language), request, facts);
}

async function runCodeStep(sandbox: Sandbox, turns: Turns, source: PreparedCode, request: CodeRequest, facts: StepFacts): Promise<Json> {
  const { op, run, input, units } = request;
  const scope = await turns.run(codeScope(request, source, facts), () => !run.gone);
  if (!scope) throw new StepFailure('STEP_STOPPED', 'The run was stopped before the code ran.', { kind: 'cancelled' });
  const whole = inputItems(input);
  const items = units === undefined || units.length === whole.length ? whole : units.flatMap((i) => whole[i] ?? []);
  const result = await sandbox.run(
    {
      workspaceId: run.head.workspaceId,
      code: source.code,
      mode: op.mode,
      items,
      scope,
      ...(op.timeoutMs ? { limits: { timeMs: op.timeoutMs } } : {}),
    },
    run.abort.signal,
  );
  request.log(result.logs.map((line) => ({ level: line.level, message: line.message, at: request.startedAt })));
  const { outcome } = result;
  if (!outcome.ok) {
    const { code, message, ...more } = outcome.error;
    throw new StepFailure(code, message, more);
  }
  return ('items' in outcome ? { items: outcome.items } : { perItem: outcome.perItem }) as unknown as Json;
}

function* codeScope(request: CodeRequest, source: PreparedCode, facts: StepFacts): Sliced<CodeScope> {
  const { state } = request.run;
  const names = source.dynamic ? state.plan.nodes.map((node) => node.name) : source.nodes;
  const nodes: { [name: string]: { items: readonly Item[]; paired: (number | undefined)[] } } = {};
  for (const name of names) {
    const node = state.plan.byName.get(name);
    if (!node) continue;
    const paired: (number | undefined)[] = [];
    const count = request.units?.length ?? request.input.count;
    for (let n = 0; n < count; n += 1) {
      paired.push(ancestorIndex(state, request.step.scope, request.input, request.units?.[n] ?? n, node));
      if (n % PAIRED_ITEMS === 0) yield;
    }
    nodes[name] = { items: allItems(request.step.scope, node), paired };
  }
  return { nodes, run: facts.run, workflow: facts.workflow, vars: facts.vars, now: facts.now, zone: facts.zone };
}

function prepare(code: string, language: string): PreparedCode {
  const result = prepareCode(code, language === 'typescript' ? 'typescript' : 'javascript');
  if (!result.ok) {
    const { problem } = result;
    throw new StepFailure(problem.code, `Line ${problem.line}, column ${problem.column}: ${problem.message}`, {
      data: { line: problem.line, column: problem.column },
    });
  }
  const references = referencedNodes(result.code);
  return { code: result.code, nodes: references.names, dynamic: references.dynamic };
}
