/** Benchmarks of the built server against itself, the floor and others. Run as a program (`main.ts`); this door is for scripts and tests. */
export { load, LoadOptionsError } from './load.ts';
export type { LoadErrorKind, LoadOptions, LoadResult } from './load.ts';
export { createResponseReader, HttpProtocolError } from './response-reader.ts';
export type { HttpAnswer, ResponseReader } from './response-reader.ts';
export { median, quantile, spread, summarize } from './statistics.ts';
export type { Summary } from './statistics.ts';
export type { FigureRow, Results, ThroughputRow } from './results.ts';
