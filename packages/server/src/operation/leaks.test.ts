/**
 * What lists, searches and counts give away: everybody asks every question twice, and between the two somebody puts one thing of every kind
 * where they may not look. The answers are the same.
 */
import { Readable } from 'node:stream';
import { type Role, inWorkspace, setVariable } from '@plugboard/persistence';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from './api.test-kit.ts';
import { type Who, everyone } from './callers.test-kit.ts';
import { covers } from '../access/actions.ts';
import type { Operation } from './operation.ts';

let kit: ApiKit;
let everybody: readonly Who[];
let keeper: TestCaller;
let tagId: string;

beforeAll(async () => {
  kit = await openApiKit();
  await kit.otherWorkspace('elsewhere');
  everybody = await everyone(kit, kit.database.database);
  keeper = await kit.person('editor');
  tagId = (await kit.rest(keeper, 'POST', '/tags', { name: 'shared' })).json.id;
  const open = await kit.rest(keeper, 'POST', '/workflows/import', { definition: aDefinition('Open one', 'open'), publish: true });
  expect(open.status, open.text).toBe(201);
  await runOf(keeper, 'Open one');
});
afterAll(() => kit.close());

/** Fields that make a question wider, each tried where the operation has it. */
const WIDER: Readonly<Record<string, unknown>> = {
  first: 100,
  limit: 100,
  search: 'zebra',
  text: 'zebra',
  days: 30,
  state: 'all',
  page: 'runs',
};

/** Questions that name nothing: lists, searches, counts, statistics. */
function questions(): { readonly operation: Operation; readonly input: Readonly<Record<string, unknown>> }[] {
  return kit.registry.all.flatMap((operation) => {
    if (operation.kind !== 'query' || 'person' in operation.permission || 'public' in operation.permission) return [];
    const inputs = [{}, ...Object.entries(WIDER).map(([field, value]) => ({ [field]: value }))];
    return inputs.filter((input) => operation.input.safeParse(input).success).map((input) => ({ operation, input }));
  });
}

/** Of this moment, not of what there is. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(['run.now', 'instance.health']);
/** Whoever answers for the workspace knows what was done in it, and how much of its plan is used, in every project. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set(['audit.list', 'audit.check', 'workspace.limits']);

async function answersTo(by: TestCaller): Promise<Readonly<Record<string, string>>> {
  const answers: Record<string, string> = {};
  for (const { operation, input } of questions()) {
    if (OF_THE_MOMENT.has(operation.name)) continue;
    const query = new URLSearchParams(Object.entries(input).map(([name, value]) => [name, String(value)]));
    const { status, text } = await kit.rest(by, 'GET', `${operation.rest.path}?${query}`);
    expect(status, `${operation.name} ${text}`).toBeLessThan(500);
    answers[`${operation.name} ${JSON.stringify(input)}`] = `${status} ${text
      .replaceAll(/,"lastUsedAt":"[^"]*"/g, '')
      .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'time')}`;
  }
  return answers;
}

async function runOf(by: TestCaller, workflow: string): Promise<string> {
  const { json, text } = await kit.rest(by, 'POST', '/runs', { workflow });
  expect(json.runId, text).toBeTypeOf('string');
  expect((await kit.rest(by, 'GET', `/runs/${json.runId}/state?waitMs=30000`)).json.status).toBe('succeeded');
  return json.runId as string;
}

/** One of every kind, each named after the zebra nobody else may see. */
async function putThingsInto(projectId: string): Promise<void> {
  const post = async (path: string, body: object, method = 'POST'): Promise<Record<string, string>> => {
    const { status, json, text } = await kit.rest(keeper, method, path, body);
    expect(status, `${path} ${text}`).toBeLessThan(300);
    return json as Record<string, string>;
  };
  const folder = await post('/folders', { projectId, name: 'zebra folder' });
  const live = await post('/workflows/import', { definition: aDefinition('zebra', 'zebra'), publish: true, projectId });
  const workflowId = live['workflowId'] ?? '';
  await post(`/workflows/${workflowId}/tags`, { tagIds: [tagId] }, 'PUT');
  await post(`/workflows/${workflowId}/folder`, { folderId: folder['id'] });
  await post('/workflows/import', { definition: aDefinition('zebra draft', 'zebra-draft'), projectId });
  const gone = await post('/workflows/import', { definition: aDefinition('zebra gone', 'zebra-gone'), publish: true, projectId });
  await kit.rest(keeper, 'DELETE', `/workflows/${gone['workflowId']}`);
  const runId = await runOf(keeper, 'zebra');
  const failing = { ...aDefinition('zebra fails', 'zebra-fails') };
  failing.nodes[1] = {
    id: 'say',
    type: 'core/code',
    position: { x: 0, y: 0 },
    data: { name: 'say', typeVersion: 1, params: { code: 'throw new Error("zebra")' } },
  };
  await post('/workflows/import', { definition: failing, publish: true, projectId });
  const failed = await post('/runs', { workflow: 'zebra fails' });
  expect((await kit.rest(keeper, 'GET', `/runs/${failed['runId']}/state?waitMs=30000`)).json.status).toBe('failed');
  await post('/credentials', {
    projectId,
    key: 'zebra',
    name: 'zebra',
    type: 'core/bearer',
    data: { token: 'zebra' },
    allowedHosts: ['zebra.example'],
  });
  await kit.files.save({ workspaceId: kit.workspace.id, origin: { runId, workflowId } }, Readable.from([Buffer.from('zebra')]), {
    name: 'zebra.txt',
  });
  await inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: kit.system.principalId }, (tx) =>
    setVariable(tx, { projectId, environment: 1, key: 'zebra', value: 'zebra' }),
  );
  await post('/views', { page: 'runs', name: 'zebra', filter: {} });
}

