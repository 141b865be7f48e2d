/** A reply may come from a child that was taken over: whatever it says, what leaves is a clean result. */
import { describe, expect, test } from 'vitest';

import { type CodeJob, type CodeLimits, type CodeResult, defaultLimits } from './index.ts';
import { frameKind, type ReplyFrame } from './frames.ts';
import { readReply as readingReply } from './read-reply.ts';
import { atOnce } from './steps.ts';
import { aJob, onlyOutcome, someItems } from './test-kit.ts';

const readReply = (frame: ReplyFrame, job: CodeJob, limits: CodeLimits): CodeResult => atOnce(readingReply(frame, job, limits));

const reply = (body: string, logs = '', kind: number = frameKind.result) => ({
  id: 1,
  kind,
  logs: Buffer.from(logs),
  body: Buffer.from(body),
});

describe('a hostile reply', () => {
  test.each([
    ['no JSON', 'nope', 'CODE_CRASHED'],
    ['nothing', '', 'CODE_CRASHED'],
    ['an array', '[]', 'CODE_CRASHED'],
    ['no outcomes', '{}', 'CODE_CRASHED'],
    ['too few outcomes', '{"perItem":[]}', 'CODE_CRASHED'],
    ['too many outcomes', '{"perItem":[{"ok":[]},{"ok":[]}]}', 'CODE_CRASHED'],
    ['an outcome that is text', '{"perItem":["x"]}', 'CODE_CRASHED'],
    ['an item that is no object', '{"perItem":[{"ok":[[3]]}]}', 'OUTPUT_NOT_JSON'],
    ['an item that is a list', '{"perItem":[{"ok":[[[]]]}]}', 'OUTPUT_NOT_JSON'],
    ['a plain item that is text', '{"perItem":[{"ok":[{"plain":["x"]}]}]}', 'OUTPUT_NOT_JSON'],
    ['a list of unknown form', '{"perItem":[{"ok":[{"items":[]}]}]}', 'CODE_CRASHED'],
    ['a key __proto__ in a plain item', '{"perItem":[{"ok":[{"plain":[{},{"__proto__":1}]}]}]}', 'OUTPUT_NOT_JSON'],
    ['a source that is out of range', '{"perItem":[{"ok":[[{},0,1]]}]}', 'CODE_CRASHED'],
    ['a source that is text', '{"perItem":[{"ok":[[{},0,"0"]]}]}', 'CODE_CRASHED'],
    ['a problem without a message', '{"error":{"code":"X"}}', 'CODE_CRASHED'],
    ['a key __proto__', '{"perItem":[{"ok":[[{"a":[{"__proto__":{"x":1}}]}]]}]}', 'OUTPUT_NOT_JSON'],
    ['an escaped key __proto__', '{"perItem":[{"ok":[[{"\\u005f_proto_\\u005f":{"x":1}}]]}]}', 'OUTPUT_NOT_JSON'],
    ['an escaped NUL', '{"perItem":[{"ok":[[{"a":"\\u0000"}]]}]}', 'OUTPUT_NOT_JSON'],
    ['half a surrogate pair', '{"perItem":[{"ok":[[{"a":"\\uD800"}]]}]}', 'OUTPUT_NOT_JSON'],
    ['files that are a list', '{"perItem":[{"ok":[[{},[1]]]}]}', 'OUTPUT_NOT_JSON'],
    ['a file that was not given', '{"perItem":[{"ok":[[{},{"a":{"id":"x"}}]]}]}', 'OUTPUT_NOT_JSON'],
    ['a file that is null', '{"perItem":[{"ok":[[{},{"a":null}]]}]}', 'OUTPUT_NOT_JSON'],
    [
      'items nested deeper than any guest can',
      `{"perItem":[{"ok":[[{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}]]}]}`,
      'OUTPUT_NOT_JSON',
    ],
    ['more values than anyone can use', `{"perItem":[{"ok":[[{"a":[${'1,'.repeat(2_000_000)}1]}]]}]}`, 'CODE_OUTPUT_TOO_LARGE'],
    [
      'an object with more members than anyone can use',
      `{"perItem":[{"ok":[[{${Array.from({ length: 100_001 }, (_, i) => `"k${i}":1`).join(',')}}]]}]}`,
      'CODE_OUTPUT_TOO_LARGE',
    ],
    ['more items than asked for', `{"perItem":[{"ok":[{"plain":[${'{},'.repeat(200_000)}{}]}]}]}`, 'CODE_TOO_MANY_ITEMS'],
  ])('%s', (_what, body, expected) => {
    expect(onlyOutcome(readReply(reply(body), aJob(''), defaultLimits))).toBe(expected);
  });

  test('an unknown kind of reply is a crash', () => {
    expect(onlyOutcome(readReply(reply('{}', '', 99), aJob(''), defaultLimits))).toBe('CODE_CRASHED');
  });

  test('an error names no code and no place of the child’s choosing', () => {
    const body = '{"error":{"code":"ADMIN","message":"x\\u0000","line":-1,"column":"2","kind":"auth","stack":"s"}}';

    expect(readReply(reply(body), aJob(''), defaultLimits).outcome).toEqual({
      ok: false,
      error: { code: 'CODE_THREW', kind: 'bug', message: 'x\ufffd' },
    });
  });

  test('logs that are not logs are dropped, and the result stays', () => {
    const body = '{"perItem":[{"ok":[[{"a":1}]]}]}';

    expect(readReply(reply(body, '{"a":1}'), aJob(''), defaultLimits).logs).toEqual([]);
    expect(readReply(reply(body, 'nope'), aJob(''), defaultLimits).logs).toEqual([]);
    expect(
      readReply(reply(body, '[null,3,{"level":"fatal","message":"m","item":"x"},{"level":"warn"}]'), aJob(''), defaultLimits),
    ).toMatchObject({
      logs: [{ level: 'info', message: 'm' }],
      outcome: { perItem: [{ ok: [{ json: { a: 1 } }] }] },
    });
  });

  test('one unfit item among many is that item’s error', () => {
    const body = '{"perItem":[{"ok":[[{"a":1}]]},{"ok":[[{"a":"\\u0000"}]]}]}';

    expect(readReply(reply(body), aJob('', { items: someItems(2) }), defaultLimits).outcome).toMatchObject({
      perItem: [{ ok: [{ json: { a: 1 } }] }, { error: { code: 'OUTPUT_NOT_JSON', message: expect.stringContaining('a') } }],
    });
  });
});
