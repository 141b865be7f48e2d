/**
 * Which process a worker row stands for, exactly enough to say "that process is dead" without waiting for its lease.
 * Process numbers mean something only under the same kernel boot and in the same pid namespace, so both are part of the
 * identity; where they cannot be read (not Linux) nothing is ever proven, and leases decide.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly host: string;
  /** Boot and pid namespace; empty when unknown. */
  readonly bootId: string;
  readonly pid: number;
  /** Start of the process in clock ticks since boot; empty when unknown. */
  readonly pidStarted: string;
}

export function ownIdentity(): ProcessIdentity {
  return { host: hostname(), bootId: bootId(), pid: process.pid, pidStarted: statOf(process.pid)?.started ?? '' };
}

/** True when `other` surely runs no more, as seen from the machine of `self`. */
export function isProvenDead(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (self.bootId === '' || other.bootId !== self.bootId || other.pidStarted === '') return false;
  if (!exists(other.pid)) return true;
  const stat = statOf(other.pid);
  // A process of somebody else may be hidden: existing but unreadable counts as alive.
  if (!stat) return false;
  return stat.started !== other.pidStarted || stat.isZombie;
}

function bootId(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return boot === '' ? '' : `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // Not Linux, or no /proc.
    return '';
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function statOf(pid: number): { readonly started: string; readonly isZombie: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; what follows its last parenthesis counts from field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    const started = fields[19];
    if (state === undefined || started === undefined) return undefined;
    return { started, isZombie: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}
