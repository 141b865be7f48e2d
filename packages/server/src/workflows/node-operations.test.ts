/** Parts of a workflow checked by themselves, over REST. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let viewer: TestCaller;
beforeAll(async () => {
  kit = await openApiKit();
  viewer = await kit.person('viewer');
});
afterAll(() => kit.close());

const ask = async (path: string, body: object): Promise<{ isValid: boolean; codes: string[] }> => {
  const { status, json } = await kit.rest(viewer, 'POST', path, body);
  expect(status).toBe(200);
  return { isValid: json.isValid, codes: (json.problems as { code: string }[]).map((one) => one.code) };
};

describe('S2-090: one node', () => {
  test.each([
    ['a sound one', { type: 'core/set', params: { keep: 'none', fields: { a: 1 } } }, true, []],
    ['one that names steps it will be among', { type: 'core/set', params: { fields: { a: '={{ $("Before").item.json.a }}' } } }, true, []],
    ['one that leads nowhere yet', { type: 'core/respond', params: {} }, true, []],
    ['a type nobody has', { type: 'core/none' }, false, ['NODE_TYPE_UNKNOWN']],
    ['a version nobody has', { type: 'core/set', typeVersion: 99 }, false, ['NODE_VERSION_UNKNOWN']],
    ['a needed parameter that is missing', { type: 'core/http-request', params: {} }, false, ['PARAM_REQUIRED']],
    ['a choice there is not', { type: 'core/set', params: { keep: 'some' } }, false, ['PARAM_CHOICE']],
    ['an expression that does not parse', { type: 'core/set', params: { fields: { a: '={{ 1 + }}' } } }, false, ['EXPR_SYNTAX']],
    ['a webhook path that cannot be served', { type: 'core/webhook', params: { path: 'a b' } }, false, ['WEBHOOK_PATH_INVALID']],
  ] as const)('%s', async (_, body, isValid, codes) => {
    expect(await ask('/nodes/validate', body)).toEqual({ isValid, codes });
  });

  test('several problems are told at once; what is no node is refused', async () => {
    const both = await ask('/nodes/validate', { type: 'core/set', params: { keep: 'some', fields: { a: '={{ 1 + }}' } } });
    expect(both.codes.toSorted()).toEqual(['EXPR_SYNTAX', 'PARAM_CHOICE']);
    expect((await kit.rest(viewer, 'POST', '/nodes/validate', { params: {} })).status).toBe(422);
    expect((await kit.rest(kit.nobody, 'POST', '/nodes/validate', { type: 'core/set' })).status).toBe(401);
  });
});

describe('S2-091: connections', () => {
  const node = (id: string, type = 'core/set') => ({ id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params: {} } });
  const edge = (source: string, target: string, sourceHandle = 'main') => ({
    id: `${source}-${target}`,
    source,
    target,
    sourceHandle,
    targetHandle: 'main',
  });
  const nodes = [node('start', 'core/manual'), node('a'), node('b')];

  test.each([
    ['a line', [edge('start', 'a'), edge('a', 'b')], true, []],
    ['a circle', [edge('start', 'a'), edge('a', 'b'), edge('b', 'a')], false, ['CYCLE']],
    ['an edge to nothing', [edge('start', 'a'), edge('a', 'b'), edge('b', 'c')], false, ['EDGE_NODE_MISSING']],
    ['a port that is not there', [edge('start', 'a'), edge('a', 'b', 'other')], false, ['EDGE_PORT_MISSING']],
    ['an edge into the start', [edge('start', 'a'), edge('a', 'b'), edge('b', 'start')], false, ['EDGE_INTO_TRIGGER']],
    ['a step nothing leads to', [edge('start', 'a')], true, ['NODE_UNREACHABLE']],
  ] as const)('%s', async (_, edges, isValid, codes) => {
    const found = await ask('/nodes/validate-connections', { nodes, edges });
    expect(found.isValid).toBe(isValid);
    expect([...new Set(found.codes)]).toEqual(expect.arrayContaining([...codes]));
    if (codes.length === 0) expect(found.codes).toEqual([]);
  });

  test('what nodes are configured with is not looked at, and what does not read as a workflow is told', async () => {
    const unfinished = [node('start', 'core/manual'), node('call', 'core/http-request')];
    expect(await ask('/nodes/validate-connections', { nodes: unfinished, edges: [edge('start', 'call')] })).toEqual({
      isValid: true,
      codes: [],
    });
    expect((await ask('/nodes/validate-connections', { nodes: [7], edges: ['x'] })).isValid).toBe(false);
  });
});
