/**
 * The body of a webhook request as data and files. JSON, text and forms become data; the files of a form in parts, and bodies of other types,
 * go into the file store while they stream in, and travel as handles. Nothing is kept of a request that is refused.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FileRef, Json } from '@plugboard/sdk';
import busboy from 'busboy';
import { watchPace } from '../edge/pace.ts';
import { type BodyProblem, isReadableType, mediaType, parseBody, readBody } from '../edge/read-body.ts';
import { FileRefusedError, type FileOwner, type FileService, type ReceivedFile } from '../files/file-service.ts';
import type { HookBody } from './hook-spec.ts';

export type Received =
  | {
      readonly ok: true;
      readonly body: Json;
      readonly files?: { readonly [name: string]: FileRef };
      /** As it came, where that was asked for. */ readonly raw?: Buffer;
    }
  | { readonly ok: false; readonly problem: BodyRefusal };

export interface BodyRefusal extends Omit<BodyProblem, 'status'> {
  readonly status: BodyProblem['status'] | 401 | 503 | 507;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ReceiveOptions {
  /** Bytes of what becomes data. */
  readonly bodyLimit: number;
  readonly mode: HookBody;
  /** Judges the bytes as they came, before anything is made of them; absent where nobody signs. */
  readonly judge?: (raw: Buffer) => Promise<BodyRefusal | undefined>;
  readonly files: FileService;
  /** Most bytes of all files together. */
  readonly fileLimit: number;
  /** Whose the files are. */
  readonly owner: FileOwner;
}

/** What one form may bring. */
const FORM_LIMITS = { files: 20, fields: 1000, parts: 1020, fieldNameSize: 200, headerPairs: 20 };
const FILE_FIELD = 'file';
const NO_NAME = 'body';

export async function receiveBody(req: IncomingMessage, options: ReceiveOptions): Promise<Received> {
  const type = mediaType(req.headers['content-type']);
  const isForm = type === 'multipart/form-data';
  const isFile = options.mode === 'file' || (options.mode === 'auto' && !isForm && !isReadableType(type));
  if (options.judge) {
    const raw = await readWhole(req, options.bodyLimit);
    if (!raw.ok) return raw;
    const refusal = await options.judge(raw.bytes);
    if (refusal) return { ok: false, problem: refusal };
    const received =
      isForm && options.mode === 'auto'
        ? await readParts(Readable.from([raw.bytes]), req, options)
        : await fromBytes(raw.bytes, isFile, req, options);
    return received.ok ? { ...received, raw: raw.bytes } : received;
  }
  if (!isFile && !isForm) {
    const raw = await readWhole(req, options.bodyLimit);
    return raw.ok ? fromBytes(raw.bytes, false, req, options) : raw;
  }
  if (isEncoded(req)) return refused(415, 'ENCODING_UNSUPPORTED', 'Files are kept as they are sent: leave out the content encoding');
  const stopWatch = watchPace(req, () => void req.destroy(new Error('the body came too slowly')));
  try {
    return isForm && options.mode !== 'file' ? await readParts(req, req, options) : await saveFile(whole(req), req, options);
  } finally {
    stopWatch();
  }
}

async function fromBytes(bytes: Buffer, isFile: boolean, req: IncomingMessage, options: ReceiveOptions): Promise<Received> {
  if (isFile) return bytes.length === 0 ? { ok: true, body: null } : saveFile(Readable.from([bytes]), req, options);
  const parsed = parseBody(bytes, options.mode === 'text' ? textType(req.headers['content-type']) : req.headers['content-type']);
  return parsed.ok ? { ok: true, body: parsed.value } : { ok: false, problem: parsed.problem };
}

/** Read as text whatever it says it is; how it is spelled out still counts. */
function textType(contentType: string | undefined): string {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType ?? '')?.[1];
  return charset === undefined ? 'text/plain' : `text/plain; charset=${charset}`;
}

function readWhole(
  req: IncomingMessage,
  limit: number,
): Promise<{ readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly problem: BodyProblem }> {
  return new Promise((resolve) =>
    readBody(req, limit, (problem, bytes) => resolve(problem ? { ok: false, problem } : { ok: true, bytes })),
  );
}

async function saveFile(
  content: AsyncIterable<Uint8Array>,
  req: IncomingMessage,
  { files, owner, fileLimit }: ReceiveOptions,
): Promise<Received> {
  try {
    const received = await files.receive(owner.workspaceId, content, {
      name: dispositionName(req) ?? NO_NAME,
      mime: req.headers['content-type'],
      maxBytes: fileLimit,
    });
    if (received.sizeBytes === 0) {
      await received.staged.drop();
      return { ok: true, body: null };
    }
    const [ref] = await files.keep(owner, [received]);
    return ref === undefined ? { ok: true, body: null } : { ok: true, body: null, files: { [FILE_FIELD]: ref } };
  } catch (error) {
    return refusedFile(error);
  }
}

