/** Reads draft operations from untrusted input. Whether they fit the draft is for `applyOps`. */
import type { DraftOp } from './operations.ts';
import { describe, hasErrors, problem } from './problems.ts';
import {
  ReadingStopped,
  at,
  boolean,
  id,
  isPlainObject,
  joinPath,
  json,
  jsonObject,
  list,
  object,
  oneOf,
  optional,
  report,
  required,
  startReading,
  text,
} from './reading.ts';
import type { Reader, Reading } from './reading.ts';
import { FORMAT } from './limits.ts';
import type { Problem } from './types.ts';

/** Operations in one batch. */
const MAX_OPS = 10_000;

export type ParseOpsResult =
  | { readonly ok: true; readonly ops: readonly DraftOp[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function parseOps(input: unknown): ParseOpsResult {
  const reading = startReading();
  const ops: DraftOp[] = [];
  try {
    if (!Array.isArray(input))
      report(reading, problem('OP_INVALID', { path: 'ops' }, { reason: `expected a list, found ${describe(input)}` }));
    else if (input.length > MAX_OPS) report(reading, problem('LIST_TOO_LONG', { path: 'ops' }, { length: input.length, max: MAX_OPS }));
    else {
      for (let index = 0; index < input.length; index++) {
        const op = readOp(input[index], { path: joinPath('ops', index) }, reading);
        if (op !== undefined) ops.push(op);
      }
    }
  } catch (error) {
    if (!(error instanceof ReadingStopped)) reading.problems.push(problem('DEFINITION_UNREADABLE', { path: 'ops' }, {}));
  }
  const errors = reading.problems.filter((each) => each.severity === 'error');
  return hasErrors(errors) ? { ok: false, problems: errors } : { ok: true, ops };
}

const partKind = oneOf('node', 'edge', 'group', 'note');
const name = text({ min: 1, max: FORMAT.maxNodeNameLength, oneLine: true });
const fieldPath = list(text({ max: FORMAT.maxNameLength }));
const expected = object<{ value?: unknown }>({ value: optional(json) });

const add = object({ op: required(oneOf('add'), 'add'), kind: required(partKind, 'node'), value: required(jsonObject, {}) });
const remove = object({ op: required(oneOf('remove'), 'remove'), kind: required(partKind, 'node'), id: required(id, '') });
const setWorkflow = object({
  op: required(oneOf('set'), 'set'),
  kind: required(oneOf('workflow'), 'workflow'),
  path: required(fieldPath, []),
  value: optional(json),
  expect: optional(expected),
});
const setPart = object({
  op: required(oneOf('set'), 'set'),
  kind: required(partKind, 'node'),
  id: required(id, ''),
  path: required(fieldPath, []),
  value: optional(json),
  expect: optional(expected),
});
const rename = object({
  op: required(oneOf('renameNode'), 'renameNode'),
  id: required(id, ''),
  from: required(name, ''),
  name: required(name, ''),
  keepReferences: optional(boolean),
});

function readOp(value: unknown, place: { readonly path: string }, reading: Reading): DraftOp | undefined {
  if (!isPlainObject(value)) {
    report(reading, problem('OP_INVALID', place, { reason: `expected an object, found ${describe(value)}` }));
    return undefined;
  }
  const op = Object.hasOwn(value, 'op') ? value['op'] : undefined;
  const readers: { readonly [op: string]: Reader<unknown> } = {
    add,
    remove,
    set: Object.hasOwn(value, 'kind') && value['kind'] === 'workflow' ? setWorkflow : setPart,
    renameNode: rename,
  };
  const reader = typeof op === 'string' && Object.hasOwn(readers, op) ? readers[op] : undefined;
  if (reader === undefined) {
    report(reading, problem('OP_INVALID', at(place, 'op'), { reason: `op is ${describe(op)}` }));
    return undefined;
  }
  return reader(value, place, reading) as DraftOp | undefined;
}
