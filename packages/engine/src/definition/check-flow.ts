/** Flow control in the settings: parts that do not contradict each other, and expressions that can be settled when a run starts. */
import { compileValue } from '@plugboard/expression';
import { problem } from './problems.ts';
import type { FlowControl, Problem, WorkflowDefinition } from './types.ts';

const EXCLUSIVE = ['debounce', 'batch', 'singleton'] as const;

export function checkFlow({ settings: { flow } }: WorkflowDefinition): Problem[] {
  if (!flow) return [];
  const problems: Problem[] = [];
  const chosen = EXCLUSIVE.filter((part) => flow[part] !== undefined);
  if (chosen.length > 1) problems.push(problem('FLOW_CONFLICT', { path: 'settings.flow' }, { parts: chosen.join(', ') }));
  const { debounce } = flow;
  if (debounce?.longestMs !== undefined && debounce.longestMs < debounce.delayMs)
    problems.push(problem('FLOW_DEBOUNCE', { path: 'settings.flow.debounce.longestMs' }, {}));
  for (const [path, text] of expressions(flow)) {
    const place = { path: `settings.flow.${path}` };
    const compiled = compileValue(text);
    for (const { error } of compiled.problems) {
      const offset = error.position + 1;
      problems.push(problem('FLOW_EXPRESSION', place, { position: offset, reason: error.message }, { offset }));
    }
    for (const name of compiled.references.nodes) problems.push(problem('FLOW_NODE', place, { name }));
  }
  return problems;
}

function* expressions({ priority, ...parts }: FlowControl): Generator<readonly [path: string, text: string]> {
  for (const [name, part] of Object.entries(parts)) if (part.key !== undefined) yield [`${name}.key`, part.key];
  if (priority !== undefined) yield ['priority', priority];
}
