/** Values out of a page by CSS selectors. */
import type { Json, JsonObject } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';
import { compile, selectAll } from 'css-select';
import type { AnyNode, Element } from 'domhandler';
import { DomUtils } from 'htmlparser2';
import type { MutableObject } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';
import { type SelectorOptions, boundedAdapter } from './bounded-adapter.ts';
import { parseHtml } from './document.ts';
import { htmlText } from './text.ts';

/** Characters taken out of one page. Elements inside each other hold the same text again and again, so it can be far more than the page. */
const TAKEN_MAX = 20_000_000;

export interface ValueRule {
  readonly name: string;
  /** Left empty: the row itself. */
  readonly selector: string;
  readonly get: 'text' | 'attribute' | 'html' | 'outer' | 'count';
  readonly attribute?: string;
  readonly many: boolean;
}

/**
 * The values of each element that `rows` selects, or of the whole page when it is empty.
 * @throws StepFailure SELECTOR_INVALID, FIELD_NAME, HTML_TOO_DEEP, HTML_TOO_MUCH, HTML_TOO_MUCH_WORK
 */
export function extracted(html: string, rows: string, values: readonly ValueRule[]): readonly JsonObject[] {
  const page = parseHtml(html);
  const budget = new Budget();
  const adapter = boundedAdapter(html.length);
  const readers = values.map((rule) => valueReader(rule, budget, adapter));
  const found: readonly AnyNode[] = rows === '' ? [page] : selector(rows, adapter)(page);
  return found.map((row) => {
    const result: MutableObject = {};
    for (const { name, read } of readers) result[name] = read(row);
    return result;
  });
}

class Budget {
  #left = TAKEN_MAX;
  take<T extends string | null>(value: T): T {
    this.#left -= value?.length ?? 0;
    if (this.#left < 0)
      fail('HTML_TOO_MUCH', `The values hold more than ${TAKEN_MAX} characters. Select fewer elements, and none inside others.`);
    return value;
  }
}

function valueReader(
  rule: ValueRule,
  budget: Budget,
  adapter: SelectorOptions['adapter'],
): { readonly name: string; readonly read: (row: AnyNode) => Json } {
  const { name, get, attribute = 'href', many } = rule;
  if (name === '__proto__') fail('FIELD_NAME', 'A field cannot be named __proto__. Choose another name.');
  const matches = rule.selector === '' ? (row: AnyNode): readonly AnyNode[] => [row] : selector(rule.selector, adapter);
  if (get === 'count') return { name, read: (row) => matches(row).length };
  const valueOf = (node: AnyNode): Json => budget.take(contentOf(node));
  const contentOf = (node: AnyNode): string | null => {
    if (get === 'text') return htmlText([node]);
    if (get === 'attribute') return attributeOf(node, attribute);
    return get === 'html' ? DomUtils.getInnerHTML(node) : DomUtils.getOuterHTML(node);
  };
  return {
    name,
    read: (row) => {
      const found = matches(row);
      if (many) return found.map(valueOf).filter((value) => value !== null);
      return found[0] === undefined ? null : valueOf(found[0]);
    },
  };
}

function attributeOf(node: AnyNode, name: string): string | null {
  const attributes: JsonObject = 'attribs' in node ? node.attribs : {};
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  return typeof value === 'string' ? value : null;
}

/** Selectors that mean the row itself are made for each row, all others once. */
const RELATIVE = /:scope|(?:^|,)\s*[>+~]/;

function selector(source: string, adapter: SelectorOptions['adapter']): (root: AnyNode) => readonly Element[] {
  const compiled = (context?: AnyNode): ReturnType<typeof compile<AnyNode, Element>> => {
    try {
      return compile<AnyNode, Element>(source, { adapter }, context);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'it does not parse';
      return fail('SELECTOR_INVALID', `${shown(source)} is not a CSS selector: ${why}.`, { cause });
    }
  };
  if (RELATIVE.test(source)) return (root) => selectAll<AnyNode, Element>(compiled(root), root, { adapter });
  const query = compiled();
  return (root) => selectAll<AnyNode, Element>(query, root, { adapter });
}
