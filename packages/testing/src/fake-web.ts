/** Services a test stands in for. A request nobody answers fails the step instead of leaving the machine. */
import { StepFailure } from '@plugboard/sdk';

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** Answers a request: a Response, JSON (as 200), or a thrown error such as a broken connection. */
export type Responder = (request: SentRequest) => unknown;

export interface FakeWeb {
  readonly fetch: typeof globalThis.fetch;
  readonly requests: readonly SentRequest[];
  respond(url: string, responder: Responder): void;
}

export function fakeWeb(): FakeWeb {
  const requests: SentRequest[] = [];
  const responders: { readonly url: string; readonly responder: Responder }[] = [];
  return {
    requests,
    respond: (url, responder) => void responders.push({ url, responder }),
    async fetch(input, init) {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      const sent = { method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body: await request.text() };
      requests.push(sent);
      // The last one added wins, so that a test can change its mind.
      const match = responders.findLast(({ url }) => matches(url, request.url));
      if (match === undefined) {
        throw new StepFailure(
          'TEST_NO_ANSWER',
          `The test has no answer for ${request.method} ${request.url}. Add .respond(${JSON.stringify(request.url)}, …).`,
        );
      }
      const answer = await untilAborted(Promise.resolve(match.responder(sent)), request.signal);
      return answer instanceof Response ? answer : Response.json(answer ?? null);
    },
  };
}

/** `*` at the end stands for any rest; without it the query is left out of the comparison unless it is given. */
function matches(pattern: string, url: string): boolean {
  if (pattern.endsWith('*')) return url.startsWith(pattern.slice(0, -1));
  return url === pattern || new URL(pattern).href === url || new URL(pattern).href === url.split('?')[0];
}

function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    answer.then(resolve, reject);
  });
}

/** The error of a connection that broke (`ECONNRESET`), was refused (`ECONNREFUSED`), or whose host is unknown (`ENOTFOUND`). */
export function connectionError(code: 'ECONNRESET' | 'ECONNREFUSED' | 'ENOTFOUND'): Error {
  return new TypeError('fetch failed', {
    cause: Object.assign(new Error(code), { code, syscall: code === 'ECONNRESET' ? 'read' : 'connect' }),
  });
}
