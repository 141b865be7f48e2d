/** The body of an upload as received files: the whole body as one, or the files of a form in parts. Fields of the form are read over. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import busboy from 'busboy';
import { watchPace } from '../edge/pace.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { Upload } from '../operation/stream.ts';
import { FileRefusedError, type IncomingMeta, type ReceivedFile } from './file-service.ts';

export type Receive = (content: AsyncIterable<Uint8Array>, meta: IncomingMeta) => Promise<ReceivedFile>;

/** What one request may bring. */
const LIMITS = { files: 20, fields: 100, parts: 120, fieldSize: 64 * 1024, fieldNameSize: 200, headerPairs: 20 };

/**
 * Receives all files of a request, or none.
 * @throws OperationProblem BODY_INVALID, BODY_UNSUPPORTED · FileRefusedError
 */
export async function readUpload({ request }: Upload, name: string | undefined, receive: Receive): Promise<readonly ReceivedFile[]> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new OperationProblem('BODY_UNSUPPORTED', `A file is kept as it is sent: leave out the content encoding ${encoding.slice(0, 40)}`);
  }
  const type = request.headers['content-type'] ?? '';
  const stopWatch = watchPace(request, () => void request.destroy(brokenOff()));
  try {
    if (/^multipart\/form-data\b/i.test(type)) return await readForm(request, receive);
    const given = name ?? dispositionName(request.headers['content-disposition']);
    return [await receive(whole(request), { name: given, mime: type })];
  } finally {
    stopWatch();
  }
}

async function readForm(request: IncomingMessage, receive: Receive): Promise<readonly ReceivedFile[]> {
  const parts: Promise<ReceivedFile>[] = [];
  let failure: unknown;
  await new Promise<void>((resolve) => {
    const fail = (error: unknown): void => {
      failure ??= error;
      request.unpipe();
      resolve();
    };
    let parser: busboy.Busboy;
    try {
      parser = busboy({ headers: { 'content-type': request.headers['content-type'] }, limits: LIMITS, defParamCharset: 'utf8' });
    } catch (error) {
      return fail(new OperationProblem('BODY_INVALID', `The form cannot be read: ${messageOf(error)}`));
    }
    parser.on('file', (_field, part, info) => {
      // It may fail before anybody reads it; whoever reads it later learns of it all the same.
      part.on('error', () => undefined);
      const received = receive(part, { name: info.filename, mime: info.mimeType });
      parts.push(received);
      received.catch((error: unknown) => {
        fail(error);
        part.resume();
      });
    });
    for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const)
      parser.on(limit, () =>
        fail(new OperationProblem('BODY_INVALID', `A form has at most ${LIMITS.files} files and ${LIMITS.fields} fields`)),
      );
    parser.on('error', (error) => fail(new OperationProblem('BODY_INVALID', `The form cannot be read: ${messageOf(error)}`)));
    parser.on('close', resolve);
    const broken = (): void => {
      if (request.complete) return;
      fail(brokenOff());
      parser.destroy(new Error('the upload broke off'));
    };
    request.once('error', broken);
    request.once('close', broken);
    request.pipe(parser);
  });
  const settled = await Promise.allSettled(parts);
  const received = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  failure ??= settled.find((one) => one.status === 'rejected')?.reason;
  if (failure === undefined && received.length > 0) return received;
  for (const { staged } of received) await staged.drop();
  throw failure instanceof Error ? failure : new OperationProblem('BODY_INVALID', 'The form has no file in it');
}

/** Ends early without closing the connection, on which the refusal has yet to go out. */
function whole(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => Readable.prototype.iterator.call(request, { destroyOnReturn: false }) };
}

function brokenOff(): FileRefusedError {
  return new FileRefusedError('FILE_BROKEN_OFF', 'The upload broke off before its end, or was too slow.');
}

function dispositionName(header: string | undefined): string | undefined {
  const extended = /filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header ?? '')?.[1];
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // The other spelling may be right.
    }
  }
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header ?? '');
  return plain?.[1]?.replaceAll(/\\(.)/g, '$1') ?? plain?.[2];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'unknown';
}
