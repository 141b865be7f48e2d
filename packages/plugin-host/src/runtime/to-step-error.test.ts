import { describe, expect, test } from 'vitest';
import { StepFailure } from '@plugboard/sdk';
import { toStepError } from './to-step-error.ts';

const withCode = (code: string, more: object = {}): Error => Object.assign(new Error('x'), { code, ...more });
const ring = new Error('ring');
ring.cause = ring;
const long = new Error('y'.repeat(5_000));
const hostile = Object.defineProperties(new Error(), {
  message: {
    get: () => {
      throw new Error('no');
    },
  },
  code: {
    get: () => {
      throw new Error('no');
    },
  },
  stack: {
    get: () => {
      throw new Error('no');
    },
  },
});
const wild = new Proxy(
  {},
  {
    get: () => {
      throw new Error('no');
    },
    has: () => {
      throw new Error('no');
    },
    getPrototypeOf: () => {
      throw new Error('no');
    },
  },
);
/** The class of another bundle: the same mark, another constructor. */
const foreign = { [Symbol.for('plugboard.failure')]: true, code: 'MINE', kind: 'rejected', message: 'no' };

const rows: readonly (readonly [title: string, thrown: unknown, expected: object])[] = [
  [
    'a StepFailure keeps what it says',
    new StepFailure('GONE', 'It is gone.', { kind: 'rejected', status: 410, retryAfterMs: 5, data: { a: 1 }, requestId: 'r' }),
    { code: 'GONE', kind: 'rejected', message: 'It is gone.', status: 410, retryAfterMs: 5, data: { a: 1 }, requestId: 'r' },
  ],
  ['a failure of another copy of the SDK counts', foreign, { code: 'MINE', kind: 'rejected' }],
  ['an ordinary error is a bug', new TypeError('x is undefined'), { code: 'STEP_THREW', kind: 'bug', message: 'x is undefined' }],
  ['text', 'just text', { code: 'STEP_THREW', kind: 'bug', message: 'The step threw just text' }],
  ['undefined', undefined, { code: 'STEP_THREW', kind: 'bug', message: 'The step threw undefined' }],
  ['null', null, { code: 'STEP_THREW', kind: 'bug' }],
  ['a symbol', Symbol('x'), { code: 'STEP_THREW', kind: 'bug' }],
  ['a status', { message: 'no', status: 403 }, { code: 'HTTP_403', kind: 'auth', status: 403 }],
  ['a statusCode', { message: 'no', statusCode: 503 }, { code: 'HTTP_503', kind: 'unavailable', status: 503 }],
  ['429', { message: 'no', status: 429 }, { kind: 'rate_limited' }],
  ['404', { message: 'no', status: 404 }, { kind: 'rejected' }],
  ['a status that is none', { message: 'no', status: 200 }, { kind: 'bug' }],
  [
    'a refused connection below two causes',
    new Error('a', { cause: new TypeError('fetch failed', { cause: withCode('ECONNREFUSED') }) }),
    { code: 'CONNECTION_REFUSED', kind: 'rejected' },
  ],
  [
    'a refused connection of several addresses',
    new TypeError('fetch failed', { cause: new AggregateError([withCode('ECONNREFUSED')]) }),
    { kind: 'rejected' },
  ],
  ['an unknown host', withCode('ENOTFOUND'), { code: 'HOST_NOT_FOUND', kind: 'rejected' }],
  ['a reset', withCode('ECONNRESET'), { code: 'CONNECTION_LOST', kind: 'unavailable' }],
  ['a timeout while connecting', withCode('ETIMEDOUT', { syscall: 'connect' }), { kind: 'rejected' }],
  ['a timeout afterwards', withCode('ETIMEDOUT', { syscall: 'read' }), { kind: 'unavailable' }],
  ['an abort', new DOMException('x', 'AbortError'), { code: 'CANCELLED', kind: 'cancelled' }],
  ['an expired AbortSignal.timeout', new DOMException('x', 'TimeoutError'), { code: 'STEP_TIMEOUT', kind: 'timeout' }],
  ["a library's own code", withCode('ERR_PARSE'), { code: 'ERR_PARSE', kind: 'bug' }],
  ['a code that is none', withCode('not a code'), { code: 'STEP_THREW' }],
  ['a kind that is none', { [Symbol.for('plugboard.failure')]: true, code: 'A_B', kind: 'mine', message: 'x' }, { kind: 'bug' }],
  ['getters that throw', hostile, { code: 'STEP_THREW', kind: 'bug' }],
  ['a proxy that throws at everything', wild, { code: 'STEP_THREW', kind: 'bug' }],
  ['data that is not JSON is left out', new StepFailure('A_B', 'x', { data: { a: 1n } as never }), { code: 'A_B' }],
];

describe('whatever is thrown becomes a StepError', () => {
  test.each(rows)('%s', (_, thrown, expected) => {
    const error = toStepError(thrown);
    expect(error).toMatchObject(expected);
    expect(JSON.parse(JSON.stringify(error))).toEqual(error);
  });

  test('texts are cut', () => {
    const error = toStepError(Object.assign(long, { stack: 's'.repeat(50_000), data: { big: 'x'.repeat(50_000) } }));
    expect(error.message).toHaveLength(2_000);
    expect(error.stack).toHaveLength(8_000);
    expect(error.data).toBeUndefined();
  });

  test('causes are kept, a ring of them ends', () => {
    expect(toStepError(new Error('a', { cause: new StepFailure('INNER', 'b') })).cause).toMatchObject([{ code: 'INNER', message: 'b' }]);
    const a: Error = new Error('a');
    a.cause = new Error('b', { cause: a });
    expect(JSON.stringify(toStepError(a)).length).toBeLessThan(20_000);
    expect(toStepError(ring).cause).toBeUndefined();
  });

  test('text the database cannot store is cleaned', () => {
    expect(toStepError(new Error('a\0b\ud800')).message).toBe('ab\ufffd');
  });
});
