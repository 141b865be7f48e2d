/** The runtime every transport shares: one call of one loaded type. */
import type { CallEnd, CallSpec, Sink } from '@plugboard/engine';
import { runBatch } from './batch-call.ts';
import { CallState, CANCELLED } from './call-state.ts';
import { runItems } from './item-call.ts';
import type { LoadedType } from './loaded-type.ts';
import type { RuntimeOptions } from './runtime-options.ts';

/** Runs a call. Steps that return plain values end it in the same turn. */
export function runCall(
  type: LoadedType,
  spec: CallSpec,
  sink: Sink,
  signal: AbortSignal,
  options: RuntimeOptions,
): CallEnd | Promise<CallEnd> {
  if (signal.aborted) return { ok: false, error: CANCELLED, missing: 'not_sent' };
  const call = new CallState(spec, sink);
  return type.ir.per === 'item' ? runItems(type, call, signal, options) : runBatch(type, call, signal, options);
}
