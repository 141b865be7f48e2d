/**
 * The live socket: joins topics and joins them again after every break. Carries facts, never data.
 * The client library is loaded with the first topic, so pages that watch nothing do not pay for it.
 */
import type { Socket } from 'socket.io-client';
import type { ServerProblem } from './types.ts';

export type Frame = { readonly [name: string]: unknown };

export interface TopicListener {
  readonly on: (event: string, frame: Frame) => void;
  /** Where to go on after a break: the last sequence heard. */
  readonly after?: () => number;
  readonly onState?: (isUp: boolean) => void;
  readonly onRefused?: (problem: ServerProblem) => void;
}

interface Joined {
  readonly topic: string;
  readonly listener: TopicListener;
}

type JoinAnswer = { readonly ok: true; readonly seq?: number } | { readonly problem: ServerProblem };

const EVENTS = ['facts', 'beat', 'runs', 'changed'] as const;
const JOIN_TIMEOUT_MS = 10_000;

export class LiveConnection {
  readonly #joined = new Set<Joined>();
  #socket: Promise<Socket> | undefined;

  /** @returns leaves the topic */
  join(topic: string, listener: TopicListener): () => void {
    const joined = { topic, listener };
    this.#joined.add(joined);
    void this.#open().then((socket) => {
      if (socket.connected && this.#joined.has(joined)) this.#send(socket, joined);
      else listener.onState?.(false);
    });
    return () => {
      if (!this.#joined.delete(joined)) return;
      const isHeardElsewhere = [...this.#joined].some((one) => one.topic === topic);
      if (!isHeardElsewhere) void this.#socket?.then((socket) => socket.emit('leave', { topic }));
      if (this.#joined.size === 0) this.close();
    };
  }

  close(): void {
    void this.#socket?.then((socket) => socket.disconnect());
    this.#socket = undefined;
  }

  #open(): Promise<Socket> {
    this.#socket ??= this.#connect();
    return this.#socket;
  }

  async #connect(): Promise<Socket> {
    const { io } = await import('socket.io-client');
    const socket = io({
      path: '/socket.io',
      withCredentials: true,
      // The server takes sockets only; where none gets through, the watchers ask by themselves.
      transports: ['websocket'],
      reconnectionDelay: 500,
      reconnectionDelayMax: 5_000,
      randomizationFactor: 0.5,
    });
    socket.on('connect', () => {
      for (const joined of this.#joined) this.#send(socket, joined);
    });
    socket.on('disconnect', () => this.#each(undefined, (listener) => listener.onState?.(false)));
    socket.on('connect_error', () => this.#each(undefined, (listener) => listener.onState?.(false)));
    for (const event of EVENTS) {
      socket.on(event, (frame: Frame) => this.#each(frame['topic'], (listener) => listener.on(event, frame)));
    }
    // Frames were dropped: join again from the last one that was heard.
    socket.on('resync', (frame: Frame) => {
      for (const joined of this.#joined) if (joined.topic === frame['topic']) this.#send(socket, joined);
    });
    socket.on('refused', (frame: Frame) =>
      this.#each(frame['topic'], (listener) => listener.onRefused?.(frame['problem'] as ServerProblem)),
    );
    return socket;
  }

  #send(socket: Socket, { topic, listener }: Joined): void {
    const after = listener.after?.();
    socket
      .timeout(JOIN_TIMEOUT_MS)
      .emit('join', { topic, ...(after === undefined ? {} : { after }) }, (error: Error | null, answer?: JoinAnswer) => {
        if (error || answer === undefined) listener.onState?.(false);
        else if ('problem' in answer) listener.onRefused?.(answer.problem);
        else listener.onState?.(true);
      });
  }

  #each(topic: unknown, act: (listener: TopicListener) => void): void {
    for (const joined of this.#joined) if (topic === undefined || joined.topic === topic) act(joined.listener);
  }
}
