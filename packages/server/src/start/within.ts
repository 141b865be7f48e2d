/** Waits that end: a part that does not close must not keep the next ones open. */
import type { Server } from 'node:http';
import type { Logger } from '../log.ts';

/** How long one part may take to close, in milliseconds. */
export const CLOSE_MS = 10_000;

/** What it is, in words for the log, and how it closes. */
export type Part = readonly [string, () => Promise<unknown> | undefined];

/** One after the other; one that does not close must not keep the next ones open. */
export async function closeParts(parts: readonly Part[], log: Logger): Promise<void> {
  for (const [what, close] of parts) {
    try {
      const isClosed = await within(
        Promise.resolve(close()).then(() => true),
        CLOSE_MS,
      );
      if (!isClosed) log.warn(`${what} did not close in time`);
    } catch (error) {
      log.warn({ err: error }, `${what} did not close cleanly`);
    }
  }
}

/** The value, or undefined when it takes longer. */
export async function within<Value>(value: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends when nobody is connected any more, or after so many milliseconds. */
export async function connectionsGone(server: Server, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (;;) {
    const open = await new Promise<number>((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
    if (open === 0 || performance.now() >= until) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
