/**
 * What a socket may hear, decided by the one authorization function from rights read anew. Whoever may not see every project hears only of
 * what lies in those he may see; a thing nobody knows the project of is told to nobody.
 */
import { type Database, type RunPlace, findRunPlace, loadAccess, readProjectsOfContents } from '@plugboard/persistence';
import { type AccessSet, type Actor, type Resource, accessSetOf, decideAccess } from '../access/access.ts';
import type { Action } from '../access/actions.ts';
import type { LiveAction, LiveDecision, LiveResource } from './live-contract.ts';
import type { NewsSubject } from './subscription.ts';

export interface LiveActor {
  readonly actor: Actor;
  /** The one workspace a key is for. */
  readonly workspaceId?: string;
}

export interface LiveRights {
  authorize(who: LiveActor, action: LiveAction, resource: LiveResource): Promise<LiveDecision>;
  /** Something was made or moved: where things are is read again before it is told who may hear of it. */
  contentsChanged(workspaceId: string): Promise<void>;
}

export interface LiveRightsOptions {
  readonly database: Database;
  readonly log: { warn(fields: object, message: string): void };
}

/** Who may hear that a thing of a kind has changed. A kind that is missing here is told to nobody. */
const NEWS = {
  workflow: 'workflow.read',
  credential: 'credential.read',
  project: 'project.read',
  folder: 'workspace.read',
  tag: 'workspace.read',
  view: 'workspace.read',
  job: 'workspace.read',
  workspace: 'workspace.read',
  member: 'member.read',
  invitation: 'member.read',
  team: 'team.read',
  apiKey: 'apiKey.read',
  setting: 'settings.read',
  approval: 'approval.read',
} as const satisfies Record<string, Action>;

export function isNews(kind: string): boolean {
  return Object.hasOwn(NEWS, kind);
}

/** Rights in use at once whose frames are shared. */
const KEPT_RIGHTS = 1000;
/** Where things are is looked up again not more often than this, in milliseconds. */
const LOOK_AGAIN_MS = 1000;

type Covers = (about: NewsSubject) => boolean;

export function createLiveRights({ database, log }: LiveRightsOptions): LiveRights {
  const directories = new Map<string, Directory>();
  const covering = new Map<string, Covers>();

  const directoryOf = async (workspaceId: string, accessVersion: number): Promise<Directory> => {
    const known = directories.get(workspaceId);
    const directory = known ?? new Directory(() => readProjectsOfContents(database, workspaceId), log);
    if (!known) directories.set(workspaceId, directory);
    await directory.readUnder(accessVersion);
    return directory;
  };

  /** The same rights give the same function. */
  const coversFor = async (actor: Actor, access: AccessSet, accessVersion: number, action: LiveAction): Promise<Covers> => {
    const { workspaceId } = access;
    const directory = await directoryOf(workspaceId, accessVersion);
    const key = JSON.stringify([
      action,
      workspaceId,
      access.workspaceRole,
      actor.scopes && [...actor.scopes].sort(),
      [...access.projects].sort(byId),
      [...access.grants].sort(byId),
    ]);
    const found = covering.get(key);
    covering.delete(key);
    const covers: Covers =
      found ??
      (({ kind, id }) => {
        const asked = action === 'run.read' ? action : isNews(kind) ? NEWS[kind as keyof typeof NEWS] : undefined;
        const resource = asked && resourceOf(kind, id, directory);
        return asked !== undefined && resource !== undefined && decideAccess(actor, access, asked, resource).kind === 'allowed';
      });
    covering.set(key, covers);
    if (covering.size > KEPT_RIGHTS) covering.delete(covering.keys().next().value ?? '');
    return covers;
  };

  return {
    async authorize({ actor, workspaceId: only }, action, asked) {
      // Nobody hears what is told to somebody else, whatever the role; a key is no person.
      if (asked.kind === 'person')
        return actor.kind === 'person' && only === undefined && actor.principalId === asked.id ? { kind: 'allowed' } : { kind: 'hidden' };
      if (action === 'person.hear') return { kind: 'hidden' };
      const place = await placeOf(database, asked);
      if (!place || (only !== undefined && place.workspaceId !== only)) return { kind: 'hidden' };
      const { workspaceId } = place;
      if (actor.kind === 'system') return { kind: 'allowed', workspaceId };
      const loaded = await loadAccess(database, { workspaceId, principalId: actor.principalId });
      if (loaded?.workspaceRole === undefined) return { kind: 'hidden' };
      const access = accessSetOf(loaded);
      const decision = decideAccess(actor, access, action, resourceAt(place, asked));
      if (decision.kind !== 'allowed') return decision;
      const allowed = { kind: 'allowed', workspaceId, accessVersion: loaded.accessVersion } as const;
      return asked.kind === 'run' ? allowed : { ...allowed, covers: await coversFor(actor, access, loaded.accessVersion, action) };
    },

    async contentsChanged(workspaceId) {
      await directories.get(workspaceId)?.read();
    },
  };
}

async function placeOf(
  database: Database,
  asked: Exclude<LiveResource, { kind: 'person' }>,
): Promise<(Partial<RunPlace> & { workspaceId: string }) | undefined> {
  if (asked.kind === 'run') return findRunPlace(database, asked.id);
  if (asked.kind === 'workspace') return { workspaceId: asked.id };
  const projectId = (await readProjectsOfContents(database, asked.workspaceId)).get(asked.id);
  return projectId === undefined ? undefined : { workspaceId: asked.workspaceId, workflowId: asked.id, projectId };
}

function resourceAt({ workflowId = '', projectId = '' }: Partial<RunPlace>, { kind }: LiveResource): Resource {
  return kind === 'workspace' ? { kind } : { kind: 'run', workflowId, projectId };
}

function resourceOf(kind: string, id: string, directory: Directory): Resource | undefined {
  if (kind === 'project') return { kind, id };
  if (kind !== 'workflow' && kind !== 'credential') return { kind: 'workspace' };
  const projectId = directory.projectOf(id);
  return projectId === undefined ? undefined : { kind, id, projectId };
}

function byId([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Which project the things of one workspace are in. */
class Directory {
  readonly #load: () => Promise<ReadonlyMap<string, string>>;
  readonly #log: LiveRightsOptions['log'];
  #projects: ReadonlyMap<string, string> = new Map();
  #reading: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #accessVersion: number | undefined;

  constructor(load: () => Promise<ReadonlyMap<string, string>>, log: LiveRightsOptions['log']) {
    this.#load = load;
    this.#log = log;
  }

  /** What was made by another process shows once it has been asked for. */
  projectOf(id: string): string | undefined {
    const projectId = this.#projects.get(id);
    if (projectId === undefined && performance.now() - this.#lookedAt > LOOK_AGAIN_MS) void this.read();
    return projectId;
  }

  /** Moving a thing to another project raises the version of rights: what was read under this one is good. */
  async readUnder(accessVersion: number): Promise<void> {
    if (this.#accessVersion === accessVersion) return;
    await this.read();
    this.#accessVersion = accessVersion;
  }

  /** Where it cannot be read, what was known stays. */
  async read(): Promise<void> {
    // A read that began before the change may not show it.
    await this.#reading;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #read(): Promise<void> {
    this.#lookedAt = performance.now();
    try {
      this.#projects = await this.#load();
    } catch (error) {
      this.#log.warn({ err: error }, 'the live view could not read which projects things are in');
    }
  }
}
