/**
 * The runs in this process's memory. Each takes its events, carries out what the engine says follows from them, and leaves when it ends,
 * waits, or is lost to another owner. What leaves the process waits for the commit of everything before it.
 */
import {
  type AppendResult,
  type BlobStore,
  type Command,
  type KeepData,
  type RunEnd,
  type RunEvent,
  type RunHead,
  type RunRecord,
  type RunState,
  type RunStatusName,
  type RunTag,
  type RunTimer,
  type PlanNode,
  type StepState,
  SlotList,
  SlotMap,
  decide,
  everyStep,
  findStep,
  isAtRest,
  newRun,
  outputFault,
  outstanding,
} from '@plugboard/engine';
import type { StepError } from '@plugboard/sdk';
import { ActiveRun, type CallUnderWay, type RunListener } from './active-run.ts';
import { beginActive, endActive } from './active-time.ts';
import { BackgroundFlush } from './background-flush.ts';
import { failureOf } from './failure-follow-up.ts';
import { type EncodedEvent, SPILL_LENGTH } from './encode.ts';
import type { Clock, Timer } from './clock.ts';
import { closingRecord } from './closing-record.ts';
import { errorOfEnd } from './fingerprint.ts';
import { erasure, lessOf } from './kept-data.ts';
import { KeptListeners } from './kept-listeners.ts';
import type { LoadedPlan } from './loaded-plan.ts';
import { withWhatFollows } from './run-ending.ts';
import type { JournalKeeper } from './run-journal.ts';
import type { RunnerOptions, RunnerStats } from './runner-options.ts';
import { StepCall } from './step-call.ts';
import { runTooLarge } from './size-budget.ts';
import { ToldEnd } from './told-end.ts';
import type { ItemsSize, StepServices } from './step-services.ts';
import { Snapshots } from './snapshots.ts';
import { stepServices } from './step-services-of-runs.ts';
import type { StepSurroundings } from './step-surroundings.ts';

/** Longest stretch of work on one run before others get their turn, in milliseconds. */
const TURN_MS = 10;
/** Time writes in flight get to settle once a run is stopped, in milliseconds. */
const STOP_GRACE_MS = 5000;
/** Pause between looks at a lease that does not hold, in milliseconds. */
const LEASE_LOOK_MS = 50;
/** Items that take more JSON text than this become journal text in slices, in UTF-16 units. */
const LARGE_TEXT = 512 * 1024;

export interface HoldRun {
  readonly head: RunHead;
  readonly loaded: LoadedPlan;
  readonly fence: number;
  /** Sequence of the next event. */
  readonly nextSeq: number;
  /** @default a run before its first event */
  readonly state?: RunState;
  /** JSON text of the items in `state`. @default 0 */
  readonly heldBytes?: number;
  /** Sequence of the snapshot it came back by. @default 0 */
  readonly snapshotSeq?: number;
  readonly listener?: RunListener;
  /** Takes events, and acts on none until the dispatcher lets it go. */
  readonly held: boolean;
  /** Something of it may have been carried out. @default false for a held run, true for others */
  readonly begun?: boolean;
  /** What a new run is found by. */
  readonly tags?: readonly RunTag[] | undefined;
}

export interface ActiveRunsOptions extends Pick<
  RunnerOptions,
  'journal' | 'caution' | 'ownership' | 'dispatcher' | 'log' | 'onCommitted' | 'reports' | 'keepsData' | 'storage'
> {
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly surroundings: StepSurroundings;
  /** JSON text of items one run may hold, in UTF-16 units. */
  readonly maxRunBytes: number;
  /** A run has left memory to wait: what came in for it meanwhile has to be looked for. */
  readonly onRest: () => void;
  /** A run that waited for its place has begun, or is out of memory. */
  readonly onPlaceLeft: (run: ActiveRun) => void;
  /** A run on trial has got on, or is out of memory. */
  readonly onTrialOver: (run: ActiveRun) => void;
}

