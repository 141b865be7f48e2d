/**
 * The runner: starts runs, takes over those whose process is gone, lets what happens outside reach them, and stops in good order.
 * The journal is ahead of every effect: an event is folded and gathered first; what leaves the process waits for its commit.
 */
import {
  type FlowTurn,
  type MockedReply,
  type RunEvent,
  type RunHead,
  type RunOrigin,
  type RunParent,
  type RunTag,
  SEMANTICS,
  type StartFacts,
  type TriggerKindName,
  type WorkflowDefinition,
  settleFlow,
  settleRunTags,
} from '@plugboard/engine';
import type { Item } from '@plugboard/sdk';
import type { ActiveRun, RunListener } from './active-run.ts';
import { ActiveRuns } from './active-runs.ts';
import { Backlog } from './backlog.ts';
import { type Clock, type Timer, systemClock } from './clock.ts';
import { Inbox } from './inbox.ts';
import { type LoadedPlan, runFacts } from './loaded-plan.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { PatientBlobStore } from './patient-blob-store.ts';
import { Recovery } from './recovery.ts';
import type { Refusal, RunnerLimits, RunnerOptions, RunnerStats } from './runner-options.ts';
import { StepSurroundings } from './step-surroundings.ts';
import { TurnListener } from './turn-listener.ts';
import { Turns } from './turns.ts';

/** Pause between looks for runs whose owner is gone, and for inbox rows, in milliseconds. */
const SWEEP_MS = 1000;
/** Due waits taken in between two looks at the inbox, and the least pause between two looks, in milliseconds. */
const TIMERS_AT_ONCE = 2000;
const LEAST_PAUSE_MS = 20;
const MIB = 1024 * 1024;
const DEFAULT_LIMITS: RunnerLimits = {
  maxItemsPerStep: 200_000,
  maxStepBytes: 64 * MIB,
  maxRunBytes: 256 * MIB,
  maxHeldBytes: 1024 * MIB,
  maxActiveRuns: 20_000,
  maxQueuedRuns: 100_000,
  waitingInMemory: 1000,
};

export interface StartRun {
  readonly loaded: LoadedPlan;
  /** Id of the trigger node. */
  readonly trigger: string;
  readonly items: readonly Item[];
  readonly triggerKind: TriggerKindName;
  /** An id of its own making for the new run, such as one that files already belong to. @default a new one */
  readonly id?: string;
  readonly initiator?: string;
  /** The run that calls it, and the run all of them began with. */
  readonly parent?: RunParent & { readonly rootRunId: string };
  /** Of a called run: how many of its call work at the same time. The `concurrency` of its own workflow counts before it. */
  readonly callLimit?: NonNullable<FlowTurn['concurrency']>;
  /** The run or the work on a draft it comes from, and what it keeps of that: events that follow its first. */
  readonly origin?: StartOrigin;
  /** What the run is found by, besides the tags of its workflow. */
  readonly tags?: readonly RunTag[] | undefined;
  /** Stored in the journal where no version keeps it. */
  readonly definition?: WorkflowDefinition;
  /**
   * `at-once` begins before the first commit and is bounded by back-pressure alone; `dispatched` is stored first and begins when its
   * workspace has a free place.
   */
  readonly begin: 'at-once' | 'dispatched';
  /** One that begins at once does so after its first commit: whether it may be at all is only known then. @default false */
  readonly storedFirst?: boolean;
  /** Its workflow is paused, and takes in what comes: it begins when the workflow goes on. @default false */
  readonly isHeld?: boolean;
}

export interface StartOrigin extends RunOrigin {
  /** The run all of these began with. @default the new run itself */
  readonly rootRunId?: string;
  /** As the engine's `continueRun` gives them. */
  readonly carried?: readonly RunEvent[];
  readonly given?: readonly string[];
  readonly mocks?: readonly MockedReply[];
}

/** Thrown when too many runs of a workflow wait for a place. Nothing was started; other workflows are not concerned. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  readonly code = 'QUEUE_FULL';
  /** How long the caller is asked to wait, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super('Too many runs of this workflow wait for their turn. Try again later.');
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Runner {
  /** False when new runs must be refused with a pause of `retryAfterMs`. */
  readonly accepting: boolean;
  /** Why `accepting` is false; undefined while it is true. */
  readonly refusal: Refusal | undefined;
  readonly retryAfterMs: number;
  readonly stats: Readonly<RunnerStats>;
  readonly activeRuns: number;
  /** True while one more dispatched run of this workflow may wait for a place. */
  acceptsQueued(workspaceId: string, workflowId: string): boolean;
  /**
   * Starts a run and gives its id. Nothing is promised before the listener's `onAccepted` or `onEnded`.
   * @throws QueueFullError when a dispatched run finds `acceptsQueued` false
   * @throws ImpossibleEventError when the workflow has no such trigger
   */
  start(request: StartRun, listener?: RunListener): string;
  /** Looks at the inbox now instead of at the next sweep. */
  wake(): void;
  /** Takes over runs whose owner is gone; resolves with how many once those that are not at rest are in memory. */
  recover(): Promise<number>;
  /**
   * Refuses new runs, lets the active ones end for at most `graceMs`, and writes down what is left for the next process. Resolves once
   * that is stored, which takes as long as the database is away.
   */
  drain(graceMs: number): Promise<{ left: number }>;
}

