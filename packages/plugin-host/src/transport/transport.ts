/** How a call reaches the runtime. The runtime is the same behind every transport, so plugins behave alike. */
import type { CallEnd, CallSpec, Sink } from '@plugboard/engine';

export type Call = (spec: CallSpec, sink: Sink, signal: AbortSignal) => CallEnd | Promise<CallEnd>;

/** Wraps the runtime's call. */
export type Transport = (call: Call) => Call;
