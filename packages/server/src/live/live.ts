/**
 * Live events: sockets join topics and hear facts, never data. What a socket may hear is decided when it joins, and again whenever a session
 * or the access rules of a workspace change. Nothing is kept for sockets that do not read: their frames are dropped, one `resync` tells
 * them, and they join again from the last fact they have.
 *
 * From a client: `join { topic, after? }`, answered `{ ok: true, seq? }` or `{ problem }`; `leave { topic }`.
 * To a client: `facts { topic, facts }`, `beat { topic, seq }`, `runs { topic, heads, started, ended }`, `changed { topic, changes }`,
 * `resync { topic }` (join again, it is over here), `refused { topic, problem }` (the right to hear it was taken away).
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import { type Clock, type Timer, systemClock } from '@plugboard/runner';
import { Server, type Socket } from 'socket.io';
import { type ChangeNews, ChangesFeed } from './changes-feed.ts';
import type {
  InForce,
  InUse,
  Live,
  LiveCaller,
  LiveDecision,
  LiveLimits,
  LiveOptions,
  LiveProblem,
  LiveResource,
  LiveStats,
} from './live-contract.ts';
import { RunFeed } from './run-feed.ts';
import { type RunCommit, RunsFeed } from './runs-feed.ts';
import { type Connection, MAX_MESSAGE_BYTES, cutOff, guardConnections, queuedBytes } from './socket-guard.ts';
import { SocketOutlet } from './socket-outlet.ts';
import type { NewsSubject, Subscription } from './subscription.ts';
import { type Topic, parseTopic } from './topic.ts';

/** Watched runs hear this often what was committed last, in milliseconds. */
const BEAT_MS = 2000;
/** A connection that has not said which namespace it wants is closed after this, in milliseconds. */
const CONNECT_MS = 10_000;
/** Subscriptions decided about again at the same time. */
const DECISIONS_AT_ONCE = 20;
const DEFAULT_LIMITS: LiveLimits = { sockets: 20_000, socketsPerSession: 100, topicsPerSocket: 50, messagesPerSecond: 50 };

const NOT_FOUND: LiveProblem = { code: 'NOT_FOUND', message: 'There is nothing of this name that you may see.' };
const UNAVAILABLE: LiveProblem = { code: 'UNAVAILABLE', message: 'This cannot be read just now. Try again in a moment.' };
const VALIDATION: LiveProblem = {
  code: 'VALIDATION',
  message:
    'A topic is run:<id>, runs:<workspace>, runs:<workspace>:<workflow>, changed:<workspace> or person:<yourself>; `after` is a whole number from 0.',
};

export function createLive<Actor>(options: LiveOptions<Actor>): Live {
  return new SocketLive(options);
}

type Answer = (answer: { readonly ok: true; readonly seq?: number } | { readonly problem: LiveProblem }) => void;

interface Subscriber extends Subscription {
  /** Those of its socket, by name. */
  readonly joined: Map<string, Subscriber>;
  covers?: (about: NewsSubject) => boolean;
  isOver: boolean;
  workspaceId?: string;
  accessVersion?: number;
}

