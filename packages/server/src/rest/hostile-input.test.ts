/**
 * Every operation with input that is wrong in every way: each is answered with its problem, and nothing makes the server fail. What is sent
 * is made from the operations' own schemas and is the same on every run.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Operation } from '../operation/operation.ts';
import { type Answer, type ApiKit, openApiKit } from '../operation/api.test-kit.ts';
import { PROBLEMS } from '../operation/problems.ts';
import { isQueryMethod } from './rest-adapter.ts';

let kit: ApiKit;
beforeAll(async () => {
  kit = await openApiKit();
});
afterAll(() => kit.close());

interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const DEEP = Array.from({ length: 50 }).reduce<unknown>((inner) => ({ a: inner }), 1);
/** Wrong for most fields, and right for some: then the answer may be a success. Every field gets these. */
const ALWAYS_TRIED: readonly unknown[] = [null, 'a\u0000b', '\ud800', -1, 2 ** 53, {}];
/** And one of these, taken in turns. */
const IN_TURNS: readonly unknown[] = [
  '',
  ' ',
  'x'.repeat(20_000),
  '../../etc/passwd',
  `' or 1=1; drop table run; --`,
  '%00%ff%2e%2e',
  '01900000-0000-7000-8000-00000000000g',
  0,
  101,
  1.5,
  2 ** 31,
  1e308,
  true,
  [],
  [null],
  Array.from({ length: 2000 }, () => 'x'),
  { toString: 1, constructor: { prototype: {} } },
  DEEP,
];
let turn = 0;

function wrongValues(): readonly unknown[] {
  turn += 1;
  return [...ALWAYS_TRIED, IN_TURNS[turn % IN_TURNS.length]];
}

/** Something that fits, so that what is wrong is the one field. */
function fitting(schema: Schema, defs: Readonly<Record<string, Schema>>): unknown {
  if (schema.$ref !== undefined) return fitting(defs[schema.$ref.replace('#/$defs/', '')] ?? {}, defs);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf?.[0]) return fitting(schema.anyOf[0], defs);
  switch (schema.type) {
    case 'string':
      if (schema.format === 'uuid') return '01900000-0000-7000-8000-000000000000';
      if (schema.format === 'email') return 'nobody@example.com';
      if (schema.format === 'date-time') return '2026-01-01T00:00:00Z';
      return 'x'.repeat(Math.max(1, schema.minLength ?? 1));
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return Object.fromEntries((schema.required ?? []).map((name) => [name, fitting(schema.properties?.[name] ?? {}, defs)]));
    default:
      return {};
  }
}

function send({ rest }: Operation, input: Readonly<Record<string, unknown>>): Promise<Answer> {
  const left = new Map(Object.entries(input));
  const path = rest.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = left.get(name);
    left.delete(name);
    return encodeURIComponent((typeof value === 'object' ? JSON.stringify(value) : String(value)).toWellFormed().slice(0, 4000)) || '-';
  });
  if (isQueryMethod(rest.method)) {
    const query = [...left].map(
      ([name, value]) => [name, (typeof value === 'object' ? JSON.stringify(value) : String(value)).slice(0, 4000)] as [string, string],
    );
    return kit.rest(kit.system, rest.method, `${path}?${new URLSearchParams(query).toString()}`);
  }
  return kit.rest(
    kit.system,
    rest.method,
    path,
    JSON.stringify(rest.bodyField === undefined ? Object.fromEntries(left) : left.get(rest.bodyField)) ?? '',
  );
}

/** Waits for events by design. */
const SLOW = new Set(['waitMs']);

function inputs(operation: Operation): { readonly what: string; readonly input: Readonly<Record<string, unknown>> }[] {
  const { $defs = {}, properties = {}, required = [] } = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as Schema;
  const base = Object.fromEntries(required.map((name) => [name, fitting(properties[name] ?? {}, $defs)]));
  const wrong = Object.keys(properties)
    .filter((name) => !SLOW.has(name))
    .flatMap((name) =>
      wrongValues().map((value) => ({ what: `${name} = ${JSON.stringify(value)?.slice(0, 60)}`, input: { ...base, [name]: value } })),
    );
  const missing = required.map((name) => ({
    what: `no ${name}`,
    input: Object.fromEntries(Object.entries(base).filter(([key]) => key !== name)),
  }));
  return [...wrong, ...missing, { what: 'an unknown field', input: { ...base, somethingElse: 1 } }, { what: 'nothing', input: {} }];
}

describe('hostile input', () => {
  test('makes no operation fail unexpectedly, and every refusal is a problem that is declared', { timeout: 240_000 }, async () => {
    const failed: string[] = [];
    let count = 0;
    for (const operation of kit.registry.all) {
      // An answer that is a stream of bytes has tests of its own.
      if ('stream' in operation) continue;
      const all = inputs(operation);
      for (let i = 0; i < all.length; i += 8) {
        await Promise.all(
          all.slice(i, i + 8).map(async ({ what, input }) => {
            count += 1;
            const { status, json, text } = await send(operation, input);
            const code: unknown = json?.error?.code;
            const isDeclared = status < 400 || (typeof code === 'string' && code in PROBLEMS);
            if (status >= 500 || !isDeclared) failed.push(`${operation.name} with ${what}: ${status} ${text.slice(0, 200)}`);
            if (
              what === 'an unknown field' &&
              !isQueryMethod(operation.rest.method) &&
              operation.rest.bodyField === undefined &&
              status < 400
            )
              failed.push(`${operation.name} took a field it does not know`);
          }),
        );
      }
    }
    const logged = new Set(kit.log.map((line) => line.message.split('\n').slice(0, 3).join(' | ')));
    expect(failed, [...logged].slice(-20).join('\n')).toEqual([]);
    expect(count).toBeGreaterThan(1000);
  });

  test.each(['0x10', '1e1', '0b1', ' 5', '5 ', '+5', '٥', 'Infinity', '1_0', '9'.repeat(40), '', 'null'])(
    'a query with %j for a number is refused with its field',
    async (first) => {
      const { status, json } = await kit.rest(kit.system, 'GET', `/workflows/overview?first=${encodeURIComponent(first)}`);
      expect([status, json.error.code, json.error.params.fields[0].field]).toEqual([422, 'INPUT_INVALID', 'first']);
    },
  );

  test('a page is never larger than allowed', async () => {
    const paged = kit.registry.all.filter((one) => one.kind === 'query' && 'first' in one.input.shape && !one.rest.path.includes('{'));
    expect(paged.length).toBeGreaterThan(3);
    for (const operation of paged) {
      const base = inputs(operation).at(-1)?.input ?? {};
      for (const first of ['101', '0', '-1', 'all', '1e9', ''])
        expect((await send(operation, { ...base, first })).status, `${operation.name} first=${first}`).toBe(422);
    }
  });
});