export function createRunner(options: RunnerOptions): Runner {
  return new RunnerCore(options);
}

class RunnerCore implements Runner {
  readonly #options: RunnerOptions;
  readonly #clock: Clock;
  readonly #limits: RunnerLimits;
  readonly #runs: ActiveRuns;
  readonly #blobs: PatientBlobStore;
  readonly #recovery: Recovery;
  readonly #backlog: Backlog;
  readonly #inbox: Inbox;
  /** Recovery and the inbox both bring stored runs into memory; a run must not come twice. */
  readonly #inTurn = oneAtATime();
  /** One recovery at a time, so that each gives the count of all it took over. */
  readonly #oneRecovery = oneAtATime();
  #sweep: Timer;
  #inboxAsked = false;
  #draining = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { ownership, journal, plans, log, clock = systemClock } = options;
    this.#clock = clock;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { maxItemsPerStep, maxStepBytes, maxRunBytes } = this.#limits;
    const blobs = new PatientBlobStore(options.blobs, {
      clock,
      onFailure: (error) => log.warn({ err: error }, 'a large payload cannot be stored; new runs are refused until it can'),
      onMended: () => log.info({}, 'large payloads can be stored again'),
    });
    this.#blobs = blobs;
    this.#runs = new ActiveRuns({
      ...options,
      blobs,
      clock,
      maxRunBytes,
      surroundings: new StepSurroundings({ ...options, clock, maxItemsPerStep, maxStepBytes, turns: new Turns() }),
      onRest: () => this.wake(),
      onPlaceLeft: (run) => this.#backlog.leave(run),
      onTrialOver: (run) => this.#recovery.trialOver(run),
    });
    const runs = this.#runs;
    this.#recovery = new Recovery({
      ownership,
      journal,
      plans,
      log,
      blobs,
      clock,
      runs,
      maxActiveRuns: this.#limits.maxActiveRuns,
      inTurn: this.#inTurn,
      backlog: () => this.#backlog,
      isClosing: () => this.#draining,
      onCommitted: options.onCommitted,
      reports: options.reports,
      keepsData: options.keepsData,
    });
    this.#backlog = new Backlog({
      ownership,
      runs,
      log,
      window: this.#limits.waitingInMemory,
      maxQueued: this.#limits.maxQueuedRuns,
      inTurn: this.#inTurn,
      restore: (stored) => this.#recovery.restore(stored),
      isClosing: () => this.#draining,
    });
    this.#inbox = new Inbox({ ownership, blobs, runs, recovery: this.#recovery, clock, log });
    this.#sweep = clock.after(SWEEP_MS, () => void this.#lookAround());
  }

  get stats(): Readonly<RunnerStats> {
    return this.#runs.stats;
  }

  get accepting(): boolean {
    return this.refusal === undefined;
  }

  get refusal(): Refusal | undefined {
    const { journal, ownership } = this.#options;
    if (this.#draining) return 'stopping';
    if (!journal.accepting) return 'journal';
    if (!ownership.leaseHolds()) return 'lease';
    if (this.#blobs.isFailing) return 'payloads';
    if (this.#runs.heldBytes > this.#limits.maxHeldBytes) return 'memory';
    return this.#runs.size - this.#backlog.inMemory < this.#limits.maxActiveRuns ? undefined : 'runs';
  }

  acceptsQueued(workspaceId: string, workflowId: string): boolean {
    return this.#backlog.accepts(workspaceId, workflowId);
  }

  get retryAfterMs(): number {
    return this.#options.journal.retryAfterMs;
  }

  get activeRuns(): number {
    return this.#runs.size;
  }

  start(request: StartRun, asker?: RunListener): string {
    const { loaded, initiator, definition } = request;
    const { caution } = this.#options;
    const id = request.id ?? this.#options.newRunId();
    const at = this.#clock.now();
    const turn = turnOf(request, id, at);
    const listener = turn && mayWait(turn) && this.#options.turns ? this.#awaitTurn(request, { id, turn }, asker) : asker;
    const isGated = listener instanceof TurnListener;
    const isDispatched = request.begin === 'dispatched' && !isGated;
    const isStoredFirst = !isDispatched && (request.storedFirst === true || caution?.storesFirst(loaded.workflowId) === true);
    if (isDispatched && !this.acceptsQueued(loaded.workspaceId, loaded.workflowId)) throw new QueueFullError(this.retryAfterMs);
    const head: RunHead = {
      id,
      workspaceId: loaded.workspaceId,
      workflowId: loaded.workflowId,
      environment: loaded.environment,
      version: loaded.version,
      triggerKind: request.triggerKind,
      rootRunId: request.parent?.rootRunId ?? request.origin?.rootRunId ?? id,
      startedAt: at,
      ...(request.parent ? { parent: parentOf(request.parent) } : {}),
      ...(initiator ? { initiator } : {}),
    };
    caution?.note(loaded.workflowId);
    const run = this.#runs.hold({
      head,
      loaded,
      fence: 1,
      nextSeq: 0,
      held: isDispatched || isStoredFirst,
      begun: !isDispatched,
      ...(listener ? { listener } : {}),
      tags: tagsOf(request, id, at),
    });
    const started: RunEvent = {
      type: 'run.started',
      at,
      semantics: SEMANTICS,
      trigger: request.trigger,
      outputs: { main: { items: request.items } },
      ...(initiator ? { initiator } : {}),
      ...(isGated ? { gated: true } : {}),
      ...(turn && turn.priority !== 0 ? { priority: turn.priority } : {}),
      ...(definition ? { definition } : {}),
      ...(request.origin ? originOfStart(request.origin) : {}),
    };
    try {
      this.#runs.take(run, started);
      for (const event of request.origin?.carried ?? []) this.#runs.take(run, { ...event, at });
    } catch (error) {
      this.#runs.drop(run);
      throw error;
    }
    this.#runs.stats.started += 1;
    if (isDispatched) {
      this.#backlog.enter(run);
      run.journal.barrier((isDurable) => isDurable && this.#backlog.stored(run));
    } else if (isStoredFirst) run.journal.barrier((isDurable) => isDurable && this.#runs.letIn(run));
    return id;
  }

  /** The transaction that stores the run decides whether it waits, or another run takes it in. */
  #awaitTurn(
    { loaded, items, parent }: StartRun,
    { id, turn }: { id: string; turn: FlowTurn },
    asker: RunListener | undefined,
  ): TurnListener {
    const { turns } = this.#options;
    const { workspaceId, workflowId, environment } = loaded;
    const listener = new TurnListener(asker, () => turns?.stored());
    // Among the runs of one call nobody has a caller's place.
    const callerId = parent?.wait === undefined || !loaded.plan.flow?.control.concurrency ? {} : { callerId: parent.runId };
    turns?.expect(
      { runId: id, workspaceId, workflowId, environment, turn, items, ...(parent && { isCalled: true }), ...callerId },
      (runId) => listener.joined(runId),
      (why) => listener.refused(why),
    );
    return listener;
  }

  wake(): void {
    if (this.#inboxAsked || this.#draining) return;
    this.#inboxAsked = true;
    this.#readInbox().catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the inbox of runs could not be read; trying again');
    });
  }

  recover(): Promise<number> {
    return this.#oneRecovery(() => this.#claimAll());
  }

  /** What has work to do first. */
  async #claimAll(): Promise<number> {
    const working = await this.#claimUntilNone(() => this.#recovery.claim());
    const resting = await this.#claimUntilNone(() => this.#recovery.claimResting());
    // Something may have come for them while nobody owned them.
    if (resting > 0) this.wake();
    return working + resting;
  }

  async #claimUntilNone(claim: () => Promise<{ readonly count: number; readonly mayHaveMore: boolean }>): Promise<number> {
    let total = 0;
    for (;;) {
      const { count, mayHaveMore } = await this.#inTurn(claim);
      total += count;
      if (!mayHaveMore) return total;
    }
  }

  async drain(graceMs: number): Promise<{ left: number }> {
    this.#draining = true;
    this.#sweep.cancel();
    this.#runs.close();
    const until = this.#clock.monotonicMs() + graceMs;
    const storing: Promise<void>[] = [];
    let left = 0;
    const putDown = (run: ActiveRun): void => {
      left += 1;
      storing.push(this.#putDown(run));
    };
    for (;;) {
      for (const run of this.#runs.resting()) putDown(run);
      const leftMs = until - this.#clock.monotonicMs();
      if (this.#runs.size === 0 || leftMs <= 0) break;
      await this.#runs.quieter(leftMs);
    }
    for (const run of this.#runs.all()) {
      // One that has ended tells so itself once that is stored.
      if (run.state.ended) storing.push(new Promise((resolve) => run.journal.barrier(() => resolve())));
      else putDown(run);
    }
    await Promise.all(storing);
    await this.#inTurn(() => Promise.resolve());
    await this.#options.journal.drain();
    return { left };
  }

  /** The run stops here and goes on in the next process; whoever waits for it hears so once it is stored. */
  #putDown(run: ActiveRun): Promise<void> {
    this.#runs.drop(run);
    return new Promise((resolve) =>
      run.journal.barrier((isDurable) => {
        const message = 'The server is stopping; the run goes on when it is back.';
        if (isDurable) this.#runs.tell(run, (listener) => listener.onLost?.(run.id, 'SERVER_STOPPING', message));
        resolve();
      }),
    );
  }

  #readInbox(): Promise<void> {
    return this.#inTurn(async () => {
      this.#inboxAsked = false;
      if (!this.#draining) await this.#inbox.read();
    });
  }

  async #lookAround(): Promise<void> {
    let pauseMs = SWEEP_MS;
    try {
      pauseMs = await this.#fireTimers();
      await this.#readInbox();
      await this.#inTurn(() => this.#recovery.tryAgain());
      await this.recover();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'looking for runs to take over failed; trying again');
    }
    if (!this.#draining) this.#sweep = this.#clock.after(pauseMs, () => void this.#lookAround());
  }

  /** Lets due waits into the inboxes of their runs; gives the pause until the next look. */
  async #fireTimers(): Promise<number> {
    const { fired, nextInMs = SWEEP_MS } = await this.#options.ownership.fireTimers(TIMERS_AT_ONCE);
    if (fired === TIMERS_AT_ONCE) return 0;
    return Math.min(SWEEP_MS, Math.max(LEAST_PAUSE_MS, nextInMs));
  }
}

