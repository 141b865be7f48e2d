/** The few numbers a benchmark says about many. */

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/**
 * The value below which `share` of the sorted values lie, by nearest rank: always a value that was measured.
 * Undefined without values.
 */
export function quantile(sorted: ArrayLike<number>, share: number): number | undefined {
  if (sorted.length === 0) return undefined;
  const rank = Math.max(1, Math.ceil(sorted.length * share));
  return sorted[Math.min(sorted.length, rank) - 1];
}

/** The middle value; of an even number of values the mean of the two in the middle. @throws RangeError without values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a median needs at least one value');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** @throws RangeError without values */
export function summarize(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), count: values.length };
}

/** How far the rounds lie apart, as a share of their median: 0.1 is ten per cent. 0 when the median is 0. */
export function spread({ median: middle, min, max }: Summary): number {
  return middle === 0 ? 0 : (max - min) / middle;
}
