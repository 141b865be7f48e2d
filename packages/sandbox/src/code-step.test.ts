import { afterAll, describe, expect, test } from 'vitest';

import { createSandbox } from './index.ts';
import { aJob, aScope, jsons, onlyError, onlyOutcome, prepared, someItems } from './test-kit.ts';

const sandbox = createSandbox({ size: 1 });
afterAll(() => sandbox.close());

describe('what code may return for each item', () => {
  test.each([
    ['an object is one item', 'return { a: 1 }', [{ a: 1 }]],
    ['nothing drops the item', 'return undefined', []],
    ['no return drops the item', '', []],
    ['an array gives several items', 'return [{ a: 1 }, { a: 2 }]', [{ a: 1 }, { a: 2 }]],
    ['an empty array gives none', 'return []', []],
    ['an object with only json is an item', 'return { json: { a: 1 } }', [{ a: 1 }]],
    ['an object with json and files is an item', 'return { json: { a: 1 }, files: {} }', [{ a: 1 }]],
    ['an object with json and more is data', 'return { json: { a: 1 }, b: 2 }', [{ json: { a: 1 }, b: 2 }]],
    ['an object whose json is no object is data', 'return { json: 3 }', [{ json: 3 }]],
    ['the input item may be passed on', 'return $item', [{ n: 1 }]],
    ['a promise is awaited', 'return Promise.resolve({ a: 1 })', [{ a: 1 }]],
    ['await works at the top', 'const x = await Promise.resolve(2); return { x }', [{ x: 2 }]],
    ['a date becomes ISO text', 'return { d: new Date(0) }', [{ d: '1970-01-01T00:00:00.000Z' }]],
    ['an undefined key is dropped', 'return { a: undefined, b: 1 }', [{ b: 1 }]],
    ['a hole in an array becomes null', 'return { a: [1, , undefined] }', [{ a: [1, null, null] }]],
    ['NaN and Infinity become null', 'return { a: NaN, b: -Infinity }', [{ a: null, b: null }]],
    ['minus zero becomes zero', 'return { a: -0 }', [{ a: 0 }]],
    ['toJSON is honoured', 'return { a: { toJSON: () => 5 } }', [{ a: 5 }]],
    ['a class instance gives its own fields', 'class P { x = 1; get y() { return 2 } }; return { p: new P() }', [{ p: { x: 1 } }]],
    ['text keeps every character', 'return { t: "äß€😀\\u2028\\t\\"" }', [{ t: 'äß€😀\u2028\t"' }]],
    [
      'text that only looks like an escaped surrogate is fine',
      'return { t: "\\\\ud800 __proto__ \\\\u0000" }',
      [{ t: '\\ud800 __proto__ \\u0000' }],
    ],
    ['a number is refused', 'return 3', 'CODE_RESULT'],
    ['text is refused', 'return "x"', 'CODE_RESULT'],
    ['null is refused', 'return null', 'CODE_RESULT'],
    ['a function is refused', 'return () => 1', 'CODE_RESULT'],
    ['an array of numbers is refused', 'return [1, 2]', 'CODE_RESULT'],
    ['an array of arrays is refused', 'return [[{ a: 1 }]]', 'CODE_RESULT'],
    ['a BigInt is refused', 'return { a: 1n }', 'OUTPUT_NOT_JSON'],
    ['a function inside is refused', 'return { a: () => 1 }', 'OUTPUT_NOT_JSON'],
    ['a symbol inside is refused', 'return { a: Symbol("x") }', 'OUTPUT_NOT_JSON'],
    ['a map is refused', 'return { a: new Map() }', 'OUTPUT_NOT_JSON'],
    ['a set is refused', 'return { a: new Set() }', 'OUTPUT_NOT_JSON'],
    ['bytes are refused', 'return { a: new Uint8Array(3) }', 'OUTPUT_NOT_JSON'],
    ['a promise inside is refused', 'return { a: Promise.resolve(1) }', 'OUTPUT_NOT_JSON'],
    ['a cycle is refused', 'const a = {}; a.b = { a }; return a', 'OUTPUT_NOT_JSON'],
    ['a key __proto__ is refused', 'return JSON.parse(\'{"a":{"__proto__":{"x":1}}}\')', 'OUTPUT_NOT_JSON'],
    ['NUL in text is refused', 'return { a: "x\\0y" }', 'OUTPUT_NOT_JSON'],
    ['half a surrogate pair is refused', 'return { a: "\\ud83d" }', 'OUTPUT_NOT_JSON'],
    ['half a surrogate pair in a key is refused', 'return { ["\\ud83d"]: 1 }', 'OUTPUT_NOT_JSON'],
  ])('%s', async (_rule, code, expected) => {
    expect(onlyOutcome(await sandbox.run(aJob(prepared(code))))).toEqual(expected);
  });

  test('a refused value is named with its path', async () => {
    const error = onlyError(await sandbox.run(aJob('return { list: [{ ok: 1 }, { big: 3n }] }')));

    expect(error).toMatchObject({ code: 'OUTPUT_NOT_JSON', kind: 'input' });
    expect(error.message).toContain('list[1].big');
  });

  test('a refused result says what came back', async () => {
    expect(onlyError(await sandbox.run(aJob('return "hello"'))).message).toContain('"hello"');
  });

  test('one bad item leaves the others alone', async () => {
    const code =
      'if ($json.n === 1) throw new Error("one"); if ($json.n === 2) return 2; if ($json.n === 3) return; return { n: $json.n, i: $itemIndex }';

    const { outcome } = await sandbox.run(aJob(code, { items: someItems(5) }));

    expect(outcome).toMatchObject({
      ok: true,
      perItem: [
        { ok: [{ json: { n: 0, i: 0 } }] },
        { error: { code: 'CODE_THREW', kind: 'bug', message: 'one' } },
        { error: { code: 'CODE_RESULT', kind: 'input' } },
        { ok: [] },
        { ok: [{ json: { n: 4, i: 4 } }] },
      ],
    });
  });

  test('an item that waits for ever leaves the others alone', async () => {
    const code = 'if ($json.n === 1) await new Promise(() => {}); return { n: $json.n }';

    const { outcome } = await sandbox.run(aJob(code, { items: someItems(3) }));

    expect(outcome).toMatchObject({
      perItem: [{ ok: [{ json: { n: 0 } }] }, { error: { code: 'CODE_NEVER_SETTLED' } }, { ok: [{ json: { n: 2 } }] }],
    });
  });

  test('no items give no outcomes', async () => {
    expect((await sandbox.run(aJob('return {}', { items: [] }))).outcome).toEqual({ ok: true, perItem: [] });
  });
});

