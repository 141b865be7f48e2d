/** Many open sockets as a process of its own, so that what they cost is neither the server's nor the measuring process's. */
import { type LiveSocket, openLiveSocket } from './live-socket.ts';

export interface CrowdRequest {
  readonly port: number;
  /** Sessions the sockets are spread over. */
  readonly cookies: readonly string[];
  readonly sockets: number;
  /** Of these, how many join the topic that is busy; the others join the quiet one. */
  readonly busy: number;
  readonly busyTopic: string;
  readonly quietTopic: string;
}

export type CrowdReply =
  | { readonly kind: 'open'; readonly open: number; readonly refused: number; readonly seconds: number; readonly problem?: string }
  | {
      readonly kind: 'counts';
      readonly frames: number;
      readonly bytes: number;
      readonly resyncs: number;
      readonly closed: number;
      readonly cpuUs: number;
    };

/** Connections being opened at the same time. */
const AT_ONCE = 50;

const counts = { frames: 0, bytes: 0, resyncs: 0, closed: 0 };
const sockets: LiveSocket[] = [];

process.on('message', (message) => void take(message as CrowdRequest | 'count'));
process.on('disconnect', () => process.exit(0));

async function take(message: CrowdRequest | 'count'): Promise<void> {
  const reply: CrowdReply =
    message === 'count' ? { kind: 'counts', ...counts, cpuUs: process.cpuUsage().user + process.cpuUsage().system } : await open(message);
  process.send?.(reply);
}

async function open(request: CrowdRequest): Promise<CrowdReply> {
  const startedAt = performance.now();
  let refused = 0;
  let problem: string | undefined;
  let next = 0;
  const openRest = async (): Promise<void> => {
    for (let n = next++; n < request.sockets; n = next++) {
      try {
        const socket = await openLiveSocket({
          port: request.port,
          headers: { cookie: request.cookies[n % request.cookies.length] ?? '' },
          onEvent(name, _, bytes) {
            if (name === 'resync') counts.resyncs += 1;
            counts.frames += 1;
            counts.bytes += bytes;
          },
          onClosed: () => (counts.closed += 1),
        });
        const topic = n < request.busy ? request.busyTopic : request.quietTopic;
        const answer = await socket.join(topic);
        if (answer.ok) sockets.push(socket);
        else {
          refused += 1;
          problem ??= answer.problem?.code;
        }
      } catch (error) {
        refused += 1;
        problem ??= error instanceof Error ? error.message : String(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, openRest));
  return { kind: 'open', open: sockets.length, refused, seconds: (performance.now() - startedAt) / 1000, ...(problem ? { problem } : {}) };
}
