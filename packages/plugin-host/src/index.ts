/** The door of the plugin host: finds plugins, describes them, and runs their code behind one port. */
export { createCatalog } from './catalog.ts';
export type { Catalog } from './catalog.ts';
export { createPluginHost } from './plugin-host.ts';
export type { PluginHostOptions } from './plugin-host.ts';
export { checkedPlugin, descriptionHash, exportedPlugin, pluginEntry } from './plugin-entry.ts';
export type { PluginEntry } from './plugin-entry.ts';
export { describeBundle, writeDescription } from './describe-bundle.ts';
export { loadBundled } from './bundled.ts';
export type { BundledPlugin } from './bundled.ts';
export { inProcess } from './transport/in-process.ts';
export { loopback } from './transport/loopback.ts';
export type { Call, Transport } from './transport/transport.ts';
export { PluginHostError } from './errors.ts';
export type { PluginHostErrorCode } from './errors.ts';
export { normalise } from './runtime/normalise.ts';
export { toStepError } from './runtime/to-step-error.ts';
export type { WorkerSize } from './worker/call-weight.ts';
export type { HeavyLaneOptions } from './worker/heavy-lane.ts';
