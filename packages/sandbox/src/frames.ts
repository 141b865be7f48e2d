/**
 * What parent and child say to each other over the child's stdin and stdout: length-prefixed frames, little-endian.
 *
 *   frame  = u32 length of the rest, u32 job id, u8 kind, body
 *   job    = u8 flags, u32 timeMs, u32 memoryBytes, u32 outputBytes, u32 logLines, u32 logBytes, u32 length of the code, code, input
 *   reply  = u32 length of the logs, logs (JSON), body (JSON)
 *
 * Code, input and body stay bytes in the child: it copies them between the pipe and the guest's memory unread.
 */

export const frameKind = { ready: 0, job: 1, result: 2, timeout: 3, memory: 4, outputTooLarge: 5, syntax: 6, crashed: 7 } as const;
export type ReplyKind = Exclude<keyof typeof frameKind, 'job'>;

const headBytes = 9;
const jobHeadBytes = 25;

export interface JobFrame {
  readonly id: number;
  /** The job before belonged to another workspace: clear all of the guest's memory first. */
  readonly otherWorkspace: boolean;
  readonly timeMs: number;
  readonly memoryBytes: number;
  readonly outputBytes: number;
  readonly logLines: number;
  readonly logBytes: number;
  readonly code: Uint8Array;
  readonly input: Uint8Array;
}

export interface ReplyFrame {
  readonly id: number;
  readonly kind: number;
  readonly logs: Uint8Array;
  readonly body: Uint8Array;
}

export function encodeJob(job: Omit<JobFrame, 'code' | 'input'> & { readonly code: string; readonly input: string }): Buffer {
  const codeBytes = Buffer.byteLength(job.code);
  const inputBytes = Buffer.byteLength(job.input);
  const frame = Buffer.allocUnsafe(headBytes + jobHeadBytes + codeBytes + inputBytes);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt32LE(job.id, 4);
  frame.writeUInt8(frameKind.job, 8);
  let at = frame.writeUInt8(job.otherWorkspace ? 1 : 0, headBytes);
  for (const value of [job.timeMs, job.memoryBytes, job.outputBytes, job.logLines, job.logBytes, codeBytes])
    at = frame.writeUInt32LE(value, at);
  at += frame.write(job.code, at);
  frame.write(job.input, at);
  return frame;
}

/** Reads what {@link encodeJob} wrote, without the leading length. The byte arrays are views into `frame`. */
export function decodeJob(frame: Buffer): JobFrame {
  const at = headBytes - 4;
  const codeStart = at + jobHeadBytes;
  const codeEnd = codeStart + frame.readUInt32LE(at + 21);
  return {
    id: frame.readUInt32LE(0),
    otherWorkspace: frame.readUInt8(at) === 1,
    timeMs: frame.readUInt32LE(at + 1),
    memoryBytes: frame.readUInt32LE(at + 5),
    outputBytes: frame.readUInt32LE(at + 9),
    logLines: frame.readUInt32LE(at + 13),
    logBytes: frame.readUInt32LE(at + 17),
    code: frame.subarray(codeStart, codeEnd),
    input: frame.subarray(codeEnd),
  };
}

export function encodeReply(reply: ReplyFrame): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + 4 + reply.logs.length + reply.body.length);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt32LE(reply.id, 4);
  frame.writeUInt8(reply.kind, 8);
  frame.writeUInt32LE(reply.logs.length, 9);
  frame.set(reply.logs, 13);
  frame.set(reply.body, 13 + reply.logs.length);
  return frame;
}

/** Reads what {@link encodeReply} wrote, without the leading length; undefined when it is not a reply. */
export function decodeReply(frame: Buffer): ReplyFrame | undefined {
  if (frame.length < headBytes) return undefined;
  const logsEnd = headBytes + frame.readUInt32LE(5);
  if (logsEnd > frame.length) return undefined;
  return { id: frame.readUInt32LE(0), kind: frame.readUInt8(4), logs: frame.subarray(headBytes, logsEnd), body: frame.subarray(logsEnd) };
}

/** Cuts a byte stream into frames. Keeps big frames in pieces until they are whole, so it copies each byte once. */
export class FrameCutter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #size = 0;

  /** `maxBytes`: a longer frame throws. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#size += chunk.length;
  }

  /**
   * The next whole frame without its length, or undefined when more bytes are needed.
   * @throws RangeError when the announced length is over the maximum.
   */
  next(): Buffer | undefined {
    if (this.#size < 4) return undefined;
    let first = this.#pieces[0] as Buffer;
    if (first.length < 4) first = this.#join();
    const length = first.readUInt32LE(0);
    if (length > this.#maxBytes) throw new RangeError(`A frame of ${length} bytes is over the limit of ${this.#maxBytes}.`);
    if (this.#size < 4 + length) return undefined;
    if (first.length < 4 + length) first = this.#join();
    const frame = first.subarray(4, 4 + length);
    this.#size -= 4 + length;
    if (first.length === 4 + length) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(4 + length);
    return frame;
  }

  #join(): Buffer {
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [whole];
    return whole;
  }
}
