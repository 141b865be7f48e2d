/**
 * The order in which waiting records go into batches: continuations first, in order of arrival, then new runs, one from each
 * workspace in turn, so that a workspace with thousands of new runs does not hold up the others.
 */
export interface Queued {
  readonly record: { readonly create: boolean; readonly head: { readonly workspaceId: string } };
  /** Size that counts against the limits, in bytes. */
  readonly size: number;
}

interface Lane<Entry> {
  readonly workspaceId: string;
  readonly entries: Fifo<Entry>;
}

export class FairQueue<Entry extends Queued> {
  readonly #continuations = new Fifo<Entry>();
  readonly #lanes = new Map<string, Lane<Entry>>();
  /** Lanes that hold something, in turn. */
  readonly #ring: Lane<Entry>[] = [];
  #turn = 0;
  #newRuns = 0;
  #bytes = 0;

  /** New runs waiting. */
  get newRuns(): number {
    return this.#newRuns;
  }

  /** All records waiting. */
  get length(): number {
    return this.#newRuns + this.#continuations.length;
  }

  /** Bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry): void {
    this.#bytes += entry.size;
    if (!entry.record.create) {
      this.#continuations.push(entry);
      return;
    }
    this.#newRuns++;
    const workspaceId = entry.record.head.workspaceId;
    let lane = this.#lanes.get(workspaceId);
    if (!lane) {
      lane = { workspaceId, entries: new Fifo() };
      this.#lanes.set(workspaceId, lane);
      this.#ring.push(lane);
    }
    lane.entries.push(entry);
  }

  /** Takes the next batch: at least one record if there is any, then as many as both limits allow. */
  take(maxRecords: number, maxBytes: number): Entry[] {
    const batch: Entry[] = [];
    let bytes = 0;
    while (batch.length < maxRecords) {
      const entry = this.#peek();
      if (!entry || (batch.length > 0 && bytes + entry.size > maxBytes)) break;
      this.#drop(entry);
      bytes += entry.size;
      batch.push(entry);
    }
    this.#bytes -= bytes;
    return batch;
  }

  #peek(): Entry | undefined {
    return this.#continuations.peek() ?? this.#ring[this.#turn]?.entries.peek();
  }

  #drop(entry: Entry): void {
    if (!entry.record.create) {
      this.#continuations.shift();
      return;
    }
    this.#newRuns--;
    const lane = this.#ring[this.#turn]!;
    lane.entries.shift();
    if (lane.entries.length > 0) {
      this.#turn++;
    } else {
      this.#ring.splice(this.#turn, 1);
      this.#lanes.delete(lane.workspaceId);
    }
    if (this.#turn >= this.#ring.length) this.#turn = 0;
  }
}

/** First in, first out, without moving what is behind on each take. */
class Fifo<Entry> {
  #items: Entry[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(entry: Entry): void {
    this.#items.push(entry);
  }

  peek(): Entry | undefined {
    return this.#items[this.#head];
  }

  shift(): void {
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}