class SocketLive<Actor> implements Live {
  readonly #options: LiveOptions<Actor>;
  readonly #limits: LiveLimits;
  readonly #clock: Clock;
  readonly #io: Server;
  readonly #outlet = new SocketOutlet();
  readonly #callers = new WeakMap<IncomingMessage, LiveCaller<Actor>>();
  /** Open connections by session. */
  readonly #sessions = new Map<string, Set<Connection>>();
  readonly #subscriptions = new Set<Subscriber>();
  readonly #runs = new Map<string, RunFeed>();
  readonly #lists = new Map<string, RunsFeed>();
  readonly #changes = new Map<string, ChangesFeed>();
  readonly #persons = new Map<string, ChangesFeed>();
  #beat: Timer | undefined;
  #rechecking: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: LiveOptions<Actor>) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#io = this.#open();
  }

  get stats(): LiveStats {
    let queued = 0;
    for (const open of this.#sessions.values()) for (const connection of open) queued += queuedBytes(connection);
    return {
      sockets: this.#io.engine.clientsCount,
      subscriptions: this.#subscriptions.size,
      frames: this.#outlet.frames,
      resyncs: this.#outlet.resyncs,
      queuedBytes: queued,
    };
  }

  committed(commit: RunCommit): void {
    if (this.#subscriptions.size === 0) return;
    this.#runs.get(commit.head.id)?.heard(commit.toSeq);
    this.#lists.get(commit.head.workspaceId)?.committed(commit);
  }

  changed(workspaceId: string, news: ChangeNews): void {
    this.#changes.get(workspaceId)?.changed(news);
  }

  get persons(): readonly string[] {
    return [...this.#persons.keys()];
  }

  told(principalId: string): void {
    this.#persons.get(principalId)?.changed({ kind: 'notification', id: principalId });
  }

  recheck(look: (used: InUse) => Promise<InForce>): Promise<void> {
    this.#rechecking ??= this.#recheck(look).finally(() => (this.#rechecking = undefined));
    return this.#rechecking;
  }

  async #recheck(look: (used: InUse) => Promise<InForce>): Promise<void> {
    const sessionIds = [...this.#sessions.keys()];
    if (sessionIds.length === 0) return;
    const joined = [...this.#subscriptions].filter(isDecided);
    const { sessionIds: inForce, accessVersions } = await look({
      sessionIds,
      workspaceIds: [...new Set(joined.map((one) => one.workspaceId))],
    });
    for (const sessionId of sessionIds) this.#closeEnded(sessionId, inForce.has(sessionId));
    // Of one session the same topic is decided about once, whatever the number of its sockets.
    const changed = new Map<string, Subscriber[]>();
    for (const one of joined) {
      if (one.isOver || accessVersions.get(one.workspaceId) === one.accessVersion) continue;
      const key = `${this.#callers.get(one.socket.request)?.sessionId} ${one.name}`;
      const alike = changed.get(key);
      if (alike) alike.push(one);
      else changed.set(key, [one]);
    }
    const left = [...changed.values()];
    const decideRest = async (): Promise<void> => {
      for (let alike = left.pop(); alike; alike = left.pop()) await this.#decideAgain(alike, accessVersions);
    };
    await Promise.all(Array.from({ length: DECISIONS_AT_ONCE }, decideRest));
  }

  #closeEnded(sessionId: string, isInForce: boolean): void {
    const now = this.#clock.now();
    for (const connection of this.#sessions.get(sessionId) ?? []) {
      const { expiresAt = Number.POSITIVE_INFINITY } = this.#callers.get(connection.request) ?? {};
      if (!isInForce || expiresAt <= now) cutOff(connection);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#beat?.cancel();
    for (const one of this.#subscriptions) this.#end(one);
    this.#outlet.close();
    this.#io.engine.close();
  }

  #open(): Server {
    const { server, path = '/socket.io' } = this.#options;
    const listeners = server.listeners('request');
    const io = new Server(server, {
      path,
      transports: ['websocket'],
      allowUpgrades: false,
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: CONNECT_MS,
      allowRequest: (request, answer) => void this.#admit(request, answer),
    });
    // Sockets need upgrades only: requests go straight to whoever had them before.
    server.removeAllListeners('request');
    for (const listener of listeners) server.on('request', listener as Parameters<HttpServer['on']>[1]);
    guardConnections(io, { messagesPerSecond: this.#limits.messagesPerSecond, monotonicMs: () => this.#clock.monotonicMs() });
    io.engine.on('connection', (connection: Connection) => this.#opened(connection));
    io.on('connection', (socket) => this.#connected(socket));
    return io;
  }

  async #admit(request: IncomingMessage, answer: (problem: string | null, isAllowed: boolean) => void): Promise<void> {
    const refuse = (): void => answer('Sign in first, and open the socket from a page of this server.', false);
    if (this.#isClosed || !this.#options.allowsOrigin(request)) return refuse();
    if (this.#io.engine.clientsCount >= this.#limits.sockets) return answer('This server has all the sockets it can take.', false);
    try {
      const caller = await this.#options.callerOf(request);
      if (!caller || this.#isClosed) return refuse();
      if ((this.#sessions.get(caller.sessionId)?.size ?? 0) >= this.#limits.socketsPerSession)
        return answer('This session has too many sockets open.', false);
      this.#callers.set(request, caller);
      answer(null, true);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'a socket was refused because its session could not be read');
      answer(UNAVAILABLE.message, false);
    }
  }

  #opened(connection: Connection): void {
    const sessionId = this.#callers.get(connection.request)?.sessionId;
    if (sessionId === undefined) return cutOff(connection);
    const open = this.#sessions.get(sessionId) ?? new Set();
    this.#sessions.set(sessionId, open.add(connection));
    connection.once('close', () => {
      open.delete(connection);
      if (open.size === 0 && this.#sessions.get(sessionId) === open) this.#sessions.delete(sessionId);
    });
  }

  #connected(socket: Socket): void {
    const joined = new Map<string, Subscriber>();
    socket.on('join', (request: unknown, answer: unknown) => {
      void this.#join(socket, joined, request, typeof answer === 'function' ? (answer as Answer) : () => undefined);
    });
    socket.on('leave', (request: unknown, answer: unknown) => {
      const one = joined.get(joinRequest(request)?.name ?? '');
      if (one) this.#end(one);
      if (typeof answer === 'function') (answer as Answer)({ ok: true });
    });
    socket.on('disconnect', () => {
      for (const one of joined.values()) this.#end(one);
    });
  }

  async #join(socket: Socket, joined: Map<string, Subscriber>, request: unknown, answer: Answer): Promise<void> {
    const wanted = joinRequest(request);
    if (!wanted) return answer({ problem: VALIDATION });
    const { name, topic, after } = wanted;
    const earlier = joined.get(name);
    if (earlier) this.#end(earlier);
    const { topicsPerSocket } = this.#limits;
    if (joined.size >= topicsPerSocket) {
      return answer({
        problem: {
          code: 'TOO_MANY_TOPICS',
          message: `A socket may join ${topicsPerSocket} topics. Leave one first.`,
          params: { limit: topicsPerSocket },
        },
      });
    }
    const one: Subscriber = { topic, name, socket, joined, isOver: false, end: () => this.#end(one) };
    // Its place is taken before anything is waited for, so that the limit holds.
    joined.set(name, one);
    this.#subscriptions.add(one);
    try {
      const problem = await this.#admitTo(one, after, answer);
      if (!problem) return;
      this.#end(one);
      answer({ problem });
      if (problem.code === 'UNAUTHENTICATED') socket.disconnect(true);
    } catch (error) {
      this.#options.log.warn({ err: error, topic: name }, 'a topic could not be joined');
      this.#end(one);
      answer({ problem: UNAVAILABLE });
    }
  }

  async #admitTo(one: Subscriber, after: number, answer: Answer): Promise<LiveProblem | undefined> {
    const { request } = one.socket;
    const caller = await this.#options.callerOf(request);
    if (one.isOver) return undefined;
    if (!caller || caller.sessionId !== this.#callers.get(request)?.sessionId) {
      return { code: 'UNAUTHENTICATED', message: 'Your session has ended. Sign in again.' };
    }
    const decision = await this.#decide(caller.actor, one.topic);
    if (one.isOver) return undefined;
    if (decision.kind !== 'allowed') return refusal(decision);
    one.workspaceId = decision.workspaceId;
    one.accessVersion = decision.accessVersion;
    one.covers = decision.covers;
    const { topic } = one;
    switch (topic.kind) {
      case 'run':
        return (await this.#runFeed(topic.runId).attach(one, after, (seq) => answer({ ok: true, seq }))) ? undefined : NOT_FOUND;
      case 'runs':
        feedOf(this.#lists, topic.workspaceId, () => new RunsFeed({ outlet: this.#outlet, clock: this.#clock })).join(one);
        break;
      case 'changed':
        feedOf(this.#changes, topic.workspaceId, () => new ChangesFeed({ outlet: this.#outlet, clock: this.#clock })).join(one);
        break;
      case 'person':
        feedOf(this.#persons, topic.principalId, () => new ChangesFeed({ outlet: this.#outlet, clock: this.#clock })).join(one);
    }
    answer({ ok: true });
    return undefined;
  }

  #decide(actor: Actor, topic: Topic): Promise<LiveDecision> {
    const { authorize } = this.#options;
    switch (topic.kind) {
      case 'run':
        return authorize(actor, 'run.read', { kind: 'run', id: topic.runId });
      case 'runs': {
        const { workspaceId, workflowId } = topic;
        const resource: LiveResource =
          workflowId === undefined ? { kind: 'workspace', id: workspaceId } : { kind: 'workflow', id: workflowId, workspaceId };
        return authorize(actor, 'run.read', resource);
      }
      case 'changed':
        return authorize(actor, 'workspace.read', { kind: 'workspace', id: topic.workspaceId });
      case 'person':
        return authorize(actor, 'person.hear', { kind: 'person', id: topic.principalId });
    }
  }

  async #decideAgain(alike: readonly Subscriber[], accessVersions: ReadonlyMap<string, number>): Promise<void> {
    const [first] = alike;
    const caller = first && this.#callers.get(first.socket.request);
    if (!first || !caller) return;
    let problem: LiveProblem;
    try {
      const decision = await this.#decide(caller.actor, first.topic);
      if (decision.kind === 'allowed') {
        // A decision that does not say under which rules it was made is taken to be as new as the look that asked for it.
        const accessVersion = decision.accessVersion ?? accessVersions.get(decision.workspaceId ?? '');
        for (const one of alike) Object.assign(one, { workspaceId: decision.workspaceId, accessVersion, covers: decision.covers });
        return;
      }
      problem = refusal(decision);
    } catch (error) {
      // Who cannot be checked hears nothing; joining again is free.
      this.#options.log.warn({ err: error, topic: first.name }, 'a subscription ended because it could not be checked');
      problem = UNAVAILABLE;
    }
    for (const one of alike) {
      if (one.isOver) continue;
      this.#end(one);
      one.socket.emit('refused', { topic: one.name, problem });
    }
  }

  #runFeed(runId: string): RunFeed {
    this.#beatSoon();
    const { source, log } = this.#options;
    const onError = (error: unknown): void => log.warn({ err: error, runId }, 'the journal of a watched run could not be read');
    return feedOf(this.#runs, runId, () => new RunFeed({ runId, source, outlet: this.#outlet, clock: this.#clock, onError }));
  }

  #end(one: Subscriber): void {
    if (one.isOver) return;
    one.isOver = true;
    this.#subscriptions.delete(one);
    if (one.joined.get(one.name) === one) one.joined.delete(one.name);
    const { topic } = one;
    if (topic.kind === 'run') leave(this.#runs, topic.runId, one);
    else if (topic.kind === 'person') leave(this.#persons, topic.principalId, one);
    else leave(topic.kind === 'runs' ? this.#lists : this.#changes, topic.workspaceId, one);
  }

  #beatSoon(): void {
    this.#beat ??= this.#clock.after(BEAT_MS, () => void this.#beats());
  }

  /** Asks the journal, not this process: another one may have committed last. */
  async #beats(): Promise<void> {
    const open = [...this.#runs].filter(([, feed]) => !feed.hasEnded).map(([runId]) => runId);
    try {
      const committed = open.length > 0 ? await this.#options.source.committedSeqs(open) : new Map<string, number>();
      for (const [runId, seq] of committed) this.#runs.get(runId)?.heard(seq);
      for (const feed of this.#runs.values()) feed.beat();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'watched runs had no heartbeat because the journal could not be read');
    }
    this.#beat = undefined;
    if (this.#runs.size > 0 && !this.#isClosed) this.#beatSoon();
  }
}

function isDecided(one: Subscriber): one is Subscriber & { readonly workspaceId: string } {
  return one.workspaceId !== undefined;
}

function joinRequest(request: unknown): { readonly name: string; readonly topic: Topic; readonly after: number } | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const { topic: name, after = 0 } = request as { readonly topic?: unknown; readonly after?: unknown };
  if (typeof name !== 'string' || name.length > 200) return undefined;
  const topic = parseTopic(name);
  if (!topic || typeof after !== 'number' || !Number.isSafeInteger(after) || after < 0) return undefined;
  return { name, topic, after };
}

function refusal(decision: Exclude<LiveDecision, { kind: 'allowed' }>): LiveProblem {
  if (decision.kind === 'hidden') return NOT_FOUND;
  return { code: 'FORBIDDEN', message: `This needs the role ${decision.needs}.`, params: { needs: decision.needs } };
}

function feedOf<Feed>(feeds: Map<string, Feed>, id: string, make: () => Feed): Feed {
  const found = feeds.get(id);
  if (found) return found;
  const made = make();
  feeds.set(id, made);
  return made;
}

function leave(feeds: Map<string, { leave(one: Subscription): void; readonly isUnused: boolean }>, id: string, one: Subscription): void {
  const feed = feeds.get(id);
  if (!feed) return;
  feed.leave(one);
  if (feed.isUnused) feeds.delete(id);
}
