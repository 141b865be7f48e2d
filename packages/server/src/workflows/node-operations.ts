/** Parts of a workflow checked by themselves: the configuration of one node, and how nodes are connected. For forms and canvases of others. */
import { type Problem, parseDefinition } from '@plugboard/engine';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { json, text } from '../operation/shapes.ts';
import type { Definitions } from './definitions.ts';
import { problems } from './workflow-operations.ts';

/** What can only be said of a node among others. */
const AMONG_OTHERS = new Set([
  'NODE_UNREACHABLE',
  'JOIN_UNREACHABLE',
  'ERROR_ROUTE_UNUSED',
  'BREAK_OUTSIDE',
  'LOOP_ENTRY',
  'LOOP_NEXT',
  'EXPR_NODE_UNKNOWN',
  'EXPR_NODE_NOT_UPSTREAM',
  'CODE_NODE_UNKNOWN',
  'WEBHOOK_REPLY_MISSING',
  'REPLY_UNUSED',
]);
/** About connections, wherever they are found. */
const OF_CONNECTIONS = new Set([
  'CYCLE',
  'LOOP_ENTRY',
  'LOOP_NEXT',
  'BREAK_OUTSIDE',
  'NODE_UNREACHABLE',
  'JOIN_UNREACHABLE',
  'EDGES_TOO_MANY',
]);
const MOST = 2000;

const check = z.object({ isValid: z.boolean(), problems }).meta({ id: 'PartCheck' });

export function nodeOperations({ definitions }: { readonly definitions: Definitions }): readonly Operation[] {
  /** What does not even read as a workflow is told whole: nothing else was looked at. */
  const checked = (definition: object, isAsked: (problem: Problem) => boolean): z.input<typeof check> => {
    const found = definitions.validate(definition).problems;
    const told = parseDefinition(definition).ok ? found.filter(isAsked) : found;
    return { isValid: told.every((one) => one.severity !== 'error'), problems: told.map((one) => ({ ...one })) };
  };

  return [
    operation({
      name: 'node.validate',
      field: 'validateNode',
      kind: 'query',
      summary: 'What is wrong with the configuration of one node by itself.',
      permission: { action: 'catalog.read', on: () => ({ kind: 'workspace' }) },
      input: z.strictObject({
        type: text(200, 1),
        typeVersion: z.int().min(1).default(1),
        name: text(200, 1).default('Node'),
        params: z.record(z.string(), json).default({}),
      }),
      output: check,
      problems: [],
      rest: { method: 'POST', path: '/nodes/validate' },
      handler: (_, { type, ...data }) => {
        const node = { id: 'node', type, position: { x: 0, y: 0 }, data };
        const definition = { schema: 1, name: 'One node', nodes: [node], edges: [], settings: {} };
        return Promise.resolve(checked(definition, ({ code, path }) => path.startsWith('nodes[0]') && !AMONG_OTHERS.has(code)));
      },
    }),
    operation({
      name: 'node.validateConnections',
      field: 'validateConnections',
      kind: 'query',
      summary:
        'What is wrong with how nodes are connected: circles, edges from or to nothing, ports that are not there, steps nothing leads to.',
      permission: { action: 'catalog.read', on: () => ({ kind: 'workspace' }) },
      input: z.strictObject({ nodes: z.array(json).max(MOST), edges: z.array(json).max(MOST) }),
      output: check,
      problems: [],
      rest: { method: 'POST', path: '/nodes/validate-connections' },
      handler: (_, { nodes, edges }) =>
        Promise.resolve(
          checked(
            { schema: 1, name: 'Connections', nodes, edges, settings: {} },
            ({ code, path, edgeId }) => edgeId !== undefined || path.startsWith('edges') || OF_CONNECTIONS.has(code),
          ),
        ),
    }),
  ];
}
