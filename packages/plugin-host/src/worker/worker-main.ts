/** The worker thread: runs one call at a time through the same runtime as everywhere, then hands its results over part by part. */
import { parentPort } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import type { BatchOutput, CallEnd, CallInput, CallSpec, ItemOutcome } from '@plugboard/engine';
import { describePlugin } from '@plugboard/sdk';
import { hostStepError, PluginHostError } from '../errors.ts';
import { descriptionHash, exportedPlugin } from '../plugin-entry.ts';
import { Slices } from '../runtime/in-slices.ts';
import { loadedNode } from '../runtime/loaded-type.ts';
import type { LoadedType } from '../runtime/loaded-type.ts';
import { runCall } from '../runtime/runtime.ts';
import { toStepError } from '../runtime/to-step-error.ts';
import { PureSink } from './pure-sink.ts';
import { partsOf } from './wire.ts';
import type { FromWorker, ToWorker } from './wire.ts';

interface Job {
  readonly begin: Extract<ToWorker, { readonly type: 'begin' }>;
  readonly inputs: { readonly [port: string]: CallInput[] };
}

if (parentPort === null) throw new Error('This module is the body of a worker thread.');
const port = parentPort;
const send = (message: FromWorker): void => port.postMessage(message);
/** By bundle and type. */
const types = new Map<string, LoadedType>();
let job: Job | undefined;
let next: () => void = () => undefined;

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'begin':
      job = { begin: message, inputs: Object.fromEntries(message.ports.map((name) => [name, []])) };
      break;
    case 'inputs':
      for (const input of JSON.parse(message.text) as CallInput[]) job?.inputs[message.port]?.push(input);
      break;
    case 'run':
      if (job !== undefined) void run(job);
      break;
    case 'next':
      next();
  }
});

async function run({ begin, inputs }: Job): Promise<void> {
  const spec: CallSpec = { ...(JSON.parse(begin.head) as CallSpec), inputs };
  const outcomes: ItemOutcome[] = [];
  const sink = new PureSink({
    outcomes: (some) => {
      for (const one of some) outcomes.push(one);
    },
    log: (lines) => send({ type: 'log', lines }),
  });
  let end: CallEnd;
  let outputs: readonly BatchOutput[] = [];
  try {
    // The host ends this thread when the call is stopped, so nothing in here needs to be told.
    end = await runCall(await typeOf(begin, spec), spec, sink, new AbortController().signal, { graceMs: 0, slices: new Slices() });
    if (end.ok && end.outputs !== undefined) ({ outputs } = end);
  } catch (error) {
    const reason = error instanceof PluginHostError ? hostStepError(error) : toStepError(error);
    end = { ok: false, error: reason, missing: 'not_sent' };
  }
  const parts = partsOf(inputs, outcomes, outputs);
  next = () => {
    const part = parts.next();
    if (part.done !== true) return send({ type: 'part', text: part.value });
    next = () => undefined;
    job = undefined;
    send({ type: 'end', end: end.ok ? { ok: true } : end });
  };
  next();
}

async function typeOf({ bundleFile, hash }: Job['begin'], spec: CallSpec): Promise<LoadedType> {
  const key = `${bundleFile} ${spec.type} ${spec.version}`;
  const known = types.get(key);
  if (known !== undefined) return known;
  const plugin = exportedPlugin(await import(pathToFileURL(bundleFile).href), spec.type);
  const ir = describePlugin(plugin);
  if (descriptionHash(ir) !== hash) {
    throw new PluginHostError('PLUGIN_CHANGED', `The bundle of ${ir.id} was changed while the server runs. Start the server again.`);
  }
  const loaded = loadedNode(plugin, spec.type, spec.version);
  types.set(key, loaded);
  return loaded;
}