/** What the first event says of where the run comes from. */
function originOfStart({
  carried = [],
  given = [],
  mocks,
  rootRunId: _,
  ...origin
}: StartOrigin): Partial<Extract<RunEvent, { type: 'run.started' }>> {
  return {
    origin,
    ...(carried.length > 0 ? { carries: carried.length } : {}),
    ...(given.length > 0 ? { given } : {}),
    ...(mocks ? { mocks } : {}),
  };
}

/** The link alone, as it is kept. */
function parentOf({ runId, place, part, wait, depth }: RunParent): RunParent {
  return { runId, place, part, depth, ...(wait === undefined ? {} : { wait }) };
}

/** Tags that are given win over those of the workflow. Undefined where there are none, which is most of the time. */
function tagsOf(request: StartRun, runId: string, at: number): readonly RunTag[] | undefined {
  const { loaded, items, tags = [] } = request;
  if (loaded.plan.tags.length === 0) return tags.length === 0 ? undefined : tags;
  const given = new Set(tags.map(({ key }) => key));
  return [...tags, ...settleRunTags(loaded.plan.tags, items, startFacts(request, runId, at)).filter(({ key }) => !given.has(key))];
}

/** Only published runs are subject to flow control, and not what goes on from an earlier run. What holds starts back is not for called runs, which somebody waits for. */
function turnOf(request: StartRun, runId: string, at: number): FlowTurn | undefined {
  const { loaded, items, origin, parent, callLimit } = request;
  const { flow } = loaded.plan;
  if (request.isHeld) return { priority: 0, ...(flow && settleFlow(flow, items, startFacts(request, runId, at))), isHeld: true };
  const limit = callLimit && { priority: 0, concurrency: callLimit };
  if (!flow || loaded.environment !== 1 || (origin && origin.how !== 'again')) return limit;
  const { hold, ...turn } = settleFlow(flow, items, startFacts(request, runId, at));
  return hold && !parent ? { ...turn, hold } : { ...limit, ...turn };
}

function mayWait({ concurrency, throttle, hold, isHeld }: FlowTurn): boolean {
  return isHeld === true || concurrency !== undefined || throttle !== undefined || hold !== undefined;
}

function startFacts({ loaded, parent }: StartRun, runId: string, at: number): StartFacts {
  const { plan, vars } = loaded;
  const { workflowId, workflowName, version, environment } = runFacts(runId, loaded);
  const now = new Date(at).toISOString();
  return {
    run: { id: runId, startedAt: now, environment, ...(parent ? { caller: parent.runId } : {}) },
    workflow: { id: workflowId, name: workflowName, version },
    vars,
    now,
    zone: plan.timezone,
  };
}
