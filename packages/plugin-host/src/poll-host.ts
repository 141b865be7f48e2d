/** Runs the polls of trigger types: one page after the other, each asked for only when the one before has been taken. */
import type { CallSpec, Sink } from '@plugboard/engine';
import { StepFailure } from '@plugboard/sdk';
import type { Item, Json, JsonObject, Plugin } from '@plugboard/sdk';
import { PluginHostError } from './errors.ts';
import type { PluginEntry } from './plugin-entry.ts';
import { CallState, asFailure } from './runtime/call-state.ts';
import { Normaliser, normalise } from './runtime/normalise.ts';
import { itemOutput } from './runtime/outputs.ts';
import { StepContext } from './runtime/step-context.ts';
import { watch } from './runtime/stoppable.ts';

/** Which poll, for whom; `inputs` are empty. */
export interface PollSpec {
  readonly spec: CallSpec;
  /** What the last committed page gave. */
  readonly cursor: Json | undefined;
  readonly isTest: boolean;
}

export interface PolledPage {
  readonly items: readonly Item[];
  readonly cursor: Json;
}

export interface PollHost {
  /**
   * The pages of one poll. Returning early, or aborting the signal, ends the plugin's generator; one that does not end within the grace is left.
   * @throws StepFailure what the plugin threw, or STEP_TIMEOUT
   * @throws PluginHostError TYPE_NOT_FOUND
   */
  poll(poll: PollSpec, sink: Sink, signal: AbortSignal): AsyncGenerator<PolledPage, void, void>;
}

const GRACE_MS = 5000;
const NOTHING: JsonObject = {};
const MAIN = { ports: new Set(['main']), defaultPort: 'main' };
/** Items of one page, over which a poll is taken to run away. */
const PAGE_MAX = 10_000;

type PollFunction = (args: {
  readonly params: JsonObject;
  readonly cursor: Json | undefined;
  readonly isTest: boolean;
  readonly ctx: StepContext;
}) => AsyncGenerator<unknown, void, void>;

export function createPollHost({
  entries,
  graceMs = GRACE_MS,
}: {
  readonly entries: readonly PluginEntry[];
  readonly graceMs?: number;
}): PollHost {
  const find = async ({ type, version }: CallSpec): Promise<PollFunction> => {
    const entry = entries.find(({ ir }) => ir.types.some((one) => one.kind === 'trigger' && one.type === type && one.version === version));
    const poll = entry && pollOf(await entry.load(), type, version);
    if (poll) return poll;
    throw new PluginHostError(
      'TYPE_NOT_FOUND',
      `No plugin has a trigger ${type} in version ${version} that polls. Install its plugin, or change the node.`,
    );
  };

  return {
    async *poll({ spec, cursor, isTest }, sink, signal) {
      const poll = await find(spec);
      const call = new CallState(spec, sink);
      const abandoned = Promise.withResolvers<never>();
      abandoned.promise.catch(() => undefined);
      let pages: AsyncGenerator<unknown, void, void> | undefined;
      const watched = watch(call, signal, {
        graceMs,
        abandon: () =>
          abandoned.reject(asFailure(call.stopError ?? { code: 'CANCELLED', kind: 'cancelled', message: 'The poll was stopped.' })),
        stopped: () => void pages?.return().then(undefined, () => undefined),
      });
      try {
        pages = poll({ params: spec.constants, cursor, isTest, ctx: new StepContext(call, undefined) });
        for (;;) {
          const step = await Promise.race([pages.next(), abandoned.promise]);
          if (call.stopError !== undefined) throw asFailure(call.stopError);
          if (step.done === true) return;
          yield pageOf(step.value);
        }
      } finally {
        watched.end();
        call.end();
        // Whoever takes no more pages does not wait for a plugin that tidies up.
        void pages?.return().then(undefined, () => undefined);
      }
    },
  };
}

function pollOf(plugin: Plugin, type: string, version: number): PollFunction | undefined {
  const trigger = plugin.triggers.find((one) => `${plugin.id}/${one.id}` === type && one.version === version);
  return trigger?.poll as PollFunction | undefined;
}

function pageOf(value: unknown): PolledPage {
  const { items, cursor } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly items?: unknown;
    readonly cursor?: unknown;
  };
  if (!Array.isArray(items))
    throw new StepFailure('POLL_PAGE_INVALID', 'A poll yields pages such as { items: [], cursor }.', { kind: 'bug' });
  if (items.length > PAGE_MAX)
    throw new StepFailure('POLL_PAGE_TOO_LARGE', `A page of a poll has at most ${PAGE_MAX} items. Yield several pages.`, { kind: 'bug' });
  const main = { ...MAIN, normaliser: new Normaliser() };
  return {
    items: items.map((one: unknown) => itemOutput(one, NOTHING, main).item),
    cursor: normalise(cursor) ?? null,
  };
}
