/**
 * Turns a child's reply into a result. The reply is hostile until read: its shape, its size, its keys and its files are checked here,
 * so that what leaves this package is clean JSON whatever happened in the guest. Large replies are read with pauses.
 */
import { JsonLimitError, JsonReader } from '@plugboard/sdk';
import type { FileRef, Item, JsonObject } from '@plugboard/sdk';

import {
  codeCrashed,
  codeMemory,
  codeSyntax,
  codeThrew,
  codeTimeout,
  codeUnusable,
  failed,
  outputTooLarge,
  tooComplex,
  tooManyItems,
} from './code-errors.ts';
import type { CodeItem, CodeJob, CodeLimits, CodeResult, ItemOutcome, LogLine } from './code-job.ts';
import { frameKind, type ReplyFrame } from './frames.ts';
import type { Steps } from './steps.ts';

class BadReply extends Error {}
class NotJson extends Error {}
class TooManyItems extends Error {}

/** Levels of a result, those of the reply around it included. */
const maxDepth = 500;
/** Values of a result, the inner ones included. */
const maxValues = 2_000_000;
/** Characters read between two pauses. */
const stepCharacters = 16 * 1024;
/** Items and values looked at between two pauses. */
const stepItems = 256;

interface Problem {
  code: string;
  message: string;
  line?: number;
  column?: number;
}

export function* readReply(reply: ReplyFrame, job: CodeJob, limits: CodeLimits): Steps<CodeResult> {
  const logs = readLogs(reply.logs);
  switch (reply.kind) {
    case frameKind.timeout:
      return failed(codeTimeout(limits), logs);
    case frameKind.memory:
      return failed(codeMemory(limits), logs);
    case frameKind.outputTooLarge:
      return failed(outputTooLarge(limits), logs);
  }
  try {
    const text = decode(reply.body);
    const json = new JsonReader(text, { maxDepth, maxValues });
    while (!json.advance(stepCharacters)) yield;
    const body = asObject(json.value());
    if (reply.kind === frameKind.syntax)
      return failed(codeSyntax(String(body['message']), typeof body['line'] === 'number' ? body['line'] : undefined), logs);
    if (reply.kind === frameKind.crashed) {
      const message = String(body['message']);
      return failed(body['deep'] === true ? codeThrew(message, {}) : codeCrashed(message), logs);
    }
    if (reply.kind !== frameKind.result) throw new BadReply(`unknown reply ${reply.kind}`);
    const reader = new ItemReader(job, limits, yield* isSuspect(text));
    if ('error' in body) return failed(problemError(readProblem(body['error']), limits), logs);
    if (job.mode === 'all-items') return { logs, outcome: { ok: true, items: yield* reader.list(body['items']) } };
    const perItem: ItemOutcome[] = [];
    for (const one of asArray(body['perItem'])) {
      perItem.push(yield* readOutcome(one, reader, limits));
      if (perItem.length % stepItems === 0) yield;
    }
    if (perItem.length !== job.items.length) throw new BadReply('outcomes are missing');
    return { logs, outcome: { ok: true, perItem } };
  } catch (error) {
    if (error instanceof NotJson) return failed(codeUnusable('OUTPUT_NOT_JSON', error.message), logs);
    if (error instanceof TooManyItems) return failed(tooManyItems(limits), logs);
    if (error instanceof JsonLimitError) {
      if (error.limit === 'depth')
        return failed(codeUnusable('OUTPUT_NOT_JSON', `The result nests deeper than ${error.max} levels.`), logs);
      return failed(tooComplex(error.limit, error.max), logs);
    }
    if (error instanceof BadReply || error instanceof SyntaxError) return failed(codeCrashed(`unreadable reply: ${error.message}`), logs);
    throw error;
  }
}

/** A sign that some text or key may be unfit: a refused key, an escaped NUL or an escaped half of a surrogate pair. */
const unfitPattern = /__proto__|\\u(?:0000|[dD][89a-fA-F]|005[fF])/;

