/** One slot of a schedule: the key it can have one run by, and the item that run begins with. */
import type { RunKey } from '@plugboard/persistence';
import type { Item } from '@plugboard/sdk';
import { DAY_MS, wallTime } from './zone-time.ts';

/** Whose slot. Not the row's id: a workflow that is taken out of service and published again does not fire a slot twice. */
export interface SlotOwner {
  readonly workflowId: string;
  readonly environment: number;
  readonly nodeId: string;
}

/** How long it is known that a slot has had its run. */
export const SLOT_KEPT_MS = 90 * DAY_MS;

export function slotKey({ workflowId, environment, nodeId }: SlotOwner, dueMs: number): RunKey {
  return {
    scope: `schedule:${workflowId}:${environment}:${nodeId}`,
    key: new Date(dueMs).toISOString(),
    expiresAt: Date.now() + SLOT_KEPT_MS,
  };
}

/** `due`: on time; `missed`: nobody could act when it was due; `backfill` and `manual`: a person asked for it. */
export type SlotReason = 'due' | 'missed' | 'backfill' | 'manual';

export function slotItem({ dueMs, zone, reason }: { readonly dueMs: number; readonly zone: string; readonly reason: SlotReason }): Item {
  return {
    json: {
      dueAt: new Date(dueMs).toISOString(),
      localTime: new Date(wallTime(zone, dueMs)).toISOString().slice(0, 19),
      timezone: zone,
      reason,
    },
  };
}
