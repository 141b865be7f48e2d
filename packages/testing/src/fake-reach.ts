/** Files, kept values and connections as a step under test reaches them: in memory, except for connections to servers the test started itself. */
import { createHash } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { CallFiles, RpcOp, Sink } from '@plugboard/engine';
import { StepFailure } from '@plugboard/sdk';
import type { FileRef, Json } from '@plugboard/sdk';

export interface TestFile {
  readonly ref: FileRef;
  readonly bytes: Uint8Array;
}

/** A file for a step to read. Its id is its name. */
export function testFile(name: string, content: string | Uint8Array, mime = 'application/octet-stream'): TestFile {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { ref: { id: name, name, mime, size: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') }, bytes };
}

/** Gives the files it was given and those that were made; the made ones are numbered. */
export function fakeFiles(given: readonly TestFile[]): CallFiles & { readonly made: readonly TestFile[] } {
  const made: TestFile[] = [];
  const get = (id: string): TestFile => {
    const file = [...given, ...made].find((one) => one.ref.id === id);
    if (file === undefined) throw new StepFailure('FILE_NOT_FOUND', `The test has no file ${id}. Add .files(testFile(…)).`);
    return file;
  };
  return {
    made,
    open: async ({ id }) => new Blob([new Uint8Array(get(id).bytes)]).stream(),
    find: async (id) => get(id).ref,
    async create(content, { name, mime }) {
      const bytes = content instanceof Uint8Array ? content : new Uint8Array(await new Response(content).arrayBuffer());
      const file = testFile(name, new Uint8Array(bytes), mime);
      const ref = { ...file.ref, id: `made-${made.length + 1}` };
      made.push({ ref, bytes: file.bytes });
      return ref;
    },
  };
}

/** Kept values by key; keys that a run took are kept with its name. */
export type TestState = Map<string, Json>;

/** Undefined for what is not about kept values. */
export function answerState(state: TestState, run: string, op: RpcOp): { readonly value: Json } | undefined {
  switch (op.op) {
    case 'state.get':
      return { value: state.get(op.key) ?? null };
    case 'state.set':
      if (op.value === null) state.delete(op.key);
      else state.set(op.key, op.value);
      return { value: null };
    case 'state.claim': {
      const own = [...new Set(op.keys)].filter((key) => (state.get(`taken ${key}`) ?? run) === run);
      for (const key of own) state.set(`taken ${key}`, run);
      return { value: own };
    }
    default:
      return undefined;
  }
}

/** Connects to the named `host:port` only. */
export function fakeConnect(allowed: readonly string[]): NonNullable<Sink['connect']> {
  return async ({ host, port, tls, serverName, ca, checkCertificate }, signal) => {
    if (!allowed.includes(`${host}:${port}`)) {
      throw new StepFailure('TEST_NO_ANSWER', `The test lets nothing connect to ${host}:${port}. Add .connect('${host}:${port}').`);
    }
    const socket =
      tls === true
        ? connectTls({
            host,
            port,
            ...(serverName !== undefined && { servername: serverName }),
            ...(ca !== undefined && { ca }),
            rejectUnauthorized: checkCertificate !== false,
          })
        : connectTcp({ host, port });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once(tls === true ? 'secureConnect' : 'connect', () => resolve());
    });
    socket.on('error', () => undefined);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const { readable, writable } = Duplex.toWeb(socket);
    return {
      readable: readable as ReadableStream<Uint8Array>,
      writable: writable as WritableStream<Uint8Array>,
      close: () => void socket.destroy(),
    };
  };
}