/** Signs have this many characters at most. */
const signLength = 9;

function* isSuspect(text: string): Steps<boolean> {
  const window = 256 * 1024;
  for (let at = 0; at < text.length; at += window) {
    if (unfitPattern.test(text.slice(at, at + window + signLength))) return true;
    yield;
  }
  return false;
}

function* readOutcome(value: unknown, reader: ItemReader, limits: CodeLimits): Steps<ItemOutcome> {
  const outcome = asObject(value);
  if ('error' in outcome) return { error: problemError(readProblem(outcome['error']), limits) };
  try {
    return { ok: yield* reader.list(outcome['ok']) };
  } catch (error) {
    if (error instanceof NotJson) return { error: codeUnusable('OUTPUT_NOT_JSON', error.message) };
    throw error;
  }
}

class ItemReader {
  readonly #job: CodeJob;
  readonly #maxItems: number;
  readonly #isSuspect: boolean;
  #files: Map<string, FileRef> | undefined;
  #count = 0;

  constructor(job: CodeJob, limits: CodeLimits, isSuspect: boolean) {
    this.#job = job;
    this.#maxItems = limits.items;
    this.#isSuspect = isSuspect;
  }

  *list(value: unknown): Steps<CodeItem[]> {
    const items: CodeItem[] = [];
    for (const entry of asArray(value)) {
      if (Array.isArray(entry)) {
        items.push(yield* this.#item(entry));
        continue;
      }
      // Most results are long lists of these: each on its own would cost a generator.
      for (const json of asArray(asObject(entry)['plain'])) {
        this.#countOne();
        if (this.#count % stepItems === 0) yield;
        if (this.#isSuspect) yield* refuseUnfit(json);
        items.push(plainItem(json));
      }
    }
    return items;
  }

  #countOne(): void {
    if (++this.#count > this.#maxItems) throw new TooManyItems();
  }

  *#item(entry: readonly unknown[]): Steps<CodeItem> {
    const [json, files, source] = entry;
    this.#countOne();
    if (this.#count % stepItems === 0) yield;
    if (this.#isSuspect) yield* refuseUnfit(json);
    const item = plainItem(json);
    if (files !== undefined && files !== 0 && files !== null) {
      const known = this.#readFiles(files);
      if (known !== undefined) item.files = known;
    }
    if (source !== undefined) {
      if (!Number.isInteger(source) || (source as number) < 0 || (source as number) >= this.#job.items.length)
        throw new BadReply('a source is out of range');
      item.from = [source as number];
    }
    return item;
  }

  /** Code may pass on the files it was given, under any name; it cannot make up a handle to another one. */
  #readFiles(value: unknown): { [name: string]: FileRef } | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new NotJson('The result\'s "files" is not an object of files.');
    const names = Object.keys(value);
    if (names.length === 0) return undefined;
    const files: { [name: string]: FileRef } = {};
    this.#files ??= filesOf(this.#job);
    for (const name of names) {
      const id = (value as { [name: string]: { id?: unknown } | null })[name]?.id;
      const file = typeof id === 'string' ? this.#files.get(id) : undefined;
      if (file === undefined || name === '__proto__')
        throw new NotJson(`The result's files.${name} is not one of the files this step was given.`);
      files[name] = file;
    }
    return files;
  }
}

function plainItem(json: unknown): { json: JsonObject; files?: CodeItem['files']; from?: number[] } {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return { json: json as JsonObject };
  throw new NotJson('An item of the result is no object when written as JSON.');
}

function filesOf(job: CodeJob): Map<string, FileRef> {
  const files = new Map<string, FileRef>();
  const addAll = (items: readonly Item[]): void => {
    for (const item of items) for (const file of Object.values(item.files ?? {})) files.set(file.id, file);
  };
  addAll(job.items);
  for (const node of Object.values(job.scope.nodes)) addAll(node.items);
  return files;
}

/** A value on its way to be looked at, and where it lies. */
interface Place {
  readonly value: unknown;
  readonly key: string | number;
  readonly above: Place | undefined;
}

function* refuseUnfit(root: unknown): Steps<void> {
  const places: Place[] = [{ value: root, key: '', above: undefined }];
  for (let count = 1, place = places.pop(); place !== undefined; count++, place = places.pop()) {
    if (count % stepItems === 0) yield;
    const { value } = place;
    if (typeof value === 'string') {
      if (value.includes('\0')) throw new NotJson(`The result at ${pathOf(place)} holds a NUL character; remove it.`);
      if (!value.isWellFormed()) throw new NotJson(`The result at ${pathOf(place)} holds half of a surrogate pair; use .toWellFormed().`);
    } else if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) places.push({ value: value[i], key: i, above: place });
    } else if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value).toReversed()) {
        const inner: Place = { value: (value as { [key: string]: unknown })[key], key, above: place };
        if (key === '__proto__') throw new NotJson(`The result has a key "__proto__" at ${pathOf(inner)}, which is refused; rename it.`);
        if (key.includes('\0') || !key.isWellFormed())
          throw new NotJson(`The result has a key at ${JSON.stringify(pathOf(inner))} that is not clean text.`);
        places.push(inner);
      }
    }
  }
}

