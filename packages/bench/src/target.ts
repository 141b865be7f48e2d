/** A server that is measured: ours, the floor, or another one by URL. */
import type { WebhookCase } from './cases.ts';
import type { Against } from './options.ts';
import { ask, metricValue } from './http.ts';
import type { LoadOptions } from './load.ts';
import type { LoadProcess, MeasuredLoad } from './load-process.ts';
import type { PlugboardServer } from './plugboard-server.ts';
import { treeCpuUs } from './process-tree.ts';

export interface CpuUs {
  readonly server: number | undefined;
  readonly postgres: number | undefined;
}

export interface Target {
  readonly name: string;
  readonly isOurs: boolean;
  readonly url: string;
  /** Undefined when this server has no such workflow. */
  readonly pathOf: (one: WebhookCase) => string | undefined;
  /** Text that makes a reply right. */
  readonly textOf: (one: WebhookCase) => string;
  /** CPU time used so far, in microseconds. */
  readonly cpuUs: () => CpuUs;
  /** Runs that have succeeded so far. Undefined where the server does not tell. */
  readonly succeededRuns: () => Promise<number | undefined>;
  /** Right answers and all other outcomes so far. */
  readonly tally: { acknowledged: number; other: number };
}

export const FLOOR_NAME = 'floor (stores nothing)';

export function plugboardTarget(server: PlugboardServer): Target {
  return {
    name: 'plugboard',
    isOurs: true,
    url: server.url,
    pathOf: (one) => one.path,
    textOf: (one) => one.text,
    cpuUs() {
      const postgres = server.postgresPid();
      return {
        server: treeCpuUs(server.pid, postgres === undefined ? [] : [postgres]),
        postgres: postgres === undefined ? undefined : treeCpuUs(postgres),
      };
    },
    async succeededRuns() {
      const metrics = await ask(`${server.url}/metrics`);
      return metrics === undefined ? undefined : metricValue(metrics.text, 'plugboard_runs_ended_total{status="succeeded"}');
    },
    tally: { acknowledged: 0, other: 0 },
  };
}

export function floorTarget(port: number, pid: number): Target {
  return {
    name: FLOOR_NAME,
    isOurs: false,
    url: `http://127.0.0.1:${port}`,
    pathOf: (one) => (one.id === 'echo' ? '/' : undefined),
    textOf: () => '"name":"Ada"',
    cpuUs: () => ({ server: treeCpuUs(pid), postgres: undefined }),
    succeededRuns: () => Promise.resolve(undefined),
    tally: { acknowledged: 0, other: 0 },
  };
}

export function againstTarget(against: Against): Target {
  return {
    name: against.name,
    isOurs: false,
    url: against.url,
    pathOf: (one) => against.paths.get(one.id) ?? one.path,
    textOf: (one) => one.text,
    cpuUs: () => ({ server: against.pid === undefined ? undefined : treeCpuUs(against.pid), postgres: undefined }),
    succeededRuns: () => Promise.resolve(undefined),
    tally: { acknowledged: 0, other: 0 },
  };
}

export interface Shot {
  readonly connections: number;
  readonly seconds: number;
  readonly maxRequests?: number;
}

/** One load on one target, counted in its tally. @throws Error when the generator fails */
export async function shoot(load: LoadProcess, target: Target, one: WebhookCase, serviceUrl: string, shot: Shot): Promise<MeasuredLoad> {
  const options: LoadOptions = {
    ...shot,
    url: `${target.url}${target.pathOf(one) ?? one.path}`,
    method: 'POST',
    body: one.body(serviceUrl),
    expectStatus: one.status,
    expectText: target.textOf(one),
  };
  const result = await load.run(options);
  target.tally.acknowledged += result.completed;
  target.tally.other += failuresOf(result);
  return result;
}

export function failuresOf({ errors }: Pick<MeasuredLoad, 'errors'>): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}

/** Such as `3 status, 1 reset (503: 3)`. Empty when all went well. */
export function describeFailures({ errors, statuses }: Pick<MeasuredLoad, 'errors' | 'statuses'>, expected: number): string {
  const kinds = Object.entries(errors).map(([kind, count]) => `${count} ${kind}`);
  if (kinds.length === 0) return '';
  const others = Object.entries(statuses).filter(([status]) => Number(status) !== expected);
  return `${kinds.join(', ')}${others.length === 0 ? '' : ` (${others.map(([status, count]) => `${status}: ${count}`).join(', ')})`}`;
}
