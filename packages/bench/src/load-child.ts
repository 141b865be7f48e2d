/** The load generator as a process of its own, so that its work and its garbage are not the measuring process's. Driven by messages. */
import { type LoadOptions, type LoadResult, load } from './load.ts';

export interface LoadRequest {
  readonly id: number;
  readonly options: LoadOptions;
}

export type LoadReply =
  | { readonly id: number; readonly ok: true; readonly result: LoadResult; readonly cpuUs: number }
  | { readonly id: number; readonly ok: false; readonly message: string };

process.on('message', (message) => void answer(message as LoadRequest));
process.on('disconnect', () => process.exit(0));

async function answer({ id, options }: LoadRequest): Promise<void> {
  const before = process.cpuUsage();
  const reply = await load(options).then(
    (result): LoadReply => {
      const { user, system } = process.cpuUsage(before);
      return { id, ok: true, result, cpuUs: user + system };
    },
    (error: unknown): LoadReply => ({ id, ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
  process.send?.(reply);
}
