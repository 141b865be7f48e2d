/** Where the last snapshot of a run stands. */
export interface SnapshotMark {
  /** Its sequence; events before it are in it. */
  seq: number;
  /** Length of its text. */
  size: number;
  /** What the run held when it was taken. */
  heldBytes: number;
  isBusy: boolean;
  isKept: boolean;
}

export function newMark(seq: number, heldBytes: number): SnapshotMark {
  return { seq, size: heldBytes, heldBytes, isBusy: false, isKept: seq > 0 };
}
