/** Runs loads in a process of their own and says what they cost there. */
import type { ChildProcess } from 'node:child_process';
import type { LoadReply, LoadRequest } from './load-child.ts';
import type { LoadOptions, LoadResult } from './load.ts';

export interface MeasuredLoad extends LoadResult {
  /** CPU time of the generator in microseconds. */
  readonly cpuUs: number;
}

export interface LoadProcess {
  /** @throws Error with the generator's own words, or when its process has ended */
  run(options: LoadOptions): Promise<MeasuredLoad>;
}

export function createLoadProcess(child: ChildProcess): LoadProcess {
  const waiting = new Map<number, { resolve: (result: MeasuredLoad) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let ended: Error | undefined;
  child.on('message', (message) => {
    const reply = message as LoadReply;
    const waiter = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.ok) waiter?.resolve({ ...reply.result, cpuUs: reply.cpuUs });
    else waiter?.reject(new Error(reply.message));
  });
  child.once('exit', (code, signal) => {
    ended = new Error(`the load generator ended (${signal ?? code})`);
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  });
  return {
    run(options) {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        lastId += 1;
        const request: LoadRequest = { id: lastId, options };
        waiting.set(lastId, { resolve, reject });
        child.send(request);
      });
    },
  };
}
