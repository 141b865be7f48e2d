/**
 * What a step may call: a workflow of its own workspace that is live, begins with "When called by a workflow", takes what it is given, and may be run by
 * whoever published the calling version (of a draft: by whoever started it). Asked anew for every call: what was taken away counts from then on.
 */
import { type Plan, checkInput } from '@plugboard/engine';
import { type Database, callChain, countCalled, findDeployment, inWorkspace } from '@plugboard/persistence';
import type { CalledWorkflow, ChildRunsOptions, PlanSource, StepOwner } from '@plugboard/runner';
import { type Item, StepFailure, type WorkflowCall } from '@plugboard/sdk';
import type { Settings } from '../settings/settings.ts';
import { actsFor, mayStart, workflowNamed } from './callable-workflow.ts';

const LIVE = 1;
/** Problems of items that are said; more only count. */
const SAID = 20;

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
    return {
      loaded,
      trigger: entryOf(loaded.plan, workflow.name),
      items: checkedItems(loaded.plan, workflow.name, call.items),
    } satisfies CalledWorkflow;
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
    const check = checkInput(inputs, item.json);
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
