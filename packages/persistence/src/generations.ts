/**
 * Counters that tell every process that something it keeps in memory has changed. A generation is raised inside the
 * transaction of the change, so whoever reads the new number also reads the change.
 */
import type { Database } from './database.ts';
import type { Statements } from './statements.ts';

/** `deployments`: what is live, and with it the routes of webhooks. `keys`: root keys. */
export type GenerationKind = 'deployments' | 'plugins' | 'settings' | 'keys';

/** 0 until something of the kind has changed for the first time. */
export async function currentGeneration(database: Database, kind: GenerationKind): Promise<number> {
  const [row] = await database.query<{ n: string }>('select n from generation where kind = $1', [kind]);
  return Number(row?.n ?? 0);
}

/** Gives the new number. Changes of one kind wait for each other here, so make it the last statement. */
export async function raiseGeneration(tx: Statements, kind: GenerationKind): Promise<number> {
  const [row] = await tx.query<{ n: string }>(
    'insert into generation (kind, n) values ($1, 1) on conflict (kind) do update set n = generation.n + 1 returning n',
    [kind],
  );
  return Number(row?.n ?? 0);
}
