import { testFile } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const text = testFile('notes.txt', 'grüße\r\nzwei\n', 'text/plain');
const withIt = (given: ReturnType<typeof step>, file = text) =>
  given.files(file).input('main', [{ json: { n: 1 }, files: { attachment: file.ref } }]);

describe('read-file', () => {
  test.each([
    ['text', 'grüße\r\nzwei\n'],
    ['lines', ['grüße', 'zwei']],
    ['base64', Buffer.from('grüße\r\nzwei\n').toString('base64')],
    ['facts', { id: 'notes.txt', name: 'notes.txt', mime: 'text/plain', size: 14, sha256: text.ref.sha256 }],
  ])('reads the only file as %s and keeps it at the item', async (as, data) => {
    const run = await both(withIt(step('read-file').params({ as })));
    expect(run.ports['main']).toEqual([{ json: { n: 1, data }, files: { attachment: text.ref } }]);
  });

  test('reads JSON and other encodings', async () => {
    const json = testFile('a.json', '{"a":[1]}');
    expect((await both(withIt(step('read-file').params({ as: 'json', to: 'deep.value' }), json))).items).toEqual([
      { n: 1, deep: { value: { a: [1] } } },
    ]);
    const old = testFile('old.txt', new Uint8Array([0x67, 0x72, 0xfc, 0xdf, 0x65]));
    expect((await both(withIt(step('read-file').params({ encoding: 'windows-1252' }), old))).items).toEqual([{ n: 1, data: 'grüße' }]);
    expect(codes(await both(withIt(step('read-file'), old)))).toEqual(['FILE_NOT_TEXT']);
    expect(codes(await both(withIt(step('read-file').params({ as: 'json' }))))).toEqual(['JSON_INVALID']);
  });

  test('reads a file of the workspace by its id and hangs it on the item', async () => {
    const run = await both(withIt(step('read-file').params({ from: 'store', id: 'notes.txt', as: 'facts', file: 'notes' })));
    expect(run.ports['main']).toMatchObject([
      { json: { n: 1, data: { name: 'notes.txt' } }, files: { attachment: text.ref, notes: text.ref } },
    ]);
    expect(codes(await both(step('read-file').params({ from: 'store', id: 'other' }).items([{}])))).toEqual(['FILE_NOT_FOUND']);
  });

  test('says which files there are when the named one is missing, and refuses more bytes than asked for', async () => {
    const missing = await both(withIt(step('read-file').params({ file: 'other' })));
    expect(missing.errors[0]?.error).toMatchObject({ code: 'FILE_MISSING', message: 'The item has no file "other". It has attachment.' });
    expect(codes(await both(step('read-file').items([{}])))).toEqual(['FILE_MISSING']);
    expect(codes(await both(withIt(step('read-file').params({ maxBytes: 5 }))))).toEqual(['FILE_TOO_LARGE']);
    const lying = { ...text, ref: { ...text.ref, size: 1 } };
    expect(codes(await both(withIt(step('read-file').params({ maxBytes: 5 }), lying)))).toEqual(['FILE_TOO_LARGE']);
    expect(codes(await both(step('read-file').input('main', [{ json: {}, files: { a: text.ref } }])))).toEqual(['FILE_NOT_FOUND']);
  });
});

describe('write-file', () => {
  test.each([
    ['text', 'grüße', 'grüße', 'text/plain'],
    ['text', 12, '12', 'text/plain'],
    ['json', { a: 1 }, '{\n  "a": 1\n}\n', 'application/json'],
    ['base64', 'data:text/plain;base64,aGVsbG8=', 'hello', 'application/octet-stream'],
    ['base64', 'aGVs\nbG8', 'hello', 'application/octet-stream'],
  ])('makes a file of %s %j', async (as, content, bytes, mime) => {
    const run = await both(withIt(step('write-file').params({ as, content, name: 'out.bin' })));
    expect(run.files.map((file) => [Buffer.from(file.bytes).toString(), file.ref.mime])).toEqual([[bytes, mime]]);
    expect(run.ports['main']).toEqual([{ json: { n: 1 }, files: { attachment: text.ref, file: run.files[0]?.ref } }]);
  });

  test('refuses what is no text and what is no base64', async () => {
    expect(codes(await both(withIt(step('write-file').params({ content: [1], name: 'x' }))))).toEqual(['CONTENT_NOT_TEXT']);
    expect(codes(await both(withIt(step('write-file').params({ content: 'ü', as: 'base64', name: 'x' }))))).toEqual(['CONTENT_NOT_BASE64']);
  });
});