function pathOf(place: Place): string {
  let path = '';
  for (let at = place; at.above !== undefined; at = at.above) {
    const isFirst = at.above.above === undefined;
    path = (typeof at.key === 'number' ? `[${at.key}]` : isFirst ? at.key : `.${at.key}`) + path;
  }
  return path;
}

function problemError(problem: Problem, limits: CodeLimits) {
  if (problem.code === 'CODE_MEMORY') return codeMemory(limits);
  if (problem.code === 'CODE_OUTPUT_TOO_LARGE') return outputTooLarge(limits);
  if (problem.code === 'CODE_TOO_MANY_ITEMS') return tooManyItems(limits);
  if (problem.code === 'CODE_RESULT' || problem.code === 'OUTPUT_NOT_JSON' || problem.code === 'CODE_NEVER_SETTLED') {
    return codeUnusable(problem.code, problem.message);
  }
  const place: { line?: number; column?: number } = {};
  if (problem.line !== undefined) place.line = problem.line;
  if (problem.column !== undefined) place.column = problem.column;
  return codeThrew(problem.message, place);
}

function readProblem(value: unknown): Problem {
  const problem = asObject(value);
  const { code, message, line, column } = problem;
  if (typeof code !== 'string' || typeof message !== 'string') throw new BadReply('a problem has no message');
  const read: Problem = { code, message: message.toWellFormed().replaceAll('\0', '\uFFFD') };
  if (Number.isInteger(line) && (line as number) > 0) read.line = line as number;
  if (Number.isInteger(column) && (column as number) > 0) read.column = column as number;
  return read;
}

function readLogs(bytes: Uint8Array): LogLine[] {
  if (bytes.length === 0) return [];
  let lines: unknown;
  try {
    lines = JSON.parse(decode(bytes));
  } catch {
    return [];
  }
  const logs: LogLine[] = [];
  for (const line of Array.isArray(lines) ? lines : []) {
    const { level, message, item } = (line ?? {}) as { level?: unknown; message?: unknown; item?: unknown };
    if (typeof message !== 'string') continue;
    const known = level === 'debug' || level === 'warn' || level === 'error' ? level : 'info';
    const clean = message.toWellFormed().replaceAll('\0', '\uFFFD');
    logs.push(Number.isInteger(item) ? { level: known, message: clean, item: item as number } : { level: known, message: clean });
  }
  return logs;
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function asObject(value: unknown): { [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadReply('an object was expected');
  return value as { [key: string]: unknown };
}

function asArray(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new BadReply('an array was expected');
  return value;
}
