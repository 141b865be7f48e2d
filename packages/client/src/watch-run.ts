/**
 * A run as it goes on, over the live socket: joined again after every break from the last fact that was heard, so that none is missed and none
 * comes twice.
 */
import { io } from 'socket.io-client';
import { PlugboardError, type ProblemBody } from './errors.ts';

/** One thing that happened to the run; `seq` counts from 1. */
export interface RunFrame {
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly [name: string]: unknown;
}

export interface WatchRunOptions {
  readonly url: string;
  readonly token: string;
  readonly workspace: string | undefined;
  readonly id: string;
  readonly after: number;
  readonly signal: AbortSignal | undefined;
}

type JoinAnswer = { readonly ok: true; readonly seq?: number } | { readonly problem: ProblemBody };

const JOIN_TIMEOUT_MS = 10_000;
const ENDED = new Set(['run.ended']);

export async function* watchRun({ url, token, workspace, id, after, signal }: WatchRunOptions): AsyncGenerator<RunFrame> {
  const topic = `run:${id}`;
  const queue: RunFrame[] = [];
  let heard = after;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  let silentBeats = 0;
  const tell = (): void => wake?.();
  const fail = (error: Error): void => {
    failure ??= error;
    tell();
  };
  const socket = io(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 200,
    reconnectionDelayMax: 5000,
    extraHeaders: { authorization: `Bearer ${token}`, ...(workspace === undefined ? {} : { 'x-plugboard-workspace': workspace }) },
  });
  const join = (): void => {
    socket.timeout(JOIN_TIMEOUT_MS).emit('join', { topic, after: heard }, (error: Error | null, answer?: JoinAnswer) => {
      if (error) return void (socket.connected && join());
      if (answer && 'problem' in answer) fail(new PlugboardError(404, answer.problem, { retryAfterSeconds: Number.NaN }));
    });
  };
  socket.on('connect', join);
  socket.on('resync', (frame: { readonly topic?: unknown }) => void (frame.topic === topic && join()));
  socket.on('refused', (frame: { readonly problem?: ProblemBody }) =>
    fail(new PlugboardError(403, frame.problem, { retryAfterSeconds: Number.NaN })),
  );
  socket.on('facts', (frame: { readonly topic?: unknown; readonly facts?: readonly RunFrame[] }) => {
    if (frame.topic !== topic) return;
    for (const fact of frame.facts ?? []) {
      if (fact.seq <= heard) continue;
      heard = fact.seq;
      silentBeats = 0;
      queue.push(fact);
    }
    tell();
  });
  // Further on than what was heard, twice in a row: something was lost on the way.
  socket.on('beat', (frame: { readonly topic?: unknown; readonly seq?: number }) => {
    if (frame.topic !== topic) return;
    silentBeats = (frame.seq ?? 0) > heard ? silentBeats + 1 : 0;
    if (silentBeats < 2) return;
    silentBeats = 0;
    join();
  });
  // The server closes the socket of a caller it does not know; other breaks mend themselves.
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect')
      fail(
        new PlugboardError(
          401,
          { code: 'UNAUTHENTICATED', message: 'The server closed the live connection' },
          { retryAfterSeconds: Number.NaN },
        ),
      );
  });
  const stop = (): void => fail(signal?.reason instanceof Error ? signal.reason : new Error('The watch was broken off'));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      for (let fact = queue.shift(); fact; fact = queue.shift()) {
        yield fact;
        if (ENDED.has(fact.type)) return;
      }
      if (failure !== undefined) throw failure;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || failure !== undefined) resolve();
      });
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    socket.disconnect();
  }
}
