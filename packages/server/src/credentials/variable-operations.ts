/** Variables: values that expressions read as `$vars`, one set for each project and environment. They are no place for secrets. */
import { ENVIRONMENT, deleteVariable, listVariables, setVariable } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing } from '../operation/shapes.ts';
import { projectResource } from '../workflows/workflow-access.ts';

const environment = z.enum(['draft', 'live']).meta({ id: 'VariableEnvironment' });
const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'use letters, digits and _; do not begin with a digit; at most 63');
const VALUE_TEXT = 64 * 1024;
const variable = z.object({ key: z.string(), value: json, rev: z.int(), updatedAt: z.iso.datetime() }).meta({ id: 'Variable' });

export interface VariableOperationsOptions {
  /** Runs of this server see the change from now on. */
  readonly changed: (place: { readonly projectId: string; readonly environment: number }) => Promise<void>;
}

export function variableOperations({ changed }: VariableOperationsOptions): readonly Operation[] {
  const place = async (ctx: OperationContext, projectId: string | undefined): Promise<string> => {
    const project = await ctx.inTransaction((tx) => projectResource(tx, ctx, projectId));
    if (!project) throw notFound();
    return project.id;
  };
  const on = (ctx: OperationContext, input: { readonly projectId?: string | undefined }) =>
    ctx.inTransaction((tx) => projectResource(tx, ctx, input.projectId));
  const after = (ctx: OperationContext, projectId: string, at: keyof typeof ENVIRONMENT): void =>
    ctx.afterCommit(() => changed({ projectId, environment: ENVIRONMENT[at] }));

  return [
    operation({
      name: 'variable.list',
      field: 'variables',
      kind: 'query',
      summary: 'Variables of a project, by key.',
      permission: { action: 'variable.read', on },
      input: z.strictObject({ projectId: id.optional(), environment: environment.default('live') }),
      output: z.array(variable),
      problems: [],
      rest: { method: 'GET', path: '/variables' },
      async handler(ctx, input) {
        const projectId = await place(ctx, input.projectId);
        const found = await ctx.inTransaction((tx) => listVariables(tx, { projectId, environment: ENVIRONMENT[input.environment] }));
        return found.map(({ updatedAt, ...one }) => ({ ...one, updatedAt: updatedAt.toISOString() }));
      },
    }),
    operation({
      name: 'variable.set',
      field: 'setVariable',
      kind: 'mutation',
      summary: 'Set a variable. With expectedRev 0 only a new one is made.',
      permission: { action: 'variable.manage', on },
      input: z.strictObject({
        projectId: id.optional(),
        environment: environment.default('live'),
        key: name,
        value: json.refine(
          (value) => value !== undefined && JSON.stringify(value).length <= VALUE_TEXT,
          `at most ${VALUE_TEXT} characters as JSON`,
        ),
        expectedRev: z.int().min(0).optional(),
      }),
      output: z.object({ rev: z.int() }).meta({ id: 'SavedVariable' }),
      problems: [],
      rest: { method: 'PUT', path: '/variables/{key}' },
      async handler(ctx, input) {
        const projectId = await place(ctx, input.projectId);
        const result = await ctx.inTransaction((tx) =>
          setVariable(tx, {
            projectId,
            environment: ENVIRONMENT[input.environment],
            key: input.key,
            value: input.value as Json,
            ...(input.expectedRev === undefined ? {} : { expectedRev: input.expectedRev }),
          }),
        );
        if (result.kind === 'project-not-found') throw notFound();
        if (result.kind === 'conflict') {
          throw new OperationProblem('CONFLICT', 'Somebody has changed the variable in between', {
            hint: 'Look at it as it is now, then set it again.',
            params: result.variable ? { rev: result.variable.rev, current: result.variable.value } : { rev: 0 },
          });
        }
        ctx.audit({ kind: 'variable', payload: { projectId, environment: input.environment, key: input.key } });
        after(ctx, projectId, input.environment);
        return { rev: result.rev };
      },
    }),
    operation({
      name: 'variable.delete',
      field: 'deleteVariable',
      kind: 'mutation',
      summary: 'Take a variable away.',
      permission: { action: 'variable.manage', on },
      input: z.strictObject({ projectId: id.optional(), environment: environment.default('live'), key: name }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/variables/{key}' },
      async handler(ctx, input) {
        const projectId = await place(ctx, input.projectId);
        const at = { projectId, environment: ENVIRONMENT[input.environment], key: input.key };
        if (!(await ctx.inTransaction((tx) => deleteVariable(tx, at)))) throw notFound(`There is no variable "${input.key}"`);
        ctx.audit({ kind: 'variable', payload: { projectId, environment: input.environment, key: input.key } });
        after(ctx, projectId, input.environment);
        return DONE;
      },
    }),
  ];
}
