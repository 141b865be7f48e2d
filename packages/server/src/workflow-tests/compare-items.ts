/** Where items differ from what a test expects. Pure; a difference names its place so that a person finds it. */
import type { Json } from '@plugboard/sdk';

export interface Difference {
  /** Id of the node; empty for the run as a whole. */
  readonly node: string;
  /** Such as `items[0].order.total`. */
  readonly path: string;
  /** Absent: there is to be nothing. */
  readonly expected?: Json;
  /** Absent: there was nothing. */
  readonly actual?: Json;
}

/** Differences that are told; what differs a lot differs in the same way mostly. */
const MAX_DIFFERENCES = 50;

/** @param ignore fields that may differ, such as `id` or `order.*.at`; `*` is any one name or place in a list */
export function compareItems(
  node: string,
  expected: readonly Json[],
  actual: readonly Json[],
  ignore: readonly string[] = [],
): Difference[] {
  const found: Difference[] = [];
  const patterns = ignore.map((pattern) => pattern.split('.'));
  const tell = (path: string, wanted: Json | undefined, got: Json | undefined): void => {
    if (found.length >= MAX_DIFFERENCES) return;
    found.push({ node, path, ...(wanted === undefined ? {} : { expected: wanted }), ...(got === undefined ? {} : { actual: got }) });
  };

  const compare = (wanted: Json | undefined, got: Json | undefined, path: string, field: readonly string[]): void => {
    if (patterns.some((pattern) => matches(pattern, field))) return;
    if (Array.isArray(wanted) && Array.isArray(got)) {
      const length = Math.max(wanted.length, got.length);
      for (let i = 0; i < length; i += 1) compare(wanted[i] as Json, got[i] as Json, `${path}[${i}]`, [...field, String(i)]);
      return;
    }
    if (isFields(wanted) && isFields(got)) {
      for (const name of new Set([...Object.keys(wanted), ...Object.keys(got)]))
        compare(own(wanted, name), own(got, name), `${path}.${name}`, [...field, name]);
      return;
    }
    if (wanted !== got) tell(path, wanted, got);
  };

  const length = Math.max(expected.length, actual.length);
  for (let i = 0; i < length; i += 1) compare(expected[i], actual[i], `items[${i}]`, []);
  return found;
}

function matches(pattern: readonly string[], field: readonly string[]): boolean {
  return pattern.length === field.length && pattern.every((part, n) => part === '*' || part === field[n]);
}

type Fields = { readonly [name: string]: Json };

function isFields(value: Json | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(fields: Fields, name: string): Json | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
