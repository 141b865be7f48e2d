/** How long lists and details take in a workspace that has been in use for a month: a thousand workflows, a hundred thousand runs. */
import { readFileSync } from 'node:fs';
import { callApi, withServersDatabase } from './plugboard-server.ts';
import { listRequests, timeLists } from './list-requests.ts';
import type { FigureRow } from './results.ts';
import { seedLists } from './seed-lists.ts';

export interface ListsBench {
  readonly dataDir: string;
  readonly url: string;
  readonly progress: (text: string) => void;
  readonly note: (text: string) => void;
}

const SIZE = { workflows: 1000, runs: 100_000, members: 30, audit: 20_000, waiting: 300 };
const ROUNDS = 60;
const WARM_UP_ROUNDS = 10;
const MODEL = new URL('../../testing/contract/chain10.workflow.json', import.meta.url);
const LIMIT_MS = 50;

/** @throws Error when the database cannot be filled */
export async function measureLists({ dataDir, url, progress, note }: ListsBench): Promise<FigureRow[]> {
  const { name } = JSON.parse(readFileSync(MODEL, 'utf8')) as { name: string };
  const started = await callApi(dataDir, 'POST', '/runs', { workflow: name, input: { n: 1 } });
  const { runId } = JSON.parse(started.text) as { runId: string };
  await callApi(dataDir, 'GET', `/runs/${runId}/state?waitMs=10000`);
  progress(`lists: ${SIZE.workflows} workflows, ${SIZE.runs} runs`);
  const seeded = await withServersDatabase(dataDir, (database) => seedLists(database, { workspaceSlug: 'default', like: name, ...SIZE }));
  // A server is asked all day: what it compiles at the first of its answers is no part of the others.
  progress('lists: warming up');
  await timeLists(url, seeded.cookie, listRequests(seeded), WARM_UP_ROUNDS);
  progress('lists: asking');
  const timings = await timeLists(url, seeded.cookie, listRequests(seeded), ROUNDS);
  const slow = timings.filter((one) => one.p95 >= LIMIT_MS);
  note(
    slow.length === 0
      ? `lists: every p95 is under ${LIMIT_MS} ms`
      : `lists: p95 of ${LIMIT_MS} ms or more: ${slow.map((one) => one.name).join(', ')}`,
  );
  for (const one of timings) if (one.wrong) note(`lists: ${one.name} was answered ${one.wrong}`);
  return timings.map((one) => ({
    name: `list, p95: ${one.name}`,
    target: 'plugboard',
    unit: 'ms',
    value: { median: one.p95, min: one.min, max: one.max, count: ROUNDS },
  }));
}
