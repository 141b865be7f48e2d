/** Inputs that broke, or would break, languages that execute what they were given. Each is refused with its code, or gives nothing. */
import { describe, expect, test } from 'vitest';
import { aScope, errorOf, valueOf } from '../test/a-scope.ts';
import { compileTemplate, ExpressionError } from './index.ts';

const json = { text: 'abc', list: [1, 2, 3], n: 5, flag: true, nothing: null, object: { a: 1 }, key: 'constructor' };

describe('refused', () => {
  test.each([
    // Reaching for a prototype.
    ['$json.__proto__', 'EXPR_NOT_ALLOWED'],
    ["$json['__proto__']", 'EXPR_NOT_ALLOWED'],
    ['$json[`__proto__`]', 'EXPR_NOT_ALLOWED'],
    ["$json['__pro' + 'to__']", 'EXPR_NOT_ALLOWED'],
    ["$json[['__proto__']]", 'EXPR_TYPE'],
    ["$json[{ toString: 'x' }]", 'EXPR_TYPE'],
    ["$json[['__proto__'].join('')]", 'EXPR_NOT_ALLOWED'],
    ["$json['otorp__'.reverse()]", undefined],
    ["$json['__orp__'.replace('orp', 'proto')]", 'EXPR_NOT_ALLOWED'],
    ['$json.\\u005f_proto__', 'EXPR_NOT_ALLOWED'],
    ["$json['\\x5f_proto__']", 'EXPR_NOT_ALLOWED'],
    ["''.__proto__", 'EXPR_NOT_ALLOWED'],
    ['[].__proto__', 'EXPR_NOT_ALLOWED'],
    ['$now.__proto__', 'EXPR_NOT_ALLOWED'],
    ['$input.__proto__', 'EXPR_NOT_ALLOWED'],
    ['$json?.__proto__', 'EXPR_NOT_ALLOWED'],
    ['({ __proto__: $json })', 'EXPR_NOT_ALLOWED'],
    ["({ '__proto__': $json })", 'EXPR_NOT_ALLOWED'],
    ["({ ['__proto__']: $json })", 'EXPR_NOT_ALLOWED'],
    ["({ ['__pro' + 'to__']: $json })", 'EXPR_NOT_ALLOWED'],
    ["Object.fromEntries([['__proto__', { polluted: 1 }]])", 'EXPR_NOT_ALLOWED'],
    ["[['__proto__', 1]].toObject()", 'EXPR_NOT_ALLOWED'],
    ['JSON.parse(\'{"__proto__":{"polluted":1}}\')', 'EXPR_NOT_ALLOWED'],
    ['\'{"a":[{"__proto__":1}]}\'.parseJson()', 'EXPR_NOT_ALLOWED'],
    ["['__proto__'].groupBy(x => x)", 'EXPR_NOT_ALLOWED'],
    ["['__proto__'].countBy(x => x)", 'EXPR_NOT_ALLOWED'],
    ["['__proto__'].keyBy(x => x)", 'EXPR_NOT_ALLOWED'],
    ["$json.object.mapKeys(() => '__proto__')", 'EXPR_NOT_ALLOWED'],
    ["$json.get('__proto__')", 'EXPR_NOT_ALLOWED'],
    ["$json.get('object.__proto__.x')", 'EXPR_NOT_ALLOWED'],
    ["[$json].pluck('__proto__')", 'EXPR_NOT_ALLOWED'],
    ['[$json].map(({ __proto__: p }) => p)', 'EXPR_NOT_ALLOWED'],
    // Chains of constructors.
    ["''.constructor.constructor('return process')()", 'EXPR_NOT_ALLOWED'],
    ["$json.constructor.constructor('return 1')", 'EXPR_UNKNOWN_METHOD'],
    ["$json[$json.key]['constructor']", 'EXPR_NO_VALUE'],
    ["[].map.constructor('return 1')", 'EXPR_UNKNOWN_METHOD'],
    ['[].map.constructor', 'EXPR_TYPE'],
    ["(() => 1).constructor('return 1')()", 'EXPR_NOT_ALLOWED'],
    ["'a'.trim.call('b')", 'EXPR_UNKNOWN_METHOD'],
    ["'a'.trim.bind('b')", 'EXPR_UNKNOWN_METHOD'],
    ['Math.max.apply(null, [1])', 'EXPR_NOT_ALLOWED'],
    ['Object.getPrototypeOf($json)', 'EXPR_UNKNOWN_NAME'],
    ['Object.setPrototypeOf($json, null)', 'EXPR_UNKNOWN_NAME'],
    ["Object.defineProperty($json, 'a', {})", 'EXPR_UNKNOWN_NAME'],
    ['Object.assign($json, { a: 1 })', 'EXPR_NOT_ALLOWED'],
    ["$json.__defineGetter__('a', () => 1)", 'EXPR_UNKNOWN_METHOD'],
    ["$json.__lookupGetter__('__proto__')", 'EXPR_UNKNOWN_METHOD'],
    ["$json.hasOwnProperty('a')", 'EXPR_UNKNOWN_METHOD'],
    ["$json['toString']()", 'EXPR_NOT_ALLOWED'],
    ["$json['to' + 'String']()", 'EXPR_NOT_ALLOWED'],
    ["$json.list['map'](x => x)", 'EXPR_NOT_ALLOWED'],
    ["'a'[`trim`]()", 'EXPR_NOT_ALLOWED'],
    ["$json.text.\\u0063onstructor('x')", 'EXPR_UNKNOWN_METHOD'],
    // Names of the host.
    ['process', 'EXPR_UNKNOWN_NAME'],
    ['process.env.HOME', 'EXPR_UNKNOWN_NAME'],
    ['pr\\u006fcess.exit()', 'EXPR_UNKNOWN_NAME'],
    ['globalThis', 'EXPR_UNKNOWN_NAME'],
    ['global.process', 'EXPR_UNKNOWN_NAME'],
    ['window.document', 'EXPR_UNKNOWN_NAME'],
    ["require('fs')", 'EXPR_UNKNOWN_NAME'],
    ["eval('1')", 'EXPR_UNKNOWN_NAME'],
    ["Function('return 1')()", 'EXPR_NOT_ALLOWED'],
    ["Function('return 1')", 'EXPR_UNKNOWN_NAME'],
    ["setTimeout('1')", 'EXPR_UNKNOWN_NAME'],
    ["fetch('http://169.254.169.254/')", 'EXPR_UNKNOWN_NAME'],
    ['Reflect.ownKeys($json)', 'EXPR_UNKNOWN_NAME'],
    ['Symbol.iterator', 'EXPR_UNKNOWN_NAME'],
    ["Symbol('x')", 'EXPR_NOT_ALLOWED'],
    ['arguments', 'EXPR_UNKNOWN_NAME'],
    ['[1].map(() => arguments)', 'EXPR_UNKNOWN_NAME'],
    ['constructor', 'EXPR_UNKNOWN_NAME'],
    ['toString()', 'EXPR_UNKNOWN_NAME'],
    ['hasOwnProperty', 'EXPR_UNKNOWN_NAME'],
    ['__proto__', 'EXPR_UNKNOWN_NAME'],
    ['$env.SECRET', 'EXPR_UNKNOWN_NAME'],
    // Syntax that runs or changes something.
    ['this', 'EXPR_NOT_ALLOWED'],
    ['this.constructor', 'EXPR_NOT_ALLOWED'],
    ['[1].map(() => this)', 'EXPR_NOT_ALLOWED'],
    ['new Date()', 'EXPR_NOT_ALLOWED'],
    ['new (class {})', 'EXPR_NOT_ALLOWED'],
    ['(function () { return this })()', 'EXPR_NOT_ALLOWED'],
    ['(() => 1)()', 'EXPR_NOT_ALLOWED'],
    ['(async () => 1)()', 'EXPR_NOT_ALLOWED'],
    ['[1].map(async x => x)', 'EXPR_NOT_ALLOWED'],
    ['[1].map(x => { return x })', 'EXPR_NOT_ALLOWED'],
    ['[1].map(function (x) { return x })', 'EXPR_NOT_ALLOWED'],
    ['[1].map((x = process) => x)', 'EXPR_NOT_ALLOWED'],
    ['[1].map((...x) => x)', 'EXPR_NOT_ALLOWED'],
    ['[{}].map(({ a = process }) => a)', 'EXPR_NOT_ALLOWED'],
    ['[{}].map(({ ["a"]: a }) => a)', 'EXPR_NOT_ALLOWED'],
    ['[{}].map(({ ...rest }) => rest)', 'EXPR_NOT_ALLOWED'],
    ['$json.n = 1', 'EXPR_NOT_ALLOWED'],
    ['$json = 1', 'EXPR_NOT_ALLOWED'],
    ['$json.n++', 'EXPR_NOT_ALLOWED'],
    ['delete $json.n', 'EXPR_NOT_ALLOWED'],
    ['void 0', 'EXPR_NOT_ALLOWED'],
    ["'n' in $json", 'EXPR_NOT_ALLOWED'],
    ['$json instanceof Object', 'EXPR_NOT_ALLOWED'],
    ['1, 2', 'EXPR_NOT_ALLOWED'],
    ['(0, $json.text.trim)()', 'EXPR_NOT_ALLOWED'],
    ['1 | 2', 'EXPR_NOT_ALLOWED'],
    ['~1', 'EXPR_NOT_ALLOWED'],
    ['1n', 'EXPR_NOT_ALLOWED'],
    ["import('fs')", 'EXPR_NOT_ALLOWED'],
    ['import.meta', 'EXPR_SYNTAX'],
    ['new.target', 'EXPR_SYNTAX'],
    ['await 1', 'EXPR_SYNTAX'],
    ['yield', 'EXPR_UNKNOWN_NAME'],
    ['$json.#secret', 'EXPR_SYNTAX'],
    ['with ($json) n', 'EXPR_SYNTAX'],
    ['if (1) 2', 'EXPR_SYNTAX'],
    ['let x = 1', 'EXPR_SYNTAX'],
    ['while (1) 1', 'EXPR_SYNTAX'],
    ['1; 2', 'EXPR_SYNTAX'],
    ['class {}', 'EXPR_NOT_ALLOWED'],
    ['({ get a() { return 1 } })', 'EXPR_NOT_ALLOWED'],
    ['({ a() { return 1 } })', 'EXPR_NOT_ALLOWED'],
    ['[1, , 2]', 'EXPR_SYNTAX'],
    // Tagged templates, and templates as a way round.
    ['$json.text`x`', 'EXPR_NOT_ALLOWED'],
    ['String.raw`x`', 'EXPR_NOT_ALLOWED'],
    ['`${this.constructor}`', 'EXPR_NOT_ALLOWED'],
    ['`${process.env}`', 'EXPR_UNKNOWN_NAME'],
    ["`${`${''.constructor.constructor('x')}`}`", 'EXPR_UNKNOWN_METHOD'],
    // Functions as values.
    ['x => x', 'EXPR_NOT_ALLOWED'],
    ['[x => x]', 'EXPR_NOT_ALLOWED'],
    ['({ toString: () => 1 })', 'EXPR_NOT_ALLOWED'],
    ['({ f: x => x }).f(1)', 'EXPR_NOT_ALLOWED'],
    ['[1].map(x => y => x)', 'EXPR_NOT_ALLOWED'],
    ['[1].map(...[x => x])', 'EXPR_NOT_ALLOWED'],
    ['true ? x => x : 1', 'EXPR_NOT_ALLOWED'],
    ['[1].includes(x => x)', 'EXPR_NOT_ALLOWED'],
    ['[1].reduce((a, b) => a, x => x)', 'EXPR_NOT_ALLOWED'],
    ['String(x => x)', 'EXPR_NOT_ALLOWED'],
    ['$json.list.map', 'EXPR_TYPE'],
    ['$json.list.map(Math.abs)', 'EXPR_NOT_ALLOWED'],
    ['$json.list.map(String)', 'EXPR_NOT_ALLOWED'],
    ['$json.list.map($json.text)', 'EXPR_TYPE'],
    ['Math', 'EXPR_NOT_ALLOWED'],
    ["Math['abs'](1)", 'EXPR_NOT_ALLOWED'],
    ['Math.abs', 'EXPR_NOT_ALLOWED'],
    ['[Math.abs]', 'EXPR_NOT_ALLOWED'],
    ['Math.constructor', 'EXPR_UNKNOWN_NAME'],
    ['JSON.parse', 'EXPR_NOT_ALLOWED'],
    ['$', 'EXPR_NOT_ALLOWED'],
    ['$.constructor', 'EXPR_NOT_ALLOWED'],
    ['[1].map($json => $json)', 'EXPR_NOT_ALLOWED'],
    ['[1].map($ => $("Webhook"))', 'EXPR_NOT_ALLOWED'],
    ['[1].map(x => x())', 'EXPR_NOT_ALLOWED'],
    ['$json.text()', 'EXPR_UNKNOWN_METHOD'],
    ['$json.text?.()', 'EXPR_NOT_ALLOWED'],
    ['$json.text.trim?.()', 'EXPR_NOT_ALLOWED'],
    ["JSON.parse('1', x => x)", 'EXPR_NOT_ALLOWED'],
    ["JSON.stringify($json, ['a'])", 'EXPR_TYPE'],
    // Patterns: literals as arguments, in linear time, of bounded size.
    ['/a/', 'EXPR_NOT_ALLOWED'],
    ['/a/.constructor', 'EXPR_NOT_ALLOWED'],
    ["/a/.exec('a')", 'EXPR_NOT_ALLOWED'],
    ['[/a/]', 'EXPR_NOT_ALLOWED'],
    ["RegExp('a')", 'EXPR_NOT_ALLOWED'],
    ["'a'.match('a')", 'EXPR_TYPE'],
    ["'a'.includes(/a/)", 'EXPR_NOT_ALLOWED'],
    ["'a'.match(/(?=a)/)", 'EXPR_BAD_REGEX'],
    ["'a'.match(/(?<!a)/)", 'EXPR_BAD_REGEX'],
    ["'aa'.match(/(a)\\1/)", 'EXPR_BAD_REGEX'],
    ["'a'.match(/a/y)", 'EXPR_BAD_REGEX'],
    ["'a'.match(/((a{100}){100}){100}/)", 'EXPR_BAD_REGEX'],
    ["'a'.match(/(a{30}){30}(a{30}){30}(a{30}){30}/)", 'EXPR_BAD_REGEX'],
    [`'a'.match(/${'a'.repeat(1100)}/)`, 'EXPR_BAD_REGEX'],
    [`[${"'a'.match(/a{900}/),".repeat(20)}]`, 'EXPR_BAD_REGEX'],
    // What differs from run to run.
    ['Math.random()', 'EXPR_NOT_ALLOWED'],
    ['Date.now()', 'EXPR_NOT_ALLOWED'],
    ['Date()', 'EXPR_NOT_ALLOWED'],
    ['DateTime.now()', 'EXPR_NOT_ALLOWED'],
    ['DateTime.local()', 'EXPR_NOT_ALLOWED'],
    ['crypto.randomUUID()', 'EXPR_NOT_ALLOWED'],
    ['uuid()', 'EXPR_NOT_ALLOWED'],
    ["date('10:00')", 'EXPR_BAD_DATA'],
    ["DateTime.fromFormat('10:00', 'HH:mm')", 'EXPR_BAD_DATA'],
    // Methods that change their receiver.
    ['$json.list.push(1)', 'EXPR_NOT_ALLOWED'],
    ['$json.list.splice(0)', 'EXPR_NOT_ALLOWED'],
    ['$json.list.fill(0)', 'EXPR_NOT_ALLOWED'],
    ['$json.list.forEach(x => x)', 'EXPR_NOT_ALLOWED'],
    // The insides of tagged values.
    ['$now.ts', 'EXPR_UNKNOWN_NAME'],
    ['$now._zone', 'EXPR_UNKNOWN_NAME'],
    ['$now.moment', 'EXPR_UNKNOWN_NAME'],
    ['$now.constructor', 'EXPR_UNKNOWN_NAME'],
    ["$('Webhook').view", 'EXPR_UNKNOWN_NAME'],
    ['$input.constructor', 'EXPR_UNKNOWN_NAME'],
  ])('%s', (expression, code) => {
    if (code === undefined) expect(valueOf(expression, json)).toBeUndefined();
    else expect(errorOf(`{{ ${expression} }}`, json).code).toBe(code);
  });
});

