/** What people changed in one workspace: kind, id and revision, so that a page fetches what it shows of it again. */
import type { Clock } from '@plugboard/runner';
import { FramePace } from './frame-pace.ts';
import type { Outlet, Subscription } from './subscription.ts';

/** Not more than 10 frames a second. */
const FRAME_MS = 100;
/** More things than this at once are told as `resync`: the page fetches everything it shows. */
const MAX_CHANGES = 200;

export interface ChangeNews {
  /** Such as `workflow`, `credential`, `member`. */
  readonly kind: string;
  readonly id: string;
  readonly rev?: number;
}

export class ChangesFeed {
  readonly #outlet: Outlet;
  readonly #pace: FramePace;
  readonly #listeners = new Set<Subscription>();
  /** The last change of each thing. */
  readonly #changes = new Map<string, ChangeNews>();

  constructor({ outlet, clock }: { readonly outlet: Outlet; readonly clock: Clock }) {
    this.#outlet = outlet;
    this.#pace = new FramePace(clock, FRAME_MS, () => this.#flush());
  }

  get isUnused(): boolean {
    return this.#listeners.size === 0;
  }

  join(subscription: Subscription): void {
    this.#listeners.add(subscription);
  }

  leave(subscription: Subscription): void {
    this.#listeners.delete(subscription);
    if (this.#listeners.size > 0) return;
    this.#pace.close();
    this.#changes.clear();
  }

  changed(news: ChangeNews): void {
    // One over the limit says that there are too many.
    if (this.#changes.size <= MAX_CHANGES) this.#changes.set(`${news.kind}:${news.id}`, news);
    this.#pace.wake();
  }

  #flush(): void {
    const [first] = this.#listeners;
    if (first && this.#outlet.isBusy(first.name)) return this.#pace.wake();
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    if (changes.length > MAX_CHANGES) {
      for (const listener of this.#listeners) this.#outlet.resync(listener);
      return;
    }
    for (const [covers, to] of Map.groupBy(this.#listeners, (listener) => listener.covers)) {
      const seen = covers ? changes.filter(covers) : changes;
      if (seen.length > 0) this.#outlet.send(to, 'changed', { changes: seen });
    }
  }
}
