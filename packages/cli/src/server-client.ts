/** Talks to a running server: the one on the data folder with the token in its file, or a named one with an API key. */
import { join, resolve } from 'node:path';
import { SERVER_FILE, type ServerFile, dataDirOf, readServerFile } from '@plugboard/server/local';
import type { Command } from 'commander';
import { EXIT } from './exit-code.ts';
import { CommandFailure, type ProblemLine } from './failure.ts';

export interface ServerClient {
  readonly url: string;
  get<Result>(path: string): Promise<Result>;
  post<Result>(path: string, body: unknown): Promise<Result>;
  put<Result>(path: string, body: unknown): Promise<Result>;
}

interface ErrorBody {
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string; readonly problems?: readonly ProblemLine[] };
}

/** Longest wait for an answer unless a command knows better, in milliseconds. */
const TIMEOUT_MS = 60_000;

export interface ConnectOptions {
  /** @default 60000 */
  readonly timeoutMs?: number;
}

export function dataFolder(command: Command): string {
  const { data } = command.optsWithGlobals<{ data?: string }>();
  return data === undefined ? dataDirOf(process.env, process.cwd()) : resolve(process.cwd(), data);
}

/** @throws CommandFailure when no server is there */
export function connect(command: Command, { timeoutMs = TIMEOUT_MS }: ConnectOptions = {}): ServerClient {
  const { server } = command.optsWithGlobals<{ server?: string }>();
  if (server !== undefined) {
    if (!/^https?:\/\//i.test(server) || !URL.canParse(server)) {
      throw new CommandFailure(`--server: "${server}" is not the address of a server`, {
        exitCode: EXIT.usage,
        hint: 'Write it with its protocol, for example: --server http://127.0.0.1:7400',
      });
    }
    const key = process.env['PLUGBOARD_API_KEY'];
    if (!key)
      throw new CommandFailure('--server needs an API key', {
        exitCode: EXIT.usage,
        hint: 'Set PLUGBOARD_API_KEY to a key of that server.',
      });
    return client({ url: server.replace(/\/+$/, ''), token: key, timeoutMs });
  }
  const dataDir = dataFolder(command);
  const file = serverFile(dataDir);
  if (!file) throw noServer(dataDir);
  return client({ url: file.url, token: file.token, dataDir, timeoutMs });
}

/** @throws CommandFailure when this user may not read it */
export function serverFile(dataDir: string): ServerFile | undefined {
  try {
    return readServerFile(dataDir);
  } catch (error) {
    throw new CommandFailure(`${join(dataDir, SERVER_FILE)} may not be read by this user`, {
      hint: 'Run the command as the user that started the server.',
      cause: error,
    });
  }
}

function noServer(dataDir: string, cause?: unknown): CommandFailure {
  return new CommandFailure(`no server is running on the data folder ${dataDir}`, {
    exitCode: EXIT.unreachable,
    hint: 'Start one with: npx plugboard start   (or name the folder with --data)',
    cause,
  });
}

interface ClientOptions {
  readonly url: string;
  readonly token: string;
  readonly dataDir?: string;
  readonly timeoutMs: number;
}

function client({ url, token, dataDir, timeoutMs }: ClientOptions): ServerClient {
  const request = async <Result>(method: string, path: string, body?: unknown): Promise<Result> => {
    let answer: Response;
    try {
      answer = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (error instanceof Error && error.name === 'TimeoutError') {
        throw new CommandFailure(`${url} did not answer within ${timeoutMs / 1000} s`, {
          exitCode: EXIT.unreachable,
          hint: `Look at ${url}/readyz and at the server's log.`,
          cause: error,
        });
      }
      if (dataDir !== undefined) throw noServer(dataDir, error);
      throw new CommandFailure(`${url} cannot be reached`, {
        exitCode: EXIT.unreachable,
        hint: 'Check the address and that the server runs.',
        cause: error,
      });
    }
    const text = await answer.text();
    const parsed = parse(text);
    if (answer.ok) return parsed as Result;
    const { error } = (parsed ?? {}) as ErrorBody;
    if (answer.status === 401) throw refused(url, dataDir);
    throw new CommandFailure(error?.message ?? `the server answered ${answer.status}`, {
      ...(error?.hint ? { hint: error.hint } : {}),
      ...(error?.problems ? { problems: error.problems } : {}),
    });
  };
  return {
    url,
    get: (path) => request('GET', path),
    post: (path, body) => request('POST', path, body),
    put: (path, body) => request('PUT', path, body),
  };
}

function refused(url: string, dataDir: string | undefined): CommandFailure {
  if (dataDir === undefined)
    return new CommandFailure(`${url} does not accept this API key`, { hint: 'Set PLUGBOARD_API_KEY to a key of that server.' });
  return new CommandFailure(`${url} does not accept the token in ${join(dataDir, SERVER_FILE)}`, {
    hint: 'Another server has taken this address. Start the one of this data folder on another port.',
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
