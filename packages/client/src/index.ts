/** The typed client of the Plugboard API for Node: every operation as a method, problems as errors, a run as it goes on. */
export { createClient } from './create-client.ts';
export type { Client, ClientOptions } from './create-client.ts';
export { ConnectionError, PlugboardError, isProblem } from './errors.ts';
export type { CallOptions, Download, UploadBody } from './call-types.ts';
export { eachRow } from './pages.ts';
export type { Page } from './pages.ts';
export type { RunFrame } from './watch-run.ts';
export type { Operations, ProblemCode } from './generated.ts';
