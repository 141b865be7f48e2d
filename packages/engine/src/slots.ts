/**
 * Collections for what comes and goes with every request. The table that a Map or Set outgrows points on to the next one; once one of them
 * has become old, all that was ever in the later ones stays in memory until the next full collection, and is copied on the way there. Here
 * the tables hold numbers.
 */

/** Values in numbered places; a place that was left is used again. */
export class SlotList<Value extends object> {
  readonly #values: (Value | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#values.length - this.#free.length;
  }

  /** Gives the place of the value. */
  add(value: Value): number {
    const slot = this.#free.pop();
    if (slot === undefined) return this.#values.push(value) - 1;
    this.#values[slot] = value;
    return slot;
  }

  at(slot: number): Value | undefined {
    return this.#values[slot];
  }

  remove(slot: number): void {
    if (this.#values[slot] === undefined) return;
    this.#values[slot] = undefined;
    this.#free.push(slot);
  }

  /** Values that are added or removed meanwhile may be seen or not. */
  *[Symbol.iterator](): Iterator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }
}

/** Values by id, in the order in which they were set. */
export class SlotMap<Value extends object> {
  readonly #slots = new Map<string, number>();
  readonly #values = new SlotList<Value>();

  get size(): number {
    return this.#slots.size;
  }

  get(id: string): Value | undefined {
    const slot = this.#slots.get(id);
    return slot === undefined ? undefined : this.#values.at(slot);
  }

  has(id: string): boolean {
    return this.#slots.has(id);
  }

  set(id: string, value: Value): void {
    this.delete(id);
    this.#slots.set(id, this.#values.add(value));
  }

  delete(id: string): boolean {
    const slot = this.#slots.get(id);
    if (slot === undefined) return false;
    this.#slots.delete(id);
    this.#values.remove(slot);
    return true;
  }

  *entries(): Generator<[id: string, value: Value]> {
    for (const [id, slot] of this.#slots) {
      const value = this.#values.at(slot);
      if (value) yield [id, value];
    }
  }

  *values(): Generator<Value> {
    for (const slot of this.#slots.values()) {
      const value = this.#values.at(slot);
      if (value) yield value;
    }
  }
}
