/**
 * Reads HTTP/1.1 answers from the bytes of one connection with one request in flight. The usual answer, whole in one piece and with
 * its length, costs one search and one slice: the generator shares its machine with what it measures.
 */

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** False when the next request needs a new connection. */
  readonly keepsAlive: boolean;
}

/** Thrown for bytes that are no HTTP/1.1 answer, or one larger than MAX_ANSWER_BYTES. The connection is of no use afterwards. */
export class HttpProtocolError extends Error {
  readonly code = 'HTTP_PROTOCOL';
  constructor(message: string) {
    super(message);
    this.name = 'HttpProtocolError';
  }
}

export interface ResponseReader {
  /** The answer, once it is whole. @throws HttpProtocolError */
  push(chunk: Buffer): HttpAnswer | undefined;
  /** The connection has ended: gives the answer that only its end completes. @throws HttpProtocolError for half an answer */
  end(): HttpAnswer | undefined;
}

export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

type Framing = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunked' } | { readonly kind: 'until-close' };

interface Head {
  readonly status: number;
  readonly keepsAlive: boolean;
  readonly framing: Framing;
  /** Where the body begins. */
  readonly bodyAt: number;
}

interface Progress {
  /** Where the next chunk's size line begins. */
  at: number;
  readonly parts: Buffer[];
}

export function createResponseReader(isHeadRequest = false): ResponseReader {
  let pieces: Buffer[] = [];
  let size = 0;
  let head: Head | undefined;
  let progress: Progress = { at: 0, parts: [] };

  function reset(): void {
    pieces = [];
    size = 0;
    head = undefined;
    progress = { at: 0, parts: [] };
  }

  function joined(): Buffer {
    if (pieces.length !== 1) pieces = [Buffer.concat(pieces, size)];
    return pieces[0] ?? Buffer.alloc(0);
  }

  function finish({ status, keepsAlive }: Head, body: Buffer, end: number): HttpAnswer {
    if (size > end) throw new HttpProtocolError('more bytes than the answer has');
    reset();
    return { status, body, keepsAlive };
  }

  function readHead(): Head | undefined {
    for (;;) {
      const bytes = joined();
      const found = parseHead(bytes, isHeadRequest);
      if (found === undefined || found.status >= 200) return found;
      // An interim answer such as 100 or 103: the real one follows.
      pieces = [bytes.subarray(found.bodyAt)];
      size = pieces[0]?.length ?? 0;
    }
  }

  return {
    push(chunk) {
      pieces.push(chunk);
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) throw new HttpProtocolError(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
      if (head === undefined) {
        head = readHead();
        if (head === undefined) return undefined;
        progress.at = head.bodyAt;
      }
      if (head.framing.kind === 'until-close') return undefined;
      if (head.framing.kind === 'length') {
        const end = head.bodyAt + head.framing.bytes;
        return size < end ? undefined : finish(head, joined().subarray(head.bodyAt, end), end);
      }
      const end = readChunks(joined(), progress);
      return end === undefined ? undefined : finish(head, Buffer.concat(progress.parts), end);
    },
    end() {
      if (size === 0) return undefined;
      if (head?.framing.kind !== 'until-close') throw new HttpProtocolError('the connection ended inside an answer');
      return finish(head, joined().subarray(head.bodyAt), size);
    },
  };
}

function parseHead(bytes: Buffer, isHeadRequest: boolean): Head | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) {
    if (bytes.length > MAX_HEAD_BYTES) throw new HttpProtocolError('a head without an end');
    return undefined;
  }
  const text = bytes.toString('latin1', 0, end);
  const line = /^HTTP\/1\.([01]) (\d{3})(?: |\r|$)/.exec(text);
  if (line === null) throw new HttpProtocolError(`no HTTP/1.1 answer: ${JSON.stringify(text.slice(0, 40))}`);
  const status = Number(line[2]);
  const framing = framingOf(text, status, isHeadRequest);
  const connection = /\r\nconnection:[ \t]*([^\r]*)/i.exec(text)?.[1]?.toLowerCase() ?? '';
  const isKept = line[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive');
  return { status, framing, keepsAlive: isKept && framing.kind !== 'until-close', bodyAt: end + HEAD_END.length };
}

function framingOf(text: string, status: number, isHeadRequest: boolean): Framing {
  if (isHeadRequest || status < 200 || status === 204 || status === 304) return { kind: 'length', bytes: 0 };
  if (/\r\ntransfer-encoding:[ \t]*[^\r]*chunked/i.test(text)) return { kind: 'chunked' };
  const length = /\r\ncontent-length:[ \t]*([^\r]*)/i.exec(text)?.[1]?.trim();
  if (length === undefined) return { kind: 'until-close' };
  if (!/^\d{1,15}$/.test(length)) throw new HttpProtocolError(`content-length ${JSON.stringify(length)}`);
  return { kind: 'length', bytes: Number(length) };
}

/** Where the answer ends, once its last chunk and trailers are here. */
function readChunks(bytes: Buffer, progress: Progress): number | undefined {
  for (;;) {
    const lineEnd = bytes.indexOf(LINE_END, progress.at);
    if (lineEnd < 0) {
      if (bytes.length - progress.at > MAX_HEAD_BYTES) throw new HttpProtocolError('a chunk size without an end');
      return undefined;
    }
    const line = bytes.toString('latin1', progress.at, lineEnd);
    const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) throw new HttpProtocolError(`chunk size ${JSON.stringify(line.slice(0, 40))}`);
    const length = Number.parseInt(size, 16);
    const from = lineEnd + LINE_END.length;
    if (length === 0) return trailersEnd(bytes, lineEnd);
    if (bytes.length < from + length + LINE_END.length) return undefined;
    if (bytes.indexOf(LINE_END, from + length) !== from + length) throw new HttpProtocolError('a chunk longer than its size');
    progress.parts.push(bytes.subarray(from, from + length));
    progress.at = from + length + LINE_END.length;
  }
}

/** After the last chunk come trailers, none or some, and an empty line. */
function trailersEnd(bytes: Buffer, lastLineEnd: number): number | undefined {
  const end = bytes.indexOf(HEAD_END, lastLineEnd);
  return end < 0 ? undefined : end + HEAD_END.length;
}
