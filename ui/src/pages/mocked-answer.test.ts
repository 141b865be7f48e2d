import type { MockedReply } from '@plugboard/engine';
import { describe, expect, test } from 'vitest';
import { type AnswerFields, fieldsOf, readAnswer } from './mocked-answer.ts';

const FIELDS: AnswerFields = { method: 'any', url: 'https://api.example.com/*', status: '', headers: '', kind: 'none', body: '' };
const problemsOf = (fields: Partial<AnswerFields>) => {
  const read = readAnswer({ ...FIELDS, ...fields });
  return read.ok ? {} : read.problems;
};

describe('a mocked answer', () => {
  test.each<MockedReply>([
    { url: '*' },
    {
      method: 'POST',
      url: 'https://api.example.com/*',
      status: 201,
      headers: { 'x-page': '2', location: 'https://a.example/1' },
      body: { id: 1 },
    },
    { method: 'PURGE', url: 'http://127.0.0.1:8080/a?b=c', body: 'plain' },
    { url: 'https://api.example.com/', body: null },
    { url: 'https://api.example.com/', body: '' },
    { url: 'https://api.example.com/', body: [1, 'two'] },
  ])('comes out of its form as it went in: %j', (answer) => {
    expect(readAnswer(fieldsOf(answer))).toEqual({ ok: true, answer });
  });

  test('tells everything that is wrong at once, each at its field', () => {
    expect(problemsOf({ url: ' ', status: '99', headers: 'no colon', kind: 'json', body: '{' })).toEqual({
      url: 'Write the address of the request.',
      status: 'A status is a whole number from 200 to 599.',
      headers: 'Line 1: write a name, a colon and a value.',
      body: 'This is not JSON.',
    });
  });

  test.each(['https://api.example.com/rates', 'http://a.example/?q=1', '*', 'https://*', 'ht*', '*/rates'])('may stand for %s', (url) => {
    expect(problemsOf({ url })).toEqual({});
  });
  test.each([
    'api.example.com',
    '/rates',
    'https://',
    'ftp://files.example.com/*',
    'api.example.com/*',
    `https://a.example/${'a'.repeat(4000)}`,
  ])('is refused for %s, which no request has', (url) => {
    expect(Object.keys(problemsOf({ url }))).toEqual(['url']);
  });

  test.each(['199', '600', '200.5', 'ok'])('has no status %s', (status) => {
    expect(Object.keys(problemsOf({ status }))).toEqual(['status']);
  });

  test('names each line of its headers that cannot be sent', () => {
    expect(problemsOf({ headers: 'x-page: 2\n\nbad name: 1\nX-Page: 3\nx-word: \u20ac' }).headers).toBe(
      'Line 3: "bad name" is no name of a header. Line 4: X-Page is there already. Line 5: the value has a character that no header carries.',
    );
  });

  test.each(['204', '205', '304'])('has no body with status %s', (status) => {
    expect(Object.keys(problemsOf({ status, kind: 'text', body: 'x' }))).toEqual(['body']);
    expect(problemsOf({ status })).toEqual({});
  });

  test('does not pass a text off as JSON: it would arrive without its quotes', () => {
    expect(Object.keys(problemsOf({ kind: 'json', body: '"ready"' }))).toEqual(['body']);
  });
});
