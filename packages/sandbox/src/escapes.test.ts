/** Hostile code: nothing of the host is reachable, nothing stays for the next job, and every attempt ends with a result. */
import { afterAll, describe, expect, test } from 'vitest';

import { createSandbox } from './index.ts';
import { aJob, aScope, onlyError, onlyOutcome } from './test-kit.ts';

const sandbox = createSandbox({ size: 1, limits: { timeMs: 8_000, memoryBytes: 48 * 1024 * 1024, outputBytes: 1024 * 1024 } });
afterAll(() => sandbox.close());

/** What an untouched guest answers; compared after each attempt. */
const fingerprint = `
  return {
    globals: Object.getOwnPropertyNames(globalThis).sort().join(),
    object: Object.getOwnPropertyNames(Object.prototype).sort().join(),
    array: Object.getOwnPropertyNames(Array.prototype).sort().join(),
    polluted: ({}).polluted === undefined && [].polluted === undefined && globalThis.left === undefined,
    json: JSON.stringify({ a: [1, 'x', null] }),
    math: Math.max(1, 2),
    zeros: new Uint8Array(20_000_000).indexOf(255) < 0 && new Uint8Array(20_000).every((byte) => byte === 0),
  }`;
const pristine = onlyOutcome(await sandbox.run(aJob(fingerprint)));
const ask = async (code: string, timeMs = 8_000) => onlyOutcome(await sandbox.run(aJob(code, { limits: { timeMs } })));
/** For attempts that must run into the deadline. */
const shortMs = 250;

describe('the host is out of reach', () => {
  test.each([
    ['process', 'return { t: typeof process }', 'undefined'],
    ['Buffer', 'return { t: typeof Buffer }', 'undefined'],
    ['module', 'return { t: typeof module }', 'undefined'],
    ['WebAssembly', 'return { t: typeof WebAssembly }', 'undefined'],
    [
      'Deno, Bun, std and os',
      'return { t: [typeof Deno, typeof Bun, typeof std, typeof os].every((t) => t === "undefined") ? "undefined" : "there" }',
      'undefined',
    ],
    ['process through Function', 'return { t: new Function("return typeof process")() }', 'undefined'],
    ['process through an indirect eval', 'return { t: (0, eval)("typeof process") }', 'undefined'],
    ['process through the constructor of a function', 'return { t: (() => 1).constructor("return typeof process")() }', 'undefined'],
    ['process through the constructor of console.log', 'return { t: console.log.constructor("return typeof process")() }', 'undefined'],
    ['process through the constructor of the input', 'return { t: $json.constructor.constructor("return typeof process")() }', 'undefined'],
    ['process through the constructor of $', 'return { t: $.constructor("return typeof process")() }', 'undefined'],
    ['process through an async function', 'return { t: await (async () => {}).constructor("return typeof process")() }', 'undefined'],
    [
      'process through a generator function',
      'return { t: (function* () {}).constructor("yield typeof process")().next().value }',
      'undefined',
    ],
    ['process through URL', 'return { t: new URL("a:b").constructor.constructor("return typeof process")() }', 'undefined'],
    [
      'process through an error of ours',
      'try { $("x") } catch (e) { return { t: e.constructor.constructor("return typeof process")() } }',
      'undefined',
    ],
    [
      'process through a prepared stack',
      'Error.prepareStackTrace = (e, frames) => frames; const s = new Error().stack; return { t: typeof (s?.[0]?.getThis?.()?.process) }',
      'undefined',
    ],
    [
      'callers of the code',
      'function f() { return f.caller } try { return { t: typeof f() } } catch { return { t: "undefined" } }',
      'undefined',
    ],
    ['this at the top', 'return { t: typeof this }', 'undefined'],
  ])('%s', async (_what, code, expected) => {
    expect(await ask(code)).toEqual([{ t: expected }]);
  });

  test.each([
    ['import of a built-in module', 'return { m: Object.keys(await import("node:fs")) }'],
    ['import of a file', 'return { m: Object.keys(await import("/etc/passwd")) }'],
    ['import of a data address', 'return { m: (await import("data:text/javascript,export default 1")).default }'],
    ['import from text', 'return { m: await new Function("return import(\'node:child_process\')")() }'],
    ['require', 'return { m: require("fs") }'],
    ['a wait that blocks', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 1e9); return {}'],
  ])('%s fails', async (_what, code) => {
    expect(onlyError(await sandbox.run(aJob(code)))).toMatchObject({ code: 'CODE_THREW' });
  });

  test('the functions of the console lead to no hidden port', async () => {
    const code =
      'return { keys: [...Object.getOwnPropertyNames(console.log), ...Object.getOwnPropertyNames(console)], port: typeof host, door: typeof installGuest }';

    expect(await ask(code)).toEqual([{ keys: expect.not.arrayContaining(['host']), port: 'undefined', door: 'undefined' }]);
  });
});