/** Where the keeper finds what he put away. */
const KEPT_THINGS = [
  'workflow.list',
  'workflow.overview',
  'workflow.counts',
  'workflow.search',
  'workflow.exportMany',
  'trash.list',
  'folder.list',
  'tag.list',
  'run.list',
  'run.statistics',
  'credential.list',
  'file.list',
  'view.list',
  'find.everything',
] as const;

test('nothing in a project that is not theirs changes an answer anybody gets, other workspaces least of all', async () => {
  const [project] = await kit.database.database.query<{ id: string }>(
    `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, 'zebras', 'zebras', 'members', $2, $2) returning id`,
    [kit.workspace.id, keeper.principalId],
  );
  const elsewhere = await kit.person('owner', { in: 'elsewhere' });
  const asking: { title: string; role?: Role | undefined; by: TestCaller }[] = [
    ...everybody.filter((who) => who.kind !== 'system' && who.kind !== 'nobody'),
    { title: 'owner of another workspace, at home', by: elsewhere },
    { title: 'key of another workspace, at home', by: await kit.apiKey(elsewhere) },
  ];
  expect(questions().length).toBeGreaterThan(60);
  const before = new Map<string, Readonly<Record<string, string>>>();
  for (const { title, by } of asking) before.set(title, await answersTo(by));

  const keepers = await answersTo(keeper);
  await putThingsInto(project?.id ?? '');

  const wrong: unknown[] = [];
  for (const { title, role, by } of asking) {
    const after = await answersTo(by);
    for (const [question, answer] of Object.entries(after)) {
      const [name = ''] = question.split(' ', 1);
      if (covers(role, 'admin') && OF_THE_WHOLE.has(name)) continue;
      const was = before.get(title)?.[question];
      if (answer !== was) wrong.push([title, question, was?.slice(0, 600), answer.slice(0, 600)]);
    }
  }
  expect(wrong).toEqual([]);
  // The keeper sees all of it, so that there was something to see.
  const seen = new Set(
    Object.entries(await answersTo(keeper)).flatMap(([question, answer]) =>
      answer === keepers[question] ? [] : [question.split(' ', 1)[0]],
    ),
  );
  for (const name of KEPT_THINGS) expect([name, seen.has(name)]).toEqual([name, true]);
}, 240_000);
