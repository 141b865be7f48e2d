/** What the live view asks of the server around it, and what it offers. */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Clock } from '@plugboard/runner';
import type { ChangeNews } from './changes-feed.ts';
import type { FactSource } from './fact-source.ts';
import type { RunCommit } from './runs-feed.ts';
import type { NewsSubject } from './subscription.ts';

/** Who is at the other end of a socket. */
export interface LiveCaller<Actor> {
  readonly actor: Actor;
  /** What is checked each second: a session, a key or a token. */
  readonly sessionId: string;
  /** Milliseconds since 1970 at which it ends by itself. */
  readonly expiresAt?: number;
}

export type LiveAction = 'run.read' | 'workspace.read' | 'person.hear';

export type LiveResource =
  | { readonly kind: 'run'; readonly id: string }
  | { readonly kind: 'workflow'; readonly id: string; readonly workspaceId: string }
  | { readonly kind: 'workspace'; readonly id: string }
  | { readonly kind: 'person'; readonly id: string };

/** `hidden`: the actor may not know that it exists; told in the same words as what does not. */
export type LiveDecision =
  | {
      readonly kind: 'allowed';
      /** Absent for what is of no workspace: it holds as long as the session. */
      readonly workspaceId?: string;
      /** The workspace's access version the decision was made under. Absent: it is made once more at the next check. */
      readonly accessVersion?: number;
      /** Of the news of a workspace, what the actor may know; absent: all. Give the same function for the same rights: frames are shared by it. */
      readonly covers?: (about: NewsSubject) => boolean;
    }
  | { readonly kind: 'hidden' }
  | { readonly kind: 'forbidden'; readonly needs: string };

export interface LiveProblem {
  readonly code: 'VALIDATION' | 'NOT_FOUND' | 'FORBIDDEN' | 'UNAUTHENTICATED' | 'TOO_MANY_TOPICS' | 'UNAVAILABLE';
  readonly message: string;
  readonly params?: { readonly [name: string]: string | number };
}

export interface LiveLimits {
  /** Open sockets of this process; more are refused. @default 20000 */
  readonly sockets: number;
  /** Open sockets of one session. @default 100 */
  readonly socketsPerSession: number;
  /** Topics of one socket. @default 50 */
  readonly topicsPerSocket: number;
  /** Packets a socket may send in a second; one more closes it. @default 50 */
  readonly messagesPerSecond: number;
}

export interface LiveOptions<Actor> {
  /** The server whose upgrades are served; its requests are left alone. */
  readonly server: HttpServer;
  /** @default '/socket.io' */
  readonly path?: string;
  readonly source: FactSource;
  /** Who opens the socket, by the request it was opened with. Asked again at each join; undefined closes the socket. */
  readonly callerOf: (request: IncomingMessage) => Promise<LiveCaller<Actor> | undefined>;
  /** False for a request of a foreign page. `createOriginCheck` makes one. */
  readonly allowsOrigin: (request: IncomingMessage) => boolean;
  readonly authorize: (actor: Actor, action: LiveAction, resource: LiveResource) => Promise<LiveDecision>;
  readonly log: { warn(fields: object, message: string): void };
  readonly limits?: Partial<LiveLimits>;
  /** @default the clock of this process */
  readonly clock?: Clock;
}

/** What is looked up each second, in one query each. */
export interface InUse {
  readonly sessionIds: readonly string[];
  readonly workspaceIds: readonly string[];
}

export interface InForce {
  /** Those of the sessions asked for that still hold. */
  readonly sessionIds: ReadonlySet<string>;
  /** By workspace; one that is gone is left out. */
  readonly accessVersions: ReadonlyMap<string, number>;
}

export interface Live {
  /** Called after each commit of a run, in the process that made it. One comparison while nobody listens. */
  committed(commit: RunCommit): void;
  /** Called after the commit of something a person changed. */
  changed(workspaceId: string, news: ChangeNews): void;
  /** Persons whose own news somebody listens to. */
  readonly persons: readonly string[];
  /** There is news for this person. */
  told(principalId: string): void;
  /**
   * Closes the sockets of sessions that are over, and decides again about what is heard in workspaces whose rules have changed.
   * To be called each second. Where `look` fails nothing changes; the caller tries again.
   */
  recheck(look: (used: InUse) => Promise<InForce>): Promise<void>;
  readonly stats: LiveStats;
  /** Closes all sockets. The HTTP server stays. */
  close(): void;
}

export interface LiveStats {
  readonly sockets: number;
  readonly subscriptions: number;
  /** Frames made so far; one for many sockets counts once. */
  readonly frames: number;
  readonly resyncs: number;
  /** Bytes the network has not taken yet, over all sockets. */
  readonly queuedBytes: number;
}
