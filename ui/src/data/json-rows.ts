/** JSON as rows of a list, so that a million values scroll as well as ten. Pure. */
import type { Json } from '@plugboard/sdk';

export type ValueKind = 'text' | 'number' | 'boolean' | 'null' | 'list' | 'object';

export interface FieldRow {
  /** Path as an expression would write it: `lines[0].price`. */
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly kind: ValueKind;
  /** Short text of the value; of a list or object how much it holds. */
  readonly text: string;
  readonly isOpen: boolean;
  readonly hasInside: boolean;
}

/** Text longer than this is cut in a row; it is whole in the JSON view. */
const LONGEST = 400;

export function kindOf(value: Json): ValueKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object') return 'object';
  return typeof value === 'string' ? 'text' : (typeof value as 'number' | 'boolean');
}

/** Rows of one item. Objects start open down to `openDepth`, lists folded; `toggled` holds the paths that a person changed. */
export function fieldRows(value: Json, toggled: ReadonlySet<string>, openDepth = 2): FieldRow[] {
  const rows: FieldRow[] = [];
  const walk = (name: string, path: string, at: Json, depth: number): void => {
    const kind = kindOf(at);
    const inside = insideOf(at);
    const startsOpen = kind === 'object' && depth < openDepth;
    const isOpen = inside.length > 0 && startsOpen !== toggled.has(path);
    rows.push({ path, name, depth, kind, text: shortText(at), isOpen, hasInside: inside.length > 0 });
    if (!isOpen) return;
    for (const [key, child] of inside) walk(key, Array.isArray(at) ? `${path}[${key}]` : joinPath(path, key), child, depth + 1);
  };
  for (const [key, child] of insideOf(value)) walk(key, Array.isArray(value) ? `[${key}]` : joinPath('', key), child, 0);
  return rows;
}

function insideOf(value: Json): [string, Json][] {
  if (Array.isArray(value)) return value.map((child: Json, index) => [String(index), child]);
  return typeof value === 'object' && value !== null ? Object.entries<Json>(value as { readonly [key: string]: Json }) : [];
}

export function joinPath(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

export function shortText(value: Json): string {
  switch (kindOf(value)) {
    case 'list': {
      const count = (value as readonly Json[]).length;
      return count === 1 ? '1 entry' : `${count.toLocaleString('en')} entries`;
    }
    case 'object': {
      const count = Object.keys(value as object).length;
      return count === 1 ? '1 field' : `${count.toLocaleString('en')} fields`;
    }
    case 'null':
      return 'empty';
    default: {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
    }
  }
}

/** Columns of a table over items: the fields of the first items, in the order they first appear. */
export function tableColumns(items: readonly Json[], atMost = 24): string[] {
  const names = new Set<string>();
  for (const item of items.slice(0, 200)) {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) continue;
    for (const key of Object.keys(item)) {
      names.add(key);
      if (names.size >= atMost) return [...names];
    }
  }
  return [...names];
}

export interface JsonLine {
  readonly depth: number;
  readonly parts: readonly { readonly kind: 'key' | 'text' | 'number' | 'word' | 'mark'; readonly text: string }[];
}

/** Pretty-printed JSON, one line per row, coloured by kind. */
export function jsonLines(value: Json): JsonLine[] {
  const lines: JsonLine[] = [];
  const literal = (at: Json): JsonLine['parts'][number] => {
    if (typeof at === 'string') return { kind: 'text', text: JSON.stringify(at) };
    return { kind: typeof at === 'number' ? 'number' : 'word', text: JSON.stringify(at) };
  };
  const walk = (at: Json, depth: number, before: JsonLine['parts'], comma: string): void => {
    const inside = insideOf(at);
    const isList = Array.isArray(at);
    if (typeof at !== 'object' || at === null) {
      lines.push({ depth, parts: [...before, literal(at), ...(comma ? [{ kind: 'mark' as const, text: comma }] : [])] });
      return;
    }
    if (inside.length === 0) {
      lines.push({ depth, parts: [...before, { kind: 'mark', text: `${isList ? '[]' : '{}'}${comma}` }] });
      return;
    }
    lines.push({ depth, parts: [...before, { kind: 'mark', text: isList ? '[' : '{' }] });
    inside.forEach(([key, child], index) => {
      const own: JsonLine['parts'] = isList
        ? []
        : [
            { kind: 'key', text: JSON.stringify(key) },
            { kind: 'mark', text: ': ' },
          ];
      walk(child, depth + 1, own, index < inside.length - 1 ? ',' : '');
    });
    lines.push({ depth, parts: [{ kind: 'mark', text: `${isList ? ']' : '}'}${comma}` }] });
  };
  walk(value, 0, [], '');
  return lines;
}
