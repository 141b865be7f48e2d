/** Tests of workflows: kept in the draft with everything else, made from runs, carried out one by one or all together. */
import { type WorkflowDefinition, type WorkflowTest, isTerminal } from '@plugboard/engine';
import {
  type LeasedOwnership,
  type WorkspaceTransaction,
  deleteTestResults,
  getDraft,
  listTestResults,
  putTestResult,
  uuidv7,
} from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { demandNotHeld, replaceDraft } from '../drafts/draft-edits.ts';
import { mockedReply } from '../drafts/draft-run-operations.ts';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, text } from '../operation/shapes.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import { createRunAccess, resourceOf } from '../runs/run-access.ts';
import { createRunLauncher } from '../runs/run-launcher.ts';
import { runId } from '../runs/run-shapes.ts';
import { type StoredRuns, demandData } from '../runs/stored-runs.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { projectResource, workflowResource } from '../workflows/workflow-access.ts';
import { type RunTest, type TestOutcome, type TestedWorkflow, createRunTest } from './run-test.ts';
import { testOfRun } from './test-of-run.ts';

export interface TestOperationsOptions {
  readonly runner: Runner;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly plans: PlanStore;
  readonly stored: StoredRuns;
  readonly definitions: Definitions;
}

const MAX_TESTS = 100;
/** Longest JSON text of one test: the whole workflow has to stay small enough to be edited. */
const MAX_LENGTH = 256 * 1024;
/** Tests under way at once. */
const AT_ONCE = 4;

const testId = text(64, 1).regex(/^[A-Za-z0-9_-]+$/, 'has letters, digits, - and _ only');
const itemList = z.array(json).max(10_000);
const workflowTest = z
  .strictObject({
    id: testId,
    name: text(200, 1),
    trigger: text(64, 1).optional(),
    input: itemList,
    pins: z.record(text(64, 1), z.record(text(64, 1), itemList)).optional(),
    mocks: z.array(mockedReply).max(200).optional(),
    expect: z
      .array(
        z
          .strictObject({
            node: text(64, 1),
            port: text(64, 1).optional(),
            items: itemList,
            ignore: z.array(text(500, 1)).max(100).optional(),
          })
          .meta({ id: 'TestExpectation' }),
      )
      .max(100),
    ends: z.enum(['succeeded', 'failed']).meta({ id: 'TestEnd' }).optional(),
  })
  .meta({ id: 'WorkflowTest' });
const difference = z
  .object({ node: z.string(), path: z.string(), expected: json.optional(), actual: json.optional() })
  .meta({ id: 'TestDifference' });
const outcome = z.enum(['passed', 'failed', 'broken']).meta({ id: 'TestOutcomeKind' });
const testOutcome = z
  .object({
    testId: z.string(),
    name: z.string(),
    outcome,
    message: z.string().optional(),
    differences: z.array(difference),
    runId: id.optional(),
    durationMs: z.int(),
  })
  .meta({ id: 'TestOutcome' });
const allOutcomes = z
  .object({ passed: z.int(), failed: z.int(), broken: z.int(), results: z.array(testOutcome) })
  .meta({ id: 'TestOutcomes' });
const testRow = z
  .object({
    id: z.string(),
    name: z.string(),
    expects: z.int(),
    last: z
      .object({
        outcome,
        differences: z.int(),
        runId: id.optional(),
        durationMs: z.int(),
        at: z.iso.datetime(),
        isOfThisDraft: z.boolean(),
      })
      .meta({ id: 'LastTestResult' })
      .optional(),
  })
  .meta({ id: 'WorkflowTestRow' });

