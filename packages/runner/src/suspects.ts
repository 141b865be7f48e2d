/**
 * Runs that were at work when their server died: one of them may be why. They are tried again a few at a time, the first one alone; when all of
 * a batch have got on, or have lived for a while, the next batch is twice as large. One that was on trial at a second death is tried alone, and
 * one that was alone at three deaths without getting on is put into quarantine. Only servers are counted: a code process that dies is none.
 */
import { type Ownership, type StoredRun, isStopped } from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import type { ActiveRuns } from './active-runs.ts';
import type { Clock, Timer } from './clock.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import type { RunnerLog } from './runner-options.ts';

/** Deaths of a server with the run alone after which it is held back. */
const MAX_DEATHS = 3;
/** A run that lives so long on trial lets the next ones begin, in milliseconds: at its first trial, and when it was on trial at a death. */
const TRIAL_MS = 5000;
const STRICT_TRIAL_MS = 60_000;

export interface SuspectsOptions {
  readonly ownership: Ownership;
  readonly runs: ActiveRuns;
  readonly clock: Clock;
  readonly log: RunnerLog;
  readonly inTurn: OneAtATime;
  /** Brings a stored run back into memory, held; undefined when it cannot come now. */
  readonly restore: (stored: StoredRun) => Promise<ActiveRun | undefined>;
  /** Lets a run go on as one that was taken over. */
  readonly goOn: (run: ActiveRun) => void;
  readonly isClosing: () => boolean;
}

export class Suspects {
  readonly #options: SuspectsOptions;
  /** Runs that wait for their trial, in the order in which they were found. */
  readonly #waiting = new Set<string>();
  /** Of these, runs that were on trial at a death. */
  readonly #strict = new Set<string>();
  readonly #onTrial = new Map<string, Timer>();
  #batch = 1;

  constructor(options: SuspectsOptions) {
    this.#options = options;
  }

  /** A run whose server died while a step of it was in flight. */
  add({ head }: StoredRun): void {
    this.#waiting.add(head.id);
  }

  /** True while the run waits for its trial. */
  has(runId: string): boolean {
    return this.#waiting.has(runId);
  }

  /** The run goes on for another reason, such as a cancel. */
  forget(runId: string): void {
    this.#waiting.delete(runId);
    this.#strict.delete(runId);
  }

  /** The run on trial has got on, or is out of memory. */
  over(run: ActiveRun): void {
    if (!run.isOnTrial) return;
    run.isOnTrial = false;
    this.#onTrial.get(run.id)?.cancel();
    this.#onTrial.delete(run.id);
    if (this.#options.isClosing()) return;
    this.#acquit(run.id);
    if (this.#onTrial.size > 0 || this.#waiting.size === 0) return;
    this.#options
      .inTurn(() => this.advance())
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'a run that was at work when a server died could not be read'));
  }

  /** Begins the next trials when no other is under way. Must have its turn. */
  async advance(): Promise<void> {
    if (this.#onTrial.size > 0) return;
    if (this.#waiting.size === 0) {
      this.#batch = 1;
      return;
    }
    const [strict] = this.#strict;
    if (strict !== undefined) await this.#try(strict, true);
    else {
      const ids = [...this.#waiting].slice(0, this.#batch);
      for (const id of ids) await this.#try(id, this.#batch === 1);
      this.#batch *= 2;
    }
    if (this.#onTrial.size === 0 && !this.#options.isClosing()) await this.advance();
  }

  async #try(id: string, isAlone: boolean): Promise<void> {
    const { ownership, runs, restore, goOn, isClosing } = this.#options;
    const [stored] = await ownership.loadOwned([id]);
    if (isClosing()) return;
    const run = stored && !runs.has(id) ? await restore(stored) : undefined;
    if (!stored || !run) return this.forget(id);
    // Without a step in flight it cannot have been the reason.
    if (run.state.running === 0 || isStopped(run.state)) {
      this.forget(id);
      this.#acquit(id);
      return goOn(run);
    }
    const { trial } = run.state;
    const deaths = (trial?.deaths ?? 0) + (trial?.isAlone && stored.crashCount > trial.crashes ? 1 : 0);
    if (deaths >= MAX_DEATHS) {
      this.forget(id);
      return this.#quarantine(run, deaths);
    }
    if (trial && !isAlone) {
      this.#strict.add(id);
      return runs.drop(run);
    }
    this.forget(id);
    this.#begin(run, { deaths, crashes: stored.crashCount, isAlone }, trial ? STRICT_TRIAL_MS : TRIAL_MS);
  }

  #begin(run: ActiveRun, trial: NonNullable<ActiveRun['state']['trial']>, ms: number): void {
    const { runs, clock } = this.#options;
    run.isOnTrial = true;
    this.#onTrial.set(
      run.id,
      clock.after(ms, () => this.over(run)),
    );
    runs.apply(run, { type: 'run.recovered', at: clock.now(), fence: run.fence, trial });
    // That it is on trial is stored before anything of it acts.
    run.journal.barrier((isDurable) => isDurable && runs.letIn(run));
  }

  #quarantine(run: ActiveRun, deaths: number): void {
    const { runs, clock, log } = this.#options;
    runs.apply(run, { type: 'run.quarantined', at: clock.now(), deaths });
    log.error(
      { runId: run.id, workflowId: run.head.workflowId, deaths },
      'a run is held back: the server ended each time it went on; resume or cancel it',
    );
    this.#acquit(run.id);
    runs.letIn(run);
  }

  #acquit(runId: string): void {
    this.#options.ownership.clearCrashCount([runId]).catch((error: unknown) => {
      this.#options.log.warn({ runId, err: error }, 'the crash count of this run could not be set back');
    });
  }
}