describe('what code may return for all items', () => {
  const all = (code: string, items = someItems(3)) => sandbox.run(aJob(prepared(code), { mode: 'all-items', items }));

  test.each([
    [
      'an array of objects is taken as items',
      'return $input.all().map((item) => ({ n: item.json.n + 1 }))',
      [{ n: 1 }, { n: 2 }, { n: 3 }],
    ],
    ['one object is one item', 'return { a: 1 }', [{ a: 1 }]],
    ['nothing gives no items', 'return', []],
    ['await works', 'const all = await Promise.all([1, 2].map(async (n) => ({ n }))); return all', [{ n: 1 }, { n: 2 }]],
    ['text is refused', 'return "x"', 'CODE_RESULT'],
    ['a throw fails the job', 'throw new Error("x")', 'CODE_THREW'],
    ['a rejected promise fails the job', 'return Promise.reject(new Error("x"))', 'CODE_THREW'],
    ['an unresolved promise fails the job', 'return new Promise(() => {})', 'CODE_NEVER_SETTLED'],
    ['null in the array is refused', 'return [{ a: 1 }, null]', 'CODE_RESULT'],
  ])('%s', async (_rule, code, expected) => {
    expect(onlyOutcome(await all(code))).toEqual(expected);
  });

  test('items that are passed on say where they come from', async () => {
    const { outcome } = await all('const [a, b, c] = $input.all(); return [c, { json: b.json }, a.json, { fresh: true }]');

    expect(outcome).toEqual({
      ok: true,
      items: [{ json: { n: 2 }, from: [2] }, { json: { n: 1 }, from: [1] }, { json: { n: 0 }, from: [0] }, { json: { fresh: true } }],
    });
  });

  test('an unfit value in a long list is named with its element', async () => {
    const error = onlyError(
      await all('const list = Array.from({ length: 1200 }, (_, n) => ({ n })); list[777].big = { x: [1n] }; return list'),
    );

    expect(error).toMatchObject({ code: 'OUTPUT_NOT_JSON', message: expect.stringContaining('[777].big.x[0]') });
  });

  test('fresh, wrapped and passed-on items keep their order in one list', async () => {
    const code =
      'const [a] = $input.all(); return [{ x: 1 }, { x: 2 }, { json: { x: 3 } }, { x: 4 }, { x: 5 }, { x: 6 }, a, { toJSON: () => ({ x: 7 }) }, new (class { x = 8 })()]';
    const { outcome } = await all(code, someItems(9));

    expect(outcome.ok && 'items' in outcome && outcome.items.map((item) => item.json['x'] ?? item.from)).toEqual([
      1,
      2,
      3,
      4,
      5,
      6,
      [0],
      7,
      8,
    ]);
  });

  test('ten thousand items come back whole', async () => {
    const { outcome } = await all('return Array.from({ length: 10000 }, (_, n) => ({ n, label: "item " + n }))');

    expect(outcome.ok && 'items' in outcome ? outcome.items[9999]?.json : outcome).toEqual({ n: 9999, label: 'item 9999' });
  });

  test('using $json says how to read all items', async () => {
    expect(onlyError(await all('return $json')).message).toContain('$input.all()');
  });
});

