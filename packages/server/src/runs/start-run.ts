/** What a run started by hand begins with: its trigger and the item that one gives. */
import { type PlanNode, checkFields } from '@plugboard/engine';
import type { LoadedPlan, RunListener, Runner, StartRun } from '@plugboard/runner';
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import { OperationProblem } from '../operation/problem.ts';
import { slotItem } from '../schedules/slot.ts';
import { SECOND_MS } from '../schedules/zone-time.ts';

export interface ChosenTrigger {
  readonly id: string;
  readonly kind: string;
  /** Whose clocks a schedule goes by. */
  readonly timezone: string;
}

/** The named trigger; else a manual one; else the only or first other one. @throws OperationProblem NO_TRIGGER */
export function chooseTrigger(loaded: LoadedPlan, wanted: string | undefined): ChosenTrigger {
  const triggers = loaded.plan.nodes.filter((node) => node.isTrigger && !node.disabled);
  const kindOf = (node: (typeof triggers)[number]): string => (node.type.kind === 'trigger' ? node.type.trigger : '');
  const chosen =
    wanted === undefined
      ? (triggers.find((node) => kindOf(node) === 'manual') ?? triggers[0])
      : triggers.find((node) => node.id === wanted || node.name === wanted);
  if (chosen) return { id: chosen.id, kind: kindOf(chosen), timezone: zoneOf(chosen, loaded.plan.timezone) };
  if (wanted !== undefined) {
    throw new OperationProblem('NO_TRIGGER', `The workflow has no trigger "${wanted}"`, {
      hint: `It has: ${triggers.map((node) => node.name).join(', ') || 'none'}.`,
    });
  }
  throw new OperationProblem('NO_TRIGGER', 'The workflow has no trigger to start from', {
    hint: 'Add a manual trigger to run it by hand.',
  });
}

function zoneOf({ params }: PlanNode, ofWorkflow: string): string {
  const own = params.literals['timezone'];
  return typeof own === 'string' && own.trim() !== '' ? own.trim() : ofWorkflow;
}

/** The item a trigger gives when started by hand: a webhook sees the input as its body, a schedule is due now unless the input says otherwise. */
export function triggerItem({ kind, timezone }: Pick<ChosenTrigger, 'kind' | 'timezone'>, input: Json): Item {
  const isRecord = typeof input === 'object' && input !== null && !Array.isArray(input);
  if (kind === 'webhook') {
    const request = isRecord && Object.hasOwn(input, 'body') ? (input as JsonObject) : { body: input };
    return { json: { headers: {}, query: {}, params: {}, method: 'POST', path: '', ...request } };
  }
  if (kind === 'schedule' && isRecord) {
    const { json } = slotItem({ dueMs: Math.floor(Date.now() / SECOND_MS) * SECOND_MS, zone: timezone, reason: 'manual' });
    return { json: { ...json, ...(input as JsonObject) } };
  }
  return { json: isRecord ? (input as JsonObject) : { value: input } };
}

/** Triggers whose item is what the workflow is called with. */
const TAKES_INPUTS: ReadonlySet<string> = new Set(['manual', 'called']);
/** Problems that are said one by one; more only count. */
const SAID = 20;

/** What is given against the `inputs` the workflow declares, with its defaults in it. @throws OperationProblem INPUT_INVALID with everything that is wrong */
export function declaredInputs({ plan: { inputs } }: LoadedPlan, kind: string, items: readonly Item[]): readonly Item[] {
  if (inputs.length === 0 || !TAKES_INPUTS.has(kind)) return items;
  const fields: { readonly field: string; readonly message: string }[] = [];
  const filled = items.map((item, n) => {
    const check = checkFields(inputs, item.json);
    if (check.ok) return { ...item, json: check.json };
    const place = items.length > 1 ? `input[${n}]` : 'input';
    for (const { name, said } of check.wrong) fields.push({ field: `${place}.${name}`, message: said });
    return item;
  });
  const [first] = fields;
  if (!first) return filled;
  const said = fields.slice(0, SAID).map(({ field, message }) => (items.length > 1 ? `${message} in ${field}` : message));
  const more = fields.length > SAID ? `; and ${fields.length - SAID} more` : '';
  throw new OperationProblem('INPUT_INVALID', `The workflow cannot take this: ${said.join('; ')}${more}. Nothing was started`, {
    hint: 'Its "inputs" say what it takes.',
    path: first.field,
    params: { fields: fields.slice(0, SAID) },
  });
}

/** Resolves with the run's id once it is stored. @throws OperationProblem SERVER_BUSY, SERVER_STOPPING */
export function startStored(runner: Runner, request: StartRun): Promise<string> {
  if (!runner.accepting) {
    throw new OperationProblem('SERVER_BUSY', 'The server cannot take more work at the moment; nothing was started', {
      hint: 'Try again in a moment.',
    });
  }
  if (!runner.acceptsQueued(request.loaded.workspaceId, request.loaded.workflowId)) {
    throw new OperationProblem('SERVER_BUSY', 'Too many runs of this workflow wait for their turn; nothing was started', {
      hint: 'Try again when some of them have ended.',
    });
  }
  return new Promise<string>((resolve, reject) => {
    const listener: RunListener = {
      onAccepted: resolve,
      onLost: (_, code, message) => reject(new OperationProblem(code === 'SERVER_STOPPING' ? 'SERVER_STOPPING' : 'SERVER_BUSY', message)),
    };
    runner.start(request, listener);
  });
}
