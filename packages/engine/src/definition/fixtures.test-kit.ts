/** Small valid things for the tests of this folder: node types shaped like the ones workflows use daily, and builders. */
import type { JsonObject, NodeTypeIR, ParamIR, TriggerTypeIR, TypeIR } from '@plugboard/sdk';
import type { NodeData, WorkflowDefinition, WorkflowEdge, WorkflowNode } from './types.ts';
import type { ValidateOptions } from './validate.ts';

const json: ParamIR = { kind: 'json' };

function node(type: string, part: Partial<NodeTypeIR>): NodeTypeIR {
  return {
    kind: 'node',
    type,
    version: 1,
    title: type,
    group: 'test',
    params: {},
    functions: ['run'],
    per: 'item',
    ports: {},
    effects: 'none',
    ...part,
  };
}

function choice(...values: string[]): { kind: 'choice'; options: { value: string; title: string }[] } {
  return { kind: 'choice', options: values.map((value) => ({ value, title: value })) };
}

const webhook: TriggerTypeIR = {
  kind: 'trigger',
  trigger: 'webhook',
  type: 'core/webhook',
  version: 1,
  title: 'Webhook',
  group: 'trigger',
  functions: [],
  ports: {},
  params: {
    path: { kind: 'text', expr: 'deny' },
    method: { kind: 'text', default: 'POST', expr: 'deny' },
    reply: { kind: 'text', default: 'immediate', expr: 'deny' },
  },
};

const manual: TriggerTypeIR = {
  kind: 'trigger',
  trigger: 'manual',
  type: 'core/manual',
  version: 1,
  title: 'Manual',
  group: 'trigger',
  functions: [],
  ports: {},
  params: {},
};

export const TYPES: readonly TypeIR[] = [
  webhook,
  manual,
  node('core/no-op', {}),
  node('core/set', { params: { keep: { ...choice('all', 'none'), default: 'all' }, fields: { kind: 'map', of: json, default: {} } } }),
  node('core/code', {
    per: 'batch',
    params: {
      language: { ...choice('javascript', 'typescript'), default: 'javascript' },
      mode: { ...choice('each-item', 'all-items'), default: 'all-items' },
      code: { kind: 'code', language: 'javascript', required: true, expr: 'deny' },
    },
  }),
  node('core/filter', { params: { condition: { kind: 'conditions', required: true } } }),
  node('core/switch', {
    params: {
      rules: {
        kind: 'list',
        required: true,
        of: {
          kind: 'object',
          fields: { port: { kind: 'text', required: true, expr: 'deny' }, condition: { kind: 'conditions', required: true } },
        },
      },
      otherwise: { kind: 'boolean', default: false, expr: 'deny' },
    },
    ports: { outputs: [], dynamicOutputs: { param: 'rules', field: 'port', fallback: { param: 'otherwise', port: 'otherwise' } } },
  }),
  node('core/join', {
    per: 'batch',
    runsOnEmpty: true,
    params: {
      policy: { ...choice('all', 'any', 'count'), default: 'all', expr: 'deny' },
      count: { kind: 'number', integer: true, min: 1, required: true, expr: 'deny', when: { param: 'policy', op: 'eq', value: 'count' } },
    },
    join: { policy: 'policy', count: 'count' },
  }),
  node('core/aggregate', {
    per: 'batch',
    runsOnEmpty: true,
    params: {
      operations: {
        kind: 'list',
        minItems: 1,
        of: {
          kind: 'object',
          fields: {
            op: { ...choice('count', 'sum', 'max'), required: true },
            field: { kind: 'text', required: true, when: { not: { param: 'op', op: 'eq', value: 'count' } } },
            as: { kind: 'text', required: true },
          },
        },
      },
    },
  }),
  node('core/http-request', {
    effects: { by: 'method', cases: { GET: 'read', HEAD: 'read' }, else: 'write' },
    repeatable: { by: 'afterUnknown', values: ['retry'] },
    credentials: ['auth'],
    params: {
      method: { ...choice('GET', 'POST', 'PUT', 'DELETE'), default: 'GET' },
      url: { kind: 'text', required: true, format: 'url' },
      body: { kind: 'json', when: { param: 'method', op: 'in', value: ['POST', 'PUT'] } },
      afterUnknown: { ...choice('retry', 'ask'), default: 'retry', expr: 'deny' },
    },
  }),
  node('core/respond', {
    per: 'batch',
    replies: true,
    runsOnEmpty: true,
    params: { status: { kind: 'number', integer: true, min: 100, max: 599, default: 200 } },
  }),
  node('test/kinds', {
    params: {
      text: { kind: 'text', minLength: 2, maxLength: 5, pattern: '[a-z]*' },
      number: { kind: 'number', min: 1, max: 10, integer: true },
      flag: { kind: 'boolean' },
      computed: { kind: 'text', expr: 'only' },
      fixed: { kind: 'text', expr: 'deny' },
      when: { kind: 'date' },
      tags: { kind: 'map', of: { kind: 'text' }, maxItems: 2 },
      shape: {
        kind: 'variant',
        tag: 'kind',
        variants: { circle: { radius: { kind: 'number', required: true } }, square: { side: { kind: 'number', required: true } } },
      },
      any: json,
      file: { kind: 'file' },
      credential: { kind: 'credential', types: ['test/key'] },
    },
  }),
  node('test/merge', { per: 'batch', ports: { inputs: [{ id: 'left' }, { id: 'right' }] } }),
  node('test/loop', {
    per: 'batch',
    ports: { inputs: [{ id: 'main' }, { id: 'next' }], outputs: [{ id: 'body' }, { id: 'done' }] },
    loop: { mode: 'mode', batchSize: 'size', concurrency: 'parallel', limit: 'limit' },
  }),
  node('test/call', {
    per: 'batch',
    effects: 'write',
    repeatable: true,
    waits: 'child',
    params: { workflow: { kind: 'text' }, answer: { kind: 'boolean', default: true } },
  }),
  node('test/break', { per: 'batch', breaks: true }),
  { ...node('core/set', {}), version: 2 },
];

export const OPTIONS: ValidateOptions = {
  findType: (type, version) => TYPES.find((each) => each.type === type && each.version === version),
  knownTypes: TYPES,
  checkCode: (code) => (code.includes('syntax error') ? { message: 'Unexpected token', offset: code.indexOf('syntax error') } : undefined),
};

export function aNode(id: string, type: string, params: JsonObject = {}, data: Partial<NodeData> = {}): WorkflowNode {
  return { id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params, ...data } };
}

/** `a>b`, with ports `a.large>b.left`. */
export function anEdge(text: string, id: string = text.replaceAll(/[^\w-]/g, '-')): WorkflowEdge {
  const [from = '', to = ''] = text.split('>');
  const [source = '', sourceHandle = 'main'] = from.split('.');
  const [target = '', targetHandle = 'main'] = to.split('.');
  return { id, source, sourceHandle, target, targetHandle };
}

export function aHook(params: JsonObject = {}, data: Partial<NodeData> = {}): WorkflowNode {
  return aNode('hook', 'core/webhook', { path: 'a', method: 'POST', reply: 'immediate', ...params }, data);
}

export function aWorkflow(
  nodes: readonly WorkflowNode[],
  edges: readonly (string | WorkflowEdge)[] = [],
  rest: Partial<WorkflowDefinition> = {},
): WorkflowDefinition {
  return {
    schema: 1,
    name: 'Test',
    nodes,
    edges: edges.map((edge) => (typeof edge === 'string' ? anEdge(edge) : edge)),
    settings: {},
    ...rest,
  };
}
