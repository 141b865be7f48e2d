/**
 * In process, but as if there were a wire: everything is encoded to JSON text and back, and inputs are deep-frozen. What works here works
 * in a process of its own; what changes its input or relies on identity fails here first.
 */
import type { CallEnd, CallFiles, CallSpec, Sink } from '@plugboard/engine';
import type { Transport } from './transport.ts';

export const loopback: Transport = (call) => (spec, sink, signal) => {
  const end = call(deepFreeze(wire(spec)), wireSink(sink), signal);
  return end instanceof Promise ? end.then((value) => wire<CallEnd>(value)) : wire<CallEnd>(end);
};

function wireSink(sink: Sink): Sink {
  const { connect: open = noConnections } = sink;
  return {
    outcomes: (outcomes) => sink.outcomes(wire(outcomes)),
    log: (lines) => sink.log(wire(lines)),
    rpc: async (op, item) => wire(await sink.rpc(wire(op), item)),
    // Requests, answers, files and connections are streams; they keep their own form on every transport.
    fetch: sink.fetch,
    ...(sink.signedFetch && { signedFetch: sink.signedFetch }),
    ...(sink.files && { files: wireFiles(sink.files) }),
    ...(sink.connect && { connect: (options, signal) => open(wire(options), signal) }),
  };
}

const noConnections: NonNullable<Sink['connect']> = () => Promise.reject(new TypeError('there are no connections here'));

function wireFiles(files: CallFiles): CallFiles {
  return {
    open: (file) => files.open(wire(file)),
    find: async (id) => wire(await files.find(id)),
    create: async (content, meta) => wire(await files.create(content, wire(meta))),
  };
}

/** What arrives at the other end. */
function wire<T extends CallSpec | CallEnd | object | string | number | boolean | null>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
