/**
 * The live view put onto the server: sockets come in with the same credentials as requests, runs are read from the journal, rights are
 * looked at again each second.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { BlobStore, Plan } from '@plugboard/engine';
import {
  type Database,
  livingApiKeys,
  livingSessions,
  readAccessVersions,
  readCommittedEvents,
  readCommittedSeqs,
} from '@plugboard/persistence';
import type { Identity } from '../auth/callers.ts';
import type { Change } from '../operation/execute.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import { decodeAll } from '../runs/stored-runs.ts';
import { createFactSource } from './fact-source.ts';
import { createLive } from './live.ts';
import { createNotificationWatch } from './notification-watch.ts';
import type { InForce, InUse, LiveCaller, LiveLimits, LiveStats } from './live-contract.ts';
import { type LiveActor, createLiveRights, isNews } from './live-rights.ts';
import type { RunCommit } from './runs-feed.ts';

export interface ServerLiveOptions {
  readonly server: Server;
  readonly database: Database;
  readonly plans: PlanStore;
  readonly blobs: BlobStore;
  /** As for requests. @throws OperationProblem for a credential that is not valid */
  readonly identityOf: (req: IncomingMessage) => Promise<Identity>;
  readonly systemPrincipalId: string;
  readonly allowsOrigin: (req: IncomingMessage) => boolean;
  readonly limits?: Partial<LiveLimits>;
  readonly log: { warn(fields: object, message: string): void };
}

export interface ServerLive {
  committed(commit: RunCommit): void;
  /** A person changed something; called after the commit. */
  changed(change: Change): void;
  readonly stats: LiveStats;
  /** Closes the sockets. */
  close(): void;
}

/** Sessions and rights are looked at this often, in milliseconds. */
const RECHECK_MS = 1000;
/** Plans of watched drafts kept. */
const KEPT_PLANS = 200;

export function createServerLive(options: ServerLiveOptions): ServerLive {
  const { database, plans, blobs, log } = options;
  const rights = createLiveRights({ database, log });
  /** A draft's plan is in its first event only. */
  const plansOfRuns = new Map<string, Plan>();

  const load = async (runId: string, from: number): ReturnType<Parameters<typeof createFactSource>[0]['load']> => {
    const kept = plansOfRuns.get(runId);
    const found = await readCommittedEvents(database, runId, kept ? from : 0);
    if (!found) return undefined;
    const { head } = found;
    const events = await decodeAll(found.chunks, blobs, head.workspaceId);
    let plan = kept;
    if (!plan) {
      const [first] = events;
      const definition = first?.type === 'run.started' ? first.definition : undefined;
      const loaded = definition ? plans.compile(definition, head) : await plans.load(head.workflowId, head.version, head.environment);
      plan = loaded.plan;
      plansOfRuns.set(runId, plan);
      if (plansOfRuns.size > KEPT_PLANS) plansOfRuns.delete(plansOfRuns.keys().next().value ?? '');
    }
    return { plan, events: events.slice(from - found.from) };
  };

  const callerOf = async (req: IncomingMessage): Promise<LiveCaller<LiveActor> | undefined> => {
    try {
      return liveCaller(await options.identityOf(req), options.systemPrincipalId);
    } catch (error) {
      if (error instanceof OperationProblem) return undefined;
      throw error;
    }
  };

  const live = createLive<LiveActor>({
    server: options.server,
    source: createFactSource({ load, committedSeqs: (ids) => readCommittedSeqs(database, ids) }),
    callerOf,
    allowsOrigin: options.allowsOrigin,
    authorize: rights.authorize,
    log,
    ...(options.limits ? { limits: options.limits } : {}),
  });

  const watch = createNotificationWatch(database, live);
  let isTold = false;
  const recheck = setInterval(() => {
    live
      .recheck((used) => inForce(database, used))
      .then(() => watch.look())
      .then(
        () => (isTold = false),
        (error: unknown) => {
          if (!isTold) log.warn({ err: error }, 'the rights of open sockets could not be checked; trying again every second');
          isTold = true;
        },
      );
  }, RECHECK_MS);
  recheck.unref();

  return {
    committed: (commit) => live.committed(commit),
    changed({ workspaceId, kind, id, rev }) {
      if (id === undefined || !isNews(kind)) return;
      const tell = (): void => live.changed(workspaceId, { kind, id, ...(rev === undefined ? {} : { rev }) });
      // Nobody hears of a new thing before it is known who may.
      if (kind === 'workflow' || kind === 'credential' || kind === 'project') void rights.contentsChanged(workspaceId).then(tell);
      else tell();
    },
    get stats() {
      return live.stats;
    },
    close() {
      clearInterval(recheck);
      live.close();
    },
  };
}

const SESSION = 'session:';
const KEY = 'key:';

/** Undefined for nobody in particular. */
function liveCaller(identity: Identity, systemPrincipalId: string): LiveCaller<LiveActor> | undefined {
  switch (identity.kind) {
    case 'anonymous':
      return undefined;
    case 'system':
      return { actor: { actor: { kind: 'system', principalId: systemPrincipalId } }, sessionId: 'system' };
    case 'session':
      return { actor: { actor: { kind: 'person', principalId: identity.personId } }, sessionId: `${SESSION}${identity.sessionId}` };
    case 'key':
      return { actor: { actor: identity.actor, workspaceId: identity.workspaceId }, sessionId: `${KEY}${identity.apiKeyId}` };
    case 'token': {
      // It ends with what it was made for, or by itself.
      const { actor, workspaceId, madeFor, expiresAt } = identity;
      const sessionId = madeFor.kind === 'session' ? `${SESSION}${madeFor.sessionId}` : `${KEY}${madeFor.apiKeyId}`;
      return { actor: { actor, workspaceId }, sessionId, expiresAt };
    }
  }
}

async function inForce(database: Database, { sessionIds, workspaceIds }: InUse): Promise<InForce> {
  const under = (prefix: string): string[] => sessionIds.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length));
  const [sessions, keys, accessVersions] = await Promise.all([
    livingSessions(database, under(SESSION)),
    livingApiKeys(database, under(KEY)),
    readAccessVersions(database, workspaceIds),
  ]);
  const holds = (one: string): boolean => {
    if (one.startsWith(SESSION)) return sessions.has(one.slice(SESSION.length));
    if (one.startsWith(KEY)) return keys.has(one.slice(KEY.length));
    return true;
  };
  return { sessionIds: new Set(sessionIds.filter(holds)), accessVersions };
}
