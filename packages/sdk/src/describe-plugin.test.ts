import { describe, expect, test } from 'vitest';
import {
  defineCredential,
  defineNode,
  definePlugin,
  defineTrigger,
  describePlugin,
  descriptionText,
  p,
  paramsToJsonSchema,
  PluginInvalidError,
  when,
} from './index.ts';
import type { NodeDefinition, Plugin, Shape } from './index.ts';

function aNode(change: Partial<NodeDefinition> & { readonly params?: Shape } = {}): NodeDefinition {
  const node = defineNode({
    id: 'set',
    version: 1,
    title: 'Set',
    group: 'Data',
    per: 'item',
    effects: 'none',
    params: {},
    run: () => undefined,
  });
  return { ...node, ...change };
}

function aPlugin(...nodes: readonly NodeDefinition[]): Plugin {
  return definePlugin({ id: 'sample', title: 'Sample', version: '1.2.3', nodes });
}

/** Codes of every problem, in order. */
function problemsOf(plugin: Plugin): readonly string[] {
  try {
    describePlugin(plugin);
    return [];
  } catch (error) {
    if (error instanceof PluginInvalidError) return error.problems.map((problem) => problem.code);
    throw error;
  }
}

const inParams: readonly (readonly [title: string, params: Shape, codes: readonly string[]])[] = [
  ['a name with a space', { 'a b': p.text() }, ['PARAM_NAME_INVALID']],
  ['a name of the prototype', { constructor: p.text() }, ['PARAM_NAME_INVALID']],
  ['a condition on what is not there', { a: p.text().when(when.eq('b', 1)) }, ['CONDITION_PARAM_UNKNOWN']],
  ['a language read from what is not there', { a: p.code('javascript', { languageFrom: 'b' }) }, ['REFERENCE_UNKNOWN']],
  ['a condition on itself', { a: p.text().when(when.eq('a', 1)) }, ['CONDITION_PARAM_UNKNOWN']],
  ['a condition with a bad pattern', { a: p.text(), b: p.text().when(when.matches('a', '(')) }, ['CONDITION_PATTERN_INVALID']],
  ['a default outside its bounds', { a: p.number().max(3).default(5) }, ['DEFAULT_INVALID']],
  ['a default that is not an option', { a: p.list(p.choice(['x'])).default(['y' as 'x']) }, ['DEFAULT_INVALID']],
  ['a default that looks like an expression', { a: p.text().default('={{ 1 }}') }, ['DEFAULT_INVALID']],
  ['a default that is not JSON', { a: p.json().default(new Date(0) as never) }, ['NOT_JSON']],
  ['required beside a default', { a: p.text().default('x').required() }, ['DEFAULT_INVALID']],
  ['bounds the wrong way round', { a: p.text().min(3).max(2) }, ['CONSTRAINT_INVALID']],
  ['a pattern that does not parse', { a: p.text().pattern('[') }, ['PATTERN_INVALID']],
  ['a pattern with nested repetition', { a: p.text().pattern('(a+)+') }, ['PATTERN_INVALID']],
  ['a pattern with a repeated choice', { a: p.text().pattern('(?:a|aa)*b') }, ['PATTERN_INVALID']],
  ['a pattern with a back reference', { a: p.text().pattern('(a)\\1') }, ['PATTERN_INVALID']],
  ['an option twice', { a: p.choice(['x', 'x']) }, ['OPTIONS_INVALID']],
  ['no options', { a: p.choice([]) }, ['OPTIONS_INVALID']],
  ['perItem outside a batch', { a: p.text().perItem() }, ['PER_ITEM_INVALID']],
  ['a condition inside a list', { a: p.list(p.text().when(when.eq('b', 1))) }, ['CONDITION_PARAM_UNKNOWN']],
  ['a field named as the tag', { a: p.variant('op', { get: { op: p.text() } }) }, ['PARAM_NAME_INVALID']],
  ['a problem deep inside', { a: p.list(p.object({ b: p.map(p.number().min(2).max(1)) })) }, ['CONSTRAINT_INVALID']],
];

