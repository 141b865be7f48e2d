/**
 * What a draft or test run with mocked answers reaches: nothing outside. Requests are answered from its list, and values kept between runs are
 * its own, so that one test does not see what another left.
 */
import type { MockedReply, RpcOp } from '@plugboard/engine';
import { type Json, StepFailure } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';

export interface MockedReach {
  readonly fetch: typeof globalThis.fetch;
  readonly state: {
    get(key: string): Json;
    set(key: string, value: Json): void;
    /** Those that nobody has taken. */
    claim(keys: readonly string[]): Json;
  };
  /** @throws StepFailure always: connections, credentials, other workflows and people are not reached */
  refuse(what: string): never;
}

/** How often each answer has served, and what steps keep, by run. They go with the run. */
const reaches = new WeakMap<ActiveRun, MockedReach>();

/** Undefined for a run that reaches what it asks for. */
export function mockedReach(run: ActiveRun): MockedReach | undefined {
  const { mocks } = run.state;
  if (!mocks) return undefined;
  let reach = reaches.get(run);
  if (!reach) {
    reach = createReach(mocks);
    reaches.set(run, reach);
  }
  return reach;
}

export function createReach(mocks: readonly MockedReply[]): MockedReach {
  const served = new Set<MockedReply>();
  const values = new Map<string, Json>();

  const replyTo = (method: string, url: string): MockedReply | undefined => {
    const fitting = mocks.filter((mock) => (mock.method ?? method).toUpperCase() === method.toUpperCase() && fits(mock.url, url));
    const next = fitting.find((mock) => !served.has(mock)) ?? fitting.at(-1);
    if (next) served.add(next);
    return next;
  };

  return {
    async fetch(input, init) {
      const request = input instanceof Request ? input : undefined;
      const method = init?.method ?? request?.method ?? 'GET';
      const url = input instanceof Request ? input.url : input instanceof URL ? input.href : input;
      const mock = replyTo(method, url);
      if (mock) return responseOf(mock);
      throw new StepFailure(
        'MOCK_MISSING',
        `There is no mocked answer for ${method} ${url}. Add one to the test, or pin the step's items.`,
        {
          kind: 'input',
        },
      );
    },
    state: {
      get: (key) => values.get(key) ?? null,
      set(key, value) {
        if (value === null) values.delete(key);
        else values.set(key, value);
      },
      claim: (keys) =>
        keys.filter((key) => {
          const isNew = !values.has(key);
          values.set(key, true);
          return isNew;
        }),
    },
    refuse(what) {
      throw new StepFailure('MOCK_MISSING', `${what} cannot be reached in a run with mocked answers. Pin the step's items.`, {
        kind: 'input',
      });
    },
  };
}

export function mockedState({ state }: MockedReach, op: Extract<RpcOp, { op: `state.${string}` }>): Json {
  switch (op.op) {
    case 'state.get':
      return state.get(op.key);
    case 'state.set':
      state.set(op.key, op.value);
      return null;
    case 'state.claim':
      return state.claim(op.keys);
  }
}

/** `*` stands for anything, also for nothing. */
function fits(pattern: string, url: string): boolean {
  if (pattern === url) return true;
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0 || !url.startsWith(first)) return false;
  let at = first.length;
  for (const [n, part] of rest.entries()) {
    if (n === rest.length - 1) return url.length - part.length >= at && url.endsWith(part);
    const found = url.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

/** Statuses of answers that have none. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

function responseOf({ status = 200, headers = {}, body }: MockedReply): Response {
  const isText = typeof body === 'string';
  const text = body === undefined ? null : isText ? body : JSON.stringify(body);
  const type: Record<string, string> = text === null || isText ? {} : { 'content-type': 'application/json' };
  try {
    return new Response(WITHOUT_BODY.has(status) ? null : text, { status, headers: { ...type, ...headers } });
  } catch (error) {
    const message = `The mocked answer with status ${status} is none that a service could give: ${error instanceof Error ? error.message : String(error)}`;
    throw new StepFailure('MOCK_INVALID', message, { kind: 'input' });
  }
}
