/** What is measured: the public contract's workflows and one of our own, each with its request and the reply that counts as right. */

/** `throughput`: many requests. `latency`: one at a time, each timed. `background`: answered at once, worked off later. */
export type CaseKind = 'throughput' | 'latency' | 'background';

export interface WebhookCase {
  readonly id: string;
  readonly kind: CaseKind;
  readonly path: string;
  readonly body: (serviceUrl: string) => string;
  readonly status: number;
  readonly text: string;
  /** Latency: requests after the first, at most. Background: requests accepted per round, at most. */
  readonly requests: number;
}

export const WEBHOOK_CASES: readonly WebhookCase[] = [
  throughput('echo', '/hooks/contract/echo', { name: 'Ada' }, '{"hello":"Ada","length":3}'),
  throughput('chain10', '/hooks/contract/chain10', { n: 1 }, '"after 10: 11"'),
  throughput('code', '/hooks/contract/code', { text: 'the quick brown fox' }, '{"words":4,"longest":"quick"}'),
  items('items', 10_000, 15),
  items('items100k', 100_000, 5),
  data('data100k', 100_000, 5),
  {
    id: 'branches',
    kind: 'background',
    path: '/hooks/contract/branches',
    body: () => JSON.stringify({ amount: 5 }),
    status: 202,
    text: '"runId"',
    requests: 10_000,
  },
  {
    id: 'effects',
    kind: 'background',
    path: '/hooks/contract/effects',
    body: (serviceUrl) => JSON.stringify({ url: serviceUrl }),
    status: 202,
    text: '"runId"',
    requests: 1000,
  },
];

/** Each has a server and a data folder of its own. */
export const OWN_SERVER_CASES = ['waiting', 'workflows', 'launch', 'parallel', 'rounds', 'children', 'schedules', 'editor'] as const;
export type OwnServerCase = (typeof OWN_SERVER_CASES)[number];

/** Names `--cases` takes. */
export const CASE_IDS: readonly string[] = [...WEBHOOK_CASES.map(({ id }) => id), 'live', 'lists', 'memory', ...OWN_SERVER_CASES, 'start'];

/** Calls that one run of the effects workflow makes. */
export const CALLS_PER_EFFECTS_RUN = 5;

function throughput(id: string, path: string, body: object, text: string): WebhookCase {
  const sent = JSON.stringify(body);
  return { id, kind: 'throughput', path, body: () => sent, status: 200, text, requests: Number.POSITIVE_INFINITY };
}

/** `count` items, all of them filtered, given fields, sorted, joined by key with what they were made from, and added up. */
function data(id: string, count: number, requests: number): WebhookCase {
  let sum = 0;
  for (let n = 0; n < count; n += 1) sum += 2 * ((n * 31) % 1000);
  const text = JSON.stringify({ count, sum, max: count - 1 });
  return { id, kind: 'latency', path: '/hooks/bench/data', body: () => JSON.stringify({ count }), status: 200, text, requests };
}

/** `count` items of which the even half is squared and added up. */
function items(id: string, count: number, requests: number): WebhookCase {
  const half = Math.floor((count + 1) / 2);
  const sum = 4 * (((half - 1) * half * (2 * half - 1)) / 6);
  const text = JSON.stringify({ count: half, sum, max: 2 * (half - 1) });
  return { id, kind: 'latency', path: '/hooks/contract/items', body: () => JSON.stringify({ count }), status: 200, text, requests };
}
