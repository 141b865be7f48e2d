/** What the feeds know about who listens: a socket's place in a topic, and how to send there. */
import type { Socket } from 'socket.io';
import type { Topic } from './topic.ts';

/** A thing a piece of news is about. */
export interface NewsSubject {
  readonly kind: string;
  readonly id: string;
}

export interface Subscription {
  readonly topic: Topic;
  /** As the client named it. */
  readonly name: string;
  readonly socket: Socket;
  /** News about what it refuses is left out; absent: everything in the workspace may be known. */
  readonly covers?: (about: NewsSubject) => boolean;
  /** True once it was left, refused or dropped. */
  readonly isOver: boolean;
  /** Takes it out of its topic. Does nothing once it is over. */
  readonly end: () => void;
}

/** How feeds reach sockets. A subscription whose socket has too much queued is dropped with one `resync` instead. */
export interface Outlet {
  /** One frame for all of them, who are of one topic; many get it in turns, so that other work is not held up. */
  send(to: readonly Subscription[], event: string, frame: object): void;
  /** True while an earlier frame of the topic is still on its way to some of its sockets: gather until it is not. */
  isBusy(topic: string): boolean;
  /** The frame could not be made whole: the client is to join again from where it is. */
  resync(subscription: Subscription): void;
  /** Resolves once the socket has little queued, or is gone. */
  drained(subscription: Subscription): Promise<void>;
}