/** A form in parts: its fields are the body, its files go beside it under the names of their fields. */
async function readParts(
  source: Readable,
  req: IncomingMessage,
  { bodyLimit, files, owner, fileLimit }: ReceiveOptions,
): Promise<Received> {
  const fields: { [name: string]: Json } = {};
  const pending: { readonly field: string; readonly received: Promise<ReceivedFile> }[] = [];
  const budget = { left: fileLimit };
  let fieldBytes = 0;
  let failure: Received | undefined;
  await new Promise<void>((resolve) => {
    const fail = (result: Received): void => {
      failure ??= result;
      source.unpipe();
      resolve();
    };
    let parser: busboy.Busboy;
    try {
      parser = busboy({
        headers: { 'content-type': req.headers['content-type'] },
        limits: { ...FORM_LIMITS, fieldSize: bodyLimit },
        defParamCharset: 'utf8',
      });
    } catch {
      return fail(refused(400, 'FORM_INVALID', 'The form cannot be read: its boundary is missing or wrong'));
    }
    parser.on('field', (name, value, info) => {
      fieldBytes += name.length + value.length;
      if (info.valueTruncated || info.nameTruncated || fieldBytes > bodyLimit)
        return fail(refused(413, 'BODY_TOO_LARGE', `The fields of the form are larger than the limit of ${bodyLimit} bytes`));
      const flaw = fieldFlaw(name) ?? fieldFlaw(value, true);
      if (flaw) return fail(flaw);
      const before = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (before === undefined) fields[name] = value;
      else if (Array.isArray(before)) before.push(value);
      else fields[name] = [before, value];
    });
    parser.on('file', (name, part, info) => {
      // It may break before anybody reads it; whoever reads it later hears of it then.
      part.on('error', () => undefined);
      const flaw = fieldFlaw(name ?? '');
      if (flaw || failure) {
        part.resume();
        if (flaw) fail(flaw);
        return;
      }
      const received = files.receive(owner.workspaceId, within(part, budget, fileLimit), { name: info.filename, mime: info.mimeType });
      pending.push({ field: name === '' ? FILE_FIELD : name, received });
      received.catch((error: unknown) => {
        fail(refusedFile(error));
        part.resume();
      });
    });
    for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
      parser.on(limit, () =>
        fail(refused(400, 'FORM_TOO_LONG', `The form has more than ${FORM_LIMITS.files} files or ${FORM_LIMITS.fields} fields`)),
      );
    }
    parser.on('error', () =>
      fail(refused(400, 'FORM_INVALID', 'The form cannot be read: it is not what its boundary says, or it broke off')),
    );
    parser.on('close', resolve);
    const brokeOff = (): void => {
      if (req.complete) return;
      fail(BROKEN_OFF);
      parser.destroy(new Error('the form broke off'));
    };
    source.once('error', brokeOff);
    source.once('close', brokeOff);
    source.pipe(parser);
  });
  const settled = await Promise.allSettled(pending.map((one) => one.received));
  const received = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const broken = settled.find((one) => one.status === 'rejected');
  if (broken) failure ??= refusedFile(broken.reason);
  if (failure) {
    for (const { staged } of received) await staged.drop();
    return failure;
  }
  if (received.length === 0) return { ok: true, body: fields };
  try {
    const refs = await files.keep(owner, received);
    return {
      ok: true,
      body: fields,
      files: named(
        pending.map((one) => one.field),
        refs,
      ),
    };
  } catch (error) {
    return refusedFile(error);
  }
}

/** A field with several files gives `photo`, `photo_2`, `photo_3`. */
function named(names: readonly string[], refs: readonly FileRef[]): { readonly [name: string]: FileRef } {
  const files: { [name: string]: FileRef } = {};
  refs.forEach((ref, i) => {
    const name = names[i] ?? FILE_FIELD;
    let free = name;
    for (let n = 2; Object.hasOwn(files, free); n += 1) free = `${name}_${n}`;
    files[free] = ref;
  });
  return files;
}

/** Chunks of one file, counted with those of the others of its form. */
async function* within(part: AsyncIterable<Uint8Array>, budget: { left: number }, limit: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of part) {
    budget.left -= chunk.byteLength;
    if (budget.left < 0) throw new FileRefusedError('FILE_TOO_LARGE', `The files of the form are larger than the limit of ${limit} bytes.`);
    yield chunk;
  }
}

function fieldFlaw(text: string, isValue = false): Received | undefined {
  if (!isValue && text === '__proto__') return refused(400, 'JSON_KEY_REFUSED', 'The name "__proto__" is not allowed');
  if (text.includes('\0')) return refused(400, 'TEXT_INVALID', 'The form has a NUL character in it, which no text has');
  // The parser puts this character where the bytes are no UTF-8.
  return text.includes('\ufffd') || !text.isWellFormed()
    ? refused(400, 'TEXT_INVALID', 'The form is not valid UTF-8. Send it as UTF-8')
    : undefined;
}

const BROKEN_OFF: Received = { ok: false, problem: { status: 400, code: 'BODY_UNREADABLE', message: 'The request body broke off' } };

function refused(status: BodyRefusal['status'], code: string, message: string): Received {
  return { ok: false, problem: { status, code, message } };
}

function refusedFile(error: unknown): Received {
  if (!(error instanceof FileRefusedError)) throw error;
  switch (error.code) {
    case 'FILE_TOO_LARGE':
      return refused(413, 'BODY_TOO_LARGE', error.message);
    case 'FILE_QUOTA':
      return refused(507, 'STORAGE_FULL', 'The files of this request do not fit into what the server keeps; nothing was started');
    default:
      return BROKEN_OFF;
  }
}

function isEncoded(req: IncomingMessage): boolean {
  const encoding = req.headers['content-encoding'];
  return encoding !== undefined && encoding !== 'identity';
}

/** Ends early without closing the connection, on which the refusal has yet to go out. */
function whole(req: IncomingMessage): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => Readable.prototype.iterator.call(req, { destroyOnReturn: false }) };
}

function dispositionName(req: IncomingMessage): string | undefined {
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.){1,255})"|([^;\s]{1,255}))/i.exec(req.headers['content-disposition'] ?? '');
  return plain?.[1]?.replaceAll(/\\(.)/g, '$1') ?? plain?.[2];
}
