/**
 * Runs one job at a time in QuickJS, each from the same pristine state.
 *
 * All state of a guest lives in its WASM memory: objects, functions, pending promises, the engine's own tables. After
 * start-up the machine keeps a copy of that memory (the image); before each job it clears the stack and writes the
 * image back, which takes some tens of microseconds. What remains of the job before is unreachable bytes in free heap;
 * a change of workspace clears those too, so the memory equals a new instance's byte for byte. Memory never shrinks,
 * so a guest that made it grow leaves its instance behind and the next job gets a new one.
 */
import { frameKind, type JobFrame, type ReplyFrame } from '../frames.ts';
import { answerGuest } from './answer-guest.ts';
import { installGuest } from './guest.ts';
import { instantiateQuickJs, type QuickJsExports, type QuickJsImports } from './quickjs.ts';
import { zoneOffsetSeconds } from './zone-offset.ts';

/** Free guest heap in the image, so that ordinary jobs never grow the memory. */
const arenaBytes = 8 * 1024 * 1024;
const pageBytes = 65_536;
const blockBytes = 4096;
const guestStackBytes = 256 * 1024;
/** How long past its deadline a guest may go on swallowing interrupts before it is unwound from outside. */
const unwindAfterMs = 30;
const parentCheckMs = 100;
/** Longest text a guest may hand to the host in one call; the rest is cut off. */
const hostTextBytes = 1024 * 1024;
const frameSlackBytes = 4096;

const wrapperHead = { sync: '(function () {"use strict";\n', async: '(async function () {"use strict";\n' };
const wrapperTail = '\n})';
const fileName = 'code.js\0';

interface Image {
  /** The parts of the memory that are not zero. */
  readonly parts: readonly { readonly start: number; readonly bytes: Uint8Array }[];
  /** Top of the empty stack, which lies below everything else. */
  readonly stackTop: number;
  readonly totalBytes: number;
}

/** The pointers the image holds; they mean the same in every instance restored from it. */
interface Doors {
  readonly start: number;
  readonly finish: number;
  readonly undefinedValue: number;
}

class Unwound extends Error {}

export class Machine {
  readonly #module: WebAssembly.Module;
  readonly #image: Image;
  readonly #doors: Doors;
  readonly #parentGone: () => boolean;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #quickJs: QuickJsExports;
  #isPristine = false;
  #deadline = Infinity;
  #interrupted = false;
  #parentCheckAt = 0;
  #zone = 'UTC';
  #logs: LogBook = new LogBook(0, 0);

  /** `wasm`: the bytes of quickjs.wasm. `parentGone` is asked now and then while a guest computes; when it says yes the process ends. */
  constructor(wasm: Uint8Array, parentGone: () => boolean) {
    this.#module = new WebAssembly.Module(wasm);
    this.#parentGone = parentGone;
    this.#quickJs = instantiateQuickJs(this.#module, this.#imports());
    const quickJs = this.#quickJs;
    quickJs._initialize();
    if (quickJs.qjs_init() !== 0) throw new Error('QuickJS did not start');
    quickJs.qjs_set_interrupt_handler(1);
    quickJs.qjs_set_max_stack_size(guestStackBytes);
    this.#doors = this.#openDoors();
    quickJs.wasm_free(quickJs.wasm_malloc(arenaBytes));
    this.#image = takeImage(quickJs);
  }

