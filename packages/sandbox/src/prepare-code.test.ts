import { describe, expect, test } from 'vitest';

import { prepareCode, referencedNodes } from './index.ts';

describe('prepareCode', () => {
  test.each([
    ['return and await are allowed', 'const a = await 1; return { a };'],
    ['an empty step is allowed', ''],
    ['a comment at the end is allowed', 'return 1 // done'],
    ['modern syntax is allowed', 'class A { #x = 1; static { } get x() { return this.#x ?? 2n ** 3n } } return new A()?.x'],
  ])('%s', (_rule, source) => {
    expect(prepareCode(source, 'javascript')).toEqual({ ok: true, code: source });
    expect(prepareCode(source, 'typescript')).toMatchObject({ ok: true });
  });

  test.each([
    ['a missing bracket', 'return {', 1, 9],
    ['a word too many', 'const a = 1;\nconst b = a b;', 2, 13],
    ['a closed wrapper', '}\nevil(); {', 1, 1],
    ['a name declared twice', 'let a;\nlet a;', 2, 5],
    ['an import', '\n  import fs from "node:fs";', 2, 3],
    ['an export', 'const a = 1;\nexport { a };', 2, 1],
    ['with, which strict code has not', 'with ($json) { return a }', 1, 1],
    ['an octal number of old', 'return 017', 1, 8],
  ])('%s is refused with its place', (_what, source, line, column) => {
    expect(prepareCode(source, 'javascript')).toEqual({
      ok: false,
      problem: { code: 'CODE_SYNTAX', message: expect.any(String), line, column },
    });
  });

  test('types are stripped and every place stays where it was', () => {
    const result = prepareCode('const a: number = 1;\nreturn { a } satisfies { a: number };', 'typescript');

    expect(result).toEqual({ ok: true, code: 'const a         = 1;\nreturn { a }                        ;' });
  });

  test.each([
    ['broken types', 'const a: = 1;', 1, 10],
    ['an enum, which is more than types', 'let x = 1;\nenum A { B }', 2, 1],
    ['a closed wrapper', '}; evil(); () => {', 1, 1],
  ])('TypeScript: %s is refused with its place', (_what, source, line, column) => {
    expect(prepareCode(source, 'typescript')).toMatchObject({ ok: false, problem: { code: 'CODE_SYNTAX', line, column } });
  });

  test('nothing runs', () => {
    prepareCode('globalThis.ranByAccident = 1; throw new Error("ran")', 'javascript');

    expect('ranByAccident' in globalThis).toBe(false);
  });
});

describe('referencedNodes', () => {
  test.each([
    ['no name', 'return $json', [], false],
    ['names in either quotes', 'return [$("A").item, $(\'B c\').all(), $(`D`).first(), $("A")]', ['A', 'B c', 'D'], false],
    ['a name in a nested function', 'return $input.all().map((i) => ({ x: $("A").first().json[$("B").item.json.k] }))', ['A', 'B'], false],
    ['a name in text or comment does not count', '// $("A")\nreturn { a: \'$("B")\' }', [], false],
    ['a property called $ does not count', 'return { $: 1, a: $json.$ }', [], false],
    ['a computed name', 'const n = "A"; return $(n).first()', [], true],
    ['a template with parts', 'return $(`A${1}`).first()', [], true],
    ['an alias', 'const get = $; return get("A")', [], true],
    ['$ handed on', 'return ["A"].map($)', [], true],
    ['a shorthand property', 'return { $ }.$("A")', [], true],
    ['the global object', 'return globalThis["$"]("A")', [], true],
    ['eval', 'return eval("$")("A")', [], true],
    ['Function', 'return new Function("return $")()("A")', [], true],
    ['the constructor of a function', 'return (() => 1).constructor("return $")()("A")', [], true],
    ['an escaped $', 'return \\u0024("A").first()', ['A'], false],
    ['code that cannot be read', 'return $("A"', [], true],
  ])('%s', (_what, code, names, dynamic) => {
    expect(referencedNodes(code)).toEqual({ names, dynamic });
  });
});
