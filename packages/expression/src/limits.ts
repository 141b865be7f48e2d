/** What one expression may cost. Everything is counted, nothing is timed, so the same source and data always end the same way. */

export interface Limits {
  /** Longest template source, in UTF-16 code units. @default 16384 */
  readonly source: number;
  /** Deepest nesting of the syntax tree. @default 64 */
  readonly depth: number;
  /** Steps of one evaluation: every visited node, every element a method touches, every KiB of text made. @default 100000 */
  readonly fuel: number;
  /** Longest text an expression may make, in UTF-16 code units. @default 1048576 */
  readonly text: number;
  /** Most elements of a list, or keys of an object, an expression may make. @default 100000 */
  readonly elements: number;
  /** Largest result, measured as the length of its JSON. @default 8388608 */
  readonly output: number;
  /** Longest regular expression, in UTF-16 code units. @default 1024 */
  readonly pattern: number;
}

export const defaultLimits: Limits = {
  source: 16 * 1024,
  depth: 64,
  fuel: 100_000,
  text: 1024 * 1024,
  elements: 100_000,
  output: 8 * 1024 * 1024,
  pattern: 1024,
};

/** Longest run of one-sided operators (`a + b + c …`); each costs a stack frame, though it reads as one level. */
export const maxOperatorRun = 256;

/** Deepest data a walk follows. Deeper data is refused, because a walk must never use up the host's stack. */
export const maxDataDepth = 256;

/**
 * Fuel that several evaluations share. Pass one to bound a whole step; without it every template starts with a full tank.
 * The number is drained in place.
 */
export interface Budget {
  /** Steps left. */
  fuel: number;
}

/** A budget of `fuel` steps. */
export function createBudget(fuel: number = defaultLimits.fuel): Budget {
  return { fuel };
}