  /** Makes the guest pristine, ahead of the next job. Cheap to call twice. */
  prepare(): void {
    if (this.#isPristine) return;
    if (this.#quickJs.memory.buffer.byteLength !== this.#image.totalBytes) this.#renew();
    else this.#restore(this.#image.stackTop);
    this.#isPristine = true;
  }

  run(job: JobFrame): ReplyFrame {
    this.prepare();
    if (job.otherWorkspace) this.#restore(this.#image.totalBytes);
    this.#isPristine = false;
    this.#logs = new LogBook(job.logLines, job.logBytes);
    this.#interrupted = false;
    const began = performance.now();
    this.#deadline = began + job.timeMs;
    this.#parentCheckAt = began + parentCheckMs;
    const outcome = this.#compute(job);
    this.#deadline = Infinity;
    return { id: job.id, kind: frameKind[outcome.kind], logs: this.#encoder.encode(this.#logs.toJson()), body: outcome.body };
  }

  #compute(job: JobFrame): { kind: 'result' | 'timeout' | 'memory' | 'outputTooLarge' | 'syntax' | 'crashed'; body: Uint8Array } {
    const quickJs = this.#quickJs;
    const nothing = new Uint8Array(0);
    try {
      quickJs.qjs_set_memory_limit(job.memoryBytes);
      this.#zone = zoneOf(job.input);
      const compiled = this.#compile(job.code);
      if (compiled === undefined) return { kind: 'memory', body: nothing };
      if (quickJs.qjs_is_exception(compiled) !== 0) {
        const { name, message, line } = this.#exception();
        if (message === 'out of memory') return { kind: 'memory', body: nothing };
        const text = name === 'SyntaxError' || name === '' ? message : `${name}: ${message}`;
        return { kind: 'syntax', body: this.#encoder.encode(JSON.stringify({ message: text, line })) };
      }
      const input = this.#newString(job.input);
      if (input === undefined) return { kind: 'memory', body: nothing };
      let answer = this.#call(this.#doors.start, [compiled, input]);
      for (;;) {
        if (this.#interrupted) return { kind: 'timeout', body: nothing };
        if (quickJs.qjs_is_exception(answer) !== 0) {
          const { name, message } = this.#exception();
          if (message === 'out of memory') return { kind: 'memory', body: nothing };
          return { kind: 'crashed', body: this.#encoder.encode(JSON.stringify({ message: `${name}: ${message}` })) };
        }
        if (quickJs.qjs_is_string(answer) !== 0) break;
        while (quickJs.qjs_is_job_pending() !== 0) {
          quickJs.qjs_execute_pending_job();
          if (this.#interrupted || performance.now() > this.#deadline) return { kind: 'timeout', body: nothing };
        }
        answer = this.#call(this.#doors.finish, []);
      }
      // The guest counts characters as it goes; this is the count that holds, in bytes, with room for the frame around them.
      const mostBytes = job.outputBytes + frameSlackBytes;
      const body = this.#bytesOf(answer, mostBytes + 1);
      if (body === undefined) return { kind: 'memory', body: nothing };
      if (body.length > mostBytes) return { kind: 'outputTooLarge', body: nothing };
      return { kind: 'result', body };
    } catch (thrown) {
      if (this.#interrupted) return { kind: 'timeout', body: nothing };
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      if (thrown instanceof RangeError && message.includes('call stack')) {
        return { kind: 'crashed', body: this.#encoder.encode('{"message":"The code calls itself too deeply.","deep":true}') };
      }
      return { kind: 'crashed', body: this.#encoder.encode(JSON.stringify({ message })) };
    }
  }

  #compile(code: Uint8Array): number | undefined {
    const quickJs = this.#quickJs;
    // `await` cannot be spelt another way, so its absence proves that a plain function will do; plain ones are faster.
    const head = this.#encoder.encode(
      Buffer.from(code.buffer, code.byteOffset, code.byteLength).includes('await') ? wrapperHead.async : wrapperHead.sync,
    );
    const length = head.length + code.length + wrapperTail.length;
    const start = quickJs.wasm_malloc(length + 1 + fileName.length);
    if (start === 0) return undefined;
    const memory = new Uint8Array(quickJs.memory.buffer);
    memory.set(head, start);
    memory.set(code, start + head.length);
    this.#encoder.encodeInto(`${wrapperTail}\0${fileName}`, memory.subarray(start + head.length + code.length));
    return quickJs.qjs_eval(start, length, start + length + 1, 0);
  }

  #newString(bytes: Uint8Array): number | undefined {
    const quickJs = this.#quickJs;
    const start = quickJs.wasm_malloc(bytes.length + 1);
    if (start === 0) return undefined;
    const memory = new Uint8Array(quickJs.memory.buffer);
    memory.set(bytes, start);
    memory[start + bytes.length] = 0;
    const made = quickJs.qjs_new_string(start, bytes.length);
    quickJs.wasm_free(start);
    return quickJs.qjs_is_exception(made) === 0 ? made : undefined;
  }

  #call(fn: number, args: readonly number[]): number {
    const quickJs = this.#quickJs;
    const argv = quickJs.wasm_malloc(Math.max(4, args.length * 4));
    if (argv === 0) throw new Error('no memory for a call');
    const view = new DataView(quickJs.memory.buffer);
    args.forEach((arg, i) => view.setUint32(argv + i * 4, arg, true));
    return quickJs.qjs_call(fn, this.#doors.undefinedValue, args.length, argv);
  }

  /** A copy of the first `atMost` UTF-8 bytes of a string; undefined when there is no memory to make them. */
  #bytesOf(value: number, atMost: number): Uint8Array | undefined {
    const quickJs = this.#quickJs;
    const lengthOut = quickJs.wasm_malloc(4);
    if (lengthOut === 0) return undefined;
    const start = quickJs.qjs_get_string_len(value, lengthOut);
    if (start === 0) return undefined;
    const length = new DataView(quickJs.memory.buffer).getUint32(lengthOut, true);
    const bytes = new Uint8Array(quickJs.memory.buffer, start, Math.min(length, atMost)).slice();
    quickJs.qjs_free_cstring(start);
    quickJs.wasm_free(lengthOut);
    return bytes;
  }

  #textOf(value: number): string {
    return this.#decoder.decode(this.#bytesOf(value, hostTextBytes));
  }

  /** The pending exception, read as text. Only called for errors of the engine and of our own guest part. */
  #exception(): { name: string; message: string; line: number | undefined } {
    const quickJs = this.#quickJs;
    const error = quickJs.qjs_get_exception();
    const read = (property: string): string => {
      const name = quickJs.wasm_malloc(property.length + 1);
      this.#encoder.encodeInto(`${property}\0`, new Uint8Array(quickJs.memory.buffer, name, property.length + 1));
      const value = quickJs.qjs_get_prop_string(error, name);
      return quickJs.qjs_is_string(value) === 0 ? '' : this.#textOf(value);
    };
    const line = /code\.js:(\d+)/.exec(read('stack'))?.[1];
    return { name: read('name'), message: read('message'), line: line === undefined ? undefined : Math.max(1, Number(line) - 1) };
  }

  #openDoors(): Doors {
    const quickJs = this.#quickJs;
    const put = (text: string): { start: number; bytes: number } => {
      const encoded = this.#encoder.encode(text);
      const start = quickJs.wasm_malloc(encoded.length + 1);
      new Uint8Array(quickJs.memory.buffer).set([...encoded, 0], start);
      return { start, bytes: encoded.length };
    };
    const source = put(`(${installGuest.toString()})`);
    const install = quickJs.qjs_eval(source.start, source.bytes, put('guest.js').start, 0);
    const name = put('host');
    const port = quickJs.qjs_new_host_function(name.start, name.bytes, 0);
    const argv = quickJs.wasm_malloc(4);
    new DataView(quickJs.memory.buffer).setUint32(argv, port, true);
    const undefinedValue = quickJs.qjs_get_undefined();
    const made = quickJs.qjs_is_exception(install) === 0 ? quickJs.qjs_call(install, undefinedValue, 1, argv) : install;
    if (quickJs.qjs_is_exception(made) !== 0) {
      const { name: kind, message } = this.#exception();
      throw new Error(`The guest part did not start: ${kind}: ${message}`);
    }
    quickJs.wasm_free(source.start);
    return {
      start: quickJs.qjs_get_prop_string(made, put('start').start),
      finish: quickJs.qjs_get_prop_string(made, put('finish').start),
      undefinedValue,
    };
  }

  #imports(): QuickJsImports {
    return {
      interrupt: () => this.#interrupt(),
      hostCall: (_self, argc, argv) => this.#hostCall(argc, argv),
      zoneOffset: (seconds) => zoneOffsetSeconds(this.#zone, seconds),
    };
  }

  #interrupt(): number {
    const now = performance.now();
    if (now > this.#parentCheckAt) {
      this.#parentCheckAt = now + parentCheckMs;
      if (this.#parentGone()) process.exit(0);
    }
    if (now <= this.#deadline) return 0;
    // An async function turns the interrupt into a rejection, so code can swallow it: insist, then unwind from outside.
    if (this.#interrupted && now > this.#deadline + unwindAfterMs) throw new Unwound('deadline passed');
    this.#interrupted = true;
    return 1;
  }

  #hostCall(argc: number, argv: number): number {
    const quickJs = this.#quickJs;
    const texts: string[] = [];
    for (let i = 0; i < argc && i < 4; i += 1) {
      const value = new DataView(quickJs.memory.buffer).getUint32(argv + i * 4, true);
      if (quickJs.qjs_is_string(value) === 0) return quickJs.qjs_dup_value(this.#doors.undefinedValue);
      texts.push(this.#textOf(value));
    }
    const answer = texts[0] === 'log' ? this.#logs.add(texts[1], texts[2], texts[3]) : answerGuest(texts);
    const made = answer === undefined ? undefined : this.#newString(this.#encoder.encode(answer));
    return made ?? quickJs.qjs_dup_value(this.#doors.undefinedValue);
  }

  #renew(): void {
    this.#quickJs = instantiateQuickJs(this.#module, this.#imports());
    this.#quickJs.memory.grow((this.#image.totalBytes - this.#quickJs.memory.buffer.byteLength) / pageBytes);
    this.#restore(0);
    // The instance left behind may hold the whole memory limit; give it back now.
    (globalThis as { gc?: () => void }).gc?.();
  }

  /** Zeroes the first `clearBytes` bytes and writes the image. */
  #restore(clearBytes: number): void {
    const memory = new Uint8Array(this.#quickJs.memory.buffer);
    memory.fill(0, 0, clearBytes);
    for (const part of this.#image.parts) memory.set(part.bytes, part.start);
    this.#quickJs.__stack_pointer.value = this.#image.stackTop;
  }
}

/** Copies what start-up wrote above the stack, in runs of blocks that are not all zero. */
function takeImage(quickJs: QuickJsExports): Image {
  const memory = new Uint8Array(quickJs.memory.buffer);
  const words = new BigUint64Array(quickJs.memory.buffer);
  const stackTop = quickJs.__stack_pointer.value;
  const isZero = (block: number): boolean => {
    for (let i = block / 8; i < (block + blockBytes) / 8; i += 1) if (words[i] !== 0n) return false;
    return true;
  };
  const parts: { start: number; bytes: Uint8Array }[] = [];
  for (let at = stackTop; at < memory.length; at += blockBytes) {
    if (isZero(at)) continue;
    const start = at;
    while (at < memory.length && !isZero(at)) at += blockBytes;
    parts.push({ start, bytes: memory.slice(start, at) });
  }
  return { parts, stackTop, totalBytes: memory.length };
}

/** The input begins with its zone, so that the child need not read the rest. */
function zoneOf(input: Uint8Array): string {
  const head = Buffer.from(input.buffer, input.byteOffset, Math.min(input.byteLength, 120)).toString('latin1');
  return /^\{"zone":"([A-Za-z0-9_+\-/]{1,64})"/.exec(head)?.[1] ?? 'UTC';
}

/** Console lines of one job, capped where the guest cannot reach. */
class LogBook {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #lines: { level: string; message: string; item?: number }[] = [];
  #bytes = 0;
  #isFull = false;

  constructor(maxLines: number, maxBytes: number) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
  }

  add(level = 'info', item = '', message = ''): undefined {
    if (this.#isFull) return;
    const room = this.#maxBytes - this.#bytes;
    if (this.#lines.length >= this.#maxLines || room <= 0) {
      this.#isFull = true;
      this.#lines.push({
        level: 'warn',
        message: `More output was dropped: a step keeps ${this.#maxLines} lines and ${this.#maxBytes} bytes.`,
      });
      return;
    }
    const kept = message.length > room ? message.slice(0, room) : message;
    this.#bytes += Buffer.byteLength(kept);
    this.#lines.push(item === '' ? { level, message: kept } : { level, message: kept, item: Number(item) });
  }

  toJson(): string {
    return this.#lines.length === 0 ? '' : JSON.stringify(this.#lines);
  }
}
