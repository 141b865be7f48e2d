/** Closures of operators whose sides are compiled already. */
import type { BinaryExpression, LogicalExpression } from 'acorn';
import type { Compiled, Evaluation } from './evaluation.ts';
import { asExpressionError } from './expression-error.ts';
import { binaryOperators, truthy } from './operators.ts';
import { fail } from './refusal.ts';
import type { Value } from './values.ts';

export function logical(operator: LogicalExpression['operator'], left: Compiled, right: Compiled): Compiled {
  return (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const value = left(e);
    const needsRight = operator === '&&' ? truthy(value) : operator === '||' ? !truthy(value) : value === undefined || value === null;
    return needsRight ? right(e) : value;
  };
}

export function binary(node: BinaryExpression, left: Compiled, right: Compiled): Compiled {
  const operate = binaryOperators.get(node.operator);
  if (operate === undefined) {
    const hint = node.operator === 'in' ? "Use object.has('field') or list.includes(value)." : undefined;
    throw fail('EXPR_NOT_ALLOWED', `The operator ${node.operator} is not part of expressions.`, node, hint);
  }
  const slow = (e: Evaluation, a: Value, b: Value): Value => {
    try {
      return operate(e, a, b);
    } catch (thrown) {
      throw asExpressionError(thrown, node.start, node.end);
    }
  };
  const fast = numberOperators[node.operator];
  if (fast !== undefined) return fast(left, right, slow);
  return (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    return slow(e, left(e), right(e));
  };
}

type Slow = (evaluation: Evaluation, left: Value, right: Value) => Value;

/** Two numbers need no conversion. One closure per operator, because a shared one would look the operator up each time. */
const numberOperators: { readonly [operator: string]: (left: Compiled, right: Compiled, slow: Slow) => Compiled } = {
  '+': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a + b : slow(e, a, b);
  },
  '-': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a - b : slow(e, a, b);
  },
  '*': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a * b : slow(e, a, b);
  },
  '%': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a % b : slow(e, a, b);
  },
  '<': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a < b : slow(e, a, b);
  },
  '<=': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a <= b : slow(e, a, b);
  },
  '>=': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a >= b : slow(e, a, b);
  },
  '>': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return typeof a === 'number' && typeof b === 'number' ? a > b : slow(e, a, b);
  },
  '===': (left, right, slow) => (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const a = left(e);
    const b = right(e);
    return a === b || (typeof a === 'object' && typeof b === 'object' ? slow(e, a, b) : false);
  },
};
