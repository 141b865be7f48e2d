import { describe, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import { makeGraphqlClient } from './graphql-client.ts';
import type { TopicListener } from './live-connection.ts';
import { POLL_HIDDEN_MS, POLL_MS, watchRun } from './run-watch.ts';
import { makeServerApi } from './server-api.ts';
import type { LiveState, RunFact } from './types.ts';

function answering(body: unknown, init: ResponseInit = {}) {
  const sent: { readonly input: string; readonly init: RequestInit }[] = [];
  const fetch = (input: string, request: RequestInit): Promise<Response> => {
    sent.push({ input, init: request });
    return Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status: 200, ...init }));
  };
  return { fetch, sent };
}

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('a request', () => {
  test('names the workspace and carries the header no foreign page can send', async () => {
    const { fetch, sent } = answering({ data: { now: 1 } });
    await makeGraphqlClient({ fetch, workspace: () => 'halden' }).ask('query now { now }', {});
    const headers = sent[0]?.init.headers as { readonly [name: string]: string };
    expect(headers).toMatchObject({ 'x-plugboard-workspace': 'halden', 'x-plugboard-request': '1' });
    expect(sent[0]?.init.credentials).toBe('same-origin');
  });

  test('sends the hash alone where the server knows the operation', async () => {
    const { fetch, sent } = answering({ data: { now: 1 } });
    const document = 'query now { now }';
    await makeGraphqlClient({ fetch, workspace: () => undefined, persisted: new Map([[document, 'abc']]) }).ask(document, {});
    expect(String(sent[0]?.init.body)).not.toContain('query now');
  });

  test('is sent again as text to a server that does not know the hash, and for nothing else', async () => {
    const document = 'query now { now }';
    const options = { workspace: () => undefined, persisted: new Map([[document, 'abc']]) };
    const unknown = answering({ errors: [{ message: 'x', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] }, { status: 400 });
    await makeGraphqlClient({ ...options, fetch: unknown.fetch })
      .ask(document, {})
      .catch(() => undefined);
    expect(unknown.sent.map(({ init }) => String(init.body).includes('query now'))).toEqual([false, true]);
    const busy = answering({ errors: [{ message: 'x', extensions: { code: 'SERVER_BUSY' } }] });
    await makeGraphqlClient({ ...options, fetch: busy.fetch })
      .ask(document, {})
      .catch(() => undefined);
    expect(busy.sent).toHaveLength(1);
  });

  test.each([
    [{ errors: [{ message: 'x', extensions: { code: 'UNAUTHENTICATED' } }] }, {}, 'signedOut'],
    [{ errors: [{ message: 'x', extensions: { code: 'FORBIDDEN' } }] }, {}, 'forbidden'],
    [{ errors: [{ message: 'x', extensions: { code: 'NOT_FOUND' } }] }, {}, 'notFound'],
    [{ errors: [{ message: 'x' }] }, {}, 'failed'],
    ['<html>bad gateway</html>', { status: 502 }, 'offline'],
    ['', { status: 503, headers: { 'retry-after': '3' } }, 'busy'],
    ['not json', { status: 200 }, 'failed'],
    [{ data: null }, { status: 200 }, 'failed'],
  ] as const)('the answer %j %j is told as %s', async (body, init, kind) => {
    const { fetch } = answering(body, init);
    expect((await failure(makeGraphqlClient({ fetch, workspace: () => undefined }).ask('q', {}))).kind).toBe(kind);
  });

  test('a lost connection is offline, an abort stays an abort', async () => {
    const lost = makeGraphqlClient({ fetch: () => Promise.reject(new TypeError('failed to fetch')), workspace: () => undefined });
    expect((await failure(lost.ask('q', {}))).kind).toBe('offline');
    const aborted = makeGraphqlClient({ fetch: () => Promise.reject(new DOMException('stop', 'AbortError')), workspace: () => undefined });
    await expect(aborted.ask('q', {})).rejects.toThrow('stop');
  });
});

describe('the server as the pages see it', () => {
  const api = (data: unknown) => makeServerApi({ fetch: answering({ data }).fetch, workspace: () => 'halden' });

  test('a refusal of a write is a value with every problem', async () => {
    const problems = [
      { code: 'PARAM_REQUIRED', message: 'Needed', path: 'nodes[0]' },
      { code: 'CYCLE', message: 'A circle', path: 'edges' },
    ];
    const outcome = await api({
      importWorkflows: { __typename: 'DefinitionInvalidProblem', code: 'DEFINITION_INVALID', message: '2 problems', problems },
    }).importWorkflows({ text: '{}', publish: false });
    expect(outcome).toEqual({ ok: false, problems });
  });

  test('an empty field of the answer is left out, null inside the data of people stays', async () => {
    const page = await api({
      stepData: { rows: [{ json: { a: null } }], endCursor: null, hasMore: false, total: 1, hiddenFields: 0 },
    }).getStepData({ runId: 'r', nodeId: 'n', side: 'output' });
    expect(page).toEqual({ rows: [{ json: { a: null } }], hasMore: false, total: 1, hiddenFields: 0 });
    const list = await api({ runs: { rows: [{ id: '1', endedAt: null }], endCursor: null, hasMore: false } }).listRuns({});
    expect(list.rows[0]).toEqual({ id: '1' });
  });

  test('who is not signed in has no person and no workspaces', async () => {
    const session = await api({
      session: { kind: 'signedOut', isOperator: false, person: null, workspaces: [], providers: [], resetsByMail: false },
    }).getSession();
    expect(session).toEqual({ kind: 'signedOut', providers: [], resetsByMail: false });
  });
});

const fact = (seq: number, type: 'other' | 'run.ended' = 'other'): RunFact => {
  const head = { seq, at: '2026-11-20T14:05:31.000Z' };
  return type === 'other' ? { ...head, type, event: 'x' } : { ...head, type, status: 'succeeded', activeMs: 1 };
};

/** A live connection whose topic the test speaks for, a history, and a clock that moves when told. */
function watched(history: readonly RunFact[] = []) {
  let listener: TopicListener | undefined;
  let hasLeft = false;
  const timers: { readonly ms: number; readonly act: () => void }[] = [];
  const got: RunFact[] = [];
  const states: LiveState[] = [];
  const refused: string[] = [];
  const asked: number[] = [];
  let error: unknown;
  const stop = watchRun(
    {
      live: {
        join(_topic, joined) {
          listener = joined;
          return () => (hasLeft = true);
        },
      },
      listRunFacts(_id, after) {
        asked.push(after);
        return error === undefined
          ? Promise.resolve({ facts: history.filter((one) => one.seq > after), hasMore: false })
          : Promise.reject(error);
      },
      after: (ms, act) => {
        const timer = { ms, act };
        timers.push(timer);
        return () => timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0);
      },
      isHidden: () => false,
    },
    'r',
    0,
    { onFacts: (facts) => got.push(...facts), onState: (state) => states.push(state), onRefused: (problem) => refused.push(problem.code) },
  );
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return {
    got,
    states,
    refused,
    asked,
    timers,
    stop,
    settle,
    fail: (next: unknown) => (error = next),
    say: (event: string, frame: object) => listener?.on(event, frame as { readonly [name: string]: unknown }),
    up: (isUp: boolean) => listener?.onState?.(isUp),
    after: () => listener?.after?.(),
    hasLeft: () => hasLeft,
  };
}

