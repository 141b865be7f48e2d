/** What of `ctx` reaches the server besides requests: files, values between runs, connections. */
import type { CallInput, Sink } from '@plugboard/engine';
import { StepFailure } from '@plugboard/sdk';
import type {
  ApprovalRequest,
  CalledRuns,
  FormRequest,
  Json,
  JsonObject,
  StepApprovals,
  StepConnect,
  StepFiles,
  StepForms,
  StepState,
  StepWorkflows,
} from '@plugboard/sdk';
import type { CallState } from './call-state.ts';
import { networkFailure } from './network-failure.ts';
import { normalise } from './normalise.ts';
import { toStepError } from './to-step-error.ts';
import type { WriteRecord } from './write-record.ts';

/** Files one call may make, and connections it may open. */
const FILES_MAX = 1_000;
const SOCKETS_MAX = 64;
const KEY_MAX = 200;
const CLAIM_MAX = 200_000;
/** Keys sent at once. */
const CLAIM_PART = 1_000;
const VALUE_MAX = 64 * 1024;

export function stepFiles(call: CallState): StepFiles {
  const files = (): NonNullable<Sink['files']> => {
    call.use();
    if (call.sink.files === undefined) throw notHere('files');
    return call.sink.files;
  };
  return {
    open(file) {
      const store = files();
      let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
      // Opened when somebody reads, so that a file that is handed on and never read costs nothing.
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            try {
              reader ??= (await store.open({ id: String(file.id) })).getReader();
              const { done, value } = await reader.read();
              if (done) controller.close();
              else controller.enqueue(value);
            } catch (error) {
              controller.error(asFailure(error));
            }
          },
          async cancel(reason) {
            await reader?.cancel(reason);
          },
        },
        { highWaterMark: 0 },
      );
    },
    async find(id) {
      const store = files();
      try {
        return await store.find(String(id));
      } catch (error) {
        throw asFailure(error);
      }
    },
    async create(content, meta) {
      const store = files();
      call.count('files', FILES_MAX);
      try {
        return await store.create(content, meta);
      } catch (error) {
        throw asFailure(error);
      }
    },
  };
}

export function stepState(call: CallState, input: CallInput | undefined): StepState {
  const ask = async (op: Parameters<Sink['rpc']>[0]): Promise<Json> => {
    call.use();
    try {
      return await call.sink.rpc(op, input?.i);
    } catch (error) {
      throw asFailure(error);
    }
  };
  return {
    async get(key) {
      const value = await ask({ op: 'state.get', key: keyOf(key) });
      return value ?? undefined;
    },
    async set(key, value) {
      const clean = normalise(value) ?? null;
      if (JSON.stringify(clean).length > VALUE_MAX) {
        throw new StepFailure('STATE_TOO_LARGE', `A value kept between runs has at most ${VALUE_MAX} characters of JSON. Keep less.`);
      }
      await ask({ op: 'state.set', key: keyOf(key), value: clean });
    },
    async claim(keys, { keepMs } = {}) {
      if (keys.length > CLAIM_MAX) throw new StepFailure('STATE_TOO_LARGE', `A step takes at most ${CLAIM_MAX} keys at once.`);
      const own: string[] = [];
      for (let at = 0; at < keys.length; at += CLAIM_PART) {
        const part = keys.slice(at, at + CLAIM_PART).map(keyOf);
        const got = await ask({ op: 'state.claim', keys: part, ...(keepMs !== undefined && { keepMs }) });
        own.push(...(got as readonly string[]));
      }
      return own;
    },
  };
}

export function stepApprovals(call: CallState): StepApprovals {
  return { open: (request) => ask(call, 'approval.open', request) };
}

export function stepForms(call: CallState): StepForms {
  return { open: (request) => ask(call, 'form.open', request) };
}

async function ask(call: CallState, op: 'approval.open' | 'form.open', request: ApprovalRequest | FormRequest): Promise<{ id: string }> {
  call.use();
  try {
    return (await call.sink.rpc({ op, request: normalise(request) as JsonObject })) as { id: string };
  } catch (error) {
    throw asFailure(error);
  }
}

export function stepWorkflows(call: CallState): StepWorkflows {
  return {
    async start({ workflow, items, each, wants, atOnce }) {
      call.use();
      const start = {
        workflow: String(workflow),
        items: items.map(({ json, files }) => ({ json: normalise(json) as JsonObject, ...(files ? { files } : {}) })),
        each: each === true,
        wants: wants === 'none' ? 'none' : 'answer',
        ...(typeof atOnce === 'number' && atOnce >= 1 ? { atOnce: Math.floor(atOnce) } : {}),
      } as const;
      try {
        return (await call.sink.rpc({ op: 'workflow.start', start })) as unknown as CalledRuns;
      } catch (error) {
        throw asFailure(error);
      }
    },
  };
}

export function stepConnect(call: CallState, record: () => WriteRecord): StepConnect {
  return async (options) => {
    call.use();
    const { connect } = call.sink;
    if (connect === undefined) throw notHere('connections');
    call.count('sockets', SOCKETS_MAX);
    const leave = await call.sink.turn?.(call.signal);
    try {
      const socket = await connect(options, call.signal);
      // From here on bytes may reach the other side, and no failure proves by itself that they did not.
      record().uncertain++;
      record().left++;
      return socket;
    } catch (error) {
      if (call.stopError !== undefined) throw error;
      throw networkFailure(error, `${options.host}:${options.port}`);
    } finally {
      leave?.();
    }
  };
}

function keyOf(key: string): string {
  const text = String(key);
  if (text === '' || text.length > KEY_MAX || text.includes('\0') || !text.isWellFormed()) {
    throw new StepFailure('STATE_KEY_INVALID', `A key of a value between runs is text of 1 to ${KEY_MAX} characters.`, { kind: 'bug' });
  }
  return text;
}

function notHere(what: string): StepFailure {
  return new StepFailure('NOT_AVAILABLE', `There are no ${what} where this step runs.`, { kind: 'input' });
}

/** What the server answers with is a StepError, as data or thrown; authors get something they can throw on. */
function asFailure(error: unknown): StepFailure {
  const { code, message, kind, data } = toStepError(error);
  return new StepFailure(code, message, { kind, data, cause: error });
}
