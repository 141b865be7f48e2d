/** Builders for the tests of this package. */
import type { Item, Json, JsonObject } from '@plugboard/sdk';

import type { CodeItem, CodeJob, CodeResult, CodeScope } from './code-job.ts';
import { prepareCode } from './prepare-code.ts';

export function aScope(over: Partial<CodeScope> = {}): CodeScope {
  return { nodes: {}, run: {}, workflow: {}, vars: {}, now: '2026-11-20T10:00:00.000Z', zone: 'UTC', ...over };
}

/** A job with one item `{ n: 1 }` in each-item mode, unless told otherwise. */
export function aJob(code: string, over: Partial<CodeJob> = {}): CodeJob {
  return { workspaceId: 'w1', code, mode: 'each-item', items: [{ json: { n: 1 } }], scope: aScope(), ...over };
}

export function prepared(source: string, language: 'javascript' | 'typescript' = 'javascript'): string {
  const result = prepareCode(source, language);
  if (!result.ok) throw new Error(result.problem.message);
  return result.code;
}

export function someItems(count: number): Item[] {
  return Array.from({ length: count }, (_, n) => ({ json: { n } }));
}

/** The JSON of the only item's results, or the error's code. */
export function onlyOutcome(result: CodeResult): readonly Json[] | string {
  const { outcome } = result;
  if (!outcome.ok) return outcome.error.code;
  if ('items' in outcome) return jsons(outcome.items);
  const first = outcome.perItem[0];
  if (outcome.perItem.length !== 1 || first === undefined) throw new Error('not one outcome');
  return 'ok' in first ? jsons(first.ok) : first.error.code;
}

export function jsons(items: readonly CodeItem[]): JsonObject[] {
  return items.map((item) => item.json);
}

/** The error of a job or of its only item. */
export function onlyError(result: CodeResult) {
  const { outcome } = result;
  if (!outcome.ok) return outcome.error;
  const first = 'perItem' in outcome ? outcome.perItem[0] : undefined;
  if (first !== undefined && 'error' in first) return first.error;
  throw new Error(`no error in ${JSON.stringify(outcome)}`);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
