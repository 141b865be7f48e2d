/** JSON text to a value, with the keys and sizes that data from outside must keep. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { maxDataDepth } from './limits.ts';
import { refuseProto } from './plain.ts';
import type { Value } from './values.ts';

/** @throws ExpressionError EXPR_BAD_DATA for text that is no JSON, EXPR_NOT_ALLOWED for the key `__proto__`. */
export function parseJson(evaluation: Evaluation, text: string): Value {
  evaluation.charge(1 + (text.length >>> 6));
  let value: Value;
  try {
    value = JSON.parse(text) as Value;
  } catch (cause) {
    throw new ExpressionError('EXPR_BAD_DATA', 'The text is not JSON.', { cause });
  }
  check(evaluation, value, 0);
  return value;
}

function check(evaluation: Evaluation, value: Value, depth: number): void {
  evaluation.charge(1);
  if (typeof value !== 'object' || value === null) return;
  if (depth >= maxDataDepth) throw new ExpressionError('EXPR_DEPTH', `The JSON is nested deeper than ${maxDataDepth} levels.`);
  for (const key of Object.keys(value)) {
    if (key === '__proto__') refuseProto();
    check(evaluation, (value as { readonly [key: string]: Value })[key], depth + 1);
  }
}