describe('watching a run', () => {
  test('hands facts on in order and passes over repeats', () => {
    const run = watched();
    run.say('facts', { facts: [fact(1), fact(2)] });
    run.say('facts', { facts: [fact(2), fact(3)] });
    expect(run.got.map((one) => one.seq)).toEqual([1, 2, 3]);
    expect(run.after()).toBe(3);
  });

  test('a hole is filled from the history before anything after it shows', async () => {
    const run = watched([fact(1), fact(2), fact(3), fact(4)]);
    run.say('facts', { facts: [fact(1)] });
    run.say('facts', { facts: [fact(4)] });
    await run.settle();
    expect(run.got.map((one) => one.seq)).toEqual([1, 2, 3, 4]);
  });

  test('a beat that names more than was heard asks the history', async () => {
    const run = watched([fact(1), fact(2)]);
    run.up(true);
    run.say('beat', { seq: 2 });
    await run.settle();
    expect(run.got).toHaveLength(2);
  });

  test('while the socket is down it asks every two seconds, and stops asking when it is up', async () => {
    const run = watched([fact(1)]);
    run.up(false);
    expect(run.timers.map((timer) => timer.ms)).toEqual([POLL_MS]);
    run.timers.shift()?.act();
    await run.settle();
    expect(run.got).toHaveLength(1);
    expect(run.states).toContain('polling');
    run.up(true);
    expect(run.timers).toEqual([]);
    expect(run.states.at(-1)).toBe('live');
    expect(POLL_HIDDEN_MS).toBeGreaterThan(POLL_MS);
  });

  test('a lost server is said, and asked again', async () => {
    const run = watched();
    run.fail(new ApiError('offline', 'x'));
    run.up(false);
    run.timers.shift()?.act();
    await run.settle();
    expect(run.states.at(-1)).toBe('offline');
    expect(run.timers).toHaveLength(1);
  });

  test('a right that is taken away ends it', async () => {
    const run = watched();
    run.fail(new ApiError('forbidden', 'x', { code: 'FORBIDDEN' }));
    run.up(false);
    run.timers.shift()?.act();
    await run.settle();
    expect(run.refused).toEqual(['FORBIDDEN']);
    expect(run.hasLeft()).toBe(true);
    expect(run.timers).toEqual([]);
  });

  test('the end of the run leaves the topic', () => {
    const run = watched();
    run.say('facts', { facts: [fact(1), fact(2, 'run.ended')] });
    expect(run.hasLeft()).toBe(true);
  });
});
