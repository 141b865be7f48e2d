/** Renaming a node rewrites `$('Old name')` wherever a parameter refers to it. Every other byte stays. */
import type { Json } from '@plugboard/sdk';
import type { CallExpression, Node } from 'acorn';
import { ExpressionError } from './expression-error.ts';
import { defaultLimits } from './limits.ts';
import { fixedText } from './syntax.ts';
import { parseText, piecesOf } from './template.ts';

/**
 * The value with every reference to node `from` naming `to`. Templates that do not parse, and names that are computed, stay as they are;
 * validation tells about both. A value without such a reference is returned as the same object.
 */
export function renameNode(value: Json, from: string, to: string): Json {
  if (typeof value === 'string') return renameInText(value, from, to);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const renamed = list.map((element) => renameNode(element, from, to));
    return renamed.some((element, index) => element !== list[index]) ? renamed : value;
  }
  const entries = Object.entries(value);
  const renamed = entries.map(([key, field]) => [key, renameNode(field, from, to)] as const);
  return renamed.some(([, field], index) => field !== entries[index]?.[1]) ? Object.fromEntries(renamed) : value;
}

function renameInText(text: string, from: string, to: string): string {
  const parsed = parseText(text);
  if (parsed.kind === 'literal' || !parsed.source.includes('$')) return text;
  const { source } = parsed;
  const found: Node[] = [];
  try {
    for (const piece of piecesOf(source, defaultLimits)) if (piece.kind === 'expression') collectNames(piece.node, from, found);
  } catch (thrown) {
    if (thrown instanceof ExpressionError) return text;
    throw thrown;
  }
  let out = '';
  let at = 0;
  for (const name of found.toSorted((a, b) => a.start - b.start)) {
    out += source.slice(at, name.start) + quoted(to, source.charAt(name.start));
    at = name.end;
  }
  return found.length === 0 ? text : `=${out}${source.slice(at)}`;
}

/** Walks the whole tree, without recursion, so that depth costs no stack. */
function collectNames(root: Node, from: string, found: Node[]): void {
  const open: Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const argument = nodeArgument(node);
    if (argument !== undefined && fixedText(argument) === from) found.push(argument);
    for (const child of Object.values(node) as unknown[]) {
      for (const candidate of Array.isArray(child) ? (child as unknown[]) : [child]) if (isNode(candidate)) open.push(candidate);
    }
  }
}

function nodeArgument(node: Node): Node | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const { callee, arguments: args } = node as CallExpression;
  return callee.type === 'Identifier' && callee.name === '$' && args.length === 1 ? args[0] : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;
}

/** A literal in the quotes the author used. */
function quoted(name: string, quote: string): string {
  const escapes: { readonly [char: string]: string } = { '\n': '\\n', '\r': '\\r', '\u2028': '\\u2028', '\u2029': '\\u2029' };
  const body = name.replace(/[\\'"`$\n\r\u2028\u2029]/g, (char) => {
    if (char === '\\') return '\\\\';
    if (char === '$') return quote === '`' ? '\\$' : '$';
    return escapes[char] ?? (char === quote ? `\\${char}` : char);
  });
  return `${quote}${body}${quote}`;
}
