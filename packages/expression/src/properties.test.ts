/** Rules that hold for every source and every data, tried on random ones. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aScope } from '../test/a-scope.ts';
import {
  compileTemplate,
  compileValue,
  createBudget,
  ExpressionError,
  expressionCatalog,
  parseText,
  renameNode,
  type CompiledTemplate,
} from './index.ts';

const fuel = 3000;
const methods = expressionCatalog.filter(({ kind }) => kind === 'method').map(({ name }) => name);
const functions = expressionCatalog.filter(({ kind, name }) => kind === 'function' && name !== '$').map(({ name }) => name);
const keys = ['a', 'b', 'length', 'constructor', 'toString', 'item', 'json', 'year', '0', 'prototype'];

/** Expressions built by the grammar, so that most of them compile; receivers and arguments are mixed without regard to kinds. */
const { expression } = fc.letrec<{ expression: string; argument: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      '$json',
      '$json.a',
      '$json.b',
      '$now',
      '$today',
      '$input',
      "$('Webhook')",
      '$run',
      '$vars',
      '$itemIndex',
      'undefined',
      'null',
      'true',
      'NaN',
      'Infinity',
      '[]',
      '({})',
      "''",
      '1',
      '-1.5',
      "'abc'",
      "'2026-03-29'",
      "'__proto__'",
      'x',
    ),
    fc.tuple(tie('expression'), fc.constantFrom(...keys)).map(([subject, key]) => `(${subject})?.${/^\d/.test(key) ? `[${key}]` : key}`),
    fc.tuple(tie('expression'), tie('expression')).map(([subject, key]) => `(${subject})?.[${key}]`),
    fc
      .tuple(tie('expression'), fc.constantFrom('+', '-', '*', '/', '%', '**', '==', '===', '<', '>=', '&&', '||'), tie('expression'))
      .map(([left, operator, right]) => `((${left}) ${operator} (${right}))`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `((${a}) ? (${b}) : (${c}))`),
    fc
      .tuple(tie('expression'), fc.constantFrom(...methods), fc.array(tie('argument'), { maxLength: 2 }))
      .map(([subject, method, args]) => `(${subject})?.${method}(${args.join(', ')})`),
    fc
      .tuple(fc.constantFrom(...functions), fc.array(tie('expression'), { maxLength: 3 }))
      .map(([name, args]) => `${name}(${args.join(', ')})`),
    fc.array(tie('expression'), { maxLength: 3 }).map((parts) => `[${parts.join(', ')}]`),
    fc
      .array(fc.tuple(fc.constantFrom(...keys), tie('expression')), { maxLength: 3 })
      .map((fields) => `({ ${fields.map(([key, value]) => `${key}: ${value}`).join(', ')} })`),
    tie('expression').map((part) => '`<${' + part + '}>`'),
    fc.tuple(tie('expression'), fc.constantFrom('!', '-', 'typeof ')).map(([part, operator]) => `${operator}(${part})`),
  ),
  argument: fc.oneof(
    { depthSize: 'small' },
    tie('expression'),
    tie('expression').map((body) => `x => ${body.startsWith('{') ? `(${body})` : body}`),
    fc.constantFrom('/a/', '/[a-z]+/g', '/(b)|c*/g', '/$/'),
  ),
}));

const soup = fc
  .array(
    fc.constantFrom(
      '{{',
      '}}',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '.',
      '?.',
      ',',
      '=>',
      '...',
      '`',
      '${',
      "'",
      '"',
      '/',
      '\\',
      '$',
      '$json',
      'x',
      'a',
      '1',
      '+',
      '=',
      'this',
      'new',
      '__proto__',
      '\n',
      '//',
      '/*',
      '#',
      'async',
      'in',
    ),
    { maxLength: 30 },
  )
  .map((tokens) => tokens.join(' '));

const data = fc.object({
  key: fc.constantFrom(...keys),
  maxDepth: 3,
  values: [fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.constant(null)],
});

function compiled(source: string): CompiledTemplate | ExpressionError {
  try {
    return compileTemplate(source, { limits: { fuel } });
  } catch (thrown) {
    if (thrown instanceof ExpressionError) return thrown;
    throw thrown;
  }
}

function expectGoodError(error: unknown, source: string): void {
  if (!(error instanceof ExpressionError)) throw error;
  // The code for defects: no source and no JSON may lead there.
  if (error.code === 'EXPR_INTERNAL') throw new Error(`Internal error in ${source}`, { cause: error.cause });
  expect(error.position).toBeGreaterThanOrEqual(0);
  expect(error.end ?? error.position).toBeLessThanOrEqual(source.length);
}

/** Frozen data makes any change of it an error, which would end as EXPR_INTERNAL. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach((part) => frozen(part));
  return value;
}

function check(source: string, json: { readonly [key: string]: unknown }): void {
  const template = compiled(source);
  if (template instanceof ExpressionError) return expectGoodError(template, source);
  const budget = createBudget(fuel);
  try {
    const scope = aScope({ json: frozen(json) as never, items: frozen([{ json: json as never }]) });
    const result = template.evaluate(scope, budget);
    if (result !== undefined) expect(JSON.parse(JSON.stringify(result))).toEqual(normal(result));
  } catch (thrown) {
    expectGoodError(thrown, source);
  }
  expect(budget.fuel).toBeGreaterThanOrEqual(0);
  expect(budget.fuel).toBeLessThanOrEqual(fuel);
}

/** JSON has no negative zero. */
function normal(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, normal(part)]));
}

describe('for any source and any data', () => {
  test('an evaluation ends within its fuel, in JSON or an ExpressionError, and changes nothing', () => {
    fc.assert(
      fc.property(expression, data, (source, json) =>
        check(`{{ [{ a: 1 }, $json].map(x => ${source.startsWith('{') ? `(${source})` : source}) }}`, json),
      ),
      { numRuns: 3000 },
    );
  });

  test('random tokens and random text compile or fail with a place', () => {
    fc.assert(
      fc.property(soup, data, (source, json) => check(source, json)),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(soup, data, (source, json) => check(`{{ ${source} }}`, json)),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), data, (source, json) => check(`{{${source}}}`, json)),
      { numRuns: 1000 },
    );
  });

  test('the same source and data give the same result and use the same fuel', () => {
    fc.assert(
      fc.property(expression, data, (source, json) => {
        const runs = [1, 2].map(() => {
          const budget = createBudget(fuel);
          const compiledValue = compileValue(`={{ [$json].map(x => ${source.startsWith('{') ? `(${source})` : source}) }}`);
          if (compiledValue.constant || compiledValue.problems.length > 0) return compiledValue.problems.map(({ error }) => error.message);
          try {
            return [compiledValue.evaluate(aScope({ json: json as never }), budget), budget.fuel];
          } catch (thrown) {
            return [(thrown as ExpressionError).code, budget.fuel];
          }
        });
        expect(runs[0]).toEqual(runs[1]);
      }),
      { numRuns: 500 },
    );
  });

  test('literal text survives being written as a parameter', () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (rest, isEquals) => {
        const text = isEquals ? `=${rest}` : rest;
        expect(parseText(text.startsWith('=') ? `=${text}` : text)).toEqual({ kind: 'literal', value: text });
      }),
    );
  });

  test('renaming there and back gives the same bytes, whatever the names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (from, to) => {
        const written = renameNode("={{ $('A').item.json.x + $json['A'] }}", 'A', from);
        const moved = renameNode(written, from, to);
        expect(compileTemplate(String(moved).slice(1)).references.nodes).toEqual([to]);
        expect(renameNode(moved, to, from)).toBe(written);
      }),
    );
  });
});
