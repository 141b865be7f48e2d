/** What every call of a host has in common. */
export interface RuntimeOptions {
  /** How long a stopped step may take to end before it is abandoned, in milliseconds. */
  readonly graceMs: number;
}
