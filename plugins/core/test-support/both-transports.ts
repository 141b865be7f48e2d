/** Runs a step of the core plugin over both transports and gives the result, which must be the same. */
import { type Harness, type HarnessRun, type RunOptions, harness } from '@plugboard/testing';
import { expect } from 'vitest';
import { plugin } from '../src/index.ts';

/** A harness for one of the plugin's node types. */
export function step(id: string): Harness {
  return harness(plugin, id);
}

export async function both(given: Harness, options: RunOptions = {}): Promise<HarnessRun> {
  const wired = await given.run({ ...options, transport: 'loopback' });
  const direct = await given.run({ ...options, transport: 'in-process' });
  expect(comparable(direct)).toEqual(comparable(wired));
  return wired;
}

/** The codes of the failures, in order. */
export function codes(run: HarnessRun): readonly string[] {
  return run.errors.map(({ error }) => error.code);
}

export function jsonOf(run: HarnessRun, port: string): readonly unknown[] {
  return (run.ports[port] ?? []).map((one) => one.json);
}

/** Stacks differ from run to run; everything else must not. */
function comparable({ ports, from, errors, logs, requests, rpcs }: HarnessRun): unknown {
  return {
    ports,
    from,
    errors: errors.map(({ i, error, isUnknown }) => ({
      i,
      code: error.code,
      kind: error.kind,
      message: error.message,
      data: error.data,
      isUnknown,
    })),
    logs: logs.map(({ level, message, i }) => ({ level, message, i })),
    requests,
    rpcs,
  };
}
