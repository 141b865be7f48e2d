import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OPTIONS, TYPES, aHook, aNode, aWorkflow, anEdge } from './fixtures.test-kit.ts';
import { problemCatalog } from './problems.ts';
import type { WorkflowDefinition } from './types.ts';
import { checkDefinition, validateDefinition } from './validate.ts';

const contract = new URL('../../../testing/contract/', import.meta.url);
const contractFiles = readdirSync(contract).filter((name) => name.endsWith('.workflow.json'));

function codes(definition: WorkflowDefinition): string[] {
  return validateDefinition(definition, OPTIONS).map((each) => `${each.code} ${each.path}`);
}

/** hook -> it, which has the given type, parameters and policies. */
function withStep(type: string, params: object = {}, data: object = {}): WorkflowDefinition {
  return aWorkflow([aHook(), aNode('it', type, params as never, data)], ['hook>it']);
}

/** Calls itself, under a limit. */
function itself(params: object, concurrency: { readonly limit: number; readonly key?: string }): WorkflowDefinition {
  const definition = withStep('test/call', { workflow: 'Test', ...params });
  return { ...definition, settings: { flow: { concurrency } } };
}

const P = 'nodes[1].data.params';

describe('validateDefinition', () => {
  test.each(contractFiles)('the contract file %s has no problem', (file) => {
    const definition = JSON.parse(readFileSync(new URL(file, contract), 'utf8')) as WorkflowDefinition;
    expect(validateDefinition(definition, OPTIONS)).toEqual([]);
  });

  test.each<[string, WorkflowDefinition, string[]]>([
    // Identity and types.
    ['an unknown type', withStep('core/sett'), ['NODE_TYPE_UNKNOWN nodes[1].type']],
    ['an unknown version', withStep('core/set', {}, { typeVersion: 9 }), ['NODE_VERSION_UNKNOWN nodes[1].data.typeVersion']],
    ['an empty name', withStep('core/set', {}, { name: ' ' }), ['NODE_NAME_MISSING nodes[1].data.name']],
    ['a name used twice', withStep('core/set', {}, { name: 'hook' }), ['NODE_NAME_DUPLICATE nodes[1].data.name']],
    ['an unknown time zone', aWorkflow([aHook()], [], { settings: { timezone: 'Mars/Base' } }), ['TIMEZONE_UNKNOWN settings.timezone']],
    [
      'a group of a node that is gone',
      aWorkflow([aHook()], [], { groups: [{ id: 'g', nodes: ['hook', 'gone'] }] }),
      ['GROUP_NODE_MISSING groups[0].nodes[1]'],
    ],

    // The graph.
    ['an edge from nowhere', aWorkflow([aHook(), aNode('a', 'core/set')], ['hook>a', 'gone>a']), ['EDGE_NODE_MISSING edges[1].source']],
    ['an edge to nowhere', aWorkflow([aHook()], ['hook>gone']), ['EDGE_NODE_MISSING edges[0].target']],
    [
      'an edge from a missing port',
      aWorkflow([aHook(), aNode('a', 'core/set')], ['hook.out>a']),
      ['EDGE_PORT_MISSING edges[0].sourceHandle'],
    ],
    [
      'an edge into a missing port',
      aWorkflow([aHook(), aNode('a', 'test/merge')], ['hook>a.middle']),
      ['EDGE_PORT_MISSING edges[0].targetHandle'],
    ],
    ['an edge into a trigger', aWorkflow([aHook(), aNode('a', 'core/manual')], ['hook>a']), ['EDGE_INTO_TRIGGER edges[0].target']],
    [
      'the same edge twice',
      aWorkflow([aHook(), aNode('a', 'core/set')], ['hook>a', anEdge('hook>a', 'again')]),
      ['EDGE_DUPLICATE edges[1]'],
    ],
    ['a node that leads to itself', aWorkflow([aHook(), aNode('a', 'core/set')], ['hook>a', 'a>a']), ['CYCLE nodes[1]']],
    [
      'a cycle of three',
      aWorkflow([aHook(), aNode('a', 'core/set'), aNode('b', 'core/set'), aNode('c', 'core/set')], ['hook>a', 'a>b', 'b>c', 'c>a']),
      ['CYCLE nodes[1]'],
    ],
    [
      'two cycles',
      aWorkflow([aHook(), aNode('a', 'core/set'), aNode('b', 'core/set')], ['hook>a', 'a>a', 'a>b', 'b>b']),
      ['CYCLE nodes[1]', 'CYCLE nodes[2]'],
    ],
    ['no trigger', aWorkflow([aNode('a', 'core/set')]), ['NO_TRIGGER nodes']],
    ['no node at all', aWorkflow([]), ['NO_TRIGGER nodes']],
    ['only a disabled trigger', aWorkflow([aHook({}, { disabled: true })]), ['NO_TRIGGER nodes']],
    [
      'a node nothing leads to',
      aWorkflow([aHook(), aNode('a', 'core/set'), aNode('b', 'core/set')], ['a>b']),
      ['NODE_UNREACHABLE nodes[1]', 'NODE_UNREACHABLE nodes[2]'],
    ],
    [
      'an edge from a port no rule names',
      aWorkflow(
        [aHook(), aNode('s', 'core/switch', { rules: [{ port: 'big', condition: true }] }), aNode('a', 'core/set')],
        ['hook>s', 's.small>a'],
      ),
      ['EDGE_PORT_MISSING edges[1].sourceHandle'],
    ],
    [
      'an edge from a fallback that is off',
      aWorkflow(
        [aHook(), aNode('s', 'core/switch', { rules: [{ port: 'big', condition: true }] }), aNode('a', 'core/set')],
        ['hook>s', 's.otherwise>a'],
      ),
      ['EDGE_PORT_MISSING edges[1].sourceHandle'],
    ],
    ['ports read from an expression', withStep('core/switch', { rules: '={{ $json.rules }}' }), [`PORTS_NOT_LITERAL ${P}.rules`]],
    [
      'a port name that is an expression',
      withStep('core/switch', { rules: [{ port: '={{ $json.p }}', condition: true }] }),
      [`EXPR_DENIED ${P}.rules[0].port`],
    ],
    [
      'a port name with white space',
      withStep('core/switch', { rules: [{ port: 'very big', condition: true }] }),
      [`PORT_ID_INVALID ${P}.rules[0].port`],
    ],
    [
      'a rule for the port of errors',
      aWorkflow(
        [aHook(), aNode('s', 'core/switch', { rules: [{ port: 'error', condition: true }] }, { onError: 'route' }), aNode('a', 'core/set')],
        ['hook>s', 's.error>a'],
      ),
      [`PORT_RESERVED ${P}.rules[0].port`],
    ],

    // Policies.
    ['an error route nothing uses', withStep('core/set', {}, { onError: 'route' }), ['ERROR_ROUTE_UNUSED nodes[1].data.onError']],
    [
      'an edge from the error port without the route',
      aWorkflow([aHook(), aNode('a', 'core/set'), aNode('b', 'core/set')], ['hook>a', 'a.error>b']),
      ['ERROR_PORT_CLOSED edges[1].sourceHandle'],
    ],
    ['a join of more edges than there are', withStep('core/join', { policy: 'count', count: 2 }), [`JOIN_UNREACHABLE ${P}.count`]],
    [
      'retries of a write that asks',
      withStep('core/http-request', { url: 'http://a.test/', method: 'POST', afterUnknown: 'ask' }, { retry: { maxAttempts: 3 } }),
      ['RETRY_NOT_REPEATABLE nodes[1].data.retry.maxAttempts'],
    ],
    ['a call of itself that waits for its own end', itself({}, { limit: 1 }), ['CALL_WAITS_FOR_ITSELF nodes[1].data.params.workflow']],
    [
      'a credential slot that does not exist',
      withStep('core/http-request', { url: 'http://a.test/' }, { credentials: { login: 'key' } }),
      ['CREDENTIAL_SLOT_UNKNOWN nodes[1].data.credentials.login'],
    ],
    ['a retry policy on a trigger', aWorkflow([aHook({}, { retry: { maxAttempts: 2 } })]), ['POLICY_ON_TRIGGER nodes[0].data.retry']],

    // Parameters.
    ['an unknown parameter', withStep('core/set', { field: {} }), [`PARAM_UNKNOWN ${P}.field`]],
    ['a missing parameter', withStep('core/filter'), [`PARAM_REQUIRED ${P}.condition`]],
    ['a missing parameter that shows', withStep('core/join', { policy: 'count' }), [`PARAM_REQUIRED ${P}.count`]],
    [
      'a missing field of an entry',
      withStep('core/aggregate', { operations: [{ op: 'sum', as: 's' }] }),
      [`PARAM_REQUIRED ${P}.operations[0].field`],
    ],
    [
      'an unknown field of an entry',
      withStep('core/aggregate', { operations: [{ op: 'count', as: 'c', by: 'x' }] }),
      [`PARAM_UNKNOWN ${P}.operations[0].by`],
    ],
    ['an entry of the wrong type', withStep('core/aggregate', { operations: ['count'] }), [`PARAM_TYPE ${P}.operations[0]`]],
    ['too few entries', withStep('core/aggregate', { operations: [] }), [`PARAM_CONSTRAINT ${P}.operations`]],
    ['a choice that is none', withStep('core/set', { keep: 'some' }), [`PARAM_CHOICE ${P}.keep`]],
    ['a map that is a list', withStep('core/set', { fields: [] }), [`PARAM_TYPE ${P}.fields`]],
    ['text that is a number', withStep('test/kinds', { text: 5 }), [`PARAM_TYPE ${P}.text`]],
    ['text too short', withStep('test/kinds', { text: 'a' }), [`PARAM_CONSTRAINT ${P}.text`]],
    ['text too long', withStep('test/kinds', { text: 'abcdef' }), [`PARAM_CONSTRAINT ${P}.text`]],
    ['text of another form', withStep('test/kinds', { text: 'AB' }), [`PARAM_CONSTRAINT ${P}.text`]],
    ['a number that is text', withStep('test/kinds', { number: '5' }), [`PARAM_TYPE ${P}.number`]],
    ['a number out of range', withStep('test/kinds', { number: 11 }), [`PARAM_CONSTRAINT ${P}.number`]],
    ['a fraction', withStep('test/kinds', { number: 1.5 }), [`PARAM_CONSTRAINT ${P}.number`]],
    ['a flag that is text', withStep('test/kinds', { flag: 'true' }), [`PARAM_TYPE ${P}.flag`]],
    ['a date that does not exist', withStep('test/kinds', { when: '2026-02-30' }), [`PARAM_TYPE ${P}.when`]],
    ['a map with too many entries', withStep('test/kinds', { tags: { a: 'a', b: 'b', c: 'c' } }), [`PARAM_CONSTRAINT ${P}.tags`]],
    ['a map entry of the wrong type', withStep('test/kinds', { tags: { 'a b': 1 } }), [`PARAM_TYPE ${P}.tags["a b"]`]],
    ['a variant without tag', withStep('test/kinds', { shape: { radius: 1 } }), [`PARAM_CHOICE ${P}.shape.kind`]],
    ['an unknown variant', withStep('test/kinds', { shape: { kind: 'star' } }), [`PARAM_CHOICE ${P}.shape.kind`]],
    ['a variant without its field', withStep('test/kinds', { shape: { kind: 'circle' } }), [`PARAM_REQUIRED ${P}.shape.radius`]],
    [
      'a field of another variant',
      withStep('test/kinds', { shape: { kind: 'circle', radius: 1, side: 2 } }),
      [`PARAM_UNKNOWN ${P}.shape.side`],
    ],
    ['a file that is text', withStep('test/kinds', { file: 'a.txt' }), [`PARAM_TYPE ${P}.file`]],
    ['an empty credential', withStep('test/kinds', { credential: '' }), [`PARAM_TYPE ${P}.credential`]],
    ['an expression where none may stand', withStep('test/kinds', { fixed: '={{ $json.a }}' }), [`EXPR_DENIED ${P}.fixed`]],
    ['a literal where an expression must stand', withStep('test/kinds', { computed: 'a' }), [`EXPR_REQUIRED ${P}.computed`]],
    ['an address that is none', withStep('core/http-request', { url: 'example' }), [`PARAM_CONSTRAINT ${P}.url`]],
    ['code that does not parse', withStep('core/code', { code: 'return syntax error' }), [`CODE_INVALID ${P}.code`]],

    [
      'code that names a node that does not exist',
      withStep('core/code', { code: "return $('hook').all().concat($('Hook').all());" }),
      [`CODE_NODE_UNKNOWN ${P}.code`],
    ],

    // Expressions.
    ['an expression that does not parse', withStep('core/set', { fields: { a: '={{ 1 + }}' } }), [`EXPR_SYNTAX ${P}.fields.a`]],
    ['an expression that does not end', withStep('core/set', { fields: { a: '={{ 1' } }), [`EXPR_SYNTAX ${P}.fields.a`]],
    [
      'an expression with an unknown name',
      withStep('core/set', { fields: { a: '={{ process.env }}' } }),
      [`EXPR_UNKNOWN_NAME ${P}.fields.a`],
    ],
    [
      'an expression with a function',
      withStep('core/set', { fields: { a: '={{ (function () { return 1 })() }}' } }),
      [`EXPR_NOT_ALLOWED ${P}.fields.a`],
    ],
    [
      'an expression with an unknown method',
      withStep('core/set', { fields: { a: '={{ $json.a.nope() }}' } }),
      [`EXPR_UNKNOWN_METHOD ${P}.fields.a`],
    ],
    [
      'an expression that is too long',
      withStep('core/set', { fields: { a: `={{ ${'1 + '.repeat(5000)} 1 }}` } }),
      [`EXPR_TOO_LONG ${P}.fields.a`],
    ],
    [
      'an expression nested too deeply',
      withStep('core/set', { fields: { a: `={{ ${'('.repeat(200)}[${'['.repeat(200)}1${']'.repeat(200)}]${')'.repeat(200)} }}` } }),
      [`EXPR_DEPTH ${P}.fields.a`],
    ],
    [
      'an expression with a faulty pattern',
      withStep('core/set', { fields: { a: '={{ $json.a.match(/(?=a)/) }}' } }),
      [`EXPR_BAD_REGEX ${P}.fields.a`],
    ],
    ['a constant expression of the wrong type', withStep('test/kinds', { number: '=many' }), [`PARAM_TYPE ${P}.number`]],
    [
      'a key no data may have',
      withStep('test/kinds', { tags: JSON.parse('{"__proto__":"a"}') as object }),
      [`PARAM_KEY ${P}.tags.__proto__`],
    ],
    [
      'a reference to a node that does not exist',
      withStep('core/set', { fields: { a: "={{ $('Hok').item.json }}" } }),
      [`EXPR_NODE_UNKNOWN ${P}.fields.a`],
    ],
    [
      'S1-038: a text that was meant as an expression and is none',
      withStep('core/set', { fields: { a: 'Dear {{ $json.name }}', b: 'Dear {{ name }}', c: "{{$('hook').item.json.n}}" } }),
      [`EXPR_NOT_MARKED ${P}.fields.a`, `EXPR_NOT_MARKED ${P}.fields.c`],
    ],
    [
      'the current item in a step that gets all its items at once',
      withStep('test/call', { workflow: '={{ $json.name }}', answer: "={{ $input.first().json.a && $('hook').item.json.b }}" }),
      [`EXPR_NO_ITEM ${P}.workflow`],
    ],
    [
      'a reference to the node itself',
      withStep('core/set', { fields: { a: "={{ $('it').item.json }}" } }),
      [`EXPR_NODE_NOT_UPSTREAM ${P}.fields.a`],
    ],
    [
      'a reference to a later node',
      aWorkflow([aHook(), aNode('a', 'core/set', { fields: { x: "={{ $('b').item.json }}" } }), aNode('b', 'core/set')], ['hook>a', 'a>b']),
      [`EXPR_NODE_NOT_UPSTREAM ${P}.fields.x`],
    ],
    [
      'a reference to a node beside',
      aWorkflow(
        [aHook(), aNode('a', 'core/set', { fields: { x: "={{ $('b').item.json }}" } }), aNode('b', 'core/set')],
        ['hook>a', 'hook>b'],
      ),
      [`EXPR_NODE_NOT_UPSTREAM ${P}.fields.x`],
    ],
    [
      'expressions deep in JSON',
      withStep('core/http-request', { url: 'http://a.test/', method: 'POST', body: { list: [{ x: '={{ ) }}' }] } }),
      [`EXPR_SYNTAX ${P}.body.list[0].x`],
    ],
    [
      'an expression in a condition',
      withStep('core/filter', { condition: { all: [{ left: '={{ nope }}', op: 'eq', right: 1 }] } }),
      [`EXPR_UNKNOWN_NAME ${P}.condition.all[0].left`],
    ],

    // Webhooks.
    ['a webhook without path', aWorkflow([aNode('hook', 'core/webhook')]), ['WEBHOOK_PATH_MISSING nodes[0].data.params.path']],
    ['a method of the wrong type once', aWorkflow([aHook({ method: 7 })]), ['PARAM_TYPE nodes[0].data.params.method']],
    ['a path that is an expression once', aWorkflow([aHook({ path: '={{ $vars.path }}' })]), ['EXPR_DENIED nodes[0].data.params.path']],
    ['a webhook with an empty path', aWorkflow([aHook({ path: '' })]), ['WEBHOOK_PATH_MISSING nodes[0].data.params.path']],
    ['a method that is none', aWorkflow([aHook({ method: 'FETCH' })]), ['WEBHOOK_METHOD_INVALID nodes[0].data.params.method']],
    ['a method in small letters', aWorkflow([aHook({ method: 'post' })]), ['WEBHOOK_METHOD_INVALID nodes[0].data.params.method']],
    ['OPTIONS', aWorkflow([aHook({ method: 'OPTIONS' })]), ['WEBHOOK_METHOD_INVALID nodes[0].data.params.method']],
    ['a reply that is none', aWorkflow([aHook({ reply: 'later' })]), ['WEBHOOK_REPLY_INVALID nodes[0].data.params.reply']],
    [
      'a reply nobody gives',
      aWorkflow([aHook({ reply: 'respond' }), aNode('a', 'core/set')], ['hook>a']),
      ['WEBHOOK_REPLY_MISSING nodes[0].data.params.reply'],
    ],
    [
      'a reply given elsewhere',
      aWorkflow([aHook({ reply: 'respond' }), aNode('m', 'core/manual'), aNode('r', 'core/respond')], ['m>r']),
      ['WEBHOOK_REPLY_MISSING nodes[0].data.params.reply', 'REPLY_UNUSED nodes[2]'],
    ],
    ['a reply nobody waits for', aWorkflow([aHook(), aNode('r', 'core/respond')], ['hook>r']), ['REPLY_UNUSED nodes[1]']],
    [
      'the same route twice',
      aWorkflow([aHook({ path: 'a/:id' }), aNode('two', 'core/webhook', { path: 'a/:name', method: 'POST' })]),
      ['WEBHOOK_PATH_DUPLICATE nodes[1].data.params.path'],
    ],
  ])('reports %s', (_, definition, expected) => {
    expect(codes(definition)).toEqual(expected);
  });

  test.each([
    '/a',
    'a/',
    'a//b',
    '.',
    'a/../b',
    'a b',
    'ä',
    'a?b',
    'a#b',
    'a%2e',
    ':',
    ':1',
    'a/:id/:id',
    ':__proto__',
    'a\\b',
    'x'.repeat(201),
    '*',
    'a/*rest/b',
    ':rest/*rest',
    '*1',
    'a/{id}',
  ])('a webhook cannot have the path %s', (path) => {
    expect(codes(aWorkflow([aHook({ path })]))).toEqual(['WEBHOOK_PATH_INVALID nodes[0].data.params.path']);
  });

  test.each(['a', 'contract/echo', 'a/:id/b/:other', 'a/:id/*rest', '*all', 'A-b_c.d~e', '...', 'x'.repeat(200)])(
    'a webhook can have the path %s',
    (path) => {
      expect(codes(aWorkflow([aHook({ path })]))).toEqual([]);
    },
  );

  test.each<[string, WorkflowDefinition]>([
    ['a default stands in for a required value', withStep('core/join')],
    ['a hidden parameter is not looked at', withStep('core/http-request', { url: 'http://a.test/', body: '={{ ) }}' })],
    [
      'what an open condition hides is not missing',
      withStep('core/aggregate', { operations: [{ op: '={{ $input.first().json.op }}', as: 'x' }] }),
    ],
    ['two equals signs begin a text', withStep('core/set', { fields: { a: '=={{ ) }}' } })],
    ['code is not read as an expression', withStep('core/code', { code: '={{ ) }}' })],
    [
      'a rule port and the fallback exist',
      aWorkflow(
        [aHook(), aNode('s', 'core/switch', { rules: [{ port: 'big', condition: true }], otherwise: true }), aNode('a', 'core/set')],
        ['hook>s', 's.big>a', 's.otherwise>a'],
      ),
    ],
    [
      'the error port exists with the route',
      aWorkflow([aHook(), aNode('a', 'core/set', {}, { onError: 'route' }), aNode('b', 'core/set')], ['hook>a', 'a.error>b']),
    ],
    [
      'two edges may join in one port',
      aWorkflow(
        [aHook(), aNode('a', 'core/set'), aNode('b', 'core/set'), aNode('j', 'core/join', { policy: 'count', count: 2 })],
        ['hook>a', 'hook>b', 'a>j', 'b>j'],
      ),
    ],
    [
      'a reference reaches over several nodes',
      aWorkflow(
        [aHook(), aNode('a', 'core/set'), aNode('b', 'core/set', { fields: { x: "={{ $('hook').item.json }}" } })],
        ['hook>a', 'a>b'],
      ),
    ],
    [
      'a write that is safe to repeat may be retried',
      withStep('core/http-request', { url: 'http://a.test/', method: 'POST' }, { retry: { maxAttempts: 3 } }),
    ],
    [
      'a reply after the webhook',
      aWorkflow([aHook({ reply: 'respond' }), aNode('a', 'core/set'), aNode('r', 'core/respond')], ['hook>a', 'a>r']),
    ],
    ['a disabled node need not be reached', aWorkflow([aHook(), aNode('a', 'core/set', {}, { disabled: true })])],
    ['an unreachable trigger is none', aWorkflow([aHook(), aNode('m', 'core/manual')])],
    ['a step that calls workflows may be retried', withStep('test/call', {}, { retry: { maxAttempts: 3 } })],
    ['a call of itself need not wait', itself({ answer: false }, { limit: 1 })],
    ['a call of itself may have a place of its own', itself({}, { limit: 2 })],
    ['a call of itself may have a limit of its own', itself({}, { limit: 1, key: '={{ $json.depth }}' })],
    ['one path with two methods', aWorkflow([aHook(), aNode('two', 'core/webhook', { path: 'a', method: 'GET' })])],
  ])('%s', (_, definition) => {
    expect(codes(definition)).toEqual([]);
  });

  test('S1-018 S1-019 S1-022 S1-023: lists every problem at once', () => {
    const definition = aWorkflow(
      [aHook({ path: '/x' }), aNode('a', 'core/set', { keep: 1, fields: { b: '={{ + }}' } }), aNode('c', 'nope/it')],
      ['hook>a', 'a>a', 'a>z', 'a.q>c'],
    );
    expect(codes(definition)).toEqual([
      'WEBHOOK_PATH_INVALID nodes[0].data.params.path',
      `PARAM_TYPE ${P}.keep`,
      `EXPR_SYNTAX ${P}.fields.b`,
      'NODE_TYPE_UNKNOWN nodes[2].type',
      'EDGE_NODE_MISSING edges[2].target',
      'EDGE_PORT_MISSING edges[3].sourceHandle',
      'CYCLE nodes[1]',
    ]);
  });

  test('a problem says what to do, and carries the values of its message', () => {
    for (const [definition, hint] of [
      [withStep('core/sett'), 'Did you mean "core/set"?'],
      [withStep('acme/crm'), 'Install the plugin "acme", which is not installed.'],
      [withStep('core/zzzzzzzz'), 'The plugin "core" is installed, but has no such type. Check the spelling, or upgrade the plugin.'],
      [
        withStep('core/set', {}, { typeVersion: 9 }),
        'Installed versions: 1, 2. Install the plugin version that has version 9, or change typeVersion.',
      ],
      [withStep('core/set', { fieldz: {} }), 'Did you mean "fields"?'],
      [withStep('core/set', { fields: { a: "={{ $('Hook').item }}" } }), 'Did you mean "hook"?'],
      [aWorkflow([aHook(), aNode('a', 'test/merge')], ['hook>a.lefd']), 'Did you mean "left"? Its ports are: left, right.'],
      [aWorkflow([aHook({ method: 'post' })]), 'Did you mean "POST"?'],
    ] as const) {
      expect(validateDefinition(definition, OPTIONS)[0]?.hint).toBe(hint);
    }
    expect(validateDefinition(withStep('core/sett'), OPTIONS)[0]).toMatchObject({
      nodeId: 'it',
      severity: 'error',
      params: { node: 'it', type: 'core/sett' },
    });
  });

  test('S1-020: a cycle is named by the names of its nodes, in order', () => {
    const nodes = [
      aHook(),
      aNode('a', 'core/set', {}, { name: 'First' }),
      aNode('b', 'core/set', {}, { name: 'Second' }),
      aNode('c', 'core/set', {}, { name: 'Third' }),
    ];
    const [cycle] = validateDefinition(aWorkflow(nodes, ['hook>a', 'a>b', 'b>c', 'c>a']), OPTIONS);
    expect(cycle?.message).toContain('First → Second → Third → First');
  });

  test('S1-021: every node that no trigger leads to is named, and so is a workflow that nothing starts', () => {
    const nodes = [aHook(), ...['a', 'b', 'c', 'd'].map((id) => aNode(id, 'core/set', {}, { name: id.toUpperCase() }))];
    const named = (edges: string[], from = 0) =>
      validateDefinition(aWorkflow(nodes.slice(from), edges), OPTIONS).map(({ code, nodeId }) => [code, nodeId]);
    expect(named(['hook>a', 'a>b', 'b>c', 'c>d'])).toEqual([]);
    expect(named(['hook>a', 'b>c', 'c>a'])).toEqual(['b', 'c', 'd'].map((id) => ['NODE_UNREACHABLE', id]));
    expect(named(['a>b', 'b>c', 'c>d'], 1)).toEqual([['NO_TRIGGER', undefined]]);
  });

  test('a cycle may pass a loop, but not avoid it', () => {
    const nodes = [aHook(), aNode('loop', 'test/loop'), aNode('a', 'core/set'), aNode('b', 'core/set')];
    const edges = ['hook>loop', 'loop.body>a', 'a>b', 'b>loop.next'];
    expect(validateDefinition(aWorkflow(nodes, edges), OPTIONS)).toEqual([]);
    expect(validateDefinition(aWorkflow(nodes, [...edges, 'b>a']), OPTIONS).map((each) => each.code)).toEqual(['CYCLE']);
  });

  test.each([['loop.body>a', 'a>loop'], ['loop.done>a', 'a>loop'], ['loop.body>loop']])(
    'a way back to the input main of a loop would wait for itself: %s, %s',
    (...edges) => {
      const nodes = [aHook(), aNode('loop', 'test/loop'), aNode('a', 'core/set')];
      const found = validateDefinition(aWorkflow(nodes, ['hook>loop', ...edges]), OPTIONS).map((each) => each.code);
      expect(found).toContain('CYCLE');
    },
  );

  test('the body of a loop is reached through it alone, items come back from inside, and a break lies in a loop', () => {
    const nodes = [aHook(), aNode('loop', 'test/loop'), aNode('a', 'core/set'), aNode('b', 'core/set'), aNode('stop', 'test/break')];
    const codes = (...edges: string[]) => validateDefinition(aWorkflow(nodes, edges), OPTIONS).map((each) => each.code);
    expect(codes('hook>loop', 'loop.body>a', 'a>stop', 'a>loop.next', 'loop.done>b')).toEqual([]);
    expect(codes('hook>loop', 'loop.body>a', 'hook>a', 'a>stop', 'loop.done>b')).toEqual(['LOOP_ENTRY']);
    expect(codes('hook>loop', 'loop.body>a', 'a>stop', 'loop.done>b', 'b>a')).toEqual(['LOOP_ENTRY']);
    expect(codes('hook>loop', 'hook>b', 'loop.body>a', 'a>stop', 'b>loop.next')).toEqual(['LOOP_NEXT']);
    expect(codes('hook>loop', 'loop.body>a', 'hook>b', 'hook>stop')).toEqual(['BREAK_OUTSIDE']);
  });

  test('an expression problem says where it is, in the text as stored', () => {
    const [found] = validateDefinition(withStep('core/set', { fields: { a: '={{ nope + 1 }}' } }), OPTIONS);
    expect(found).toMatchObject({ code: 'EXPR_UNKNOWN_NAME', offset: 4 });
    expect(found?.message).toContain('"it"');
    expect(found?.message).toContain('fields.a');
  });

  test('a code problem says where it is', () => {
    expect(validateDefinition(withStep('core/code', { code: 'return syntax error' }), OPTIONS)[0]).toMatchObject({
      code: 'CODE_INVALID',
      offset: 7,
    });
  });

  test('problems of a disabled node are warnings', () => {
    const severities = validateDefinition(withStep('core/filter', {}, { disabled: true }), OPTIONS).map(
      (each) => `${each.code} ${each.severity}`,
    );
    expect(severities).toEqual(['PARAM_REQUIRED warning']);
  });

  test('limits are settings with defaults', () => {
    const nodes = [aHook(), ...Array.from({ length: 100 }, (_, index) => aNode(`n${index}`, 'core/set'))];
    const edges = Array.from({ length: 100 }, (_, index) => `hook>n${index}`);
    expect(codes(aWorkflow(nodes, edges))).toEqual(['NODES_TOO_MANY nodes']);
    expect(validateDefinition(aWorkflow(nodes, edges), { ...OPTIONS, limits: { maxNodes: 101 } })).toEqual([]);
    expect(
      validateDefinition(aWorkflow(nodes, edges), { ...OPTIONS, limits: { maxNodes: 101, maxEdges: 99, maxTextLength: 1000 } }).map(
        (each) => each.code,
      ),
    ).toEqual(['EDGES_TOO_MANY', 'DEFINITION_TOO_LARGE']);
  });

  test('a definition over a limit is told only that, whatever else is wrong with it', () => {
    const nodes = [aHook(), ...Array.from({ length: 4000 }, (_, index) => aNode(`n${index}`, 'core/sett'))];
    expect(codes(aWorkflow(nodes, []))).toEqual(['NODES_TOO_MANY nodes']);
  });

  test('the first 200 problems are listed, those that block before the others, and it is said that there are more', () => {
    const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`f${index}`, `={{ $json.a${index % 1000} + }}`]));
    const problems = validateDefinition(withStep('core/set', { fields, wrong: 1 }), OPTIONS);
    expect(problems).toHaveLength(201);
    expect(problems.slice(0, 200).filter(({ severity }) => severity !== 'error')).toEqual([]);
    expect(problems.at(-1)).toMatchObject({
      code: 'PROBLEMS_CUT',
      severity: 'error',
      message: expect.stringMatching(/at least \d+/) as string,
    });
  });

  test('more patterns or expressions than are worth checking are one problem that blocks', () => {
    const many = (count: number, of: (index: number) => string): string[] =>
      codes(withStep('core/set', { fields: Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, of(index)])) }));
    expect(many(401, (index) => `={{ $json.a.match(/a${index}/) }}`)).toEqual([expect.stringMatching(/^EXPRESSIONS_TOO_MANY /)]);
    expect(many(5001, (index) => `={{ $json.a${index} }}`)).toEqual([expect.stringMatching(/^EXPRESSIONS_TOO_MANY /)]);
    // The same one again costs nothing.
    expect(many(3000, () => '={{ $json.a.match(/a/) }}')).toEqual([]);
    expect(many(4000, (index) => `={{ $json.a${index} / 2 }}`)).toEqual([]);
  });

  test('a workflow of missing plugins is not called unreachable or without trigger', () => {
    const definition = aWorkflow([aNode('t', 'acme/trigger'), aNode('a', 'core/set')], ['t>a']);
    expect(codes(definition)).toEqual(['NODE_TYPE_UNKNOWN nodes[0].type']);
  });

  test('never throws, and every problem points into the definition', () => {
    const ids = fc.constantFrom('hook', 'a', 'b', 'c');
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom("={{ $('a').item }}", '={{', '=', '==', '={{ [1, 2].map(x => x) }}', '={{ constructor }}'),
    );
    const params = fc.dictionary(
      fc.constantFrom(
        'path',
        'method',
        'reply',
        'fields',
        'rules',
        'policy',
        'count',
        'operations',
        'shape',
        'url',
        'body',
        'code',
        '__proto',
        'constructor',
      ),
      value,
    );
    const step = fc.tuple(
      ids,
      fc.constantFrom(...TYPES.map((type) => type.type), 'no/type'),
      params,
      fc.constantFrom({}, { onError: 'route' as const }, { disabled: true }, { retry: { maxAttempts: 3 } }),
    );
    const edges = fc.array(
      fc.tuple(ids, fc.constantFrom('main', 'error', 'left'), ids).map(([from, port, to]) => `${from}.${port}>${to}`),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), edges, (steps, links) => {
        const definition = aWorkflow(
          steps.map(([id, type, given, data]) => aNode(id, type, given as JsonObject, data)),
          links.map((link, index) => anEdge(link, `e${index}`)),
        );
        for (const found of validateDefinition(definition, OPTIONS)) {
          const [, field, index] = /^(nodes|edges)\[(\d+)\]/.exec(found.path) ?? [];
          if (field === undefined) expect(['nodes', 'edges', '']).toContain(found.path);
          else expect(definition[field as 'nodes' | 'edges'][Number(index)]?.id).toBe(field === 'nodes' ? found.nodeId : found.edgeId);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('every problem has a documented code', () => {
    const known = new Set<string>(problemCatalog.map((each) => each.code));
    expect(known.size).toBe(problemCatalog.length);
    for (const each of problemCatalog)
      expect(each).toMatchObject({
        doc: expect.stringMatching(/\.$/),
        message: expect.stringMatching(/\S/),
        hint: expect.stringMatching(/\S/),
      });
    for (const type of TYPES)
      for (const found of validateDefinition(withStep(type.type, { zzz: '={{ ) }}' }), OPTIONS)) expect(known).toContain(found.code);
  });
});

describe('checkDefinition', () => {
  test('a broken field hides no other problem, and causes none', () => {
    const input = {
      schema: 1,
      name: 'x',
      settings: {},
      nodes: [
        aHook({ path: '/a' }),
        { ...aNode('a', 'core/set'), data: { name: 'a', typeVersion: 'one', params: { keep: 'some' } } },
        { ...aNode('b', 'core/filter'), data: 7 },
        { id: '?' },
      ],
      edges: [anEdge('hook>a'), anEdge('a>b'), anEdge('b>c')],
    };
    const result = checkDefinition(input, OPTIONS);
    expect(result.ok).toBe(false);
    expect(result.problems.filter((each) => each.severity === 'error').map((each) => `${each.code} ${each.path}`)).toEqual([
      'FIELD_TYPE nodes[1].data.typeVersion',
      'FIELD_TYPE nodes[2].data',
      'ID_INVALID nodes[3].id',
      'FIELD_MISSING nodes[3].type',
      'FIELD_MISSING nodes[3].data',
      'WEBHOOK_PATH_INVALID nodes[0].data.params.path',
    ]);
  });

  test('gives the definition when there are only warnings', () => {
    const result = checkDefinition({ ...aWorkflow([aNode('a', 'core/set')]), extra: 1 }, OPTIONS);
    expect(result).toMatchObject({ ok: true, definition: { name: 'Test' }, problems: [{ code: 'FIELD_UNKNOWN' }, { code: 'NO_TRIGGER' }] });
  });

  test('never throws', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            schema: fc.constant(1),
            name: fc.anything(),
            nodes: fc.oneof(
              fc.anything(),
              fc.array(fc.oneof(fc.anything(), fc.record({ id: fc.anything(), type: fc.anything(), data: fc.anything() }))),
            ),
            edges: fc.array(fc.anything()),
            settings: fc.anything(),
          },
          { requiredKeys: ['schema'] },
        ),
        (input) => {
          expect(typeof checkDefinition(input, OPTIONS).ok).toBe('boolean');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('gives no definition when it cannot be published', () => {
    expect(checkDefinition(aWorkflow([aHook({ path: '/a' })]), OPTIONS).ok).toBe(false);
    expect(checkDefinition(7, OPTIONS)).toMatchObject({ ok: false, problems: [{ code: 'DEFINITION_NOT_OBJECT' }] });
  });
});
