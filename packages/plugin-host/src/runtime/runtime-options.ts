import type { Slices } from './in-slices.ts';

/** What every call of a host has in common. */
export interface RuntimeOptions {
  /** How long a stopped step may take to end before it is abandoned, in milliseconds. */
  readonly graceMs: number;
  /** Where calls that compute for long take turns. */
  readonly slices: Slices;
}
