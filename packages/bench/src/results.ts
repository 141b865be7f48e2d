/** What a run of the bench found, as it is printed and written. */
import type { Machine } from './machine.ts';
import type { Summary } from './statistics.ts';

/** Many requests to one server, over several rounds. */
export interface ThroughputRow {
  readonly case: string;
  readonly connections: number;
  readonly target: string;
  /** Right answers per second, by round. */
  readonly perSecond: Summary;
  /** Medians of the rounds, in milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** CPU time per right answer in microseconds; undefined where it cannot be known. */
  readonly cpuUs: { readonly server?: number; readonly postgres?: number; readonly load: number };
  readonly failures: number;
}

/** One number about one server. */
export interface FigureRow {
  readonly name: string;
  readonly target: string;
  readonly unit: 'ms' | 'MB' | '/s';
  readonly value: Summary;
}

export interface Results {
  readonly startedAt: string;
  readonly machine: Machine & { readonly postgres: string };
  readonly settings: { readonly seconds: number; readonly rounds: number };
  readonly throughput: readonly ThroughputRow[];
  readonly figures: readonly FigureRow[];
  /** What a reader must know beside the numbers: errors, checks, cells that could not be measured. */
  readonly notes: readonly string[];
}
