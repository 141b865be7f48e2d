/** What every instance has from its first start: the principal `system`, the workspace and project `default`, two environments. */
import type { Database } from './database.ts';
import { uuidv7 } from './ids.ts';

/** Environments, numbered for ever. */
export const ENVIRONMENT = { draft: 0, live: 1 } as const;

export interface Defaults {
  readonly systemPrincipalId: string;
  readonly workspaceId: string;
  readonly projectId: string;
}

const FIND = `
  select p.id as "systemPrincipalId", w.id as "workspaceId", j.id as "projectId"
    from principal p, workspace w
    join project j on j.workspace_id = w.id and j.slug = 'default' and j.deleted_at is null
   where p.kind = 'system' and w.slug = 'default' and (select count(*) from environment e where e.workspace_id = w.id) >= 2`;

/** Makes what is missing, in one transaction, and gives the ids. Safe to call at every start and from many processes. */
export async function seedDefaults(database: Database): Promise<Defaults> {
  const [found] = await database.query<Defaults & Record<string, string>>(FIND);
  if (found) return found;

  return database.withClient(async (client) => {
    await client.query('begin');
    // Of processes starting together one seeds; the others wait here and then find everything.
    await client.query(`select pg_advisory_xact_lock(hashtext('plugboard.seed'))`);
    await client.query(
      `insert into principal (id, kind, display_name) values ($1, 'system', 'System') on conflict (kind) where kind = 'system' do nothing`,
      [uuidv7()],
    );
    await client.query(
      `insert into workspace (id, slug, name, created_by) select $1, 'default', 'Default', id from principal where kind = 'system' on conflict (slug) do nothing`,
      [uuidv7()],
    );
    await client.query(
      `insert into project (id, workspace_id, slug, name, created_by)
         select $1, w.id, 'default', 'Default', p.id from workspace w, principal p where w.slug = 'default' and p.kind = 'system'
         on conflict (workspace_id, slug) where deleted_at is null do nothing`,
      [uuidv7()],
    );
    await client.query(
      `insert into environment (workspace_id, n, name)
         select w.id, e.n, e.name from workspace w, (values ($1::int2, 'draft'), ($2::int2, 'live')) as e (n, name) where w.slug = 'default'
         on conflict do nothing`,
      [ENVIRONMENT.draft, ENVIRONMENT.live],
    );
    const { rows } = await client.query<Defaults & Record<string, string>>(FIND);
    await client.query('commit');
    const [defaults] = rows;
    if (!defaults) throw new Error('the default workspace is not there after seeding it');
    return defaults;
  });
}
