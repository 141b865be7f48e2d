/** What processes cost, as Linux tells it under /proc. Elsewhere, and for processes of others, the answer is undefined. */
import { readFileSync, readdirSync } from 'node:fs';

/** Linux counts CPU time for people in this unit on every architecture Node runs on. */
const US_PER_TICK = 10_000;

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** CPU time of the process and of its children that have ended, in microseconds. */
  readonly cpuUs: number;
}

/** One line of /proc/PID/stat. The name in parentheses may hold anything, parentheses and spaces too. */
export function parseStat(line: string): ProcessStat | undefined {
  const nameEnd = line.lastIndexOf(')');
  const fields = line.slice(nameEnd + 2).split(' ');
  const pid = Number.parseInt(line, 10);
  const parent = Number(fields[1]);
  // utime, stime, cutime, cstime
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  if (nameEnd < 0 || !Number.isFinite(pid + parent + ticks)) return undefined;
  return { pid, parent, cpuUs: ticks * US_PER_TICK };
}

/** `root` and everything below it, but for the trees that begin at `except`. */
export function treeOf(root: number, all: readonly ProcessStat[], except: readonly number[] = []): ProcessStat[] {
  const children = Map.groupBy(all, (stat) => stat.parent);
  const found: ProcessStat[] = [];
  const toVisit = all.filter((stat) => stat.pid === root);
  for (let stat = toVisit.pop(); stat !== undefined; stat = toVisit.pop()) {
    if (except.includes(stat.pid)) continue;
    found.push(stat);
    toVisit.push(...(children.get(stat.pid) ?? []));
  }
  return found;
}

export function readProcesses(): ProcessStat[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const line = read(`/proc/${name}/stat`);
    return (line === undefined ? undefined : parseStat(line)) ?? [];
  });
}

/** Undefined when the process is gone or this is not Linux. */
export function treeCpuUs(root: number, except: readonly number[] = []): number | undefined {
  const tree = treeOf(root, readProcesses(), except);
  return tree.length === 0 ? undefined : tree.reduce((sum, { cpuUs }) => sum + cpuUs, 0);
}

/** Memory of one process, shared parts included, in bytes. */
export function rssBytes(pid: number): number | undefined {
  return kilobytes(read(`/proc/${pid}/status`), 'VmRSS');
}

/** Memory of a tree in bytes, each shared page counted once in all. Undefined where one of its processes may not be read. */
export function treePssBytes(root: number, except: readonly number[] = []): number | undefined {
  const sizes = treeOf(root, readProcesses(), except).map(({ pid }) => kilobytes(read(`/proc/${pid}/smaps_rollup`), 'Pss'));
  const known = sizes.filter((size) => size !== undefined);
  return sizes.length === 0 || known.length < sizes.length ? undefined : known.reduce((sum, size) => sum + size, 0);
}

function kilobytes(text: string | undefined, key: string): number | undefined {
  const value = text === undefined ? undefined : new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value) * 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