describe('names every object inherits are plain, missing keys', () => {
  const inherited = [
    'constructor',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    '__defineGetter__',
    '__lookupSetter__',
    'toJSON',
    'then',
  ];

  test.each(inherited)('%s', (key) => {
    for (const subject of [
      '$json.object',
      '$json.text',
      '$json.list',
      '$json.n',
      '$json.flag',
      '$run',
      '$vars',
      '{}',
      'Object.fromEntries([])',
    ]) {
      const readable = /^(toString|valueOf)$/.test(key) && !/object|\$run|\$vars|\{|Object/.test(subject);
      if (!readable) expect(valueOf(`(${subject})['${key}']`, json)).toBeUndefined();
    }
    expect(valueOf(`$json.get('${key}')`, json)).toBeUndefined();
    expect(valueOf(`Object.hasOwn($json, '${key}')`, json)).toBe(false);
    expect(valueOf(`$json.has('${key}')`, json)).toBe(false);
    expect(valueOf(`$json['${key}']`, { [key]: 'data' })).toBe('data');
    expect(valueOf(`['${key}'].groupBy(x => x)`)).toEqual({ [key]: [key] });
    expect(valueOf(`['${key}', '${key}'].countBy(x => x)`)).toEqual({ [key]: 2 });
    expect(valueOf(`({ ['${key}']: 1 })`)).toEqual({ [key]: 1 });
  });

  test('nothing above leaves a trace on the prototypes', () => {
    expect(Reflect.ownKeys({})).toEqual([]);
    expect('polluted' in {}).toBe(false);
  });
});

describe('budget bombs', () => {
  const big = 'a'.repeat(1_000_000);
  const bombs = {
    big,
    list: Array.from({ length: 50_000 }, (_none, n) => n),
    texts: Array.from({ length: 100 }, () => big),
    blanks: '\u0001'.repeat(1_000_000),
  };

  test.each([
    "'x'.repeat(1e9)",
    "'x'.repeat(1e308)",
    "'x'.padStart(1e9)",
    "'x'.padEnd(2e6, 'ab')",
    '$json.big + $json.big',
    '`${$json.big}${$json.big}`',
    '$json.big.concat($json.big)',
    "$json.big.replaceAll('a', 'bbbbbbbbbb')",
    "$json.big.replaceAll('', 'bbbbbbbbbb')",
    "$json.big.replace(/a/g, 'bbbbbbbbbb')",
    "$json.big.replace(/^a+$/, '$&$&$&')",
    "$json.big.replaceAll('a', x => $json.big)",
    "$json.big.split('')",
    "$json.big.split('a')",
    '$json.big.split(/a/)',
    '$json.big.matchAll(/a/g)',
    '$json.big.match(/a/g)',
    '$json.big.matches(/(a|b|ab)*c{1,500}/)',
    "$json.big.indexOf($json.big.slice(0, 400000) + 'b')",
    "$json.big.lastIndexOf($json.big.slice(0, 400000) + 'b')",
    "$json.big.includes($json.big.slice(0, 400000) + 'b')",
    '$json.big.count($json.big.slice(0, 400000))',
    '$json.big.urlEncode().urlEncode() + $json.blanks.urlEncode()',
    '$json.blanks.urlEncode()',
    '$json.blanks.toJsonString()',
    'JSON.stringify($json.blanks)',
    '$json.big.base64Encode()',
    '[...$json.big]',
    '[...$json.list, ...$json.list, ...$json.list]',
    '$json.texts.join()',
    '$json.list.join($json.big)',
    '$json.texts.toJsonString()',
    "'' + $json.texts",
    '$json.texts.unique().union($json.texts).difference($json.texts).map(x => x + x)',
    '$json.list.concat($json.list, $json.list)',
    '$json.list.flatMap(x => $json.list)',
    '$json.list.map(x => $json.list.map(y => x))',
    '$json.list.map(x => $json.list.includes(-1))',
    '$json.list.sort((a, b) => b - a)',
    '$json.list.map(x => $json.list.sum())',
    '$json.list.zip($json.list).zip($json.list).flat(Infinity)',
    '$json.list.map(x => Math.max(...$json.list))',
    '$json.list.reduce((a, b) => a.concat([b]), [])',
    '$json.list.reduce((a, b) => ({ ...a, [b]: b }), {})',
    "$json.list.reduce((a, b) => `${a}${a}x`, 'x')",
    'range(1e9)',
    'range(-1e9, 1e9)',
    "JSON.parse('[' + '0,'.repeat(200000) + '0]')",
    'range(20000).map(x => $now.plus({ days: x }))',
    "range(20000).map(x => x.format('de'))",
    "range(20000).map(x => date('2026-01-01'))",
    'JSON.stringify(range(40000).map(x => [[[[[[[[x]]]]]]]]), null, 10)',
  ])('%s ends at a limit', (expression) => {
    expect(errorOf(`{{ ${expression} }}`, bombs).code).toBe('EXPR_BUDGET');
  });

  test.each([
    ["JSON.parse('['.repeat(500000))", 'EXPR_BAD_DATA'],
    ["JSON.parse('['.repeat(5000) + ']'.repeat(5000))", 'EXPR_DEPTH'],
    ["DateTime.fromFormat('1'.repeat(100), 'HhHhHhHhHhHhHhHh')", 'EXPR_BAD_DATA'],
    ["$now.toFormat('y'.repeat(1000))", 'EXPR_BUDGET'],
    ['$now.plus({ years: 1e300 })', 'EXPR_BAD_DATA'],
    ["$now.setZone('x'.repeat(100000))", 'EXPR_BAD_DATA'],
    ["$now.setLocale('x'.repeat(100000))", 'EXPR_BAD_DATA'],
    ['(1).toFixed(1000)', 'EXPR_TYPE'],
    ['(1).toString(99)', 'EXPR_TYPE'],
    ["(1).format('en', { maximumFractionDigits: 1e9 })", 'EXPR_TYPE'],
    ["'\\ud800'.urlEncode()", 'EXPR_BAD_DATA'],
    ["'%'.urlDecode()", 'EXPR_BAD_DATA'],
    ["'a'.repeat(-1)", 'EXPR_TYPE'],
    ['[1].chunk(0)', 'EXPR_TYPE'],
    ['[1].chunk(NaN)', 'EXPR_TYPE'],
  ])('%s is refused without the work', (expression, code) => {
    expect(errorOf(`{{ ${expression} }}`, bombs).code).toBe(code);
  });
});

describe('data that is no JSON', () => {
  const hostile = (value: unknown): never => ({ x: value }) as never;

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a big integer', 10n],
  ])('%s is refused wherever it would come out', (_what, value) => {
    for (const source of [
      '{{ $json.x }}',
      '{{ [$json.x] }}',
      'a{{ $json.x }}',
      '{{ JSON.stringify($json) }}',
      '{{ typeof $json.x }}',
      '{{ $json.x.trim() }}',
    ]) {
      expect(errorOf(source, hostile(value)).code).toBe('EXPR_BAD_DATA');
    }
    for (const source of ['{{ $json.x + 1 }}', '{{ $json.x < 1 }}', '{{ $json[$json.x] }}', '{{ $json.x() }}']) {
      expect(() => compileTemplate(source).evaluate(aScope({ json: hostile(value) }))).toThrow(ExpressionError);
    }
  });

  test('methods that data brings along are never called', () => {
    let calls = 0;
    const spy = (): string => {
      calls++;
      return 'called';
    };
    const json = { x: { toString: spy, valueOf: spy, toJSON: spy, [Symbol.toPrimitive]: spy, get: spy } } as never;
    for (const source of [
      '$json.x + 1',
      '$json.x < 1',
      '`${$json.x}`',
      'String($json.x)',
      'Number($json.x)',
      '$json[$json.x]',
      'JSON.stringify($json)',
      '[$json.x].join()',
      '$json.x == "a"',
      '[$json.x].sort()',
      '$json.x.get("a")',
      'Math.max($json.x)',
    ]) {
      try {
        compileTemplate(`{{ ${source} }}`).evaluate(aScope({ json }));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ExpressionError);
      }
    }
    expect(calls).toBe(0);
  });

  test('a getter or proxy that throws ends as an error of the evaluation', () => {
    const getter = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('host');
      },
    });
    const proxy = new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => {
          throw new Error('host');
        },
      },
    );
    for (const json of [getter, proxy] as never[]) expect(errorOf('{{ $json.x }}', json).code).toBe('EXPR_INTERNAL');
  });
});