describe('describePlugin', () => {
  test.each(inParams)('refuses %s', (_, params, codes) => {
    expect(problemsOf(aPlugin(aNode({ params })))).toEqual(codes);
  });

  test('accepts the patterns people write', () => {
    const patterns = ['[a-z0-9-]+', '\\d{4}-\\d{2}', '(?:GET|POST)', '(?:[a-z]+\\.)?example\\.com', 'a|b', '\\(\\+\\)+'];
    expect(problemsOf(aPlugin(aNode({ params: Object.fromEntries(patterns.map((one, i) => [`p${i}`, p.text().pattern(one)])) })))).toEqual(
      [],
    );
  });

  test('reports all problems at once, with their paths', () => {
    const bad = aNode({
      id: 'no spaces',
      version: 0,
      title: ' ',
      effects: { by: 'method', cases: { GET: 'read', FETCH: 'read' }, else: 'write' },
      params: { method: p.choice(['GET', 'POST']).default('GET') },
      ports: { outputs: [{ id: 'a' }, { id: 'a' }, { id: 'error' }], dynamicOutputs: { param: 'rules', field: 'port' } },
      migrate: { 1: (params) => params },
    });
    try {
      describePlugin(definePlugin({ id: '', title: '', version: 'x', nodes: [bad, bad] }));
      expect.unreachable();
    } catch (error) {
      const { problems } = error as PluginInvalidError;
      expect(new Set(problems.map((problem) => problem.code))).toEqual(
        new Set([
          'ID_INVALID',
          'VERSION_INVALID',
          'TITLE_MISSING',
          'TYPE_DUPLICATE',
          'PORT_INVALID',
          'REFERENCE_UNKNOWN',
          'MIGRATION_INVALID',
          'EFFECTS_INVALID',
        ]),
      );
      expect(problems.find((problem) => problem.code === 'EFFECTS_INVALID')?.path).toBe('nodes[0] no spaces.effects.by');
    }
  });

  test('refuses effects decided by what is not a closed set', () => {
    const by = (params: Shape) => problemsOf(aPlugin(aNode({ params, effects: { by: 'method', cases: {}, else: 'write' } })));
    expect(by({})).toEqual(['REFERENCE_UNKNOWN']);
    expect(by({ method: p.text() })).toEqual(['EFFECTS_INVALID']);
  });

  test('refuses triggers without what their kind needs', () => {
    const poll = { ...defineTrigger({ id: 'x', version: 1, title: 'X', group: 'T', kind: 'manual', params: {} }), kind: 'poll' as const };
    expect(problemsOf(definePlugin({ id: 'a', title: 'A', triggers: [poll] }))).toEqual(['FUNCTION_MISSING']);
  });

  test('refuses credentials that name fields they do not have, or no hosts', () => {
    const credential = defineCredential({
      id: 'token',
      title: 'Token',
      fields: {},
      hosts: [],
      auth: { scheme: 'bearer', tokenField: 'token' },
    });
    expect(problemsOf(definePlugin({ id: 'a', title: 'A', credentials: [credential] }))).toEqual(['FIELD_UNKNOWN']);
  });

  test('two versions of a type stand side by side', () => {
    expect(problemsOf(aPlugin(aNode(), aNode({ version: 2, migrate: { 1: (params) => params } })))).toEqual([]);
  });

  test('gives JSON that names the functions and holds none', () => {
    const remote = { teams: () => Promise.resolve({ options: [] }) };
    const ir = describePlugin(aPlugin(aNode({ version: 2, migrate: { 1: (params) => params }, remote, repeatable: false })));
    expect(ir).toEqual({
      irVersion: 1,
      id: 'sample',
      version: '1.2.3',
      title: 'Sample',
      types: [
        {
          kind: 'node',
          type: 'sample/set',
          version: 2,
          title: 'Set',
          group: 'Data',
          params: {},
          functions: ['run', 'migrate.1', 'remote.teams'],
          per: 'item',
          ports: {},
          effects: 'none',
        },
      ],
    });
    expect(JSON.parse(JSON.stringify(ir))).toEqual(ir);
  });

  test('gives the same text for equal plugins, whatever the order of keys', () => {
    const one = describePlugin(aPlugin(aNode({ params: { a: p.text().title('A').min(1) } })));
    const other = describePlugin(aPlugin(aNode({ params: { a: p.text().min(1).title('A') } })));
    expect(descriptionText(one)).toBe(descriptionText(other));
    expect(descriptionText(one)).not.toBe(descriptionText(describePlugin(aPlugin(aNode({ params: { a: p.text().title('B').min(1) } })))));
  });
});

test('parameters have a JSON Schema', () => {
  const params = {
    name: p.text().title('Name').help('Whom to greet').min(1).max(9).pattern('[a-z]+').required().ir,
    url: p.text().format('url').secret().ir,
    count: p.number().min(0).integer().default(3).ir,
    method: p.choice({ get: 'Get', list: 'List' }).expr('deny').ir,
    tags: p.choice(['a', 'b']).multiple().ir,
    rules: p.list(p.object({ port: p.text().required(), note: p.text() })).max(5).ir,
    fields: p.map(p.json()).ir,
    target: p.variant('op', { get: { id: p.text().required() } }).ir,
    code: p.code('javascript').required().when(when.eq('method', 'get')).ir,
    at: p.date().withTime().ir,
    check: p.conditions().ir,
    token: p.credential('crm/token').ir,
    file: p.file().ir,
    weights: p.number().perItem().ir,
  };
  expect(paramsToJsonSchema(params)).toMatchSnapshot();
});