export class ActiveRuns {
  readonly stats: RunnerStats = { started: 0, succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, recovered: 0, steps: 0 };
  readonly #options: ActiveRunsOptions;
  readonly #clock: Clock;
  readonly #services: StepServices;
  readonly #runs = new SlotMap<ActiveRun>();
  /** Runs that ended in the turn in which they began: they only wait for their commit, and nothing can come for them. */
  readonly #brief = new SlotList<ActiveRun>();
  readonly #keeper: JournalKeeper<ActiveRun>;
  readonly #background: BackgroundFlush;
  readonly #snapshots: Snapshots;
  readonly #onQuieter = new Set<() => void>();
  readonly #kept = new KeptListeners();
  #closed = false;
  #heldBytes = 0;

  constructor(options: ActiveRunsOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#background = new BackgroundFlush(options.clock);
    this.#services = stepServices(options.surroundings, this);
    this.#keeper = {
      journal: options.journal,
      blobs: options.blobs,
      turns: options.surroundings.turns,
      clock: options.clock,
      onCommitted: (run, record, first) => this.#committed(run, record, first),
      onBroken: (run, result) => this.#broken(run, result),
    };
    const { ownership, log, maxRunBytes, surroundings } = options;
    this.#snapshots = new Snapshots({
      ownership,
      log,
      maxRunBytes,
      turns: surroundings.turns,
      onCounted: (run, bytes) => this.#counted(run, bytes),
    });
  }

  get size(): number {
    return this.#runs.size + this.#brief.size;
  }

  /** JSON text of the items all runs hold, about, in UTF-16 units. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get(id: string): ActiveRun | undefined {
    return this.#runs.get(id);
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Takes a run into memory. */
  hold({
    head,
    loaded,
    fence,
    nextSeq,
    state = newRun(loaded.plan),
    heldBytes = 0,
    snapshotSeq = 0,
    listener = this.#kept.take(head.id),
    held,
    begun = !held,
    tags,
  }: HoldRun): ActiveRun {
    const run = new ActiveRun({ head, loaded, fence, nextSeq, state, heldBytes, snapshotSeq, listener, held, begun, tags }, this.#keeper);
    if (nextSeq === 0) run.slot = this.#brief.add(run);
    else this.#runs.set(run.id, run);
    this.#heldBytes += heldBytes;
    return run;
  }

  /**
   * Folds the event, journals it, and carries out what follows.
   * @throws ImpossibleEventError for an event this run cannot have; nothing has changed then
   */
  take(run: ActiveRun, event: RunEvent, inboxId?: string): void {
    const { text, length } = run.journal.encode(event);
    this.#takeEncoded(run, event, text, length, inboxId);
    this.#stores(run, length);
    this.#pump(run);
    if (run.slot !== undefined && !run.state.ended && !run.gone) this.#list(run, run.slot);
  }

  /** The run goes on: whatever comes for it finds it by its id. */
  #list(run: ActiveRun, slot: number): void {
    this.#brief.remove(slot);
    run.slot = undefined;
    this.#runs.set(run.id, run);
  }

  /** As `take`, for what happens in this process: a contradiction is a fault of the server and breaks the run, never the caller. */
  apply(run: ActiveRun, event: RunEvent, inboxId?: string): void {
    if (run.gone || run.state.ended) return;
    try {
      this.take(run, event, inboxId);
    } catch (error) {
      this.#unexpected(run, error);
    }
  }

  /** As `apply`, for an event that carries items; false when its text is longer than the limit, and then it has not happened. */
  applyItems(run: ActiveRun, event: RunEvent, { text, added, limit }: ItemsSize): boolean {
    if (run.gone || run.state.ended) return true;
    try {
      const encoded = text > LARGE_TEXT ? { text: run.journal.encodeLarge(event), length: added } : run.journal.encode(event, limit);
      if (encoded === undefined) return false;
      this.#takeEncoded(run, event, encoded.text, encoded.length);
      if (!run.state.stop && this.#snapshots.holdsTooMuch(run)) this.#breakOff(run, runTooLarge(this.#options.maxRunBytes));
      this.#stores(run, Math.max(text, encoded.length));
      this.#pump(run);
    } catch (error) {
      this.#unexpected(run, error);
    }
    return true;
  }

  /** What follows is carried out by `#pump`, once it is sure that the run may go on. */
  #takeEncoded(run: ActiveRun, event: RunEvent, text: EncodedEvent, bytes: number, inboxId?: string): void {
    const commands = decide(run.state, event);
    run.heldBytes += bytes;
    this.#heldBytes += bytes;
    run.journal.add(text, inboxId, timersOf(commands));
    for (const command of commands) run.work.push(command);
  }

  /** A large text is kept as a payload. What a workspace has no room for ends the run behind it: the text itself is kept, and nothing is lost. */
  #stores(run: ActiveRun, text: number): void {
    if (text <= SPILL_LENGTH) return;
    const refusal = this.#options.storage?.(run.head.workspaceId, text);
    if (refusal && !run.state.stop && !run.state.ended) this.#breakOff(run, refusal);
  }

  #breakOff(run: ActiveRun, error: StepError): void {
    this.apply(run, { type: 'run.broken', at: this.#clock.now(), error });
  }

  #counted(run: ActiveRun, heldBytes: number): void {
    this.#heldBytes += heldBytes - run.heldBytes;
    run.heldBytes = heldBytes;
  }

  /** Lets the run work once its workspace has a free place. */
  dispatch(run: ActiveRun): void {
    if (run.gone || !run.held || run.queued || this.#closed) return;
    run.queued = true;
    const job = { runId: run.id, workspaceId: run.head.workspaceId, priority: run.state.priority };
    this.#options.dispatcher.enqueue(job, () => {
      run.queued = false;
      run.dispatched = true;
      if (run.begun || this.#options.caution?.storesFirst(run.head.workflowId) !== true) return this.#begin(run);
      // It may be what ended the server: that it is at work is stored before anything of it acts, or its crashes would not be counted.
      run.begun = true;
      this.apply(run, { type: 'run.recovered', at: this.#clock.now(), fence: run.fence });
      run.journal.barrier((isDurable) => isDurable && !run.gone && this.#begin(run));
    });
  }

  /** Lets a held run work now, without a place: what was decided about it cannot wait for one. */
  letIn(run: ActiveRun): void {
    if (!run.held) return;
    if (run.queued) this.#options.dispatcher.forget(run.id);
    run.queued = false;
    this.#begin(run);
  }

  /** A waiting run leaves memory once it is stored. */
  rest(run: ActiveRun): void {
    this.letIn(run);
    run.journal.barrier((isDurable) => isDurable && this.#suspended(run));
  }

  /** The run leaves memory: nothing of it acts here any more. What it gathered is still written. */
  drop(run: ActiveRun): void {
    if (run.gone) return;
    run.gone = true;
    if (run.slot === undefined) this.#runs.delete(run.id);
    else this.#brief.remove(run.slot);
    this.#heldBytes -= run.heldBytes;
    this.#background.forget(run);
    if (run.work.length > 0) run.work.length = 0;
    if (run.timers) for (const timer of run.timers) timer.cancel();
    run.timers = undefined;
    endActive(run, this.#clock);
    if (run.isCalling) abortCalls(run);
    if (run.queued) this.#options.dispatcher.forget(run.id);
    else if (run.dispatched) this.#options.dispatcher.release({ runId: run.id, workspaceId: run.head.workspaceId });
    run.queued = false;
    run.dispatched = false;
    if (run.place !== 'none') this.#options.onPlaceLeft(run);
    if (run.isOnTrial) this.#options.onTrialOver(run);
    this.#quieter();
  }

  /** No run begins any more. */
  close(): void {
    this.#closed = true;
    this.#kept.letGo();
  }

  /** Runs nothing works on: held ones, and those between two attempts. */
  resting(): ActiveRun[] {
    const resting: ActiveRun[] = [];
    for (const run of this.#runs.values()) {
      if (run.held || (!run.isCalling && run.work.length === 0 && !run.pumping && !run.state.ended)) resting.push(run);
    }
    return resting;
  }

  all(): ActiveRun[] {
    return [...this.#runs.values(), ...this.#brief];
  }

  /** Resolves when a run has left memory or an attempt has ended, at the latest after `ms`. */
  quieter(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#onQuieter.delete(done);
        resolve();
      };
      const timer = this.#clock.after(ms, done);
      this.#onQuieter.add(done);
    });
  }

  /** Tells whoever started the run; a listener that throws harms nobody else. */
  tell(run: ActiveRun, tell: (listener: RunListener) => void): void {
    if (!run.listener) return;
    try {
      tell(run.listener);
    } catch (error) {
      this.#options.log.error({ runId: run.id, err: error }, 'whoever started this run failed on hearing of it');
    }
  }

  durable(run: ActiveRun): Promise<boolean> {
    return new Promise((resolve) => run.journal.barrier((isDurable) => resolve(isDurable && !run.gone)));
  }

  async cleared(run: ActiveRun, proof: () => RunEvent): Promise<boolean> {
    for (;;) {
      if (!(await this.durable(run))) return false;
      if (this.#options.ownership.leaseHolds()) return true;
      while (!this.#options.ownership.leaseHolds()) {
        await new Promise<void>((resolve) => this.#clock.after(LEASE_LOOK_MS, resolve));
        if (run.gone) return false;
      }
      // While the lease did not hold another process may have taken the run: only a fenced commit says that it did not.
      if (run.state.ended) return false;
      this.apply(run, proof());
    }
  }

  callEnded(run: ActiveRun, step: StepState): void {
    run.calls?.delete(step);
    if (run.gone) return;
    if (!run.isCalling) endActive(run, this.#clock);
    // Units that came back while the call was under way are carried out now.
    if (step.phase === 'active' && !run.state.ended) {
      for (const command of outstanding(run.state)) {
        if (command.type === 'run-step' && command.node === step.index && stepFor(run, command) === step) run.work.push(command);
      }
    }
    this.#pump(run);
    this.#quieter();
  }

  report(run: ActiveRun, error: unknown): void {
    this.#options.log.error({ runId: run.id, err: error }, 'the runner failed on a step of this run');
  }

  #begin(run: ActiveRun): void {
    run.held = false;
    run.begun = true;
    if (run.place !== 'none') this.#options.onPlaceLeft(run);
    this.#pump(run);
  }

  /** Carries out the run's commands in turns, so that a long run of pure steps does not keep others waiting. */
  #pump(run: ActiveRun): void {
    if (run.pumping || run.held || run.gone) return;
    run.pumping = true;
    const turnEnds = this.#clock.monotonicMs() + TURN_MS;
    try {
      for (let command = run.work.shift(); command; command = run.work.shift()) {
        this.#carryOut(run, command);
        if (run.work.length > 0 && this.#clock.monotonicMs() > turnEnds) {
          setImmediate(() => this.#pump(run));
          break;
        }
      }
    } catch (error) {
      this.#unexpected(run, error);
    } finally {
      run.pumping = false;
    }
    if (run.journal.dirtySince !== undefined && !run.gone && !run.state.ended) this.#background.watch(run);
  }

  #carryOut(run: ActiveRun, command: Command): void {
    if (run.gone || run.state.ended) return;
    switch (command.type) {
      case 'run-step':
        return this.#runStep(run, command);
      case 'schedule-retry':
        return this.#scheduleRetry(run, command);
      case 'await-retry':
        return this.#awaitRetry(run, command);
      case 'await':
        return this.#await(run, command);
      case 'stop-step':
        return this.#stopStep(run, command);
      case 'suspend':
        return this.rest(run);
      case 'check-output':
        return this.#checkOutput(run);
      case 'end-run':
        // It was stopped after it was told to succeed, and has been told how it ends since.
        if (command.status === 'succeeded' && run.state.stop) return;
        return this.#end(run, command);
    }
  }

  #runStep(run: ActiveRun, command: Extract<Command, { type: 'run-step' }>): void {
    const node = run.state.plan.nodes[command.node];
    // Of two commands for one step the first is enough; the end of its call asks for what came back meanwhile.
    const step = stepFor(run, command);
    if (!node || !step || run.calls?.has(step) || step.phase !== 'active') return;
    if (command.units?.length === 0) return;
    this.#enterBranch(run);
    this.stats.steps += 1;
    const call = new StepCall(run, step, node, this.#services, command);
    if (call.start()) return;
    // It goes on in a later turn at the earliest, so that nobody has looked for it before.
    (run.calls ??= new Map<StepState, CallUnderWay>()).set(step, call);
    if (run.gone) abortCalls(run);
    else beginActive(run, this.#clock, () => this.#timedOut(run));
  }

  /** What undoes a run is not stopped with it, and has a time limit of its own. */
  #enterBranch(run: ActiveRun): void {
    const branch = run.state.undo?.current;
    if (branch === undefined || branch === run.branch) return;
    run.branch = branch;
    run.abort = new AbortController();
    run.abortWrites = undefined;
    run.stopGrace?.cancel();
    run.stopGrace = undefined;
    endActive(run, this.#clock);
  }

  #timedOut(run: ActiveRun): void {
    endActive(run, this.#clock);
    this.apply(run, { type: 'run.timed_out', at: this.#clock.now(), activeMs: Math.round(run.activeMs) });
  }

  /** Chooses the instant of the next attempt; it is in the journal, so a recovered run keeps it. */
  #scheduleRetry(run: ActiveRun, command: Extract<Command, { type: 'schedule-retry' }>): void {
    const node = run.state.plan.nodes[command.node];
    if (!node) return;
    const waitMs = command.jitter === 'full' ? this.#clock.random() * command.delayMs : command.delayMs;
    const at = this.#clock.now();
    const dueAt = at + Math.round(Math.max(waitMs, command.atLeastMs));
    this.apply(run, { type: 'retry.scheduled', at, ...eventOf(node, command), attempt: command.attempt, dueAt });
  }

  #awaitRetry(run: ActiveRun, command: Extract<Command, { type: 'await-retry' }>): void {
    const node = run.state.plan.nodes[command.node];
    if (!node) return;
    this.#after(run, command.dueAt - this.#clock.now(), () =>
      this.apply(run, { type: 'retry.due', at: this.#clock.now(), ...eventOf(node, command), attempt: command.attempt }),
    );
  }

  /** A wait that is not short is kept beside the run, from where its inbox hears of it. */
  #await(run: ActiveRun, command: Extract<Command, { type: 'await' }>): void {
    const { wait } = command;
    const node = run.state.plan.nodes[command.node];
    if (!wait.short || wait.dueAt === undefined || !node) return;
    this.#after(run, wait.dueAt - this.#clock.now(), () =>
      this.apply(run, { type: 'wait.over', at: this.#clock.now(), ...eventOf(node, command), wait: wait.id }),
    );
  }

  #stopStep(run: ActiveRun, command: Extract<Command, { type: 'stop-step' }>): void {
    const step = stepFor(run, command);
    if (step) run.calls?.get(step)?.stop();
    if (!run.state.stop) return;
    run.abort.abort();
    if (run.stopGrace || ![...everyStep(run.state)].some((one) => one.phase === 'stopping')) return;
    run.stopGrace = this.#after(run, STOP_GRACE_MS, () => run.abortWrites?.abort());
  }

  /** Much output is checked in slices; what ends the run meanwhile comes first. */
  #checkOutput(run: ActiveRun): void {
    const mayEnd = (): boolean => !run.gone && !run.state.ended && !run.state.stop;
    const conclude = (fault: StepError | undefined): void => {
      if (!mayEnd()) return;
      if (fault) this.#breakOff(run, fault);
      else this.#end(run, { type: 'end-run', status: 'succeeded' });
    };
    const checked = this.#options.surroundings.turns.run(outputFault(run.state), mayEnd);
    if (checked instanceof Promise) checked.then(conclude).catch((error: unknown) => this.#unexpected(run, error));
    else conclude(checked);
  }

  #end(run: ActiveRun, { status, error }: Extract<Command, { type: 'end-run' }>): void {
    const at = this.#clock.now();
    endActive(run, this.#clock);
    const event: RunEvent = { type: 'run.ended', at, status, activeMs: Math.round(run.activeMs), ...(error ? { error } : {}) };
    const { text } = run.journal.encode(event);
    decide(run.state, event);
    const end: RunEnd = {
      status,
      endedAt: at,
      ...(error ? errorOfEnd(run.head.workflowId, error, run.state.plan) : {}),
      ...(run.state.plan.callsRuns && status !== 'succeeded' ? { cancelsCalled: true } : {}),
      ...this.#failureOf(run, status, at),
      ...erasure(this.#keeps(run), { status, environment: run.head.environment, endedAt: at }),
    };
    const whole = withWhatFollows(run, end, error, this.#options.blobs);
    // What follows has to be stored before the end that brings it along.
    const stored = whole instanceof Promise ? whole.then((made) => run.journal.end(made)).then(() => text) : text;
    if (stored instanceof Promise) stored.catch(() => undefined);
    run.journal.add(stored);
    run.journal.end(whole instanceof Promise ? end : whole);
    run.journal.flush();
  }

  #keeps({ head, state: { plan } }: ActiveRun): KeepData {
    return lessOf(plan.keepData, this.#options.keepsData?.(head.workspaceId) ?? 'all');
  }

  #failureOf({ head, state: { plan } }: ActiveRun, status: RunStatusName, at: number): Pick<RunEnd, 'followUps'> {
    return failureOf(this.#options.reports, { head, status, plan }, at);
  }

  #committed(run: ActiveRun, record: RunRecord, first: boolean): void {
    this.#options.onCommitted?.(record);
    // The run that waits for this one, or one that went on for it, may be this process's own.
    if (record.end?.answer || record.end?.cancelsCalled) this.#options.onRest();
    const seq = record.toSeq;
    if (first) this.tell(run, (listener) => listener.onAccepted?.(run.id));
    const { state } = run;
    if (run.isOnTrial && state.trial === undefined) this.#options.onTrialOver(run);
    if (!state.ended || seq < state.seq) return this.#snapshots.committed(run, seq);
    this.#snapshots.forget(run);
    this.#count(state);
    if (run.gone) return;
    this.drop(run);
    this.tell(run, (listener) => listener.onEnded?.(new ToldEnd(run.id, state)));
  }

  #count({ status }: RunState): void {
    if (status === 'succeeded') this.stats.succeeded += 1;
    else if (status === 'cancelled') this.stats.cancelled += 1;
    else if (status === 'timed_out') this.stats.timedOut += 1;
    else this.stats.failed += 1;
  }

  #suspended(run: ActiveRun): void {
    const { waitingFor } = run.state;
    // A later event may have woken it, or will suspend it again once it is durable itself.
    if (run.gone || !isAtRest(run.state.status) || run.journal.committedSeq < run.state.seq) return;
    this.drop(run);
    if (this.#closed || waitingFor !== 'child' || !this.#kept.keep(run.id, run.listener))
      this.tell(run, (listener) => listener.onSuspended?.(run.id, waitingFor));
    this.#options.onRest();
  }

  #broken(run: ActiveRun, result: Exclude<AppendResult, { kind: 'committed' }>): void {
    this.drop(run);
    const { log } = this.#options;
    if (result.kind === 'lost') {
      // One that was never stored is not another's: it was not to be, and whoever started it hears why.
      if (run.journal.committedSeq > 0) log.warn({ runId: run.id }, 'another process owns this run now');
      return this.tell(run, (listener) => listener.onLost?.(run.id, 'RUN_MOVED', 'Another process took the run over.'));
    }
    log.error({ runId: run.id, code: result.code }, `the run cannot be stored: ${result.message}`);
    this.#closeUnstorable(run, `What the run produced could not be stored (${result.code}).`);
  }

  /** A run whose record cannot be stored ends with one that can. */
  #closeUnstorable(run: ActiveRun, message: string): void {
    const { head, fence, journal } = run;
    const error = { code: 'JOURNAL_REFUSED', message };
    const record = closingRecord({
      head,
      fence,
      fromSeq: journal.committedSeq,
      at: this.#clock.now(),
      activeMs: run.activeMs,
      status: 'failed',
      error,
      workflowName: run.loaded.workflowName,
      ...this.#failureOf(run, 'failed', this.#clock.now()),
      keeps: this.#keeps(run),
    });
    this.#options.journal.append(record, (result) => {
      if (result.kind === 'committed') {
        this.stats.failed += 1;
        this.#options.onCommitted?.(record);
      } else this.#options.log.error({ runId: run.id, result }, 'the end of this run cannot be stored either');
      this.tell(run, (listener) => listener.onLost?.(run.id, 'JOURNAL_REFUSED', 'The database refused what this run produced.'));
    });
  }

  /** A fault of the server: the run is broken off with an event; one that cannot even take that is given up. */
  #unexpected(run: ActiveRun, error: unknown): void {
    this.#options.log.error({ runId: run.id, err: error }, 'the runner failed on this run');
    if (run.gone || run.state.ended) return;
    if (run.failing) {
      this.drop(run);
      run.journal.barrier((isDurable) => isDurable && this.#closeUnstorable(run, 'The server met an unexpected error in this run.'));
      return;
    }
    run.failing = true;
    queueMicrotask(() =>
      this.#breakOff(run, {
        code: 'RUNNER_FAILED',
        kind: 'bug',
        message: 'The server met an unexpected error in this run. Its log has the details.',
      }),
    );
  }

  /** A timer that ends with the run. */
  #after(run: ActiveRun, delayMs: number, act: () => void): Timer {
    const timer = this.#clock.after(Math.max(0, delayMs), () => {
      run.timers?.delete(timer);
      act();
    });
    (run.timers ??= new Set()).add(timer);
    return timer;
  }

  #quieter(): void {
    for (const done of this.#onQuieter) done();
  }
}

/** Of a run that is out of memory. */
function abortCalls(run: ActiveRun): void {
  run.abort.abort();
  run.abortWrites?.abort();
  run.calls = undefined;
}

interface OfStep {
  readonly node: number;
  readonly path?: readonly number[];
}

/** The step a command is for; undefined when its round is over. */
function stepFor(run: ActiveRun, { node, path }: OfStep): StepState | undefined {
  const planned = run.state.plan.nodes[node];
  return planned && findStep(run.state, planned, path);
}

/** The step of a command as events name it. */
function eventOf({ id }: PlanNode, { path }: OfStep): { readonly node: string; readonly path?: readonly number[] } {
  return path ? { node: id, path } : { node: id };
}

/** Waits that have to be kept beside the run. */
function timersOf(commands: readonly Command[]): RunTimer[] | undefined {
  let timers: RunTimer[] | undefined;
  for (const command of commands) {
    if (command.type !== 'await') continue;
    const { id, dueAt, short } = command.wait;
    if (short || dueAt === undefined) continue;
    timers ??= [];
    timers.push({ id, dueAt });
  }
  return timers;
}
