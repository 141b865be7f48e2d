/** How many runs of a flush ended how, as rows of `run_stats`: where a run is stored for certain, it is counted here and not by the database. */
import { RUN_STATUS, type RunEnd, type RunHead } from '@plugboard/engine';
import { ArrayColumn } from './array-column.ts';

/** Statistics are kept per quarter of an hour, UTC, by the time of the end. */
export const BUCKET_MS = 15 * 60 * 1000;

interface Count {
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly bucket: number;
  readonly status: number;
  n: number;
}

export class EndedCounts {
  /** In the order in which they came: runs that count alike mostly follow each other, and the others meet when they are put in order. */
  #counts: Count[] = [];
  readonly #workspace = new ArrayColumn('uuid');
  readonly #workflow = new ArrayColumn('uuid');
  readonly #environment = new ArrayColumn('int2');
  readonly #bucket = new ArrayColumn('timestamptz');
  readonly #status = new ArrayColumn('int2');
  readonly #n = new ArrayColumn('int4');
  readonly #columns = [this.#workspace, this.#workflow, this.#environment, this.#bucket, this.#status, this.#n];

  clear(): void {
    this.#counts = [];
    for (const column of this.#columns) column.clear();
  }

  add({ workspaceId, workflowId, environment }: RunHead, end: RunEnd): void {
    const bucket = Math.floor(end.endedAt / BUCKET_MS) * BUCKET_MS;
    const status = RUN_STATUS[end.status];
    const last = this.#counts.at(-1);
    if (
      last?.workflowId === workflowId &&
      last.status === status &&
      last.bucket === bucket &&
      last.environment === environment &&
      last.workspaceId === workspaceId
    )
      last.n += 1;
    else this.#counts.push({ workspaceId, workflowId, environment, bucket, status, n: 1 });
  }

  /** The rows as parameters, in the order of their key; valid until the next `clear`. */
  finish(): Buffer[] {
    const counts = this.#counts;
    if (counts.length > 1) counts.sort(byKey);
    for (let at = 0; at < counts.length;) {
      const count = counts[at] as Count;
      let n = 0;
      for (let same: Count | undefined = count; same && byKey(same, count) === 0; same = counts[(at += 1)]) n += same.n;
      this.#workspace.addUuid(count.workspaceId);
      this.#workflow.addUuid(count.workflowId);
      this.#environment.addInt2(count.environment);
      this.#bucket.addTime(count.bucket);
      this.#status.addInt2(count.status);
      this.#n.addInt4(n);
    }
    return this.#columns.map((column) => column.finish());
  }
}

function byKey(a: Count, b: Count): number {
  if (a.workspaceId !== b.workspaceId) return a.workspaceId < b.workspaceId ? -1 : 1;
  if (a.workflowId !== b.workflowId) return a.workflowId < b.workflowId ? -1 : 1;
  return a.environment - b.environment || a.bucket - b.bucket || a.status - b.status;
}
