/** Questions about parts of the syntax tree. */
import type { CallExpression, Expression, Literal, MemberExpression, Node, Super, TemplateLiteral } from 'acorn';
import type { Locals } from './compile-context.ts';
import { names } from './names.ts';

export const namespaces = new Set(['Math', 'JSON', 'Object', 'Array', 'Number', 'DateTime', 'Date', 'String', 'Boolean', 'crypto']);

/** True when an expression only picks a part of what the scope holds, so that its value needs no check. */
export function isStoredData(node: Expression): boolean {
  if (node.type === 'ChainExpression') return isStoredData(node.expression);
  if (node.type === 'Identifier') return names[node.name]?.isStored === true && node.name !== '$input';
  if (node.type === 'MemberExpression') return node.object.type !== 'Super' && !node.computed && isStoredRoot(node.object);
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression' || node.callee.object.type === 'Super') return false;
  // `.first()` and the like of a node; of other data they may pick something the expression made.
  const { object, property } = node.callee;
  return property.type === 'Identifier' && ['first', 'last', 'all'].includes(property.name) && isStoredRoot(object);
}

function isStoredRoot(node: Expression): boolean {
  return isStoredData(node) || (node.type === 'Identifier' && node.name === '$input') || isNodeCall(node);
}

export function isNodeCall(node: Expression | Super): node is CallExpression {
  return node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === '$';
}

export function isPatternLiteral(node: Node): boolean {
  return node.type === 'Literal' && (node as Literal).regex !== undefined && (node as Literal).regex !== null;
}

/** The text of a literal in quotes or in backticks without parts. */
export function fixedText(node: Node): string | undefined {
  if (node.type === 'Literal') {
    const { value } = node as Literal;
    return typeof value === 'string' ? value : undefined;
  }
  if (node.type !== 'TemplateLiteral' || (node as TemplateLiteral).expressions.length > 0) return undefined;
  return (node as TemplateLiteral).quasis[0]?.value.cooked ?? undefined;
}

export function fixedMember(node: MemberExpression): string | undefined {
  if (!node.computed && node.property.type === 'Identifier') return node.property.name;
  return node.computed && node.property.type === 'Literal' && typeof node.property.value === 'string' ? node.property.value : undefined;
}

/** The name of the helper a call means: `date(…)`, `Math.max(…)`. */
export function helperName(node: CallExpression, locals: Locals): string | undefined {
  const { callee } = node;
  if (callee.type === 'Identifier') return locals.has(callee.name) ? undefined : callee.name;
  if (callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier' || callee.computed) return undefined;
  if (locals.has(callee.object.name) || !namespaces.has(callee.object.name) || callee.property.type !== 'Identifier') return undefined;
  return `${callee.object.name}.${callee.property.name}`;
}
