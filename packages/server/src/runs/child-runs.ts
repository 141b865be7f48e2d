/**
 * What a step may call: a workflow of its own workspace that is live, begins with "When called by a workflow", takes what it is given, and may be run by
 * whoever published the calling version (of a draft: by whoever started it). Asked anew for every call: what was taken away counts from then on.
 */
import { type Plan, checkFields } from '@plugboard/engine';
import { type Database, callChain, countCalled, countCalls, findDeployment, inWorkspace } from '@plugboard/persistence';
import type { CalledWorkflow, ChildRunsOptions, PlanSource, StepOwner } from '@plugboard/runner';
import { type Item, StepFailure, type WorkflowCall } from '@plugboard/sdk';
import type { Settings } from '../settings/settings.ts';
import { actsFor, mayStart, workflowNamed } from './callable-workflow.ts';

const LIVE = 1;
/** Problems of items that are said; more only count. */
const SAID = 20;
/** A call is repeated soon after a crash, not a month later. */
const COUNT_KEPT_MS = 30 * 24 * 60 * 60_000;

export interface CallableOptions {
  readonly database: Database;
  readonly plans: PlanSource;
  readonly settings: Pick<Settings, 'value'>;
  readonly systemPrincipalId: string;
}

export function createFindCallable(options: CallableOptions): ChildRunsOptions['find'] {
  const { database, plans, settings, systemPrincipalId } = options;
  return async (owner, call) => {
    const { workspaceId } = owner;
    const found = await inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, async (tx) => {
      const workflow = await workflowNamed(tx, call.workflow);
      return workflow && { workflow, principalId: await actsFor(tx, owner), deployment: await findDeployment(tx, workflow.id) };
    });
    if (!found || !(await mayStart(options, { workspaceId, principalId: found.principalId }, found.workflow)))
      throw notFound(call.workflow);
    const { workflow, deployment } = found;
    if (!deployment || deployment.state === 'off') throw notCallable(workflow.name, 'it is not published. Publish it');
    if (deployment.state === 'paused') throw notCallable(workflow.name, 'it is paused. Let it go on');
    const { version } = deployment;
    await checkLimits(database, owner, call, {
      name: workflow.name,
      depth: settings.value('runs.callDepth', workspaceId),
      runs: settings.value('runs.callsPerRun', workspaceId),
    });
    const loaded = await plans.load(workflow.id, version, LIVE);
    const called: CalledWorkflow = {
      loaded,
      trigger: entryOf(loaded.plan, workflow.name),
      items: checkedItems(loaded.plan, workflow.name, call.items),
    };
    await countInTree(options, owner, call, workflow.name);
    return called;
  };
}

async function checkLimits(
  database: Database,
  { workspaceId, runId, place, depth }: StepOwner,
  { items, each }: WorkflowCall,
  most: { readonly name: string; readonly depth: number; readonly runs: number },
): Promise<void> {
  if (depth + 1 > most.depth) {
    const chain = [...(await callChain(database, { workspaceId, runId })), most.name].join(' → ');
    throw new StepFailure(
      'SUBWORKFLOW_DEPTH',
      `Workflows call each other ${depth + 1} deep, and ${most.depth} is the most: ${chain}. Check what ends the calls, or raise the limit in the settings.`,
      { kind: 'input' },
    );
  }
  const wanted = each ? items.length : 1;
  const before = await countCalled(database, { workspaceId, runId, exceptPlace: place });
  if (before + wanted <= most.runs) return;
  throw new StepFailure(
    'SUBWORKFLOW_COUNT',
    `The run would call ${before + wanted} runs, and ${most.runs} is the most. Give each more items, or raise the limit in the settings.`,
    { kind: 'input' },
  );
}

/** The last check: what is counted is started. */
async function countInTree(
  { database, plans, settings }: CallableOptions,
  owner: StepOwner,
  call: WorkflowCall,
  name: string,
): Promise<void> {
  const { workspaceId, rootRunId, runId } = owner;
  const place = owner.round === undefined ? owner.place : `${owner.place}:${owner.round}`;
  const limit = settings.value('runs.callsPerTree', workspaceId);
  const runs = (call.each ? call.items.length : 1) - (owner.answered?.parts.size ?? 0);
  const counted = await countCalls(database, { workspaceId, rootRunId, runId, place, runs, limit, keptMs: COUNT_KEPT_MS });
  if (counted.kind === 'counted') return;
  const caller = await callerNamed(plans, owner);
  throw new StepFailure(
    'SUBWORKFLOW_TREE',
    `${caller} would start ${runs} more of "${name}". The start at the top (run ${rootRunId}) has called ${counted.called} runs in all, and ${limit} is the most; none was started. Check what ends the calls, give each more items, or raise runs.callsPerTree in the settings.`,
    { kind: 'input', data: { rootRunId, called: counted.called, limit } },
  );
}

/** The step that calls, as people know it. */
async function callerNamed(plans: PlanSource, { workflowId, version, environment, nodeId }: StepOwner): Promise<string> {
  // A draft is in no store of versions.
  const loaded = version === 0 ? undefined : await plans.load(workflowId, version, environment);
  const node = loaded?.plan.nodes.find(({ id }) => id === nodeId)?.name ?? nodeId;
  return loaded ? `The step "${node}" of "${loaded.workflowName}"` : `The step "${node}"`;
}

function entryOf({ nodes }: Plan, name: string): string {
  const entry = nodes.find(({ type, disabled }) => !disabled && type.kind === 'trigger' && type.trigger === 'called');
  if (!entry) throw notCallable(name, 'it does not begin with "When called by a workflow". Add that trigger and publish it');
  return entry.id;
}

/** @throws StepFailure with everything that is wrong */
function checkedItems({ inputs }: Plan, name: string, items: readonly Item[]): readonly Item[] {
  if (inputs.length === 0) return items;
  const wrong: string[] = [];
  const checked = items.map((item, n) => {
    const check = checkFields(inputs, item.json);
    if (check.ok) return { ...item, json: check.json };
    const where = items.length > 1 ? ` in item ${n}` : '';
    for (const { said } of check.wrong) wrong.push(said + where);
    return item;
  });
  if (wrong.length === 0) return checked;
  const more = wrong.length > SAID ? `; and ${wrong.length - SAID} more` : '';
  throw new StepFailure('INPUT_INVALID', `"${name}" cannot take this: ${wrong.slice(0, SAID).join('; ')}${more}. Nothing was started.`, {
    kind: 'input',
  });
}

/** The same whether there is none or it may not be run: a name tells nothing to who may not see it. */
function notFound(name: string): StepFailure {
  return new StepFailure(
    'WORKFLOW_NOT_FOUND',
    `There is no workflow "${name}" that this one may call. Check its name, and that whoever publishes this workflow may run it.`,
    { kind: 'input' },
  );
}

function notCallable(name: string, why: string): StepFailure {
  return new StepFailure('WORKFLOW_NOT_CALLABLE', `"${name}" cannot be called: ${why}, then try again.`, { kind: 'input' });
}
