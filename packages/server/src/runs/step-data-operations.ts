/** What steps of a run were given, gave and logged: data of the run, under its own permission. */
import { type StepState, findStep, inputItems, runOutput } from '@plugboard/engine';
import type { Item } from '@plugboard/sdk';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { notFound } from '../operation/problem.ts';
import { json, page, pageInput, text } from '../operation/shapes.ts';
import type { RunAccess } from './run-access.ts';
import { roundPath, runId } from './run-shapes.ts';
import { stepInRound, stepOutput } from './run-view.ts';
import type { OpenedRun } from './stored-runs.ts';

export function stepDataOperations({ onRun, open }: RunAccess): readonly Operation[] {
  return [
    operation({
      name: 'run.output',
      kind: 'query',
      summary: 'Items of the end nodes, or of one step by port.',
      permission: { action: 'run.readData', on: onRun },
      input: z.strictObject({ id: runId, node: text(200).optional() }),
      output: z.object({ output: json }).meta({ id: 'RunOutput' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/output' },
      async handler(ctx, input) {
        const { state, loaded } = await open(ctx, input.id);
        if (input.node === undefined) return { output: runOutput(state).map((item) => item.json) };
        const output = stepOutput(state, input.node);
        if (output) return { output };
        const isStep = loaded.plan.byId.has(input.node) || loaded.plan.byName.has(input.node);
        throw isStep
          ? notFound(`Step "${input.node}" gave no items in this run`)
          : notFound(
              `The workflow of this run has no step "${input.node}"`,
              `It has: ${loaded.plan.nodes.map((one) => one.name).join(', ')}.`,
            );
      },
    }),
    operation({
      name: 'run.stepData',
      field: 'stepData',
      kind: 'query',
      summary: 'Items that went into a step or came out of it, by page.',
      permission: { action: 'run.readData', on: (ctx, input) => onRun(ctx, { id: input.runId }) },
      input: z.strictObject({
        runId,
        nodeId: text(200, 1),
        path: roundPath,
        side: z.enum(['input', 'output']).meta({ id: 'StepSide' }),
        port: text(64).default('main'),
        first: pageInput.first,
        after: z
          .string()
          .regex(/^\d{1,9}$/)
          .optional(),
      }),
      output: z
        .object({ rows: z.array(json), endCursor: z.string().optional(), hasMore: z.boolean(), total: z.int(), hiddenFields: z.int() })
        .meta({ id: 'StepData' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{runId}/steps/{nodeId}/data' },
      async handler(ctx, input) {
        const items = stepItems(await stepOf(await open(ctx, input.runId), input), input);
        const from = Number(input.after ?? 0);
        const to = from + (input.first ?? 50);
        return { ...page(items.slice(from, to), to < items.length ? String(to) : undefined), total: items.length, hiddenFields: 0 };
      },
    }),
    operation({
      name: 'run.stepLog',
      field: 'stepLog',
      kind: 'query',
      summary: 'What a step logged.',
      permission: { action: 'run.readData', on: (ctx, input) => onRun(ctx, { id: input.runId }) },
      input: z.strictObject({ runId, nodeId: text(200, 1), path: roundPath }),
      output: z.array(
        z.object({ at: z.iso.datetime(), level: z.string(), message: z.string(), item: z.int().optional() }).meta({ id: 'StepLogLine' }),
      ),
      problems: [],
      rest: { method: 'GET', path: '/runs/{runId}/steps/{nodeId}/log' },
      async handler(ctx, input) {
        const step = await stepOf(await open(ctx, input.runId), input);
        return (step?.logs ?? []).map(({ at, level, message, i }) => ({
          at: new Date(at).toISOString(),
          level,
          message,
          ...(i === undefined ? {} : { item: i }),
        }));
      },
    }),
  ];
}

/** Undefined while nothing has happened to the step, in the round that is asked for or at all. */
async function stepOf(
  { loaded, events, state }: OpenedRun,
  { nodeId, path }: { readonly nodeId: string; readonly path?: readonly number[] | undefined },
): Promise<StepState | undefined> {
  const node = state.plan.byId.get(nodeId) ?? state.plan.byName.get(nodeId);
  if (!node) throw notFound(`The workflow of this run has no step "${nodeId}"`);
  return node.loops.length === 0 ? findStep(state, node) : stepInRound(loaded, events, node, path);
}

function stepItems(
  step: StepState | undefined,
  { side, port }: { readonly side: 'input' | 'output'; readonly port: string },
): readonly Item[] {
  if (side === 'input') return step?.input ? inputItems(step.input) : [];
  return Object.hasOwn(step?.outputs ?? {}, port) ? (step?.outputs?.[port]?.items ?? []) : [];
}