describe('errors', () => {
  test.each([
    ['a thrown error has its line and column', 'const a = 1;\n\n  throw new TypeError("bad");', 'TypeError: bad', { line: 3, column: 13 }],
    [
      'an error in a function has the place inside it',
      'function f(o) {\n  return o.x.y;\n}\nreturn f({});',
      "TypeError: cannot read property 'y' of undefined",
      { line: 2, column: 10 },
    ],
    ['a thrown text has no place', 'throw "oops"', 'threw the text "oops"', undefined],
    ['a thrown nothing is said so', 'throw undefined', 'threw undefined', undefined],
    ['an unknown name is said so', 'return { a: nope }', 'ReferenceError: nope is not defined', { line: 1, column: 13 }],
  ])('%s', async (_rule, code, message, data) => {
    const error = onlyError(await sandbox.run(aJob(code)));

    expect(error).toMatchObject({ code: 'CODE_THREW', kind: 'bug', message });
    expect(error.data).toEqual(data);
  });

  test('TypeScript errors have the place in the TypeScript source', async () => {
    const code = prepared(
      'interface A { n: number }\nconst a: A = $json as A;\nthrow new Error(`n is ${a.n satisfies number}`);',
      'typescript',
    );

    expect(onlyError(await sandbox.run(aJob(code)))).toMatchObject({ message: 'n is 1', data: { line: 3 } });
  });

  test('code that was never prepared fails with a syntax error, not a crash', async () => {
    expect(onlyError(await sandbox.run(aJob('return {')))).toMatchObject({ code: 'CODE_SYNTAX', kind: 'input' });
    expect(onlyError(await sandbox.run(aJob('\n\nlet 1a = 2')))).toMatchObject({ code: 'CODE_SYNTAX', data: { line: 3 } });
  });
});

