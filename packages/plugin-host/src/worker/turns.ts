/** What waits for one place: of each workspace in order of arrival, and of all workspaces one in turn, so that nobody waits for another's queue. */
export class Turns<Entry> {
  /** Whose turn is next comes first. */
  readonly #queues = new Map<string, Entry[]>();

  push(workspaceId: string, entry: Entry): void {
    const queue = this.#queues.get(workspaceId);
    if (queue) queue.push(entry);
    else this.#queues.set(workspaceId, [entry]);
  }

  next(): Entry | undefined {
    const [first] = this.#queues;
    if (!first) return undefined;
    const [workspaceId, queue] = first;
    const entry = queue.shift();
    this.#queues.delete(workspaceId);
    if (queue.length > 0) this.#queues.set(workspaceId, queue);
    return entry;
  }
}