describe('nothing stays for the next job', () => {
  test.each([
    ['a key on Object.prototype', 'Object.prototype.polluted = 1; return {}'],
    ['a key through __proto__', '({}).__proto__.polluted = 1; return {}'],
    ['a key on Array.prototype', 'Array.prototype.polluted = 1; return {}'],
    ['a global', 'globalThis.left = 1; return {}'],
    ['a global through a sloppy function', 'new Function("left = 1")(); return {}'],
    [
      'a setter on Object.prototype',
      'Object.defineProperty(Object.prototype, "json", { set() { throw 1 }, get() { return 1 }, configurable: true }); return {}',
    ],
    ['another JSON', 'globalThis.JSON = { parse: () => 1, stringify: () => "{}" }; return {}'],
    ['another JSON.stringify', 'JSON.stringify = () => "]]}{"; return {}'],
    ['another console', 'globalThis.console = null; return {}'],
    ['another Promise.prototype.then', 'Promise.prototype.then = () => 1; return {}'],
    ['another Array.prototype.push', 'Array.prototype.push = () => { throw 1 }; return {}'],
    ['another Map', 'Map.prototype.get = () => 7; Map.prototype.set = () => 7; return {}'],
    ['a frozen global', 'Object.freeze(globalThis); Object.freeze(Object.prototype); return {}'],
    ['a deleted global', 'for (const k of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[k] } catch {} return {}'],
    [
      'a promise left to run',
      'Promise.resolve().then(function again() { globalThis.left = 1; return Promise.resolve().then(again) }); return {}',
    ],
    ['a finalizer', 'new FinalizationRegistry(() => { globalThis.left = 1 }).register({}, 1); return {}'],
    ['dirty memory', 'const a = []; for (let i = 0; i < 30; i += 1) a.push(new Uint8Array(100_000).fill(255)); return {}'],
    ['grown memory', 'const a = []; for (let i = 0; i < 30; i += 1) a.push(new Uint8Array(1_000_000).fill(255)); return {}'],
    ['a stack full of frames', 'const f = (n) => n > 0 ? f(n - 1) + 1 : 0; try { f(1e6) } catch {} return {}'],
    ['a job cut off in the middle', 'while (true) { globalThis.left = 1; Object.prototype.polluted = [] }'],
    ['a job out of memory', 'const a = []; while (true) a.push(new Array(1000).fill({ left: 1 }).map((x) => ({ ...x })))'],
  ])('%s', async (_what, code) => {
    await ask(code, 1000);

    expect(await ask(fingerprint)).toEqual(pristine);
  });

  test('a fingerprint of another workspace is the same too', async () => {
    await sandbox.run(aJob('globalThis.left = new Uint8Array(3_000_000).fill(255); return {}'));

    expect(onlyOutcome(await sandbox.run(aJob(fingerprint, { workspaceId: 'w2' })))).toEqual(pristine);
  });
});

