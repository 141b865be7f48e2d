/** Tags in the settings: keys that can be searched for, and expressions that can be settled when a run starts. */
import { compileValue } from '@plugboard/expression';
import { problem } from './problems.ts';
import type { Problem, WorkflowDefinition } from './types.ts';

const MAX_TAGS = 20;
const KEY = /^[^=:]{1,64}$/;

export function checkRunTags({ settings: { tags = {} } }: WorkflowDefinition): Problem[] {
  const keys = Object.keys(tags);
  const problems: Problem[] = [];
  if (keys.length > MAX_TAGS) return [problem('TAGS_TOO_MANY', { path: 'settings.tags' }, { max: MAX_TAGS, count: keys.length })];
  for (const key of keys) {
    const place = { path: `settings.tags.${key}` };
    if (!KEY.test(key)) problems.push(problem('TAG_KEY', place, { key }));
    const compiled = compileValue(tags[key] ?? '');
    for (const { error } of compiled.problems) {
      problems.push(
        problem('TAG_EXPRESSION', place, { key, position: error.position + 1, reason: error.message }, { offset: error.position + 1 }),
      );
    }
    for (const name of compiled.references.nodes) problems.push(problem('TAG_NODE', place, { key, name }));
  }
  return problems;
}
