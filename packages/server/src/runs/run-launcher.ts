/** Starts runs for callers: of what is live, of a draft, or of a definition that no version keeps. */
import type { RunTag, TriggerKindName, WorkflowDefinition } from '@plugboard/engine';
import { createWorkflow, findWorkflowByName, getDraft, liveVersion } from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Item, Json } from '@plugboard/sdk';
import type { Resource } from '../access/access.ts';
import { demandCredentialScope } from '../credentials/draft-scope.ts';
import { demand, may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { type Definitions, semanticHash } from '../workflows/definitions.ts';
import { projectResource } from '../workflows/workflow-access.ts';
import type { PlanStore } from './plan-store.ts';
import { chooseTrigger, declaredInputs, startStored, triggerItem } from './start-run.ts';

/** What a run is started under; `definition` where no version keeps it. */
export interface RunPlan {
  readonly loaded: LoadedPlan;
  readonly definition?: WorkflowDefinition;
  /** What the run is found by, besides the tags of its workflow. */
  readonly tags?: readonly RunTag[] | undefined;
}

export interface RunLauncher {
  /** Starts at the chosen trigger with what is given to it. Resolves with the id once the run is stored. */
  readonly begin: (ctx: OperationContext, plan: RunPlan, trigger: string | undefined, inputs: readonly Json[]) => Promise<string>;
  /** Starts at this trigger with items as they are. */
  readonly launch: (
    ctx: OperationContext,
    plan: RunPlan,
    trigger: string,
    items: readonly Item[],
    triggerKind: TriggerKindName,
  ) => Promise<string>;
  /** @throws OperationProblem NOT_FOUND, DEFINITION_INVALID */
  readonly draftPlan: (ctx: OperationContext, workflowId: string) => Promise<{ loaded: LoadedPlan; definition: WorkflowDefinition }>;
  /** @throws OperationProblem NOT_FOUND when it is not published */
  readonly livePlan: (ctx: OperationContext, workflowId: string, name: string) => Promise<LoadedPlan>;
  /** The workflow a definition that is run as a draft belongs to; a new name makes one, an existing draft is left alone. */
  readonly homeOf: (ctx: OperationContext, definition: WorkflowDefinition) => Promise<string>;
}

export interface RunLauncherOptions {
  readonly runner: Runner;
  readonly plans: PlanStore;
  readonly definitions: Definitions;
}

export function createRunLauncher({ runner, plans, definitions }: RunLauncherOptions): RunLauncher {
  const begin = async (
    ctx: OperationContext,
    { loaded, definition, tags }: RunPlan,
    trigger: string | undefined,
    inputs: readonly Json[],
  ): Promise<string> => {
    const chosen = chooseTrigger(loaded, trigger);
    return launch(
      ctx,
      { loaded, tags, ...(definition ? { definition } : {}) },
      chosen.id,
      declaredInputs(
        loaded,
        chosen.kind,
        inputs.map((one) => triggerItem(chosen, one)),
      ),
      'manual',
    );
  };

  const launch = (
    ctx: OperationContext,
    { loaded, definition, tags }: RunPlan,
    trigger: string,
    items: readonly Item[],
    triggerKind: TriggerKindName,
  ): Promise<string> => {
    if (definition) demandCredentialScope(ctx.actor, loaded);
    return startStored(runner, {
      loaded,
      trigger,
      items,
      triggerKind,
      begin: 'dispatched',
      initiator: ctx.actor.principalId,
      tags,
      ...(definition ? { definition } : {}),
    });
  };

  const draftPlan = async (ctx: OperationContext, workflowId: string): Promise<{ loaded: LoadedPlan; definition: WorkflowDefinition }> => {
    const draft = await ctx.inTransaction((tx) => getDraft(tx, workflowId));
    if (!draft) throw notFound('The workflow has no draft');
    // Tests are no part of what runs.
    const { tests: _, ...definition } = definitions.demandSound(draft.definition, 'started').definition;
    await plans.prepare(workflowId);
    return { loaded: plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId }), definition };
  };

  const livePlan = async (ctx: OperationContext, workflowId: string, name: string): Promise<LoadedPlan> => {
    const version = await ctx.inTransaction((tx) => liveVersion(tx, workflowId));
    if (version === undefined) throw notFound(`"${name}" is not published`, 'Publish it with: npx plugboard import FILE --publish');
    return plans.load(workflowId, version, 1);
  };

  const homeOf = (ctx: OperationContext, definition: WorkflowDefinition): Promise<string> =>
    ctx.inTransaction(async (tx) => {
      const found = await findWorkflowByName(tx, definition.name);
      if (found) {
        const resource: Resource = { kind: 'workflow', id: found.id, projectId: found.projectId };
        if (!may(ctx, 'workflow.read', resource)) throw nameTaken(definition.name);
        demand(ctx, 'workflow.edit', resource);
        return found.id;
      }
      const project = await projectResource(tx, ctx, undefined);
      demand(ctx, 'workflow.create', project);
      const made = await createWorkflow(tx, { projectId: project?.id ?? '', definition, semanticHash: semanticHash(definition) });
      return made.kind === 'created' ? made.workflow.id : made.workflowId;
    });

  return { begin, launch, draftPlan, livePlan, homeOf };
}

function nameTaken(name: string): OperationProblem {
  return new OperationProblem('NAME_TAKEN', `There is another workflow named "${name}"`, {
    hint: 'Names are unique in the workspace; choose another one.',
  });
}