describe('code that does not end or grows without bound is stopped', () => {
  test.each([
    ['an empty loop', 'while (true);', 'CODE_TIMEOUT'],
    ['a loop that catches everything', 'while (true) { try { for (;;); } catch {} finally { continue } }', 'CODE_TIMEOUT'],
    [
      'a loop in an async function that swallows the stop',
      'const spin = async () => { for (;;); }; for (;;) { spin().catch(() => {}); }',
      'CODE_TIMEOUT',
    ],
    ['endless microtasks', 'const again = () => Promise.resolve().then(again); await again();', /CODE_(TIMEOUT|MEMORY)/],
    ['endless await', 'for (;;) await null;', 'CODE_TIMEOUT'],
    ['endless queueMicrotask', 'const again = () => queueMicrotask(again); again(); await new Promise(() => {});', 'CODE_TIMEOUT'],
    ['a regular expression that backtracks', 'return { m: /^(a+)+$/.test("a".repeat(40) + "b") }', 'CODE_TIMEOUT'],
    [
      'a sort with a hostile comparator',
      'return { a: Array.from({ length: 1000 }, (_, i) => i).sort(() => { for (;;); }) }',
      'CODE_TIMEOUT',
    ],
    ['an endless iterator', 'return { a: [...{ *[Symbol.iterator]() { for (;;) yield; } }].length }', /CODE_(TIMEOUT|MEMORY)/],
    ['a getter that never ends, found while writing the result', 'return { get a() { for (;;); } }', 'CODE_TIMEOUT'],
    ['a toJSON that never ends', 'return { toJSON() { for (;;); } }', 'CODE_TIMEOUT'],
    ['a thenable that never ends', 'return { then() { for (;;); } }', 'CODE_TIMEOUT'],
    ['an error whose message never ends', 'throw { get message() { for (;;); } }', 'CODE_TIMEOUT'],
    ['a huge repeat', 'return { a: "a".repeat(2 ** 29) }', /CODE_(MEMORY|THREW)/],
    ['a string that doubles', 'let s = "ab"; for (;;) s += s;', /^CODE_(MEMORY|THREW|TIMEOUT)$/],
    ['a huge filled array', 'return { a: new Array(1e9).fill(1).length }', /^CODE_(MEMORY|THREW|TIMEOUT)$/],
    ['an array of arrays', 'const a = []; for (;;) a.push(new Array(10_000).fill(0));', 'CODE_MEMORY'],
    ['array buffers', 'const a = []; for (;;) a.push(new ArrayBuffer(1_000_000));', /CODE_(MEMORY|THREW)/],
    [
      'a resizable buffer',
      'const b = new ArrayBuffer(8, { maxByteLength: 2 ** 31 }); b.resize(2 ** 31); return { n: b.byteLength }',
      /CODE_(MEMORY|THREW)/,
    ],
    ['padStart without measure', 'return { a: "x".padStart(2 ** 29).length }', /CODE_(MEMORY|THREW)/],
    ['a huge BigInt', 'return { a: String(10n ** 10_000_000n).length }', /^CODE_(MEMORY|THREW|TIMEOUT)$/],
    [
      'a search through quadrillions of missing elements',
      'return { i: Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1) }',
      'CODE_TIMEOUT',
    ],
    ['a tower of BigInts', 'let n = 3n; for (;;) n = n ** 3n;', /^CODE_(MEMORY|THREW|TIMEOUT)$/],
    ['endless recursion', 'const f = () => f() + 1; return { a: f() }', 'CODE_THREW'],
    ['endless recursion through a getter', 'const o = { get a() { return this.a } }; return o', 'CODE_THREW'],
    [
      'endless recursion through toJSON',
      'const o = { toJSON() { return { o: JSON.stringify(o) } } }; return { a: o }',
      /CODE_THREW|OUTPUT_NOT_JSON/,
    ],
    ['a result nested without end', 'let o = {}; for (let i = 0; i < 100_000; i += 1) o = { o }; return o', /CODE_THREW|OUTPUT_NOT_JSON/],
    ['JSON text nested without end', 'return JSON.parse("[".repeat(1e6))', 'CODE_THREW'],
    ['a pattern nested without end', 'return { r: new RegExp("(".repeat(1e5) + ")".repeat(1e5)).test("") }', /CODE_THREW|CODE_MEMORY/],
    ['code nested without end', 'return { r: eval("(".repeat(1e5) + "1" + ")".repeat(1e5)) }', /CODE_THREW|CODE_MEMORY/],
    [
      'a result that shares itself into billions',
      'let a = { x: "xxxxxxxxxxxxxxxx" }; for (let i = 0; i < 40; i += 1) a = { l: a, r: a }; return a',
      /CODE_(MEMORY|TIMEOUT)/,
    ],
    ['a result over the limit', 'return { a: "x".repeat(1_100_000) }', 'CODE_OUTPUT_TOO_LARGE'],
    ['many items over the limit together', 'return Array.from({ length: 50 }, () => ({ a: "x".repeat(50_000) }))', 'CODE_OUTPUT_TOO_LARGE'],
    ['a result over the limit in bytes, not in characters', 'return { a: "€".repeat(900_000) }', 'CODE_OUTPUT_TOO_LARGE'],
    ['a proxy with endless keys', 'return new Proxy({}, { ownKeys: () => { for (;;); } })', 'CODE_TIMEOUT'],
    [
      'a proxy array with a lying length',
      'return new Proxy([], { get: (t, k) => (k === "length" ? 2 ** 53 - 1 : { a: 1 }) })',
      'CODE_TOO_MANY_ITEMS',
    ],
  ])('%s', async (_what, code, expected) => {
    const outcome = await ask(code, expected === 'CODE_TIMEOUT' ? shortMs : undefined);

    if (typeof expected === 'string') expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
    expect(await ask(fingerprint)).toEqual(pristine);
  });

  test('a native call that ignores the deadline is killed from outside, and the next job runs', async () => {
    const small = createSandbox({ size: 1 });
    try {
      // No bytecode runs inside: the engine compares millions of letters at each of millions of places.
      const { outcome } = await small.run(
        aJob('return { i: "a".repeat(1e7).indexOf("a".repeat(5e6) + "b") }', { limits: { timeMs: 100 } }),
      );

      expect(outcome).toMatchObject({ ok: false, error: { code: 'CODE_TIMEOUT', kind: 'timeout' } });
      expect(onlyOutcome(await small.run(aJob('return { a: 1 }')))).toEqual([{ a: 1 }]);
      expect(small.stats().killed).toBe(1);
    } finally {
      await small.close();
    }
  });
});

