/** What scripts see. */
export const EXIT = {
  ok: 0,
  /** The command was understood and failed: a problem in a file, a failed run, a refused request. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** There is no server to talk to, or it cannot be reached. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