describe('what code sees', () => {
  const file = { id: 'f1', name: 'a.txt', mime: 'text/plain', size: 3, sha256: 'ab' };
  const scope = aScope({
    nodes: {
      Hook: { items: [{ json: { id: 'h0' } }, { json: { id: 'h1' }, files: { doc: file } }], paired: [1, undefined] },
      'One "only"': { items: [{ json: { id: 'o' } }] },
      Empty: { items: [] },
    },
    run: { id: 'run-1' },
    workflow: { name: 'W' },
    vars: { LIMIT: 5 },
  });
  const items = [{ json: { n: 0 }, files: { doc: file } }, { json: { n: 1 } }];
  const first = async (code: string, mode: 'each-item' | 'all-items' = 'each-item') => {
    const { outcome } = await sandbox.run(aJob(prepared(code), { items, scope, mode }));
    if (!outcome.ok) return outcome.error.message;
    if ('items' in outcome) return jsons(outcome.items)[0];
    const one = outcome.perItem[0];
    return one !== undefined && 'ok' in one ? jsons(one.ok)[0] : one?.error.message;
  };

  test.each([
    [
      '$json, $item and $itemIndex',
      'return { a: $json.n, b: $item.json.n, c: $itemIndex, d: $item.files.doc.name }',
      { a: 0, b: 0, c: 0, d: 'a.txt' },
    ],
    [
      '$input',
      'return { i: $input.item.json.n, f: $input.first().json.n, l: $input.last().json.n, c: $input.all().length }',
      { i: 0, f: 0, l: 1, c: 2 },
    ],
    ['the ancestor of an item', 'return { id: $("Hook").item.json.id }', { id: 'h1' }],
    ['the only item of a node', 'return { id: $(\'One "only"\').item.json.id }', { id: 'o' }],
    ['first and last of a node', 'return { f: $("Hook").first().json.id, l: $("Hook").last().json.id }', { f: 'h0', l: 'h1' }],
    ['all of a node, with files', 'return { a: $("Hook").all().map((i) => Object.keys(i.files).length) }', { a: [0, 1] }],
    ['an empty node', 'return { f: $("Empty").first() === undefined, c: $("Empty").all().length }', { f: true, c: 0 }],
    [
      '$run, $workflow, $vars and $now',
      'return { r: $run.id, w: $workflow.name, v: $vars.LIMIT, n: $now }',
      { r: 'run-1', w: 'W', v: 5, n: '2026-11-20T10:00:00.000Z' },
    ],
    ['a local name may hide a given one', 'const $json = { n: 9 }; return { a: $json.n }', { a: 9 }],
  ])('%s', async (_what, code, expected) => {
    expect(await first(code)).toEqual(expected);
  });

  test('an item without a single ancestor is an error that says what to use', async () => {
    const { outcome } = await sandbox.run(aJob('return $("Hook").item', { items, scope }));

    expect(outcome).toMatchObject({
      perItem: [{ ok: [{ json: { id: 'h1' }, files: { doc: file } }] }, { error: { message: expect.stringContaining('.first()') } }],
    });
  });

  test('a node that is not there is named', async () => {
    expect(await first('return $("Nope").first()')).toContain('$("Nope")');
    expect(await first('return $("__proto__").first()')).toContain('$("__proto__")');
  });

  test('changing the list of $input.all() does not change the input', async () => {
    expect(
      await first(
        '$input.all().length = 0; $input.all().reverse(); return { c: $input.all().length, f: $input.first().json.n }',
        'all-items',
      ),
    ).toEqual({ c: 2, f: 0 });
  });

  test('files pass through, and only files the step was given', async () => {
    const { outcome } = await sandbox.run(
      aJob('return { json: {}, files: { copy: $item.files.doc } }', { items: items.slice(0, 1), scope }),
    );
    expect(outcome).toEqual({ ok: true, perItem: [{ ok: [{ json: {}, files: { copy: file } }] }] });

    const forged = 'return { json: {}, files: { doc: { id: "other", name: "x", mime: "x/y", size: 1, sha256: "00" } } }';
    expect(onlyError(await sandbox.run(aJob(forged, { scope })))).toMatchObject({
      code: 'OUTPUT_NOT_JSON',
      message: expect.stringContaining('files.doc'),
    });
  });

  test.each([
    ['UTC', 'Thu Jan 01 1970 00:00:00 GMT+0000', 12],
    ['Europe/Berlin', 'Thu Jan 01 1970 01:00:00 GMT+0100', 14],
    ['America/New_York', 'Wed Dec 31 1969 19:00:00 GMT-0500', 8],
    ['Asia/Kolkata', 'Thu Jan 01 1970 05:30:00 GMT+0530', 17],
    ['No/Such', 'Thu Jan 01 1970 00:00:00 GMT+0000', 12],
  ])('local time is the time of the zone %s', async (zone, text, hour) => {
    const code = 'return { t: new Date(0).toString(), h: new Date("2026-07-01T12:00:00Z").getHours() }';

    expect(onlyOutcome(await sandbox.run(aJob(code, { scope: aScope({ zone }) })))).toEqual([
      { t: expect.stringContaining(text), h: hour },
    ]);
  });

  test.each([
    ['base64', 'return { a: btoa("hi"), b: atob("aGk=") }', { a: 'aGk=', b: 'hi' }],
    ['UTF-8', 'const b = new TextEncoder().encode("ä€😀"); return { n: b.length, t: new TextDecoder().decode(b) }', { n: 9, t: 'ä€😀' }],
    ['broken UTF-8', 'return { t: new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62])) }', { t: 'a\ufffd\ufffdb' }],
    [
      'structuredClone',
      'const a = { d: new Date(5), m: new Map([[1, { x: 1 }]]) }; a.self = a; const c = structuredClone(a); return { same: c === a, self: c.self === c, d: c.d.getTime(), x: c.m.get(1).x }',
      { same: false, self: true, d: 5, x: 1 },
    ],
    [
      'URL',
      'const u = new URL("../b?x=1#h", "https://a.example:8443/c/d"); u.searchParams.append("y", "ü 2"); u.pathname = "/p q"; return { u, o: u.origin, x: u.searchParams.get("x") }',
      { u: 'https://a.example:8443/p%20q?x=1&y=%C3%BC+2#h', o: 'https://a.example:8443', x: '1' },
    ],
    [
      'a bad URL throws',
      'try { new URL("nope") } catch (e) { return { e: e.name, can: URL.canParse("nope") } }',
      { e: 'TypeError', can: false },
    ],
    [
      'URLSearchParams',
      'const q = new URLSearchParams({ a: 1, b: "x y" }); q.append("a", "2"); q.delete("b"); return { s: String(q), all: q.getAll("a"), e: [...q].length }',
      { s: 'a=1&a=2', all: ['1', '2'], e: 2 },
    ],
  ])('%s is there', async (_what, code, expected) => {
    expect(await first(code)).toEqual(expected);
  });

  test.each(['new URL("http://a/" + "x".repeat(400_000))', 'new URLSearchParams("a=1&".repeat(200_000))'])(
    '%s says that it is too long',
    async (code) => {
      expect(onlyError(await sandbox.run(aJob(code))).message).toContain('300,000');
    },
  );

  test('Math.random differs between jobs and inside one', async () => {
    const draw = async () => JSON.stringify(onlyOutcome(await sandbox.run(aJob('return { r: Array.from({ length: 8 }, Math.random) }'))));
    const [one, two] = [await draw(), await draw()];

    expect(one).not.toBe(two);
    expect(new Set((JSON.parse(one) as [{ r: number[] }])[0].r).size).toBe(8);
  });

  test.each(['setTimeout', 'setInterval', 'fetch', 'require'])('%s says why it is missing', async (name) => {
    expect(onlyError(await sandbox.run(aJob(`${name}("x")`))).message).toMatch(new RegExp(`${name} is not available: .+`));
  });
});

