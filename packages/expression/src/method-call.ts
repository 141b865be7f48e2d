/** What surrounds the call of a method: which arguments it takes, what it pays, and what to say when there is none. */
import type { CallExpression, Expression, Node, Super } from 'acorn';
import { sourceOf, type CompileContext } from './compile-context.ts';
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import type { Method } from './method.ts';
import { dateFuel } from './moment.ts';
import { hasMethod, methodTables, refusedMethods } from './method-table.ts';
import { nearest } from './names.ts';
import { noValue, type MemberPlace } from './own-read.ts';
import { fail } from './refusal.ts';
import { isPatternLiteral } from './syntax.ts';
import { DateValue, describeTag, type Tag, type Value } from './values.ts';

/** True when every arrow and pattern stands where the method takes one. */
export function takes(method: Method<Value>, args: CallExpression['arguments']): boolean {
  return args.every((argument, index) => {
    if (argument.type === 'ArrowFunctionExpression') return method.arrowAt?.includes(index) === true;
    if (isPatternLiteral(argument)) return method.patternAt?.includes(index) === true;
    return true;
  });
}

export function wrongShape(name: string, args: CallExpression['arguments']): ExpressionError {
  const culprit = args.find((argument) => argument.type === 'ArrowFunctionExpression' || isPatternLiteral(argument)) as Expression;
  const what = culprit.type === 'ArrowFunctionExpression' ? 'an arrow' : 'a regular expression';
  return fail('EXPR_NOT_ALLOWED', `${name}() does not take ${what} here.`, culprit);
}

/** Every method pays for looking at its receiver; one that does more pays for that itself. */
export function payForReceiver(evaluation: Evaluation, value: Value, method: Method<Value>): void {
  if (typeof value === 'string') evaluation.charge(1 + (value.length >>> 10));
  else if (value instanceof DateValue) evaluation.charge(dateFuel);
  else evaluation.charge(Array.isArray(value) && method.touches !== 'one' ? 1 + value.length : 1);
}

export function payForResult(evaluation: Evaluation, made: Value): void {
  if (typeof made === 'string') evaluation.chargeText(made.length);
  else if (Array.isArray(made) && made.length > evaluation.limits.elements) evaluation.chargeElements(made.length);
}

export function noSuchMethod(name: string, value: Value, tag: Tag | undefined, place: MemberPlace): ExpressionError {
  if (value === undefined || value === null) return noValue(value, place);
  if (tag === undefined)
    return new ExpressionError('EXPR_BAD_DATA', 'The data holds something that is not JSON.', { position: place.start, end: place.end });
  if (hasMethod(tag, name)) {
    return new ExpressionError('EXPR_TYPE', `${name}() of ${describeTag(tag)} does not take an arrow or a regular expression here.`, {
      position: place.start,
      end: place.end,
    });
  }
  const near = nearest(name, Object.keys(methodTables[tag] ?? {}));
  return new ExpressionError('EXPR_UNKNOWN_METHOD', `${place.subject} is ${describeTag(tag)}, which has no method ${name}().`, {
    position: place.start,
    end: place.end,
    hint: near === undefined ? undefined : `Did you mean ${near}()?`,
  });
}

export function unknownMethod(name: string, node: Node, receiver: Expression | Super, context: CompileContext): ExpressionError {
  const instead = refusedMethods.get(name);
  if (instead !== undefined) return fail('EXPR_NOT_ALLOWED', `${name}() is not part of expressions.`, node, instead);
  const near = nearest(
    name,
    Object.values(methodTables).flatMap((table) => Object.keys(table ?? {})),
  );
  return fail(
    'EXPR_UNKNOWN_METHOD',
    `There is no method ${name}() for ${sourceOf(receiver, context)}.`,
    node,
    near === undefined ? undefined : `Did you mean ${near}()?`,
  );
}
