/** Publishing, pausing and taking out of service, as every way to them does it: by hand, by import, in bulk. */
import type { WorkflowDefinition } from '@plugboard/engine';
import {
  type WhilePaused,
  type WorkspaceTransaction,
  findWorkflow,
  pauseDeployment,
  publish,
  resumeDeployment,
  unpublish,
} from '@plugboard/persistence';
import { may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { type Definitions, semanticHash } from './definitions.ts';

export interface PublishRequest {
  readonly workflowId: string;
  readonly definition: WorkflowDefinition;
  readonly note?: string | undefined;
  /** The draft's revision that was checked. */
  readonly expectedRev?: number;
}

export interface PublisherOptions {
  readonly definitions: Definitions;
  /** Brings the routes of webhooks up to date before the answer. */
  readonly reloadRoutes: () => Promise<void>;
  /** Writes what the workflow may use in the same transaction, or refuses. Called after the version was made. */
  readonly bind?: (ctx: OperationContext, tx: WorkspaceTransaction, request: PublishRequest) => Promise<void>;
  /** Of schedules that name none, in a workflow that names none. @default UTC */
  readonly timezoneOf?: (workspaceId: string) => string;
  readonly log: { warn(fields: object, message: string): void };
}

export interface Publisher {
  /** @throws OperationProblem NOT_FOUND, CONFLICT, HOOK_PATH_TAKEN */
  publishNow(
    ctx: OperationContext,
    tx: WorkspaceTransaction,
    request: PublishRequest,
  ): Promise<{ readonly version: number; readonly unchanged: boolean }>;
  /** False when nothing was live. */
  takeOut(ctx: OperationContext, tx: WorkspaceTransaction, workflowId: string): Promise<boolean>;
  /** Pauses what is live, or goes on with what is paused. False when there is nothing to. */
  pause(ctx: OperationContext, tx: WorkspaceTransaction, workflowId: string, meanwhile: WhilePaused): Promise<boolean>;
  resume(ctx: OperationContext, tx: WorkspaceTransaction, workflowId: string): Promise<boolean>;
  /** To be called after the commit of whatever changes routes. */
  routesChanged(workflowId: string): () => Promise<void>;
}

export function createPublisher({ definitions, reloadRoutes, bind, timezoneOf, log }: PublisherOptions): Publisher {
  const routesChanged = (workflowId: string) => async (): Promise<void> => {
    // What changed is committed: where the table cannot be read now, the poll of the generation brings it.
    await reloadRoutes().catch((error: unknown) =>
      log.warn({ err: error, workflowId }, 'the webhook routes could not be reloaded after a change; trying again'),
    );
  };

  return {
    routesChanged,

    async publishNow(ctx, tx, request) {
      const { workflowId, definition } = request;
      const result = await publish(tx, {
        workflowId,
        definition,
        semanticHash: semanticHash(definition),
        typePins: definitions.pins(definition),
        hooks: definitions.hooks(definition),
        schedules: definitions.schedules(definition, timezoneOf?.(ctx.workspaceId)),
        polls: definitions.polls(definition),
        ...(request.note ? { note: request.note } : {}),
        ...(request.expectedRev === undefined ? {} : { expectedRev: request.expectedRev }),
      });
      if (result.kind === 'not-found') throw notFound();
      if (result.kind === 'conflict') throw revConflict(result.rev);
      if (result.kind === 'hook-path-taken') {
        const clashes: string[] = [];
        for (const { method, pattern, workflow } of result.clashes)
          clashes.push(`${method} ${pattern} belongs to ${await ownerText(ctx, tx, workflow)}.`);
        throw new OperationProblem('HOOK_PATH_TAKEN', clashes.join(' '), {
          hint: 'Choose another path, or take the other workflow out of service first. Nothing was changed.',
        });
      }
      await bind?.(ctx, tx, request);
      if (result.kind === 'published') ctx.afterCommit(routesChanged(workflowId));
      // A paused workflow that is published again goes on, also with nothing new in it.
      else if (await resumeDeployment(tx, workflowId)) ctx.afterCommit(routesChanged(workflowId));
      return { version: result.version, unchanged: result.kind === 'unchanged' };
    },

    async takeOut(ctx, tx, workflowId) {
      const isOut = await unpublish(tx, workflowId);
      if (isOut) ctx.afterCommit(routesChanged(workflowId));
      return isOut;
    },

    async pause(ctx, tx, workflowId, meanwhile) {
      const isDone = await pauseDeployment(tx, workflowId, meanwhile);
      if (isDone) ctx.afterCommit(routesChanged(workflowId));
      return isDone;
    },

    async resume(ctx, tx, workflowId) {
      const isDone = await resumeDeployment(tx, workflowId);
      if (isDone) ctx.afterCommit(routesChanged(workflowId));
      return isDone;
    },
  };
}

export function revConflict(rev: number): OperationProblem {
  return new OperationProblem('CONFLICT', 'Somebody has changed the draft in between', {
    hint: 'Look at the newer draft, then publish it.',
    params: { rev },
  });
}

/** A workflow one may not see keeps its name. */
async function ownerText(
  ctx: OperationContext,
  tx: WorkspaceTransaction,
  other: { readonly id: string; readonly name: string } | undefined,
): Promise<string> {
  const workflow = other && (await findWorkflow(tx, other.id));
  if (!workflow) return 'a workflow of another workspace';
  return may(ctx, 'workflow.read', { kind: 'workflow', id: workflow.id, projectId: workflow.projectId })
    ? `"${workflow.name}"`
    : 'another workflow';
}
