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
  /** A workflow has few: by environment, status, and at most two buckets. */
  readonly #byWorkflow = new Map<string, Count[]>();
  readonly #workspace = new ArrayColumn('uuid');
  readonly #workflow = new ArrayColumn('uuid');
  readonly #environment = new ArrayColumn('int2');
  readonly #bucket = new ArrayColumn('timestamptz');
  readonly #status = new ArrayColumn('int2');
  readonly #n = new ArrayColumn('int4');
  readonly #columns = [this.#workspace, this.#workflow, this.#environment, this.#bucket, this.#status, this.#n];

  clear(): void {
    if (this.#byWorkflow.size > 0) this.#byWorkflow.clear();
    for (const column of this.#columns) column.clear();
  }

  add({ workspaceId, workflowId, environment }: RunHead, end: RunEnd): void {
    const bucket = Math.floor(end.endedAt / BUCKET_MS) * BUCKET_MS;
    const status = RUN_STATUS[end.status];
    const known = this.#byWorkflow.get(workflowId);
    const same = known?.find((count) => count.status === status && count.bucket === bucket && count.environment === environment);
    if (same) {
      same.n += 1;
      return;
    }
    const count: Count = { workspaceId, workflowId, environment, bucket, status, n: 1 };
    if (known) known.push(count);
    else this.#byWorkflow.set(workflowId, [count]);
  }

  /** The rows as parameters, in the order of their key; valid until the next `clear`. */
  finish(): Buffer[] {
    const rows = [...this.#byWorkflow.values()].flat();
    if (rows.length > 1) rows.sort(byKey);
    for (const { workspaceId, workflowId, environment, bucket, status, n } of rows) {
      this.#workspace.addUuid(workspaceId);
      this.#workflow.addUuid(workflowId);
      this.#environment.addInt2(environment);
      this.#bucket.addTime(bucket);
      this.#status.addInt2(status);
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
