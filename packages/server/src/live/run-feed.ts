/**
 * One watched run. A subscriber attaches first and reads the journal then, page by page, until it is where the others are; from there on
 * it gets the frames of all. What is sent always comes from the journal, so a commit nobody told of shows with the next heartbeat.
 */
import type { Clock } from '@plugboard/runner';
import { slices } from '../runs/in-slices.ts';
import type { FactPage, FactSource } from './fact-source.ts';
import { FramePace } from './frame-pace.ts';
import type { RunFact } from './run-fact.ts';
import type { Outlet, Subscription } from './subscription.ts';

/** Not more than 30 frames a second. */
const FRAME_MS = 1000 / 30;
/** Facts read at once. */
export const PAGE_FACTS = 500;
/** Longest list of facts in one frame, in bytes; the frame around it stays under 100 KB. */
const FRAME_BYTES = 96 * 1024;
/** Pause after the journal could not be read, in milliseconds. */
const RETRY_MS = 1000;

export interface RunFeedOptions {
  readonly runId: string;
  readonly source: FactSource;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

interface Follower {
  readonly subscription: Subscription;
  /** Last fact sent to it. */
  seq: number;
}

export class RunFeed {
  readonly #options: RunFeedOptions;
  readonly #pace: FramePace;
  /** Subscribers still reading what was before. */
  readonly #behind = new Set<Subscription>();
  readonly #followers = new Map<Subscription, Follower>();
  /** Last fact the followers have. */
  #seq = 0;
  /** Last sequence known to be committed. */
  #committed = 0;
  #isReading = false;
  #hasEnded = false;

  constructor(options: RunFeedOptions) {
    this.#options = options;
    this.#pace = new FramePace(options.clock, FRAME_MS, () => void this.#next());
  }

  get isUnused(): boolean {
    return this.#followers.size === 0 && this.#behind.size === 0;
  }

  /** The end of the run has been read: nothing more will be committed. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Attaches, then reads the journal; frames follow `onAttached`, which gets the last committed sequence. False when there is no such run.
   * @throws what the source throws
   */
  async attach(subscription: Subscription, afterSeq: number, onAttached: (seq: number) => void): Promise<boolean> {
    this.#behind.add(subscription);
    const page = await this.#options.source.read(this.#options.runId, afterSeq, PAGE_FACTS);
    if (subscription.isOver) return true;
    if (!page) return false;
    this.heard(page.seq);
    onAttached(page.seq);
    // Nobody has seen more than was committed, whatever he says.
    void this.#catchUp({ subscription, seq: Math.min(afterSeq, page.seq) }, page);
    return true;
  }

  leave(subscription: Subscription): void {
    this.#behind.delete(subscription);
    this.#followers.delete(subscription);
    if (this.isUnused) this.#pace.close();
  }

  /** The run is committed up to `seq`. */
  heard(seq: number): void {
    if (seq <= this.#committed) return;
    this.#committed = seq;
    this.#wake();
  }

  beat(): void {
    this.#options.outlet.send([...this.#followers.keys()], 'beat', { seq: this.#committed });
  }

  async #catchUp(follower: Follower, first: FactPage): Promise<void> {
    const { subscription } = follower;
    const { source, outlet, runId, onError } = this.#options;
    const slice = slices();
    try {
      for (
        let page: FactPage | undefined = first;
        page && !subscription.isOver;
        page = await source.read(runId, follower.seq, PAGE_FACTS)
      ) {
        this.heard(page.seq);
        const before = follower.seq;
        for (const facts of frames(page.facts)) {
          this.#sendTo(follower, facts);
          await outlet.drained(subscription);
          await slice();
          if (subscription.isOver) return;
        }
        if (follower.seq >= page.seq && this.#follow(follower)) return;
        // A journal that shows less than it did cannot be caught up with.
        if (follower.seq === before) break;
      }
      if (!subscription.isOver) outlet.resync(subscription);
    } catch (error) {
      onError(error);
      if (!subscription.isOver) outlet.resync(subscription);
    }
  }

  /** From here on the frames of all. False while the others are further. */
  #follow(follower: Follower): boolean {
    if (this.#followers.size === 0) this.#seq = follower.seq;
    else if (follower.seq < this.#seq) return false;
    this.#behind.delete(follower.subscription);
    this.#followers.set(follower.subscription, follower);
    this.#wake();
    return true;
  }

  #wake(): void {
    if (this.#followers.size > 0 && this.#committed > this.#seq && !this.#isReading) this.#pace.wake();
  }

  /** Reads on from the last frame and sends at most one. */
  async #next(): Promise<void> {
    const { source, runId, outlet, onError, clock } = this.#options;
    if (this.#isReading || this.#followers.size === 0) return;
    if (outlet.isBusy(`run:${runId}`)) return this.#pace.wake();
    this.#isReading = true;
    try {
      const page = await source.read(runId, this.#seq, PAGE_FACTS);
      this.#isReading = false;
      // A commit heard of that the journal does not show is left to the heartbeat.
      if (!page || page.facts.length === 0) this.#committed = page?.seq ?? this.#seq;
      else {
        this.#committed = Math.max(this.#committed, page.seq);
        this.#frame(page.facts);
      }
      this.#wake();
    } catch (error) {
      onError(error);
      clock.after(RETRY_MS, () => {
        this.#isReading = false;
        this.#wake();
      });
    }
  }

  #frame(read: readonly RunFact[]): void {
    const [facts] = frames(read);
    // While it was read the followers may have left and new ones come, who are elsewhere.
    if (!facts || facts[0]?.seq !== this.#seq + 1) return;
    const together: Follower[] = [];
    for (const follower of this.#followers.values()) {
      if (follower.seq === this.#seq) together.push(follower);
      else this.#sendTo(follower, facts);
    }
    const last = facts.at(-1);
    if (last) this.#seq = last.seq;
    if (last?.type === 'run.ended') this.#hasEnded = true;
    for (const follower of together) follower.seq = this.#seq;
    this.#options.outlet.send(
      together.map((follower) => follower.subscription),
      'facts',
      { facts },
    );
  }

  /** The part it does not have yet. */
  #sendTo(follower: Follower, facts: readonly RunFact[]): void {
    const missing = facts.filter((fact) => fact.seq > follower.seq);
    const last = missing.at(-1);
    if (!last) return;
    follower.seq = last.seq;
    if (last.type === 'run.ended') this.#hasEnded = true;
    this.#options.outlet.send([follower.subscription], 'facts', { facts: missing });
  }
}

/** Cuts facts into lists that fit a frame. */
function* frames(facts: readonly RunFact[]): Generator<readonly RunFact[]> {
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < facts.length; at += 1) {
    const size = Buffer.byteLength(JSON.stringify(facts[at])) + 1;
    if (bytes + size > FRAME_BYTES && at > start) {
      yield facts.slice(start, at);
      start = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < facts.length) yield facts.slice(start);
}
