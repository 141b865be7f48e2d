/** The engine's port to plugin code: finds the type of a call, loads its plugin once, runs it behind a transport. */
import { type CallEnd, type CallSpec, type PluginHost, SlotList } from '@plugboard/engine';
import type { NodeTypeIR, Plugin } from '@plugboard/sdk';
import { createCatalog } from './catalog.ts';
import { hostStepError, PluginHostError } from './errors.ts';
import { descriptionHash } from './plugin-entry.ts';
import type { PluginEntry } from './plugin-entry.ts';
import { Slices } from './runtime/in-slices.ts';
import { loadedNode } from './runtime/loaded-type.ts';
import { runCall } from './runtime/runtime.ts';
import { toStepError } from './runtime/to-step-error.ts';
import { inProcess } from './transport/in-process.ts';
import type { Call, Transport } from './transport/transport.ts';
import { weightOf } from './worker/call-weight.ts';
import type { WorkerSize } from './worker/call-weight.ts';
import { HeavyLane } from './worker/heavy-lane.ts';
import type { HeavyLaneOptions } from './worker/heavy-lane.ts';
import { StallGuess } from './worker/stall-guess.ts';
import { PureSink, isPure } from './worker/pure-sink.ts';

export interface PluginHostOptions {
  readonly entries: readonly PluginEntry[];
  /** @default inProcess */
  readonly transport?: Transport;
  /** How long a stopped step may take to end before it is abandoned, in milliseconds. @default 5000 */
  readonly graceMs?: number;
  /** Where large calls of bundled types that only compute (`cpu: 'heavy'`, no effects) are run. */
  readonly worker?: WorkerSize & HeavyLaneOptions;
}

const GRACE_MS = 5_000;

interface Slot {
  readonly entry: PluginEntry;
  readonly ir: NodeTypeIR;
  /** Ready once the plugin is loaded. */
  call: Call | undefined;
}

/** Others wait no longer than this for a call that computes here, in milliseconds. */
const STALL_MS = 25;

/** @throws PluginHostError TYPE_DUPLICATE when two entries give the same type in the same version. */
export function createPluginHost({ entries, transport = inProcess, graceMs = GRACE_MS, worker = {} }: PluginHostOptions): PluginHost {
  const catalog = createCatalog(entries.map((entry) => entry.ir));
  const slots = new Map<string, Map<number, Slot>>();
  for (const entry of entries) {
    for (const ir of entry.ir.types) {
      if (ir.kind !== 'node') continue;
      const versions = slots.get(ir.type) ?? new Map<number, Slot>();
      slots.set(ir.type, versions.set(ir.version, { entry, ir, call: undefined }));
    }
  }
  const options = { graceMs, slices: new Slices() };
  const inFlight = new SlotList<Promise<CallEnd>>();
  const lane = new HeavyLane(worker);
  let isDraining = false;

  function ready(slot: Slot, plugin: Plugin): Call {
    const loaded = loadedNode(plugin, slot.ir.type, slot.ir.version, slot.ir);
    const direct = transport((spec, sink, signal) => runCall(loaded, spec, sink, signal, options));
    return (slot.call ??= slot.ir.cpu === 'heavy' ? heavy(slot, direct) : direct);
  }

  /** Calls that only compute: small ones here, large and slow ones in the worker, where there is a bundle it can load. */
  function heavy({ entry: { ir, bundleFile }, ir: type }: Slot, direct: Call): Call {
    const hash = descriptionHash(ir);
    const guess = new StallGuess();
    const { stallMs = STALL_MS } = worker;
    return (spec, sink, signal) => {
      if (!isPure(type, spec)) return direct(spec, sink, signal);
      if (bundleFile === undefined || signal.aborted) return direct(spec, new PureSink(sink), signal);
      const weight = weightOf(spec, worker);
      const isSlow = guess.of(weight) > stallMs;
      if (weight !== Infinity && !isSlow) return guess.timed(weight, () => direct(spec, new PureSink(sink), signal));
      if (weight !== Infinity) guess.doubt();
      return lane.run({ bundleFile, hash, spec, sink, signal });
    };
  }

  function load(slot: Slot): Call | Promise<Call> {
    const plugin = slot.entry.load();
    return plugin instanceof Promise ? plugin.then((value) => ready(slot, value)) : ready(slot, plugin);
  }

  function begin(spec: CallSpec): Call | Promise<Call> {
    if (isDraining) throw new PluginHostError('HOST_DRAINING', 'The server is shutting down; the step starts again afterwards.');
    const slot = slots.get(spec.type)?.get(spec.version);
    if (slot !== undefined) return slot.call ?? load(slot);
    if (catalog.find(spec.type, spec.version) !== undefined) {
      throw new PluginHostError('FUNCTION_NOT_FOUND', `${spec.type} is a trigger: it starts runs and is no step.`);
    }
    throw new PluginHostError(
      'TYPE_NOT_FOUND',
      `No plugin has the type ${spec.type} in version ${spec.version}. Install its plugin, or change the node.`,
    );
  }

  function tracked(end: Promise<CallEnd>): Promise<CallEnd> {
    const settled: Promise<CallEnd> = end.finally(() => inFlight.remove(slot));
    const slot = inFlight.add(settled);
    return settled;
  }

  return {
    call(spec, sink, signal) {
      try {
        const call = begin(spec);
        const end = call instanceof Promise ? call.then((loaded) => loaded(spec, sink, signal)).catch(refused) : call(spec, sink, signal);
        return end instanceof Promise ? tracked(end) : end;
      } catch (error) {
        return refused(error);
      }
    },
    async drain() {
      isDraining = true;
      await Promise.allSettled(inFlight);
      await lane.close();
    },
  };
}

/** The end of a call that never reached a plugin. */
function refused(error: unknown): CallEnd {
  return { ok: false, error: error instanceof PluginHostError ? hostStepError(error) : toStepError(error), missing: 'not_sent' };
}
