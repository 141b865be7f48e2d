/** The built-in names, and what to say about names that are none. */
import type { Compiled } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { dateValue } from './moment.ts';
import type { References } from './scope.ts';
import { NodeValue, type Value } from './values.ts';

/** Which of the reference flags a name sets. */
export type Use = { [F in keyof References as References[F] extends boolean ? F : never]: F }[
  | 'dynamicNode'
  | 'dynamicVars'
  | 'usesItem'
  | 'usesInput'
  | 'usesRun'
  | 'usesWorkflow'
  | 'usesNow'];

export interface Name {
  readonly doc: string;
  readonly type: string;
  readonly use?: Use;
  /** True for names whose value is plain JSON of the scope, handed on without a walk. */
  readonly isStored: boolean;
  readonly read: Compiled;
}

export const names: { readonly [name: string]: Name } = {
  $json: { type: 'object', doc: "The current item's record.", use: 'usesItem', isStored: true, read: (e) => e.scope.json },
  $item: {
    type: 'Item',
    doc: 'The current item: its record and its files.',
    use: 'usesItem',
    isStored: true,
    read(e) {
      const { json, files } = e.scope;
      if (json === undefined) return undefined;
      return files === undefined ? { json } : { json, files: files as unknown as Value };
    },
  },
  $itemIndex: {
    type: 'number',
    doc: 'Place of the current item in its batch, from 0.',
    use: 'usesItem',
    isStored: true,
    read: (e) => e.scope.itemIndex,
  },
  $files: {
    type: 'object',
    doc: 'The files of the current item, by name.',
    use: 'usesItem',
    isStored: true,
    read: (e) => (e.scope.files ?? {}) as unknown as Value,
  },
  $input: {
    type: 'node',
    doc: 'The items that arrived at this step.',
    use: 'usesInput',
    isStored: true,
    read: (e) => new NodeValue('$input', e.scope.input),
  },
  $run: { type: 'object', doc: 'The run: id and what else the host tells.', use: 'usesRun', isStored: true, read: (e) => e.scope.run },
  $workflow: { type: 'object', doc: 'The workflow: id, name.', use: 'usesWorkflow', isStored: true, read: (e) => e.scope.workflow },
  $vars: { type: 'object', doc: 'Variables of the workspace.', isStored: true, read: (e) => e.scope.vars },
  $now: { type: 'date', doc: 'The start of the step.', use: 'usesNow', isStored: false, read: (e) => e.now() },
  $today: {
    type: 'date',
    doc: 'Midnight at the start of the day of $now.',
    use: 'usesNow',
    isStored: false,
    read: (e) => dateValue(e.now().moment.startOf('day'), '$today'),
  },
  undefined: { type: 'undefined', doc: 'No value.', isStored: true, read: () => undefined },
  NaN: { type: 'number', doc: 'Not a number.', isStored: false, read: () => Number.NaN },
  Infinity: { type: 'number', doc: 'Larger than every number.', isStored: false, read: () => Number.POSITIVE_INFINITY },
};

const hints: ReadonlyMap<string, string> = new Map([
  ['$execution', 'It is $run here: $run.id.'],
  ['$node', "Write $('Node name')."],
  ['$items', "Write $('Node name').all()."],
  ['$binary', 'Files are in $files.'],
  ['$env', 'The environment cannot be read; put values into variables ($vars) or credentials.'],
  ['$secrets', 'Secrets are given to steps by credentials, never to expressions.'],
  ['process', 'The host cannot be reached from an expression.'],
  ['globalThis', 'The host cannot be reached from an expression.'],
  ['window', 'The host cannot be reached from an expression.'],
  ['require', 'The host cannot be reached from an expression.'],
]);

/** The error for a name nobody knows, with the nearest known one as a hint. */
export function unknownName(name: string, known: readonly string[], position: number, end: number): ExpressionError {
  const near = nearest(name, known);
  return new ExpressionError('EXPR_UNKNOWN_NAME', `${name} is not a known name.`, {
    position,
    end,
    hint: hints.get(name) ?? (near === undefined ? undefined : `Did you mean ${near}?`),
  });
}

/** The known word at most two typing errors away. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 40) return undefined;
  let best: string | undefined;
  let bestDistance = word.length <= 3 ? 2 : 3;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_none, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
