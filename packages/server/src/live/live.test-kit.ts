/** A real HTTP server with the live view on it, a journal in memory, time that a test moves, and real clients. */
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Timer } from '@plugboard/runner';
import { type Socket, io } from 'socket.io-client';
import type { FactPage, FactSource } from './fact-source.ts';
import { createLive } from './live.ts';
import type { InForce, InUse, Live, LiveDecision, LiveOptions } from './live-contract.ts';
import { createOriginCheck } from './origin-check.ts';
import type { RunFact } from './run-fact.ts';

export class TestClock implements Clock {
  #ms = 0;
  readonly #timers = new Set<{ readonly dueAt: number; readonly act: () => void }>();

  now(): number {
    return Date.UTC(2026, 0, 1) + this.#ms;
  }
  monotonicMs(): number {
    return this.#ms;
  }
  random(): number {
    return 0.5;
  }
  after(delayMs: number, act: () => void): Timer {
    const timer = { dueAt: this.#ms + delayMs, act };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  advance(ms: number): void {
    const until = this.#ms + ms;
    for (;;) {
      const [next] = [...this.#timers].filter((timer) => timer.dueAt <= until).sort((a, b) => a.dueAt - b.dueAt);
      if (!next) break;
      this.#timers.delete(next);
      this.#ms = Math.max(this.#ms, next.dueAt);
      next.act();
    }
    this.#ms = until;
  }
  get waiting(): number {
    return this.#timers.size;
  }
}

export const WORKSPACE = '01900000-0000-7000-8000-00000000aaaa';
export const OTHER_WORKSPACE = '01900000-0000-7000-8000-00000000bbbb';
export const RUN = '01900000-0000-7000-8000-000000000001';
export const FOREIGN_RUN = '01900000-0000-7000-8000-000000000002';
export const MISSING_RUN = '01900000-0000-7000-8000-000000000003';
export const OPEN_FLOW = '01900000-0000-7000-8000-00000000f001';
export const CLOSED_FLOW = '01900000-0000-7000-8000-00000000f002';

/** A journal that grows as a test says. Reads take a turn of the event loop, as those of a database do. */
export class TestJournal implements FactSource {
  readonly runs = new Map<string, RunFact[]>([
    [RUN, []],
    [FOREIGN_RUN, []],
  ]);
  reads = 0;
  /** While true every read fails. */
  isAway = false;
  /** Holds reads back until it resolves. */
  gate: Promise<void> | undefined;

  /** Makes the next facts of a run; `padding` adds to their size. */
  append(runId: string, count: number, padding = 0): number {
    const facts = this.runs.get(runId) ?? [];
    this.runs.set(runId, facts);
    for (let n = 0; n < count; n += 1) {
      const seq = facts.length + 1;
      facts.push({ seq, at: '2026-01-01T00:00:00.000Z', type: 'cancel.requested', by: 'x'.repeat(padding) });
    }
    return facts.length;
  }

  async read(runId: string, afterSeq: number, limit: number): Promise<FactPage | undefined> {
    this.reads += 1;
    await turn();
    await this.gate;
    if (this.isAway) throw new Error('the database is away');
    const facts = this.runs.get(runId);
    return facts && { facts: facts.slice(afterSeq, afterSeq + limit), seq: facts.length };
  }

  async committedSeqs(runIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    await turn();
    if (this.isAway) throw new Error('the database is away');
    return new Map(runIds.map((id) => [id, this.runs.get(id)?.length ?? 0]));
  }
}

export interface TestActor {
  readonly name: string;
}

export class LiveKit {
  readonly clock = new TestClock();
  readonly journal = new TestJournal();
  readonly warnings: string[] = [];
  /** Names that may still hold a session. */
  readonly sessions = new Set(['ada', 'eve', 'vic']);
  /** What `ada` may do in the workspace; `eve` may nothing, `vic` sees the open workflow only. */
  adaMay: 'read' | 'nothing' | 'less' = 'read';
  accessVersion = 1;
  decisions = 0;
  /** While true nothing can be decided. */
  isBlind = false;
  tokenLifeMs: number | undefined;
  readonly server: Server;
  live!: Live;
  readonly #clients: Socket[] = [];
  readonly #seesOpen = ({ id }: { readonly id: string }): boolean => id !== CLOSED_FLOW;

  constructor() {
    this.server = createServer((_, res) => res.end('the app'));
  }

  async start(options: Partial<LiveOptions<TestActor>> = {}): Promise<this> {
    this.live = createLive<TestActor>({
      server: this.server,
      source: this.journal,
      callerOf: async (request) => this.#caller(request),
      allowsOrigin: createOriginCheck({ allowsHost: (host) => host?.startsWith('127.0.0.1') ?? false }),
      authorize: async (actor, _, resource) => this.#decide(actor, resource.id, resource.kind),
      log: { warn: (_, message) => void this.warnings.push(message) },
      clock: this.clock,
      ...options,
    });
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  #caller(request: IncomingMessage) {
    const name = /session=([a-z0-9]+)/.exec(request.headers.cookie ?? '')?.[1];
    const person = name?.replace(/\d+$/, '');
    if (name === undefined || person === undefined || !this.sessions.has(person)) return undefined;
    return {
      actor: { name: person },
      sessionId: name,
      ...(this.tokenLifeMs === undefined ? {} : { expiresAt: this.clock.now() + this.tokenLifeMs }),
    };
  }

  #decide({ name }: TestActor, id: string, kind: string): LiveDecision {
    this.decisions += 1;
    if (this.isBlind) throw new Error('the database is away');
    const isOurs = kind === 'run' ? id === RUN : kind === 'workflow' ? id === OPEN_FLOW || id === CLOSED_FLOW : id === WORKSPACE;
    if (!isOurs || name === 'eve') return { kind: 'hidden' };
    if (name === 'ada' && this.adaMay === 'nothing') return { kind: 'hidden' };
    if (name === 'ada' && this.adaMay === 'less') return { kind: 'forbidden', needs: 'viewer' };
    if (name === 'vic' && id === CLOSED_FLOW) return { kind: 'hidden' };
    return {
      kind: 'allowed',
      workspaceId: WORKSPACE,
      accessVersion: this.accessVersion,
      ...(name === 'vic' ? { covers: this.#seesOpen } : {}),
    };
  }

  /** What the server's query answers each second. */
  look = async ({ sessionIds, workspaceIds }: InUse): Promise<InForce> => ({
    sessionIds: new Set(sessionIds.filter((id) => this.sessions.has(id.replace(/\d+$/, '')))),
    accessVersions: new Map(workspaceIds.map((id) => [id, this.accessVersion])),
  });

  /** A client whose connection is not waited for. */
  open(session: string | undefined, headers: { readonly [name: string]: string } = {}): Socket {
    const client = io(this.url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: { ...headers, ...(session === undefined ? {} : { cookie: `session=${session}` }) },
    });
    this.#clients.push(client);
    return client;
  }

  async client(session = 'ada'): Promise<Socket> {
    const client = this.open(session);
    await new Promise<void>((resolve, reject) => {
      client.once('connect', resolve);
      client.once('connect_error', reject);
    });
    return client;
  }

  /** Commits facts and tells of them, as the runner does. */
  commit(runId: string, count = 1, padding = 0): void {
    const toSeq = this.journal.append(runId, count, padding);
    this.live.committed({
      head: { id: runId, workspaceId: WORKSPACE, workflowId: OPEN_FLOW, startedAt: 0 },
      create: toSeq === count,
      status: 'running',
      toSeq,
    });
  }

  /** A run from start to end in one commit. */
  commitRun(n: number, workflowId = OPEN_FLOW, workspaceId = WORKSPACE): void {
    const id = `01900000-0000-7000-9000-${String(n).padStart(12, '0')}`;
    this.live.committed({
      head: { id, workspaceId, workflowId, startedAt: 0 },
      create: true,
      status: 'succeeded',
      end: { status: 'succeeded' },
      toSeq: 3,
    });
  }

  /** Moves time by steps of `stepMs` until `isDone`, giving sockets and reads their turns. */
  async until(isDone: () => boolean, stepMs = 5): Promise<void> {
    const giveUp = performance.now() + 60_000;
    while (!isDone()) {
      if (performance.now() > giveUp) throw new Error('what the test waits for does not happen');
      this.clock.advance(stepMs);
      await turn();
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    this.live.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export interface JoinAnswer {
  readonly ok?: true;
  readonly seq?: number;
  readonly problem?: { readonly code: string; readonly message: string };
}

export function join(client: Socket, topic: string, after?: number): Promise<JoinAnswer> {
  return client.emitWithAck('join', after === undefined ? { topic } : { topic, after }) as Promise<JoinAnswer>;
}

/** Everything a client hears under a name, in order. */
export function heard<Frame>(client: Socket, event: string): Frame[] {
  const frames: Frame[] = [];
  client.on(event, (frame: Frame) => void frames.push(frame));
  return frames;
}

export function ended(client: Socket): Promise<string> {
  return new Promise((resolve) => client.once('disconnect', resolve));
}
