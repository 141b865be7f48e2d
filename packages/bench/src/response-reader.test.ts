import { describe, expect, test } from 'vitest';
import { HttpProtocolError, MAX_ANSWER_BYTES, createResponseReader } from './response-reader.ts';

const answers: readonly {
  readonly name: string;
  readonly text: string;
  readonly status: number;
  readonly body: string;
  readonly keepsAlive: boolean;
}[] = [
  { name: 'with a length', text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', status: 200, body: 'hello', keepsAlive: true },
  { name: 'with a length of zero', text: 'HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n', status: 404, body: '', keepsAlive: true },
  { name: 'without a body by its status', text: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, body: '', keepsAlive: true },
  {
    name: 'in chunks, with an extension and a trailer',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nx-check: 1\r\n\r\n',
    status: 200,
    body: 'hello',
    keepsAlive: true,
  },
  {
    name: 'in chunks that hold line ends',
    text: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n',
    status: 200,
    body: '0\r\n\r\n0\r\n\r\n',
    keepsAlive: true,
  },
  {
    name: 'after interim answers',
    text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    status: 200,
    body: 'ok',
    keepsAlive: true,
  },
  {
    name: 'that closes',
    text: 'HTTP/1.1 503 Busy\r\nConnection: close\r\ncontent-length: 4\r\n\r\nbusy',
    status: 503,
    body: 'busy',
    keepsAlive: false,
  },
  { name: 'of HTTP/1.0', text: 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok', status: 200, body: 'ok', keepsAlive: false },
];
describe.each(answers)('an answer $name', ({ text, status, body, keepsAlive }) => {
  const bytes = Buffer.from(text);

  test('is read in one piece', () => {
    const answer = createResponseReader().push(bytes);
    expect({ ...answer, body: answer?.body.toString() }).toEqual({ status, body, keepsAlive });
  });

  test('is the same wherever it is cut in two', () => {
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const reader = createResponseReader();
      expect(reader.push(bytes.subarray(0, cut)), `cut at ${cut}`).toBeUndefined();
      const answer = reader.push(bytes.subarray(cut));
      expect({ ...answer, body: answer?.body.toString() }, `cut at ${cut}`).toEqual({ status, body, keepsAlive });
    }
  });

  test('is the same byte by byte, twice on one connection', () => {
    const reader = createResponseReader();
    for (let time = 0; time < 2; time += 1) {
      const found = [...bytes].map((byte) => reader.push(Buffer.from([byte]))).filter((answer) => answer !== undefined);
      expect(found.map((answer) => answer.body.toString())).toEqual([body]);
    }
  });
});

test('without length and chunks the end of the connection ends the answer', () => {
  const reader = createResponseReader();
  expect(reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nto the '))).toBeUndefined();
  expect(reader.push(Buffer.from('end'))).toBeUndefined();
  const answer = reader.end();
  expect(answer?.body.toString()).toBe('to the end');
  expect(answer?.keepsAlive).toBe(false);
});

test('the answer to HEAD has no body, whatever its length says', () => {
  expect(createResponseReader(true).push(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'))?.body.length).toBe(0);
});

test('a connection that ends between answers is no error, inside one it is', () => {
  const reader = createResponseReader();
  expect(reader.end()).toBeUndefined();
  reader.push(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe'));
  expect(() => reader.end()).toThrow(HttpProtocolError);
});

test.each([
  { what: 'another protocol', text: 'SSH-2.0-OpenSSH\r\n\r\n\r\n\r\n' },
  { what: 'a length that is no number', text: 'HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\n' },
  { what: 'a negative length', text: 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n' },
  { what: 'a chunk size that is no number', text: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n' },
  { what: 'a chunk longer than its size', text: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcdef\r\n' },
  { what: 'more than the answer', text: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more' },
  { what: 'a head without an end', text: `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(70_000)}` },
])('$what is refused', ({ text }) => {
  expect(() => createResponseReader().push(Buffer.from(text))).toThrow(HttpProtocolError);
});

test('an answer larger than the bound is refused before it fills the memory', () => {
  const reader = createResponseReader();
  reader.push(Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${MAX_ANSWER_BYTES * 2}\r\n\r\n`));
  expect(() => reader.push(Buffer.alloc(MAX_ANSWER_BYTES))).toThrow(HttpProtocolError);
});
