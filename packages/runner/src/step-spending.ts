/**
 * Money that calls of a step cost. What is the same call is decided here, so that no plugin can be wrong about it: a write has one key in all its
 * attempts and is one call, while each attempt of a read asks anew and is a call of its own; begun again after a crash it is the same one.
 */
import type { PlanNode, RpcOp, StepState } from '@plugboard/engine';
import { type Json, StepFailure } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';
import { mockedReach } from './mocked-reach.ts';
import type { StepOwner } from './step-ports.ts';
import type { StepServices } from './step-services.ts';

export interface PayingStep {
  readonly run: ActiveRun;
  readonly step: StepState;
  readonly node: PlanNode;
  readonly services: StepServices;
  readonly attempt: number;
  owner(): StepOwner;
}

type MoneyOp = Extract<RpcOp, { op: `money.${string}` }>;

/** A call of a step without a time limit may take so long, in milliseconds. */
const LONGEST_CALL_MS = 30 * 60_000;
/** What is left to tell after the time limit, in milliseconds. */
const TELLING_MS = 30_000;
const AMOUNT = /^\d{1,19}$/;
const NAME_MAX = 100;

export async function spend(paying: PayingStep, op: MoneyOp, item: number | undefined): Promise<Json> {
  const { run, node, services } = paying;
  // Nothing outside is reached, so nothing costs.
  if (mockedReach(run)) return null;
  const { spending } = services.ports ?? {};
  if (spending === undefined) throw new StepFailure('NOT_AVAILABLE', 'Nothing can be spent where this step runs.', { kind: 'input' });
  const key = keyOf(paying, op.call, item);
  const owner = paying.owner();
  switch (op.op) {
    case 'money.reserve': {
      const upToPd = amountOf(op.upTo);
      // A paid call leaves the process, so everything before it is durable first; a write has seen to that when it started.
      if (node.effects !== 'write' && !(await services.durable(run)))
        throw new StepFailure('STEP_STOPPED', 'The run goes on in another process; nothing was called.', { kind: 'cancelled' });
      const expiresInMs = (node.timeoutMs > 0 ? node.timeoutMs : LONGEST_CALL_MS) + TELLING_MS;
      const budget = run.head.parent ? 'of the caller' : (run.state.plan.budget ?? {});
      await spending.reserve(owner, { key, upToPd, expiresInMs, budget }, run.abort.signal);
      return null;
    }
    case 'money.settle':
      await spending.settle(owner, key, op.cost === undefined ? undefined : amountOf(op.cost));
      return null;
    case 'money.release':
      await spending.release(owner, key);
      return null;
  }
}

function keyOf({ run, step, node, services, attempt }: PayingStep, call: string, item = 0): string {
  if (call.length > NAME_MAX) throw new StepFailure('AMOUNT_INVALID', 'The name of a paid call is too long.', { kind: 'bug' });
  const key = `${services.key(run, node.id, step.scope.path, item)}.${call}`;
  return node.effects === 'write' ? key : `${key}.${run.id}.${attempt}`;
}

function amountOf(text: string): bigint {
  if (AMOUNT.test(text)) return BigInt(text);
  throw new StepFailure('AMOUNT_INVALID', 'The amount of a paid call is no number of pico-dollars.', { kind: 'bug' });
}
