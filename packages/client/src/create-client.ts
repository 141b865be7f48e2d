/** The client: every operation of the server as a typed method, and a run as it goes on. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Call, CallOptions, UploadBody } from './call-types.ts';
import { type Sender, send } from './call.ts';
import { type Operations, ROUTES } from './generated.ts';
import { type RunFrame, watchRun } from './watch-run.ts';

export interface ClientOptions {
  /** Of the server, such as `https://plugboard.example.com`. */
  readonly url: string;
  /** An API key, or a short-lived token. */
  readonly apiKey: string;
  /** Short name of the workspace to work in; a key has its own. */
  readonly workspace?: string;
  /** Longest wait for an answer, in milliseconds. @default 60000 */
  readonly timeoutMs?: number;
  /** Tries beyond the first, of what may be sent again: reads, and changes by their idempotency key. @default 4 */
  readonly retries?: number;
  /** @default fetch of Node */
  readonly fetch?: typeof globalThis.fetch;
}

export type Client = Operations & {
  readonly runs: {
    /**
     * What happens to a run, from its beginning (or after the fact with number `after`) to its end, without holes, however often the
     * connection breaks. Facts are what happened, never data.
     * @throws PlugboardError for a run that is not there, or not any more
     */
    watch(id: string, options?: { readonly after?: number; readonly signal?: AbortSignal }): AsyncGenerator<RunFrame>;
  };
};

const TIMEOUT_MS = 60_000;
const RETRIES = 4;

/** @throws TypeError for an address that is none */
export function createClient(options: ClientOptions): Client {
  if (!URL.canParse(options.url) || !/^https?:$/.test(new URL(options.url).protocol))
    throw new TypeError(`"${options.url}" is not the address of a server`);
  const url = options.url.replace(/\/+$/, '');
  const sender: Sender = {
    url,
    token: options.apiKey,
    workspace: options.workspace,
    fetch: options.fetch ?? globalThis.fetch,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    retries: options.retries ?? RETRIES,
    sleep: (ms, signal) => wait(ms, undefined, signal ? { signal } : {}),
  };
  const groups = Object.entries(ROUTES).map(([group, calls]) => [
    group,
    Object.fromEntries(Object.entries(calls).map(([verb, call]) => [verb, method(sender, call)])),
  ]);
  return {
    ...(Object.fromEntries(groups) as unknown as Operations),
    runs: {
      watch: (id, { after = 0, signal } = {}) => watchRun({ url, token: options.apiKey, workspace: options.workspace, id, after, signal }),
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;
type Method = (input?: Fields, options?: CallOptions) => Promise<unknown>;
type UploadMethod = (body: UploadBody, input?: Fields, options?: CallOptions) => Promise<unknown>;

function method(sender: Sender, call: Call): Method | UploadMethod {
  if (call.stream !== 'upload') return (input?: Fields, options?: CallOptions) => send(sender, call, input ?? {}, options ?? {});
  return (body: UploadBody, input?: Fields, options?: CallOptions) => send(sender, call, input ?? {}, options ?? {}, body);
}
