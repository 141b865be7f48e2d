/** What a step that calls a workflow finds there: what the version that is live takes and gives, before anything is started. */
import { type DeclaredField, type WorkflowNode, readFields } from '@plugboard/engine';
import { findDeployment, getVersion } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { notFound } from '../operation/problem.ts';
import { id, json, text } from '../operation/shapes.ts';
import { workflowNamed } from '../runs/callable-workflow.ts';
import { resourceOf } from './workflow-access.ts';

const field = z
  .object({
    name: z.string(),
    type: z.string(),
    title: z.string().optional(),
    help: z.string().optional(),
    required: z.boolean(),
    default: json.optional(),
  })
  .meta({ id: 'DeclaredField' });

const callable = z
  .object({
    id,
    name: z.string(),
    /** Whether a call is taken now, and if not, why. */
    state: z.enum(['ready', 'unpublished', 'paused', 'no_trigger']).meta({ id: 'CallableState' }),
    version: z.int().optional(),
    inputs: z.array(field),
    outputs: z.array(field),
  })
  .meta({ id: 'CallableWorkflow' });

export function callableOperations({ catalog }: { readonly catalog: Pick<Catalog, 'find'> }): readonly Operation[] {
  const isCalled = ({ type, data }: WorkflowNode): boolean => {
    const ir = catalog.find(type, data.typeVersion);
    return ir?.kind === 'trigger' && ir.trigger === 'called' && data.disabled !== true;
  };

  return [
    operation({
      name: 'workflow.callable',
      field: 'callableWorkflow',
      kind: 'query',
      summary: 'Whether a step may call this workflow, by name or id, and what its live version takes and gives.',
      permission: {
        action: 'workflow.run',
        on: (ctx, input) =>
          ctx.inTransaction(async (tx) => {
            const workflow = await workflowNamed(tx, input.workflow);
            return workflow && resourceOf(workflow);
          }),
      },
      input: z.strictObject({ workflow: text(200, 1) }),
      output: callable,
      problems: [],
      rest: { method: 'GET', path: '/workflows/callable' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const workflow = await workflowNamed(tx, input.workflow);
          if (!workflow) throw notFound();
          const deployment = await findDeployment(tx, workflow.id);
          const live = deployment && deployment.state !== 'off' ? await getVersion(tx, workflow.id, deployment.version) : undefined;
          const { id: workflowId, name } = workflow;
          if (!deployment || !live) return { id: workflowId, name, state: 'unpublished' as const, inputs: [], outputs: [] };
          return {
            id: workflowId,
            name,
            state: !live.definition.nodes.some(isCalled)
              ? ('no_trigger' as const)
              : deployment.state === 'paused'
                ? ('paused' as const)
                : ('ready' as const),
            version: live.n,
            inputs: readFields(live.definition.inputs).map(fieldView),
            outputs: readFields(live.definition.outputs).map(fieldView),
          };
        }),
    }),
  ];
}

function fieldView({ isRequired, fallback, ...rest }: DeclaredField): z.input<typeof field> {
  return { ...rest, required: isRequired && fallback === undefined, ...(fallback === undefined ? {} : { default: fallback }) };
}
