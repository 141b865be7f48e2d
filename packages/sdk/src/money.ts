/**
 * `ctx.spend`: a call that costs money. Its most is reserved against the budget of the run before it is made, and settled when it is over.
 * Amounts are dollars as authors write them; inside they are whole pico-dollars, so that nothing is lost in sums.
 */

/** Dollars: a number, or a decimal text such as `'0.000015'`. */
export type Dollars = number | string;

export interface SpendOptions {
  /** The most the call may cost. What it cost in the end may be more, and then counts. */
  readonly upTo: Dollars;
  /** @default 'USD', the only one */
  readonly currency?: 'USD';
  /**
   * Tells the paid calls of one item apart, as `ctx.key(name)` does for writes. Calls that are made at once need one.
   * @default their order
   */
  readonly name?: string;
}

export interface Spent<Value> {
  readonly value: Value;
  /** What the call cost; undefined when the service did not say: then it cost what was reserved. */
  readonly cost: Dollars | undefined;
}

/**
 * Reserves, makes the call, settles. Refused with BUDGET_EXCEEDED, and the call is not made, when the run and all runs of its tree may not spend so much
 * more. A call that fails is free where nothing left the step, or where the service said no (`rejected`, `rate_limited`, `auth`); of any other
 * nobody knows, and it costs what was reserved.
 * @example
 * const answer = await ctx.spend({ upTo: 0.05 }, async () => {
 *   const { data } = await ctx.http.post(url, { json: question, credential: 'account' });
 *   return { value: data, cost: priceOf(data) };
 * });
 */
export type StepSpend = <Value>(options: SpendOptions, call: () => Promise<Spent<Value>>) => Promise<Value>;

/** Pico-dollars in a dollar, as a power of ten. */
const PLACES = 12;
/** Dollars one amount may be. */
export const MOST_DOLLARS = 1_000_000;
const DECIMAL = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i;

/** Whole pico-dollars, part of one counted as one; undefined for what is no amount from 0 to {@link MOST_DOLLARS}. */
export function picoDollars(amount: Dollars): bigint | undefined {
  const found = DECIMAL.exec(String(amount).trim());
  if (found === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = found;
  const digits = whole + fraction;
  const shift = PLACES + Number(exponent) - fraction.length;
  const pico = shift >= 0 ? withZeros(digits, shift) : cut(digits, -shift);
  return pico !== undefined && pico <= MOST_PICO ? pico : undefined;
}

const MOST_PICO = BigInt(MOST_DOLLARS) * 10n ** BigInt(PLACES);
/** Digits an amount may have; far more than any price. */
const MOST_DIGITS = 60;

function withZeros(digits: string, zeros: number): bigint | undefined {
  if (/^0*$/.test(digits)) return 0n;
  return digits.length + zeros > MOST_DIGITS ? undefined : BigInt(digits + '0'.repeat(zeros));
}

/** Without its last places; what they held counts as one more. */
function cut(digits: string, places: number): bigint | undefined {
  if (digits.length > MOST_DIGITS) return undefined;
  const kept = digits.slice(0, -places);
  const rest = digits.slice(-places);
  return BigInt(kept === '' ? '0' : kept) + (/[1-9]/.test(rest) ? 1n : 0n);
}

/** As people read it: `$0.42`, and smaller amounts as exactly as they need it: `$0.000015`. */
export function dollarText(pico: bigint): string {
  const digits = pico.toString().padStart(PLACES + 1, '0');
  const fraction = digits.slice(-PLACES).replace(/0+$/, '').padEnd(2, '0');
  return `$${digits.slice(0, -PLACES)}.${fraction}`;
}
