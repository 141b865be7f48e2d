/** `ctx.spend`: reserves what a call may cost, makes it, and settles what it cost. The server keeps the books; here is only when. */
import type { RpcOp } from '@plugboard/engine';
import type { Dollars, StepErrorKind, StepSpend } from '@plugboard/sdk';
import { MOST_DOLLARS, StepFailure, picoDollars } from '@plugboard/sdk';
import type { CallState } from './call-state.ts';
import { toStepError } from './to-step-error.ts';
import type { WriteRecord } from './write-record.ts';

/** Longest name of a paid call. */
const NAME_MAX = 100;
/** The service said no, or was never reached: it did nothing that could cost. */
const FREE: ReadonlySet<StepErrorKind> = new Set(['rejected', 'rate_limited', 'auth']);

/** @param record of what the item has sent out so far */
export function stepSpend(call: CallState, i: number | undefined, record: WriteRecord): StepSpend {
  let ordinal = 0;
  // Told also when the step is over already: what a call cost counts whoever waits for it.
  const tell = async (op: Extract<RpcOp, { op: `money.${string}` }>): Promise<void> => {
    try {
      await call.sink.rpc(op, i);
    } catch (error) {
      const { code, message, kind, data } = toStepError(error);
      throw new StepFailure(code, message, { kind, data, cause: error });
    }
  };

  return async ({ upTo, currency = 'USD', name }, make) => {
    call.use();
    if (currency !== 'USD')
      throw new StepFailure('AMOUNT_INVALID', `Amounts are in USD; "${String(currency)}" is not known.`, { kind: 'input' });
    const most = amountOf(upTo, 'upTo');
    const of = nameOf(name) ?? String(ordinal++);
    await tell({ op: 'money.reserve', call: of, upTo: most });
    const before = record.left;
    let cost: string | undefined;
    try {
      call.use();
      const spent = await make();
      cost = spent.cost === undefined ? undefined : amountOf(spent.cost, 'cost');
      await tell({ op: 'money.settle', call: of, ...(cost !== undefined && { cost }) });
      return spent.value;
    } catch (error) {
      // A connection that is open may have been used.
      const isFree = (record.left === before && record.uncertain === 0) || FREE.has(toStepError(error).kind);
      if (cost === undefined) await tell({ op: isFree ? 'money.release' : 'money.settle', call: of });
      throw error;
    }
  };
}

function nameOf(name: string | undefined): string | undefined {
  if (name === undefined || (name !== '' && name.length <= NAME_MAX && name.isWellFormed() && !name.includes('\0'))) return name;
  throw new StepFailure('AMOUNT_INVALID', `The name of a paid call is text of 1 to ${NAME_MAX} characters.`, { kind: 'bug' });
}

function amountOf(amount: Dollars, what: string): string {
  const pico = picoDollars(amount);
  if (pico !== undefined) return pico.toString();
  throw new StepFailure(
    'AMOUNT_INVALID',
    `"${what}" of a paid call is ${String(amount).slice(0, 40)}; give dollars from 0 to ${MOST_DOLLARS}, such as 0.05.`,
    { kind: 'input' },
  );
}