describe('console', () => {
  test('lines are kept with level and item', async () => {
    const { logs } = await sandbox.run(
      aJob(
        'console.log("a", 1, { b: [2] }, null, undefined); console.warn(new TypeError("w")); console.error("e"); console.debug("d"); console.info("i")',
        { items: someItems(2) },
      ),
    );

    expect(logs).toHaveLength(10);
    expect(logs.slice(0, 5)).toEqual([
      { level: 'info', message: 'a 1 {"b":[2]} null undefined', item: 0 },
      { level: 'warn', message: 'TypeError: w (line 1)', item: 0 },
      { level: 'error', message: 'e', item: 0 },
      { level: 'debug', message: 'd', item: 0 },
      { level: 'info', message: 'i', item: 0 },
    ]);
    expect(logs[5]).toMatchObject({ item: 1 });
  });

  test('lines written before an error or a time-out are kept', async () => {
    expect((await sandbox.run(aJob('console.log("before"); throw 1'))).logs).toMatchObject([{ message: 'before' }]);

    const late = await sandbox.run(aJob('console.log("before"); while (true);', { limits: { timeMs: 100 } }));
    expect(late).toMatchObject({ logs: [{ message: 'before' }], outcome: { error: { code: 'CODE_TIMEOUT' } } });
  });

  test('lines and bytes are capped, and the log says so', async () => {
    const many = await sandbox.run(aJob('for (let i = 0; i < 1000; i += 1) console.log(i)', { limits: { logLines: 5 } }));
    expect(many.logs.map((line) => line.message)).toEqual(['0', '1', '2', '3', '4', expect.stringContaining('dropped')]);

    const long = await sandbox.run(aJob('console.log("x".repeat(1e6)); console.log("y")', { limits: { logBytes: 1000 } }));
    expect(long.logs.map((line) => line.message.length)).toEqual([1000, expect.any(Number)]);
    expect(long.logs[1]?.message).toContain('dropped');
  });

  test('a line of fifty megabytes is cut, and the job goes on', async () => {
    const { logs, outcome } = await sandbox.run(aJob('console.log("x".repeat(50_000_000)); return { done: true }'));

    expect(logs[0]?.message).toMatch(/^x{65536}$/);
    expect(outcome).toMatchObject({ perItem: [{ ok: [{ json: { done: true } }] }] });
    expect(sandbox.stats().killed).toBe(0);
  });

  test('what cannot be printed does not stop the code', async () => {
    const code = 'const a = {}; a.a = a; console.log(a, Symbol("s"), () => 1, { get x() { throw 1 } }); return { done: true }';

    expect(onlyOutcome(await sandbox.run(aJob(code)))).toEqual([{ done: true }]);
  });
});
