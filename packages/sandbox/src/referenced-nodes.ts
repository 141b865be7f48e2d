/** Which earlier nodes a code step names, so that only their data is sent to it. Reads the code, runs nothing. */
import type { Node } from 'acorn';

import { parseBody } from './prepare-code.ts';

export interface ReferencedNodes {
  /** Names written out as `$('Name')`, each once, in order of appearance. */
  readonly names: readonly string[];
  /** The code may reach other names as well; then send every node's data. */
  readonly dynamic: boolean;
}

/** Errs towards `dynamic`: a name it cannot see must not be missing at run time. `code` is prepared code. */
export function referencedNodes(code: string): ReferencedNodes {
  if (!code.includes('$') && !code.includes('\\u') && !indirect.some((name) => code.includes(name))) return { names: [], dynamic: false };
  const names = new Set<string>();
  let dynamic = false;
  let program: Node;
  try {
    program = parseBody(code);
  } catch {
    return { names: [], dynamic: true };
  }
  const visit = (node: Node, parent: Node | undefined): void => {
    if (isCallOf$(node)) {
      const name = literalText(node.arguments[0]);
      if (name === undefined) dynamic = true;
      else names.add(name);
      node.arguments.forEach((argument) => visit(argument, node));
      return;
    }
    const { name } = node as { name?: unknown };
    if (node.type === 'Identifier' && (name === '$' || indirect.includes(name as string)) && !isMemberName(node, parent)) dynamic = true;
    for (const child of childrenOf(node)) visit(child, node);
  };
  visit(program, undefined);
  return { names: [...names], dynamic };
}

/** Ways to a global by text. */
const indirect = ['globalThis', 'eval', 'Function', 'constructor'];

function isCallOf$(node: Node): node is Node & { arguments: Node[] } {
  if (node.type !== 'CallExpression') return false;
  const { callee } = node as unknown as { callee: Node & { name?: string } };
  return callee.type === 'Identifier' && callee.name === '$';
}

function literalText(node: Node | undefined): string | undefined {
  if (node?.type === 'Literal') {
    const { value } = node as unknown as { value: unknown };
    return typeof value === 'string' ? value : undefined;
  }
  if (node?.type === 'TemplateLiteral') {
    const { quasis } = node as unknown as { quasis: { value: { cooked?: string | null } }[] };
    return quasis.length === 1 ? (quasis[0]?.value.cooked ?? undefined) : undefined;
  }
  return undefined;
}

/** `a.$` and `{ $: 1 }` name a property, not the global. `a.constructor` leads to Function and counts. */
function isMemberName(node: Node, parent: Node | undefined): boolean {
  if ((node as { name?: unknown }).name === 'constructor') return false;
  const place = parent as unknown as { type?: string; property?: Node; key?: Node; computed?: boolean; shorthand?: boolean } | undefined;
  if (place === undefined || place.computed === true || place.shorthand === true) return false;
  return place.property === node || place.key === node;
}

function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof (child as Node).type === 'string') yield child as Node;
    }
  }
}
