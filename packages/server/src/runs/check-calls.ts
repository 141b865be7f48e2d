/**
 * What a definition says about other workflows, checked when it is published: those it names have to be there, and whoever publishes it has to be allowed to
 * run them. Names that are computed are checked when the step runs, as all of them are again.
 */
import type { Problem, WorkflowDefinition, WorkflowNode } from '@plugboard/engine';
import type { WorkspaceTransaction } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import { type Json, type TypeIR, isExpression } from '@plugboard/sdk';
import { may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { resourceOf } from '../workflows/workflow-access.ts';
import { workflowNamed } from './callable-workflow.ts';

interface NamedWorkflow {
  readonly name: string;
  readonly path: string;
  readonly nodeId?: string;
  /** How it is said in a message. */
  readonly by: string;
}

/** @throws OperationProblem DEFINITION_INVALID with everything that is wrong; nothing is published then */
export function createCheckCalls(catalog: Pick<Catalog, 'find'>) {
  return async (
    ctx: OperationContext,
    tx: WorkspaceTransaction,
    { workflowId, definition }: { readonly workflowId: string; readonly definition: WorkflowDefinition },
  ): Promise<void> => {
    const problems: Problem[] = [];
    for (const named of namesIn(definition, catalog)) {
      const workflow = await workflowNamed(tx, named.name);
      // A workflow may call itself; it is there once this is published.
      if (workflow?.id === workflowId) continue;
      if (!workflow || !may(ctx, 'workflow.run', resourceOf(workflow))) problems.push(missing(named));
    }
    if (problems.length === 0) return;
    throw new OperationProblem('DEFINITION_INVALID', 'The workflow names others that it may not start; nothing was published', {
      problems,
    });
  };
}

/** The same whether there is none or it may not be run. */
function missing({ name, path, nodeId, by }: NamedWorkflow): Problem {
  return {
    code: 'CALLED_WORKFLOW_MISSING',
    severity: 'error',
    path,
    ...(nodeId === undefined ? {} : { nodeId }),
    message: `${by} names the workflow "${name}", which is not there, or which you may not run.`,
    hint: 'Check the name. To publish a workflow that starts another one you need the role runner there.',
    params: { name },
  };
}

function namesIn({ nodes, settings }: WorkflowDefinition, catalog: Pick<Catalog, 'find'>): readonly NamedWorkflow[] {
  const names: NamedWorkflow[] = [];
  for (const [n, node] of nodes.entries()) {
    const name = calledBy(node, catalog.find(node.type, node.data.typeVersion));
    if (name !== undefined) names.push({ name, path: `nodes[${n}].data.params.workflow`, nodeId: node.id, by: `"${node.data.name}"` });
  }
  if (settings.errorWorkflow !== undefined)
    names.push({ name: settings.errorWorkflow, path: 'settings.errorWorkflow', by: 'The setting "errorWorkflow"' });
  return names;
}

/** A literal name in the parameter of a step that waits for runs. */
function calledBy({ data }: WorkflowNode, type: TypeIR | undefined): string | undefined {
  if (type?.kind !== 'node' || type.waits !== 'child' || data.disabled === true) return undefined;
  const name: Json | undefined = data.params['workflow'];
  return typeof name === 'string' && name !== '' ? literalOf(name) : undefined;
}

function literalOf(name: string): string | undefined {
  if (name.startsWith('==')) return name.slice(1);
  return isExpression(name) ? undefined : name;
}
