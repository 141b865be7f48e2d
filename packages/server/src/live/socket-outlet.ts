/**
 * Sends frames to sockets. One that reads too slowly gets a `resync` instead and its subscription ends, so that nothing piles up for it;
 * a frame for many goes out in turns of the event loop.
 */
import { MAX_QUEUED_BYTES, queuedBytes, whenWritable } from './socket-guard.ts';
import type { Outlet, Subscription } from './subscription.ts';

/** Catching up goes on once less than this is queued, in bytes. */
const CALM_BYTES = 64 * 1024;
/** Sockets that get a frame in one turn of the event loop. */
const SOCKETS_PER_TURN = 200;

export class SocketOutlet implements Outlet {
  /** Parts of frames that are still to be sent, by topic, in order. */
  readonly #turns = new Map<string, (() => void)[]>();
  #frames = 0;
  #resyncs = 0;

  /** Frames made so far; one for many sockets counts once. */
  get frames(): number {
    return this.#frames;
  }

  get resyncs(): number {
    return this.#resyncs;
  }

  isBusy(topic: string): boolean {
    return this.#turns.has(topic);
  }

  send(to: readonly Subscription[], event: string, frame: object): void {
    const [first] = to;
    if (!first) return;
    const topic = first.name;
    const message = { topic, ...frame };
    this.#frames += 1;
    const waiting = this.#turns.get(topic);
    if (!waiting && to.length <= SOCKETS_PER_TURN) return this.#sendNow(to, event, message);
    const turns = waiting ?? [];
    for (let at = 0; at < to.length; at += SOCKETS_PER_TURN) {
      const part = to.slice(at, at + SOCKETS_PER_TURN);
      turns.push(() => this.#sendNow(part, event, message));
    }
    if (this.#turns.size === 0) setImmediate(() => this.#takeTurn());
    this.#turns.set(topic, turns);
  }

  /** Topics take turns, so that one with many sockets does not hold up the others. */
  #takeTurn(): void {
    const [next] = this.#turns;
    if (!next) return;
    const [topic, turns] = next;
    this.#turns.delete(topic);
    turns.shift()?.();
    if (turns.length > 0) this.#turns.set(topic, turns);
    if (this.#turns.size > 0) setImmediate(() => this.#takeTurn());
  }

  #sendNow(to: readonly Subscription[], event: string, message: object): void {
    const reached: Subscription[] = [];
    for (const one of to) {
      if (one.isOver) continue;
      if (queuedBytes(one.socket.conn) > MAX_QUEUED_BYTES) this.resync(one);
      else reached.push(one);
    }
    const [first] = reached;
    if (!first) return;
    if (reached.length === 1) first.socket.emit(event, message);
    else first.socket.nsp.local.to(reached.map((one) => one.socket.id)).emit(event, message);
  }

  resync(one: Subscription): void {
    if (one.isOver) return;
    one.end();
    this.#resyncs += 1;
    one.socket.emit('resync', { topic: one.name });
  }

  async drained(one: Subscription): Promise<void> {
    const { conn } = one.socket;
    while (!one.isOver && this.#turns.has(one.name)) await new Promise((resolve) => setImmediate(resolve));
    while (!one.isOver && conn.readyState === 'open' && queuedBytes(conn) > CALM_BYTES) await whenWritable(conn);
  }

  /** Drops what is still to be sent. */
  close(): void {
    this.#turns.clear();
  }
}
