/** What a number of a benchmark depends on: the machine, the versions, and how long its disk takes to make a write safe. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { quantile } from './statistics.ts';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Write of 8 KB and fdatasync in the data folder, in milliseconds. */
  readonly fsyncMs: { readonly p50: number; readonly p99: number };
}

/** CPU time that anything on this machine has used since it started, in microseconds. */
export function busyCpuUs(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) * 1000, 0);
}

const PROBES = 200;
const BLOCK = Buffer.alloc(8192, 'x');
/** A slow disk gets fewer probes than PROBES. */
const PROBE_LIMIT_MS = 3000;

export function describeMachine(folder: string): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    fsyncMs: probeFsync(folder),
  };
}

function probeFsync(folder: string): Machine['fsyncMs'] {
  const path = join(folder, 'fsync-probe');
  const file = openSync(path, 'w', 0o600);
  const times: number[] = [];
  try {
    const startedAt = performance.now();
    while (times.length < PROBES && performance.now() - startedAt < PROBE_LIMIT_MS) {
      const before = performance.now();
      writeSync(file, BLOCK);
      fdatasyncSync(file);
      times.push(performance.now() - before);
    }
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5) ?? 0, p99: quantile(times, 0.99) ?? 0 };
}
