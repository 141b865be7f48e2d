import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { aHook, aNode, aWorkflow, anEdge } from './fixtures.test-kit.ts';
import { parseDefinition } from './parse.ts';

const contract = new URL('../../../testing/contract/', import.meta.url);
const contractFiles = readdirSync(contract).filter((name) => name.endsWith('.workflow.json'));

/** A valid workflow as plain data, changed by one edit. */
function broken(edit: (workflow: Loose) => void): Loose {
  const workflow = JSON.parse(JSON.stringify(aWorkflow([aHook(), aNode('set', 'core/set')], ['hook>set']))) as Loose;
  edit(workflow);
  return workflow;
}

// Malformed input is what these tests are about, so the builders hand out data without a shape.
type Loose = { [key: string]: Loose } & { push(value: unknown): void; [index: number]: Loose };

function set(path: string, value: unknown): (workflow: Loose) => void {
  return (workflow) => {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let at = workflow;
    for (const key of keys) at = at[key] ?? (at[key] = {} as Loose);
    Object.defineProperty(at, last, { value, enumerable: true, configurable: true, writable: true });
  };
}

function remove(path: string): (workflow: Loose) => void {
  return (workflow) => {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let at = workflow;
    for (const key of keys) at = at[key] ?? ({} as Loose);
    delete at[last];
  };
}

function found(input: unknown): string[] {
  return parseDefinition(input).problems.map((each) => `${each.code} ${each.path}`);
}

