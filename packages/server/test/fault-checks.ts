/** What holds in a database in which nothing is under way any more, whatever happened before. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type RunEvent, compilePlan, fold, isTerminal, newRun, parseDefinition, runStatusName } from '@plugboard/engine';
import type { Database } from '@plugboard/persistence';
import { createCatalog } from '@plugboard/plugin-host';
import type { PluginIR } from '@plugboard/sdk';

const CORE_IR = fileURLToPath(new URL('../../../plugins/core/dist/plugin.ir.json', import.meta.url));

/** Rows there are only for runs that go on. */
const OF_OPEN_RUNS = ['run_live', 'run_inbox', 'run_follow_up', 'run_snapshot', 'timer', 'flow_turn'];

/** How many there are, by table; tables without any are left out. */
export async function openRows(database: Database): Promise<Record<string, number>> {
  const text = OF_OPEN_RUNS.map((name) => `select '${name}' as name, count(*)::int as n from ${name}`).join(' union all ');
  const rows = await database.query<{ name: string; n: number }>(text);
  return Object.fromEntries(rows.flatMap(({ name, n }) => (n > 0 ? [[name, n]] : [])));
}

export interface StoredRun {
  readonly id: string;
  readonly workflow: string;
  readonly workflowId: string;
  readonly version: number;
  readonly status: string;
  readonly error: string | undefined;
  readonly events: readonly RunEvent[];
}

export async function readRuns(database: Database): Promise<StoredRun[]> {
  const rows = await database.query<{
    id: string;
    name: string;
    workflow_id: string;
    version: number;
    status: number;
    error_code: string | null;
    error_message: string | null;
    events: number;
    journal: Buffer | null;
    chunks: Buffer[] | null;
  }>(
    `select r.id, w.name, r.workflow_id, r.version, r.status, r.error_code, r.error_message, r.events, r.journal,
            (select array_agg(k.events order by k.seq) from run_chunk k where k.run_id = r.id) as chunks
       from run r join workflow w on w.id = r.workflow_id order by r.id`,
  );
  return rows.map((row) => {
    const parts = [...(row.journal ? [row.journal] : []), ...(row.chunks ?? [])];
    return {
      id: row.id,
      workflow: row.name,
      workflowId: row.workflow_id,
      version: row.version,
      status: runStatusName(row.status),
      error: row.error_code === null ? undefined : `${row.error_code} ${row.error_message}`,
      events: parts.flatMap((part) => JSON.parse(part.toString()) as RunEvent[]),
    };
  });
}

/** What contradicts itself in the journals, one line each: they are folded as a server would that takes their runs over. */
export async function findContradictions(database: Database, runs: readonly StoredRun[]): Promise<string[]> {
  const catalog = createCatalog([JSON.parse(readFileSync(CORE_IR, 'utf8')) as PluginIR]);
  const versions = await database.query<{ workflow_id: string; n: number; definition: object }>(
    'select workflow_id, n, definition from version',
  );
  const plans = new Map(
    versions.map(({ workflow_id: id, n, definition }) => {
      const parsed = parseDefinition(definition);
      if (!parsed.ok) throw new Error(`version ${n} of ${id} cannot be read`);
      return [`${id} ${n}`, compilePlan(parsed.definition, catalog.find)];
    }),
  );
  return runs.flatMap((run) => {
    const plan = plans.get(`${run.workflowId} ${run.version}`);
    if (!plan) return [`${run.id} is of a version that is not there`];
    const state = newRun(plan);
    try {
      for (const event of run.events) fold(state, event);
    } catch (error) {
      return [`${run.id} of ${run.workflow}: ${String(error)}`];
    }
    const ends = run.events.filter((event) => event.type === 'run.ended').length;
    const isWhole = state.status === run.status && isTerminal(state.status) && ends === 1 && run.events.at(-1)?.type === 'run.ended';
    return isWhole ? [] : [`${run.id} of ${run.workflow} is stored as ${run.status}, folds to ${state.status}, and ends ${ends} times`];
  });
}

/** Where the counts of runs are not what the runs are. */
export function wrongStatistics(database: Database): Promise<object[]> {
  return database.query(
    `with counted as (select workflow_id, status, sum(n)::int as n from run_stats group by 1, 2 having sum(n) <> 0),
          stored as (select workflow_id, status, count(*)::int as n from run group by 1, 2)
     select workflow_id, status, c.n as counted, s.n as stored from counted c full join stored s using (workflow_id, status)
      where c.n is distinct from s.n`,
  );
}

/** Attempts of a node's writes that the journal says began. */
export function startsOf(run: StoredRun, node: string): number {
  return run.events.reduce((sum, event) => (event.type === 'items.started' && event.node === node ? sum + event.items.length : sum), 0);
}
