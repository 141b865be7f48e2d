/** One request to `/graphql`: the session's cookie goes along, the workspace is named, every way it can fail has its kind. */
import { ApiError, type ApiErrorKind, isAbort } from './api-error.ts';

export interface GraphqlClient {
  /** @throws ApiError; DOMException AbortError when `signal` fires */
  ask<Data>(
    document: string,
    variables: object,
    options?: { readonly signal?: AbortSignal; readonly idempotencyKey?: string },
  ): Promise<Data>;
}

export interface GraphqlClientOptions {
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
  /** Slug of the workspace the page works in; undefined outside one. */
  readonly workspace: () => string | undefined;
  /** @default '/graphql' */
  readonly address?: string;
  /** Hash by document: what the server knows by its hash, it takes from whoever is not signed in too. */
  readonly persisted?: ReadonlyMap<string, string>;
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions?: {
      readonly code?: string;
      readonly requestId?: string;
      readonly hint?: string;
      readonly params?: { readonly [name: string]: unknown };
    };
  }[];
}

const KIND_OF_CODE: { readonly [code: string]: ApiErrorKind } = {
  UNAUTHENTICATED: 'signedOut',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'notFound',
  SERVER_BUSY: 'busy',
  SERVER_STOPPING: 'busy',
  TOO_MANY_REQUESTS: 'busy',
};

export function makeGraphqlClient({ fetch, workspace, address = '/graphql', persisted }: GraphqlClientOptions): GraphqlClient {
  return {
    async ask<Data>(
      document: string,
      variables: object,
      options: { readonly signal?: AbortSignal; readonly idempotencyKey?: string } = {},
    ) {
      const slug = workspace();
      const hash = persisted?.get(document);
      const byText = { query: document, variables };
      const ask = async (body: object): Promise<Data> => {
        const response = await send(fetch, address, {
          method: 'POST',
          credentials: 'same-origin',
          headers: {
            'content-type': 'application/json',
            accept: 'application/graphql-response+json, application/json',
            // A page of another origin cannot send this header without being asked first.
            'x-plugboard-request': '1',
            ...(slug === undefined ? {} : { 'x-plugboard-workspace': slug }),
            ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
          },
          body: JSON.stringify(body),
          ...(options.signal ? { signal: options.signal } : {}),
        });
        return (await read(response)) as Data;
      };
      if (hash === undefined) return ask(byText);
      try {
        return await ask({ extensions: { persistedQuery: { version: 1, sha256Hash: hash } }, variables });
      } catch (error) {
        // A server of another version than this page: it knows other hashes, and perhaps the same operation.
        if (error instanceof ApiError && error.code === 'PERSISTED_QUERY_NOT_FOUND') return ask(byText);
        throw error;
      }
    },
  };
}

async function send(fetch: GraphqlClientOptions['fetch'], address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    throw new ApiError('offline', 'The server does not answer.', { cause });
  }
}

async function read(response: Response): Promise<unknown> {
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const answer = await json(response);
  const [error] = answer?.errors ?? [];
  if (error) {
    const code = error.extensions?.code ?? 'FAILED';
    const hint = error.extensions?.hint;
    throw new ApiError(KIND_OF_CODE[code] ?? 'failed', hint === undefined ? error.message : `${error.message}. ${hint}`, {
      code,
      requestId: error.extensions?.requestId ?? requestId,
      ...waitOf(response),
    });
  }
  if (response.ok && answer?.data !== undefined && answer.data !== null) return answer.data;
  if (response.status === 401) throw new ApiError('signedOut', 'Your session ended.', { requestId });
  if (response.status === 429 || response.status === 503)
    throw new ApiError('busy', 'The server has too much to do at this moment.', { requestId, ...waitOf(response) });
  // A gateway in front of a server that is down or restarting.
  if (response.status === 502 || response.status === 504) throw new ApiError('offline', 'The server does not answer.', { requestId });
  throw new ApiError('failed', `The server answered ${response.status} without a result.`, { requestId });
}

async function json(response: Response): Promise<Answer | undefined> {
  try {
    return (await response.json()) as Answer;
  } catch {
    return undefined; // not from our server; the status says what it is
  }
}

function waitOf(response: Response): { readonly retryAfterSeconds?: number } {
  const seconds = Number(response.headers.get('retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {};
}
