/**
 * Starts the runs that a step calls. Each has a key made of the calling run, the step's place and its number, committed with it: however often a call is
 * repeated after a crash, and in whatever process, each of its runs is there once. They are stored before the call ends, so the wait for them never
 * waits for something that is not there.
 */
import type { TriggerKindName } from '@plugboard/engine';
import { type CalledRuns, type Item, StepFailure, type WorkflowCall } from '@plugboard/sdk';
import type { LoadedPlan } from './loaded-plan.ts';
import { QueueFullError, type Runner } from './runner.ts';
import { signalOf } from './step-call.ts';
import type { CallsOfSteps, StepOwner } from './step-ports.ts';

/** Runs being stored at the same time for one call. */
const AT_ONCE = 8;
/** A crash repeats a call within the life of its run; nothing asks for the key of a run that has long ended. */
const KEY_KEPT_MS = 400 * 24 * 60 * 60_000;

export interface ChildRunKey {
  readonly scope: string;
  readonly key: string;
  readonly expiresAt: number;
}

/** What is called: under which plan, where it begins and with what. */
export interface CalledWorkflow {
  readonly loaded: LoadedPlan;
  readonly trigger: string;
  readonly items: readonly Item[];
}

export interface ChildRunsOptions {
  readonly runner: () => Pick<Runner, 'start' | 'accepting' | 'acceptsQueued' | 'retryAfterMs'>;
  /** Announces a run that may come into being only once; `onTaken` hears of the run that has the key already. */
  readonly expect: (runId: string, keys: readonly ChildRunKey[], onTaken: (runId: string) => void) => void;
  readonly forget: (runId: string) => void;
  readonly newRunId: () => string;
  readonly now?: () => number;
  /** @throws StepFailure when it cannot be called; nothing was started then */
  readonly find: (owner: StepOwner, call: WorkflowCall) => Promise<CalledWorkflow>;
}

export function createChildRuns(options: ChildRunsOptions): CallsOfSteps {
  return {
    async start(owner, call, signal) {
      const called = await options.find(owner, call);
      const groups = call.each ? called.items.map((item) => [item]) : [called.items];
      const runIds = new Array<string>(groups.length);
      const atOnce = call.atOnce !== undefined && call.atOnce < groups.length ? call.atOnce : undefined;
      let next = 0;
      const work = async (): Promise<void> => {
        for (let part = next++; part < groups.length; part = next++) {
          if (owner.answered?.parts.has(part)) {
            runIds[part] = owner.answered.runId;
            continue;
          }
          await accepting(options, called.loaded, signal);
          const items = groups[part] ?? [];
          runIds[part] = await startPart(options, {
            owner,
            called,
            items,
            part,
            isAwaited: call.wants === 'answer',
            ...(atOnce ? { atOnce } : {}),
          });
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, groups.length) }, work));
      const { workflowId, version } = called.loaded;
      return { runIds, workflowId, version } satisfies CalledRuns;
    },
  };
}

interface Part {
  readonly owner: StepOwner;
  readonly called: CalledWorkflow;
  readonly items: readonly Item[];
  readonly part: number;
  readonly isAwaited: boolean;
  /** Runs of this call that work at the same time; undefined where that is all of them. */
  readonly atOnce?: number;
}

const TRIGGER_KIND: TriggerKindName = 'parent';

function startPart(options: ChildRunsOptions, { owner, called, items, part, isAwaited, atOnce }: Part): Promise<string> {
  const { loaded, trigger } = called;
  const { place } = owner;
  const id = options.newRunId();
  const again = owner.round === undefined ? '' : `:${owner.round}`;
  const key = { scope: 'child', key: `${owner.runId}:${place}:${part}${again}`, expiresAt: (options.now?.() ?? Date.now()) + KEY_KEPT_MS };
  return new Promise((resolve, reject) => {
    options.expect(id, [key], resolve);
    try {
      options.runner().start(
        {
          id,
          loaded,
          trigger,
          items,
          triggerKind: TRIGGER_KIND,
          begin: 'dispatched',
          ...(atOnce === undefined ? {} : { callLimit: { limit: atOnce, key: `call:${owner.runId}:${place}` } }),
          parent: {
            runId: owner.runId,
            rootRunId: owner.rootRunId,
            place,
            part,
            depth: owner.depth + 1,
            ...(isAwaited ? { wait: signalOf(place) } : {}),
          },
          ...(owner.initiator === undefined ? {} : { initiator: owner.initiator }),
        },
        { onAccepted: resolve, onLost: (_, code, message) => reject(notStarted(code, message)) },
      );
    } catch (error) {
      options.forget(id);
      reject(error instanceof QueueFullError ? notStarted(error.code, error.message) : (error as Error));
    }
  });
}

/** Runs that are owed are started late rather than refused: the call waits until the server takes work. */
async function accepting(
  options: ChildRunsOptions,
  { workspaceId, workflowId }: LoadedPlan,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    if (signal?.aborted)
      throw new StepFailure('STEP_STOPPED', 'The run was stopped before all runs it calls were started.', { kind: 'cancelled' });
    const runner = options.runner();
    if (runner.accepting && runner.acceptsQueued(workspaceId, workflowId)) return;
    await pause(Math.max(50, runner.retryAfterMs), signal);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

function notStarted(code: string, message: string): StepFailure {
  if (code === 'RUN_MOVED')
    return new StepFailure('CALLER_ENDED', 'The run ended before all runs it calls were started.', { kind: 'cancelled' });
  if (code === 'CALL_WAITS_FOR_ITSELF') return new StepFailure(code, message, { kind: 'input' });
  return new StepFailure('CALL_NOT_STARTED', `A run could not be started: ${message}`, { kind: 'unavailable' });
}
