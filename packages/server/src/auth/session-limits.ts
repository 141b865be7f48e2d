/** How long sessions last. Settings may change it while the server runs, so it is asked for each time. */

export interface SessionLimits {
  /** A session ends after so long without a request, in milliseconds. */
  readonly idleMs: number;
  /** And after so long in any case. */
  readonly longestMs: number;
}

const HOUR_MS = 60 * 60_000;

export const DEFAULT_SESSION_LIMITS: SessionLimits = { idleMs: 8 * HOUR_MS, longestMs: 7 * 24 * HOUR_MS };
