/** Errors that point at a part of the source, and what to say about syntax the language leaves out. */
import type { Node } from 'acorn';
import type { Compiled } from './evaluation.ts';
import { asExpressionError, ExpressionError, type ExpressionErrorCode } from './expression-error.ts';

const refusedSyntax: { readonly [type: string]: readonly [what: string, hint?: string] } = {
  AssignmentExpression: ['An assignment', 'Nothing is changed in an expression; compare with ===.'],
  UpdateExpression: ['++ and --', 'Write x + 1.'],
  SequenceExpression: ['A comma between expressions', 'Use one expression in each {{ }}.'],
  ThisExpression: ['this', 'The current record is $json.'],
  Super: ['super'],
  NewExpression: ['new', 'For dates use date(text) or $now.'],
  FunctionExpression: ['A function', 'Write an arrow such as x => x.name as the argument of a method.'],
  ClassExpression: ['A class'],
  TaggedTemplateExpression: ['A tagged template'],
  YieldExpression: ['yield'],
  AwaitExpression: ['await'],
  ImportExpression: ['import'],
  MetaProperty: ['new.target and import.meta'],
};

export function refused(node: Node): ExpressionError {
  const [what, hint] = refusedSyntax[node.type] ?? [`This syntax (${node.type})`];
  return fail('EXPR_NOT_ALLOWED', `${what} is not part of expressions.`, node, hint);
}

export function fail(code: ExpressionErrorCode, message: string, node: Node, hint?: string): ExpressionError {
  return new ExpressionError(code, message, { position: node.start, end: node.end, ...(hint === undefined ? {} : { hint }) });
}

/** Gives errors of a part that do not know their place the place of the part. */
export function locating(node: Node, compiled: Compiled): Compiled {
  return (e) => placed(node, () => compiled(e));
}

export function placed<T>(node: Node, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw asExpressionError(thrown, node.start, node.end);
  }
}