describe('tricks with the result do not break the answer', () => {
  test.each([
    ['a getter that throws', 'return { get a() { throw new Error("no") } }', 'CODE_THREW'],
    ['a getter named json', 'return { get json() { return { a: 1 } } }', [{ a: 1 }]],
    ['a proxy', 'return new Proxy({ a: 1 }, {})', [{ a: 1 }]],
    [
      'a proxy that throws',
      'return new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 }, getPrototypeOf() { throw 3 } })',
      'CODE_THREW',
    ],
    ['a revoked proxy', 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy', 'CODE_THREW'],
    ['a toJSON that lies', 'return { toJSON: () => "text" }', 'CODE_RESULT'],
    ['a toJSON that gives nothing', 'return { toJSON: () => undefined }', 'OUTPUT_NOT_JSON'],
    ['toJSON on every object', 'Object.prototype.toJSON = () => ({ hacked: 1 }); return { a: 1 }', [{ hacked: 1 }]],
    ['toJSON on every text', 'String.prototype.toJSON = () => "hacked"; return { a: "x" }', [{ a: 'x' }]],
    ['another JSON.stringify', 'JSON.stringify = () => "]}garbage"; return { a: 1 }', [{ a: 1 }]],
    ['another JSON.parse', 'JSON.parse = () => { throw 1 }; return { a: 1 }', [{ a: 1 }]],
    [
      'another Object.prototype',
      'Object.prototype.then = 1; Object.prototype.json = { b: 1 }; Object.prototype.files = 3; return { a: 1 }',
      [{ a: 1 }],
    ],
    [
      'another Array iterator',
      'Array.prototype[Symbol.iterator] = () => { throw 1 }; Array.prototype.map = null; return [{ a: 1 }]',
      [{ a: 1 }],
    ],
    ['Symbol.toPrimitive', 'return { a: { [Symbol.toPrimitive]: () => { throw 1 } } }', [{ a: {} }]],
    [
      'Symbol.hasInstance',
      'Object.defineProperty(Promise, Symbol.hasInstance, { value: () => { throw new Error("no") } }); return { a: 1 }',
      'CODE_THREW',
    ],
    [
      'an error with getters that throw',
      'throw { get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 } }',
      'CODE_THREW',
    ],
    ['an error that is a proxy', 'throw new Proxy(new Error("x"), { get() { throw 1 }, getPrototypeOf() { throw 2 } })', 'CODE_THREW'],
    ['an error with a lying stack', 'const e = new Error("x"); e.stack = { toString() { throw 1 } }; throw e', 'CODE_THREW'],
    ['an error with odd text', 'throw new Error("\\ud800\\0x")', 'CODE_THREW'],
    [
      'a result that looks like a reply',
      'return { error: { code: "X", message: 1 }, perItem: [], items: [] }',
      [{ error: { code: 'X', message: 1 }, perItem: [], items: [] }],
    ],
    ['a thenable that settles twice', 'return { then(ok, fail) { ok({ a: 1 }); ok({ a: 2 }); fail(new Error("x")) } }', [{ a: 1 }]],
    ['a thenable that gives itself', 'const t = { then(ok) { ok(t) } }; return t', 'CODE_TIMEOUT'],
    ['code that was never prepared and closes its wrapper', '}), (function () { return { a: typeof process }', [{ a: 'undefined' }]],
    ['frame bytes in the console', 'console.log("\\u0001\\u0000\\u0000\\u0000\\u0000\\u0007"); return { a: 1 }', [{ a: 1 }]],
  ])('%s', async (_what, code, expected) => {
    expect(await ask(code, expected === 'CODE_TIMEOUT' ? shortMs : undefined)).toEqual(expected);
    expect(await ask(fingerprint)).toEqual(pristine);
  });

  test('keys that are dangerous elsewhere are only data', async () => {
    const [json] = (await ask('return { constructor: 1, prototype: { a: 1 }, toString: "x", hasOwnProperty: null }')) as [object];

    expect(json).toEqual({ constructor: 1, prototype: { a: 1 }, toString: 'x', hasOwnProperty: null });
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  test('hostile input data is only data', async () => {
    const json = JSON.parse('{"constructor":{"prototype":{"x":1}},"toJSON":"no","then":"no","a\\u0000b":"\\ud800"}') as {
      [key: string]: string;
    };

    expect(
      onlyOutcome(await sandbox.run(aJob('return { keys: Object.keys($json).length }', { items: [{ json }], scope: aScope() }))),
    ).toEqual([{ keys: 4 }]);
  });
});
