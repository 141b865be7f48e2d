/** Starts the run of one slot that a person asked for: of the past, or of now. A slot that has had its run keeps that one. */
import { uuidv7 } from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Deliveries } from '../hooks/deliveries.ts';
import { startStored } from '../runs/start-run.ts';
import { type SlotOwner, slotItem, slotKey } from './slot.ts';

export interface SlotStarterOptions {
  readonly runner: Runner;
  readonly deliveries: Pick<Deliveries, 'expect' | 'forget'>;
  readonly plans: { load(workflowId: string, version: number, environment: number): Promise<LoadedPlan> };
}

export interface ScheduleAtWork extends SlotOwner {
  readonly version: number;
  readonly zone: string;
}

export interface SlotStarter {
  /** @throws OperationProblem SERVER_BUSY, SERVER_STOPPING */
  backfill(
    schedule: ScheduleAtWork,
    dueMs: number,
    initiator: string,
  ): Promise<{ readonly runId: string; /** False where the slot had its run before. */ readonly isNew: boolean }>;
  /** @throws OperationProblem SERVER_BUSY, SERVER_STOPPING */
  now(schedule: ScheduleAtWork, initiator: string): Promise<string>;
}

export function createSlotStarter({ runner, deliveries, plans }: SlotStarterOptions): SlotStarter {
  return {
    async backfill(schedule, dueMs, initiator) {
      const loaded = await plans.load(schedule.workflowId, schedule.version, schedule.environment);
      const id = uuidv7();
      let earlier: string | undefined;
      deliveries.expect(id, [slotKey(schedule, dueMs)], (runId) => (earlier = runId));
      const items = [slotItem({ dueMs, zone: schedule.zone, reason: 'backfill' })];
      try {
        const runId = await startStored(runner, {
          loaded,
          id,
          trigger: schedule.nodeId,
          items,
          triggerKind: 'schedule',
          begin: 'dispatched',
          initiator,
        });
        return { runId, isNew: true };
      } catch (error) {
        deliveries.forget(id);
        if (earlier !== undefined) return { runId: earlier, isNew: false };
        throw error;
      }
    },

    async now(schedule, initiator) {
      const loaded = await plans.load(schedule.workflowId, schedule.version, schedule.environment);
      const items = [slotItem({ dueMs: Math.floor(Date.now() / 1000) * 1000, zone: schedule.zone, reason: 'manual' })];
      return startStored(runner, { loaded, trigger: schedule.nodeId, items, triggerKind: 'manual', begin: 'dispatched', initiator });
    },
  };
}