describe('parseDefinition', () => {
  test.each(contractFiles)('reads the contract file %s as it is', (file) => {
    const input: unknown = JSON.parse(readFileSync(new URL(file, contract), 'utf8'));
    const result = parseDefinition(input);
    expect(result.problems).toEqual([]);
    expect(result.ok && result.definition).toEqual(input);
  });

  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const deep = JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as unknown;

  test.each<[string, (workflow: Loose) => void, string[]]>([
    ['no schema', remove('schema'), ['FIELD_MISSING schema']],
    ['an older schema', set('schema', 0), ['SCHEMA_UNSUPPORTED schema']],
    ['a newer schema', set('schema', 2), ['SCHEMA_UNSUPPORTED schema']],
    ['a schema that is text', set('schema', '1'), ['SCHEMA_UNSUPPORTED schema']],
    ['no name', remove('name'), ['FIELD_MISSING name']],
    ['an empty name', set('name', '   '), ['TEXT_EMPTY name']],
    ['a name that is a number', set('name', 7), ['FIELD_TYPE name']],
    ['a name that is null', set('name', null), ['FIELD_TYPE name']],
    ['a name that is too long', set('name', 'x'.repeat(201)), ['TEXT_TOO_LONG name']],
    ['a name with a line break', set('name', 'a\nb'), ['TEXT_NOT_ALLOWED name']],
    ['a description with NUL', set('description', 'a\u0000b'), ['TEXT_NOT_ALLOWED description']],
    ['a description with half a surrogate pair', set('description', 'a\ud800b'), ['TEXT_NOT_ALLOWED description']],
    ['no nodes', remove('nodes'), ['FIELD_MISSING nodes']],
    ['nodes that are an object', set('nodes', {}), ['FIELD_TYPE nodes']],
    ['no edges', remove('edges'), ['FIELD_MISSING edges']],
    ['edges that are text', set('edges', 'a>b'), ['FIELD_TYPE edges']],
    ['a node that is null', set('nodes.1', null), ['FIELD_TYPE nodes[1]']],
    ['a node that is a list', set('nodes.1', []), ['FIELD_TYPE nodes[1]']],
    ['a node without id', remove('nodes.1.id'), ['FIELD_MISSING nodes[1].id']],
    ['an id with other characters', set('nodes.1.id', 'a b'), ['ID_INVALID nodes[1].id']],
    ['an id that is too long', set('nodes.1.id', 'x'.repeat(65)), ['ID_INVALID nodes[1].id']],
    ['an empty id', set('nodes.1.id', ''), ['ID_INVALID nodes[1].id']],
    ['an id that names the prototype', set('nodes.1.id', '__proto__'), ['ID_INVALID nodes[1].id']],
    ['an id that is a number', set('nodes.1.id', 5), ['FIELD_TYPE nodes[1].id']],
    ['two nodes with one id', set('nodes.1.id', 'hook'), ['ID_DUPLICATE nodes[1].id']],
    ['two nodes with one name', set('nodes.1.data.name', 'hook'), ['NODE_NAME_DUPLICATE nodes[1].data.name']],
    ['a node without type', remove('nodes.1.type'), ['FIELD_MISSING nodes[1].type']],
    ['a type without a plugin', set('nodes.1.type', 'set'), ['NODE_TYPE_INVALID nodes[1].type']],
    ['a type with white space', set('nodes.1.type', 'core/ set'), ['NODE_TYPE_INVALID nodes[1].type']],
    ['a type that is too long', set('nodes.1.type', `core/${'x'.repeat(200)}`), ['NODE_TYPE_INVALID nodes[1].type']],
    ['a position that is a list', set('nodes.1.position', [0, 0]), ['FIELD_TYPE nodes[1].position']],
    ['a position without y', remove('nodes.1.position.y'), ['FIELD_MISSING nodes[1].position.y']],
    ['a position that is NaN', set('nodes.1.position.x', Number.NaN), ['NUMBER_NOT_FINITE nodes[1].position.x']],
    ['a position far away', set('nodes.1.position.x', 1e300), ['NUMBER_RANGE nodes[1].position.x']],
    ['a node without data', remove('nodes.1.data'), ['FIELD_MISSING nodes[1].data']],
    ['data that is text', set('nodes.1.data', 'x'), ['FIELD_TYPE nodes[1].data']],
    ['a node without name', remove('nodes.1.data.name'), ['FIELD_MISSING nodes[1].data.name']],
    ['a node name that is too long', set('nodes.1.data.name', 'x'.repeat(101)), ['TEXT_TOO_LONG nodes[1].data.name']],
    ['no type version', remove('nodes.1.data.typeVersion'), ['FIELD_MISSING nodes[1].data.typeVersion']],
    ['a type version with a fraction', set('nodes.1.data.typeVersion', 1.5), ['NUMBER_NOT_WHOLE nodes[1].data.typeVersion']],
    ['a type version below one', set('nodes.1.data.typeVersion', 0), ['NUMBER_RANGE nodes[1].data.typeVersion']],
    ['a type version as text', set('nodes.1.data.typeVersion', '1'), ['FIELD_TYPE nodes[1].data.typeVersion']],
    ['params that are a list', set('nodes.1.data.params', []), ['FIELD_TYPE nodes[1].data.params']],
    ['params that are null', set('nodes.1.data.params', null), ['FIELD_TYPE nodes[1].data.params']],
    ['a __proto__ param', set('nodes.1.data.params.__proto__', { polluted: true }), ['KEY_FORBIDDEN nodes[1].data.params.__proto__']],
    [
      'a __proto__ deep in a param',
      set('nodes.1.data.params.a', JSON.parse('[{"__proto__":1}]')),
      ['KEY_FORBIDDEN nodes[1].data.params.a[0].__proto__'],
    ],
    ['a param that is a function', set('nodes.1.data.params.a', () => 1), ['VALUE_NOT_JSON nodes[1].data.params.a']],
    ['a param that is a Date', set('nodes.1.data.params.a', new Date(0)), ['VALUE_NOT_JSON nodes[1].data.params.a']],
    ['a param that is a Map', set('nodes.1.data.params.a', new Map()), ['VALUE_NOT_JSON nodes[1].data.params.a']],
    ['a param that is a bigint', set('nodes.1.data.params.a', 1n), ['VALUE_NOT_JSON nodes[1].data.params.a']],
    ['a param that is infinite', set('nodes.1.data.params.a', [Infinity]), ['NUMBER_NOT_FINITE nodes[1].data.params.a[0]']],
    ['a param with NUL', set('nodes.1.data.params.a', '\u0000'), ['TEXT_NOT_ALLOWED nodes[1].data.params.a']],
    ['a param nested too deeply', set('nodes.1.data.params.a', deep), [`VALUE_TOO_DEEP nodes[1].data.params.a${'[0]'.repeat(31)}`]],
    ['a param that contains itself', set('nodes.1.data.params.a', cyclic), [`VALUE_TOO_DEEP nodes[1].data.params.a${'.self'.repeat(31)}`]],
    ['credentials that are a list', set('nodes.1.data.credentials', []), ['FIELD_TYPE nodes[1].data.credentials']],
    ['a credential that is no key', set('nodes.1.data.credentials', { auth: 'a key' }), ['ID_INVALID nodes[1].data.credentials.auth']],
    ['a retry that is a number', set('nodes.1.data.retry', 3), ['FIELD_TYPE nodes[1].data.retry']],
    ['zero attempts', set('nodes.1.data.retry', { maxAttempts: 0 }), ['NUMBER_RANGE nodes[1].data.retry.maxAttempts']],
    ['half an attempt', set('nodes.1.data.retry', { maxAttempts: 1.5 }), ['NUMBER_NOT_WHOLE nodes[1].data.retry.maxAttempts']],
    ['a negative delay', set('nodes.1.data.retry', { firstDelayMs: -1 }), ['NUMBER_RANGE nodes[1].data.retry.firstDelayMs']],
    ['a factor below one', set('nodes.1.data.retry', { factor: 0.5 }), ['NUMBER_RANGE nodes[1].data.retry.factor']],
    ['a delay of years', set('nodes.1.data.retry', { maxDelayMs: 1e12 }), ['NUMBER_RANGE nodes[1].data.retry.maxDelayMs']],
    ['an unknown jitter', set('nodes.1.data.retry', { jitter: 'half' }), ['FIELD_VALUE nodes[1].data.retry.jitter']],
    ['retryOn that is text', set('nodes.1.data.retry', { retryOn: 'timeout' }), ['FIELD_TYPE nodes[1].data.retry.retryOn']],
    ['an empty retryOn code', set('nodes.1.data.retry', { retryOn: [''] }), ['TEXT_EMPTY nodes[1].data.retry.retryOn[0]']],
    ['an unknown retry field', set('nodes.1.data.retry', { attempts: 3 }), ['FIELD_UNKNOWN nodes[1].data.retry']],
    ['a time limit of zero', set('nodes.1.data.timeoutMs', 0), ['NUMBER_RANGE nodes[1].data.timeoutMs']],
    ['a time limit as text', set('nodes.1.data.timeoutMs', '5s'), ['FIELD_TYPE nodes[1].data.timeoutMs']],
    ['a time limit that is NaN', set('nodes.1.data.timeoutMs', Number.NaN), ['NUMBER_NOT_FINITE nodes[1].data.timeoutMs']],
    ['an unknown onError', set('nodes.1.data.onError', 'ignore'), ['FIELD_VALUE nodes[1].data.onError']],
    ['onError that is an object', set('nodes.1.data.onError', { route: true }), ['FIELD_TYPE nodes[1].data.onError']],
    ['no concurrency', set('nodes.1.data.concurrency', 0), ['NUMBER_RANGE nodes[1].data.concurrency']],
    ['an unknown durability', set('nodes.1.data.durability', 'none'), ['FIELD_VALUE nodes[1].data.durability']],
    ['disabled as text', set('nodes.1.data.disabled', 'yes'), ['FIELD_TYPE nodes[1].data.disabled']],
    ['notes that are a list', set('nodes.1.data.notes', []), ['FIELD_TYPE nodes[1].data.notes']],
    ['an edge that is text', set('edges.0', 'hook>set'), ['FIELD_TYPE edges[0]']],
    ['an edge without id', remove('edges.0.id'), ['FIELD_MISSING edges[0].id']],
    ['an edge without source', remove('edges.0.source'), ['FIELD_MISSING edges[0].source']],
    ['an edge without target', remove('edges.0.target'), ['FIELD_MISSING edges[0].target']],
    ['a port with white space', set('edges.0.sourceHandle', 'a b'), ['ID_INVALID edges[0].sourceHandle']],
    ['an order that is text', set('edges.0.order', '1'), ['FIELD_TYPE edges[0].order']],
    ['two edges with one id', (workflow) => workflow['edges']?.push(anEdge('hook>set')), ['ID_DUPLICATE edges[1].id']],
    ['groups that are an object', set('groups', {}), ['FIELD_TYPE groups']],
    ['a group without nodes', set('groups', [{ id: 'g' }]), ['FIELD_MISSING groups[0].nodes']],
    [
      'two groups with one id',
      set('groups', [
        { id: 'g', nodes: [] },
        { id: 'g', nodes: [] },
      ]),
      ['ID_DUPLICATE groups[1].id'],
    ],
    ['a note without text', set('notes', [{ id: 'n', position: { x: 0, y: 0 } }]), ['FIELD_MISSING notes[0].text']],
    [
      'a note of negative size',
      set('notes', [{ id: 'n', text: '', position: { x: 0, y: 0 }, size: { width: -1, height: 1 } }]),
      ['NUMBER_RANGE notes[0].size.width'],
    ],
    ['settings that are a list', set('settings', []), ['FIELD_TYPE settings']],
    ['an empty time zone', set('settings.timezone', ''), ['TEXT_EMPTY settings.timezone']],
    ['an endless run', set('settings.timeoutMs', Infinity), ['NUMBER_NOT_FINITE settings.timeoutMs']],
    ['no parallel steps', set('settings.maxParallelSteps', 0), ['NUMBER_RANGE settings.maxParallelSteps']],
    ['unknown keepData', set('settings.keepData', 'some'), ['FIELD_VALUE settings.keepData']],
    ['runs kept for no day', set('settings.keepRuns', { days: 0 }), ['NUMBER_RANGE settings.keepRuns.days']],
    ['runs kept by nothing known', set('settings.keepRuns', { weeks: 1 }), ['FIELD_UNKNOWN settings.keepRuns']],
    ['a tag that is no text', set('settings.tags', { a: 1 }), ['FIELD_TYPE settings.tags.a']],
    ['inputs that are a list', set('inputs', []), ['FIELD_TYPE inputs']],
    ['outputs that are text', set('outputs', 'gross'), ['FIELD_TYPE outputs']],
    ['a __proto__ at the top', set('__proto__', {}), ['KEY_FORBIDDEN __proto__']],
  ])('reports %s', (_, edit, expected) => {
    const result = parseDefinition(broken(edit));
    expect(result.problems.map((each) => `${each.code} ${each.path}`)).toEqual(expected);
    expect(result.ok).toBe(expected[0]?.startsWith('FIELD_UNKNOWN') ?? true);
    for (const each of result.problems)
      expect(each).toMatchObject({ message: expect.stringMatching(/\S/), hint: expect.stringMatching(/\S/) });
  });

  test.each([undefined, null, 1, 'text', true, [], () => 1, Symbol('x')])('refuses what is no object: %s', (input) => {
    expect(found(input)).toEqual(['DEFINITION_NOT_OBJECT ']);
  });

  test('reports everything at once, in the order of the file', () => {
    expect(found({ schema: 1, name: '', nodes: [{ id: 'a b', type: 'x' }, 7], edges: [{ id: 'e' }], settings: { keepData: 1 } })).toEqual([
      'TEXT_EMPTY name',
      'ID_INVALID nodes[0].id',
      'NODE_TYPE_INVALID nodes[0].type',
      'FIELD_MISSING nodes[0].data',
      'FIELD_TYPE nodes[1]',
      'FIELD_MISSING edges[0].source',
      'FIELD_MISSING edges[0].target',
      'FIELD_TYPE settings.keepData',
      'POSITION_MISSING nodes[0].position',
    ]);
  });

  test('a problem inside a node names the node', () => {
    expect(parseDefinition(broken(set('nodes.1.data.timeoutMs', 0))).problems[0]).toMatchObject({ nodeId: 'set' });
    expect(parseDefinition(broken(remove('edges.0.source'))).problems[0]).toMatchObject({ edgeId: 'hook-set' });
  });

  test('leaves out unknown fields and says which', () => {
    const result = parseDefinition(broken((workflow) => Object.assign(workflow['nodes']?.[1] ?? {}, { selected: true, dragging: false })));
    expect(result.problems).toMatchObject([
      { code: 'FIELD_UNKNOWN', severity: 'warning', path: 'nodes[1]', params: { fields: 'selected, dragging' } },
    ]);
    expect(result.ok && Object.keys(result.definition.nodes[1] ?? {})).toEqual(['id', 'type', 'position', 'data']);
  });

  test('leaves out pinned data with a warning', () => {
    const result = parseDefinition(broken(set('pins', { set: [] })));
    expect(result).toMatchObject({ ok: true, problems: [{ code: 'PINS_IGNORED' }] });
    expect(result.ok && 'pins' in result.definition).toBe(false);
  });

  test('reads ports that are null or absent as main, as the canvas writes them', () => {
    const result = parseDefinition(
      broken((workflow) => Object.assign(workflow['edges']?.[0] ?? {}, { sourceHandle: null, targetHandle: undefined })),
    );
    expect(result.ok && result.definition.edges[0]).toEqual(anEdge('hook>set'));
  });

  test('places nodes without a position in a row', () => {
    const result = parseDefinition(
      broken((workflow) => workflow['nodes'] && [0, 1].forEach((index) => delete workflow['nodes']?.[index]?.['position'])),
    );
    expect(result.ok && result.definition.nodes.map((node) => node.position)).toEqual([
      { x: 0, y: 0 },
      { x: 240, y: 0 },
    ]);
  });

  test('keys of the object prototype are ordinary names', () => {
    const input = broken(set('nodes.1.data.params', { constructor: 1, toString: { hasOwnProperty: 2 } }));
    const result = parseDefinition(input);
    expect(result.ok && result.definition.nodes[1]?.data.params).toEqual({ constructor: 1, toString: { hasOwnProperty: 2 } });
  });

  test('reading changes no prototype', () => {
    parseDefinition(broken(set('nodes.1.data.params.__proto__', { polluted: true })));
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('input that throws while it is read is refused, not thrown', () => {
    const hostile = Object.defineProperty(
      broken(() => {}),
      'nodes',
      {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      },
    );
    expect(found(hostile)).toEqual(['DEFINITION_UNREADABLE ']);
  });

  test.each(['a\u202eb', 'a\u200bb', '\ufeffa', 'a\u2066b', 'a\u0085b', 'a\u2028b', 'a\u00adb'])(
    'a name with a character that nobody sees or that turns the writing around is refused (%j)',
    (name) => {
      expect(found(broken(set('name', name)))).toEqual(['TEXT_NOT_ALLOWED name']);
      expect(found(broken(set('nodes.1.data.name', name)))).toEqual(['TEXT_NOT_ALLOWED nodes[1].data.name']);
    },
  );

  test.each(['שלום', 'سلام', 'می\u200cخواهم', '👩\u200d🔧', 'Ünïcödé', '名前'])('a name in any script is taken (%s)', (name) => {
    expect(found(broken(set('name', name)))).toEqual([]);
  });

  test('a value that doubles at every level is refused in bounded work', () => {
    let value: unknown = 1;
    for (let level = 0; level < 31; level++) value = [value, value];
    expect(found(broken(set('nodes.1.data.params.a', value)))).toEqual(['DEFINITION_TOO_LARGE ']);
  });

  test('an enormous list is refused without reading it', () => {
    expect(found(broken(set('nodes', new Array(4_000_000_000))))).toEqual(['LIST_TOO_LONG nodes']);
    expect(found(broken(set('nodes.1.data.params.a', new Array(4_000_000_000))))).toEqual(['DEFINITION_TOO_LARGE ']);
  });

  test('stops after 200 problems and says so', () => {
    const result = parseDefinition(
      broken(
        set(
          'nodes',
          Array.from({ length: 2000 }, () => 1),
        ),
      ),
    );
    expect(result.problems).toHaveLength(201);
    expect(result.problems.at(-1)?.code).toBe('PROBLEMS_CUT');
  });

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSparseArray: true,
          withTypedArray: true,
          withObjectString: true,
        }),
        (input) => {
          expect(Array.isArray(parseDefinition(input).problems)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('never throws for workflows with any one field replaced, and refuses with a problem or gives a definition that reads the same again', () => {
    const paths = [
      'name',
      'nodes',
      'edges',
      'settings',
      'inputs',
      'outputs',
      'nodes.0',
      'nodes.0.id',
      'nodes.1.data',
      'nodes.1.data.params',
      'nodes.1.data.retry',
      'nodes.1.position',
      'edges.0',
      'edges.0.source',
      'groups',
      'notes',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.anything(), (path, value) => {
        const result = parseDefinition(broken(set(path, value)));
        if (!result.ok) expect(result.problems.some((each) => each.severity === 'error')).toBe(true);
        else
          expect(parseDefinition(JSON.parse(JSON.stringify(result.definition)))).toEqual({
            ok: true,
            definition: result.definition,
            problems: [],
          });
      }),
      { numRuns: 500 },
    );
  });
});