export function testOperations({ runner, ownership, plans, stored, definitions }: TestOperationsOptions): readonly Operation[] {
  const access = createRunAccess(stored);
  const launcher = createRunLauncher({ runner, plans, definitions });
  const runTest = createRunTest({ runner, ownership, access });
  const onWorkflow = (ctx: OperationContext, input: { readonly workflowId: string }) =>
    ctx.inTransaction((tx) => workflowResource(tx, input.workflowId));

  const tested = async (ctx: OperationContext, workflowId: string): Promise<TestedWorkflow & { readonly rev: number }> => {
    const draft = await ctx.inTransaction((tx) => getDraft(tx, workflowId));
    if (!draft) throw notFound('The workflow has no draft');
    const { definition } = definitions.demandSound(draft.definition, 'started');
    await plans.prepare(workflowId);
    return { definition, rev: draft.rev, loaded: plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId }) };
  };

  /** Carries tests out and keeps what they said. */
  const runTests = async (ctx: OperationContext, workflowId: string, which: string | undefined): Promise<TestOutcome[]> => {
    const workflow = await tested(ctx, workflowId);
    const tests = (workflow.definition.tests ?? []).filter((test) => which === undefined || test.id === which);
    if (which !== undefined && tests.length === 0) throw noTest(workflow.definition, which);
    const results = await carryOut(runTest, ctx, workflow, tests);
    await ctx.inTransaction(async (tx) => {
      for (const result of results)
        await putTestResult(tx, workflowId, { ...result, differences: result.differences as unknown as Json, draftRev: workflow.rev });
    });
    return results;
  };

  return [
    operation({
      name: 'test.list',
      field: 'workflowTests',
      kind: 'query',
      summary: 'The tests of a workflow with their last results.',
      permission: { action: 'workflow.read', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: z.object({ rows: z.array(testRow), rev: z.int() }).meta({ id: 'WorkflowTests' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/tests' },
      handler: (ctx, { workflowId }) =>
        ctx.inTransaction(async (tx) => {
          const draft = await draftOf(tx, workflowId);
          const results = new Map((await listTestResults(tx, workflowId)).map((result) => [result.testId, result]));
          return {
            rev: draft.rev,
            rows: (draft.definition.tests ?? []).map((test) => {
              const last = results.get(test.id);
              return {
                id: test.id,
                name: test.name,
                expects: test.expect.length,
                ...(last
                  ? {
                      last: {
                        outcome: last.outcome,
                        differences: Array.isArray(last.differences) ? last.differences.length : 0,
                        ...(last.runId === undefined ? {} : { runId: last.runId }),
                        durationMs: last.durationMs,
                        at: last.at.toISOString(),
                        isOfThisDraft: last.draftRev === draft.rev,
                      },
                    }
                  : {}),
              };
            }),
          };
        }),
    }),
    operation({
      name: 'test.get',
      field: 'workflowTest',
      kind: 'query',
      summary: 'One test, and how the last run of it differed.',
      permission: { action: 'workflow.read', on: onWorkflow },
      input: z.strictObject({ workflowId: id, testId }),
      output: z.object({ test: json, differences: z.array(difference) }).meta({ id: 'WorkflowTestDetail' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/tests/{testId}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const { definition } = await draftOf(tx, input.workflowId);
          const test = definition.tests?.find((one) => one.id === input.testId);
          if (!test) throw noTest(definition, input.testId);
          const resource = await workflowResource(tx, input.workflowId);
          // What a run gave is data of the run.
          const mayRead =
            resource?.kind === 'workflow' &&
            may(ctx, 'run.readData', { kind: 'run', workflowId: resource.id, projectId: resource.projectId });
          const last = mayRead ? (await listTestResults(tx, input.workflowId)).find((one) => one.testId === input.testId) : undefined;
          return { test, differences: (last?.differences ?? []) as z.input<typeof difference>[] };
        }),
    }),
    operation({
      name: 'test.save',
      field: 'saveWorkflowTest',
      kind: 'mutation',
      summary: 'Put a test into the draft: a new one, or in the place of the one with its id.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id, test: workflowTest }),
      output: z.object({ testId: z.string(), rev: z.int() }).meta({ id: 'SavedTest' }),
      problems: ['LIMIT_REACHED', 'BODY_TOO_LARGE', 'DRAFT_HELD', 'DEFINITION_INVALID'],
      rest: { method: 'PUT', path: '/workflows/{workflowId}/tests' },
      handler: (ctx, { workflowId, test }) => ctx.inTransaction((tx) => save(ctx, tx, workflowId, test as WorkflowTest)),
    }),
    operation({
      name: 'test.fromRun',
      field: 'saveRunAsTest',
      kind: 'mutation',
      summary: 'Make a test of a run: its input, what its steps outside gave, and what its last steps, or the named ones, have to give.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({
        workflowId: id,
        runId,
        name: text(200, 1),
        expect: z.array(text(200, 1)).max(100).optional(),
        ignore: z.array(text(500, 1)).max(100).optional(),
      }),
      output: z.object({ testId: z.string(), rev: z.int() }).meta({ id: 'SavedTest' }),
      problems: ['RUN_STATE', 'STEP_STATE', 'DATA_ERASED', 'LIMIT_REACHED', 'BODY_TOO_LARGE', 'DRAFT_HELD', 'DEFINITION_INVALID'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/tests/from-run', status: 201 },
      transactional: false,
      async handler(ctx, { workflowId, runId: given, name, expect, ignore }) {
        const run = await access.open(ctx, given);
        const row = await access.rowOf(ctx, run.run.head.id);
        demand(ctx, 'run.readData', resourceOf(row));
        if (row.workflowId !== workflowId)
          throw new OperationProblem('INPUT_INVALID', 'This is a run of another workflow', { path: 'input.runId' });
        if (!isTerminal(row.status)) {
          throw new OperationProblem('RUN_STATE', `The run is ${row.status}; only a run that has ended can be a test`, {
            params: { status: row.status },
          });
        }
        demandData(run.events);
        const test = testOfRun(run, { id: uuidv7().slice(-12), name, expect, ignore });
        return ctx.inTransaction((tx) => save(ctx, tx, workflowId, test));
      },
    }),
    operation({
      name: 'test.delete',
      field: 'deleteWorkflowTest',
      kind: 'mutation',
      summary: 'Take a test out of the draft.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id, testId }),
      output: nothing,
      problems: ['DRAFT_HELD', 'DEFINITION_INVALID'],
      rest: { method: 'DELETE', path: '/workflows/{workflowId}/tests/{testId}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const { definition } = await draftOf(tx, input.workflowId);
          const tests = (definition.tests ?? []).filter((test) => test.id !== input.testId);
          if (tests.length === (definition.tests ?? []).length) throw noTest(definition, input.testId);
          await replace(ctx, tx, input.workflowId, definition, tests);
          return DONE;
        }),
    }),
    operation({
      name: 'test.run',
      field: 'runWorkflowTest',
      kind: 'mutation',
      summary: 'Carry one test of the draft out; answers with how it went.',
      permission: { action: 'workflow.run', on: onWorkflow },
      input: z.strictObject({ workflowId: id, testId }),
      output: testOutcome,
      problems: ['DEFINITION_INVALID', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/tests/{testId}/run' },
      transactional: false,
      async handler(ctx, input) {
        ctx.audit({ kind: 'workflow', id: input.workflowId, payload: { test: input.testId } });
        const [result] = await runTests(ctx, input.workflowId, input.testId);
        if (!result) throw notFound();
        return view(result);
      },
    }),
    operation({
      name: 'test.runAll',
      field: 'runWorkflowTests',
      kind: 'mutation',
      summary: 'Carry all tests of the draft out; with "strict" one that does not pass is a problem.',
      permission: { action: 'workflow.run', on: (ctx, input) => onWorkflow(ctx, { workflowId: input.id }) },
      input: z.strictObject({ id, strict: z.boolean().default(false) }),
      output: allOutcomes,
      problems: ['TESTS_FAILED', 'DEFINITION_INVALID', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/workflows/{id}/tests/run' },
      transactional: false,
      async handler(ctx, input) {
        ctx.audit({ kind: 'workflow', id: input.id });
        const all = summed(await runTests(ctx, input.id, undefined));
        const bad = all.failed + all.broken;
        if (input.strict && bad > 0) {
          throw new OperationProblem('TESTS_FAILED', `${bad} of ${all.results.length} tests did not pass`, {
            hint: 'Look at them in the workflow, or run: npx plugboard test NAME',
          });
        }
        return all;
      },
    }),
    operation({
      name: 'test.try',
      field: 'tryWorkflowTests',
      kind: 'mutation',
      summary: 'Carry the tests of a definition out that is given here; nothing of them is kept but their runs.',
      // Its runs belong to the workflow of its name, which is made where there is none.
      permission: { action: 'workflow.create', on: (ctx) => ctx.inTransaction((tx) => projectResource(tx, ctx, undefined)) },
      input: z.strictObject({ definition: json }),
      output: allOutcomes,
      problems: ['DEFINITION_INVALID', 'NAME_TAKEN', 'SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/workflow-tests/try' },
      transactional: false,
      async handler(ctx, input) {
        const { definition } = definitions.demandSound(input.definition, 'started');
        const workflowId = await launcher.homeOf(ctx, definition);
        ctx.audit({ kind: 'workflow', id: workflowId });
        await plans.prepare(workflowId);
        const loaded = plans.compile(definition, { workspaceId: ctx.workspaceId, workflowId });
        return summed(await carryOut(runTest, ctx, { loaded, definition }, definition.tests ?? []));
      },
    }),
  ];
}

async function carryOut(
  runTest: RunTest,
  ctx: OperationContext,
  workflow: TestedWorkflow,
  tests: readonly WorkflowTest[],
): Promise<TestOutcome[]> {
  const results: TestOutcome[] = [];
  for (let at = 0; at < tests.length; at += AT_ONCE)
    results.push(...(await Promise.all(tests.slice(at, at + AT_ONCE).map((test) => runTest(ctx, workflow, test)))));
  return results;
}

function view({ differences, ...result }: TestOutcome): z.input<typeof testOutcome> {
  return { ...result, differences: [...differences] };
}

function summed(results: readonly TestOutcome[]): z.input<typeof allOutcomes> {
  const count = (kind: TestOutcome['outcome']): number => results.filter((result) => result.outcome === kind).length;
  return { passed: count('passed'), failed: count('failed'), broken: count('broken'), results: results.map(view) };
}

async function draftOf(tx: WorkspaceTransaction, workflowId: string) {
  const draft = await getDraft(tx, workflowId);
  if (!draft) throw notFound('The workflow has no draft');
  return draft;
}

async function save(ctx: OperationContext, tx: WorkspaceTransaction, workflowId: string, test: WorkflowTest) {
  const { definition } = await draftOf(tx, workflowId);
  const known = definition.tests ?? [];
  const isNew = !known.some((one) => one.id === test.id);
  if (isNew && known.length >= MAX_TESTS)
    throw new OperationProblem('LIMIT_REACHED', `A workflow has at most ${MAX_TESTS} tests`, { hint: 'Delete one first.' });
  if (JSON.stringify(test).length > MAX_LENGTH) {
    throw new OperationProblem('BODY_TOO_LARGE', `A test has at most ${MAX_LENGTH / 1024} KiB as JSON`, {
      hint: 'Use a run with fewer or smaller items, or expect fewer steps.',
    });
  }
  const rev = await replace(
    ctx,
    tx,
    workflowId,
    definition,
    isNew ? [...known, test] : known.map((one) => (one.id === test.id ? test : one)),
  );
  return { testId: test.id, rev };
}

async function replace(
  ctx: OperationContext,
  tx: WorkspaceTransaction,
  workflowId: string,
  definition: WorkflowDefinition,
  tests: readonly WorkflowTest[],
): Promise<number> {
  await demandNotHeld(tx, workflowId);
  const { tests: _, ...rest } = definition;
  const { rev } = await replaceDraft(tx, { workflowId, definition: tests.length > 0 ? { ...rest, tests } : rest });
  await deleteTestResults(
    tx,
    workflowId,
    tests.map((test) => test.id),
  );
  ctx.audit({ kind: 'workflow', id: workflowId, payload: { rev } });
  return rev;
}

function noTest({ tests = [] }: WorkflowDefinition, wanted: string): Error {
  return notFound(
    `The workflow has no test "${wanted}"`,
    tests.length > 0 ? `It has: ${tests.map((test) => test.id).join(', ')}.` : 'Make one of a run: open the run and choose "Save as test".',
  );
}
