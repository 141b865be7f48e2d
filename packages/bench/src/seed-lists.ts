/**
 * A workspace that has been in use for a month, written by SQL: many workflows, runs and people. What runs look like is copied from one real
 * run, so that details are read and folded as ever.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Database, addMember, createPerson, openSession, rollUpStatistics, uuidFloor } from '@plugboard/persistence';

export interface SeedOptions {
  /** The workspace that is filled; it holds the published workflow `like` with at least one run that succeeded. */
  readonly workspaceSlug: string;
  /** Name of the workflow whose definition and journal are copied. */
  readonly like: string;
  readonly workflows: number;
  readonly runs: number;
  readonly members: number;
  readonly audit: number;
  /** Runs that wait. */
  readonly waiting: number;
}

export interface Seeded {
  /** Cookie of an editor of the workspace. */
  readonly cookie: string;
  readonly workspaceId: string;
  readonly workflowIds: readonly string[];
  /** Newest last. */
  readonly runIds: readonly string[];
  readonly failedRunIds: readonly string[];
}

// Under what retention deletes by default.
const DAYS = 29;
const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;
const BATCH = 5000;
const SUCCEEDED = 4;
const FAILED = 5;
const CANCELLED = 6;
const WAITING = 3;
/** Of a hundred runs in a row. */
const FAILED_SHARE = 5;
const CANCELLED_SHARE = 1;
const KEEP_MS = 30 * DAY_MS;

interface Template {
  readonly workflowId: string;
  readonly workspaceId: string;
  readonly projectId: string;
  readonly principalId: string;
  readonly journal: Buffer;
  readonly events: number;
  readonly definition: object;
}

/** @throws Error when there is no run to copy */
export async function seedLists(database: Database, options: SeedOptions): Promise<Seeded> {
  const like = await findTemplate(database, options);
  const { workspaceId } = like;
  await makePartitions(database);
  const projects = await seedProjects(database, like);
  const workflowIds = await seedWorkflows(database, like, projects, options.workflows);
  const { runIds, failedRunIds } = await seedRuns(database, like, workflowIds, options.runs);
  await seedWaiting(database, like, workflowIds, options.waiting);
  const editor = await seedPeople(database, workspaceId, options.members);
  await seedAudit(database, like, options.audit);
  // What autovacuum does in a database that grows slowly.
  await database.query('analyze');
  return { cookie: await signIn(database, editor), workspaceId, workflowIds, runIds, failedRunIds };
}

async function findTemplate(database: Database, { workspaceSlug, like }: SeedOptions): Promise<Template> {
  const [found] = await database.query<Template & { chunks: Buffer[] | null }>(
    `select w.id as "workflowId", w.workspace_id as "workspaceId", w.project_id as "projectId", w.created_by as "principalId",
            r.journal, r.events, v.definition, (select array_agg(c.events order by c.seq) from run_chunk c where c.run_id = r.id) as chunks
       from workflow w join workspace k on k.id = w.workspace_id join version v on v.workflow_id = w.id and v.n = 1
       join run r on r.workflow_id = w.id and r.status = ${SUCCEEDED}
      where k.slug = $1 and w.name = $2 order by r.id desc limit 1`,
    [workspaceSlug, like],
  );
  if (!found) throw new Error(`there is no run of ${like} to copy`);
  const events = [found.journal, ...(found.chunks ?? [])].flatMap((part) => JSON.parse(part.toString('utf8')) as unknown[]);
  return { ...found, journal: Buffer.from(JSON.stringify(events)) };
}

/** The server makes partitions for what comes, not for what has been. */
async function makePartitions(database: Database): Promise<void> {
  const week = 7 * DAY_MS;
  const now = Math.floor(Date.now() / week);
  for (let n = now - Math.ceil(DAYS / 7); n < now; n += 1) {
    const day = new Date(n * week).toISOString().slice(0, 10).replaceAll('-', '');
    for (const table of ['run', 'run_chunk']) {
      await database.query(
        `create table if not exists ${table}_p${day} partition of ${table} for values from ('${uuidFloor(n * week)}') to ('${uuidFloor((n + 1) * week)}')`,
      );
    }
  }
}

async function seedProjects(database: Database, { workspaceId, projectId, principalId }: Template): Promise<string[]> {
  const ids = Array.from({ length: 9 }, () => idAt(Date.now()));
  await database.query(
    `insert into project (id, workspace_id, slug, name, created_by)
     select id, $2, 'bench-' || n, 'Project ' || n, $3 from unnest($1::uuid[]) with ordinality as p (id, n)`,
    [ids, workspaceId, principalId],
  );
  return [projectId, ...ids];
}

async function seedWorkflows(database: Database, like: Template, projects: readonly string[], count: number): Promise<string[]> {
  const start = Date.now() - DAYS * DAY_MS;
  const ids = Array.from({ length: count }, (_, n) => idAt(start + n));
  const values = [ids, like.workspaceId, like.principalId, JSON.stringify(like.definition)] as const;
  const name = `'Flow ' || n || ' ' || (array['orders','invoices','leads','backups','reports'])[1 + n % 5]`;
  const rows = `unnest($1::uuid[]) with ordinality as p (id, n)`;
  const doc = `jsonb_set($4::jsonb, '{name}', to_jsonb(${name}))::json`;
  await database.query(
    `insert into workflow (id, workspace_id, project_id, name, created_by, updated_at)
     select id, $2, ($4::uuid[])[1 + n % array_length($4::uuid[], 1)], ${name}, $3, now() - n * interval '1 minute' from ${rows}`,
    [ids, like.workspaceId, like.principalId, projects],
  );
  await database.query(
    `insert into draft (workflow_id, workspace_id, rev, doc, semantic_hash, updated_by, updated_at)
     select id, $2, 1, ${doc}, case when n % 7 = 0 then 'changed' else 'same' end, $3, now() - n * interval '1 minute' from ${rows}`,
    values,
  );
  await database.query(
    `insert into version (workflow_id, n, workspace_id, definition, semantic_hash, type_pins, published_by)
     select id, 1, $2, ${doc}, 'same', '{}', $3 from ${rows}`,
    values,
  );
  // One in ten is a draft only.
  await database.query(
    `insert into deployment (workflow_id, environment, workspace_id, version, state, deployed_by)
     select id, 1, $2, 1, 'active', $3 from ${rows} where n % 10 <> 0`,
    values.slice(0, 3),
  );
  return ids;
}

async function seedRuns(
  database: Database,
  like: Template,
  workflowIds: readonly string[],
  count: number,
): Promise<{ runIds: string[]; failedRunIds: string[] }> {
  const now = Date.now() - 60_000;
  const runIds: string[] = [];
  const failedRunIds: string[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => {
      const n = from + index;
      const at = now - Math.floor(((count - n) * DAYS * DAY_MS) / count);
      const status = n % 100 < FAILED_SHARE ? FAILED : n % 100 < FAILED_SHARE + CANCELLED_SHARE ? CANCELLED : SUCCEEDED;
      // Few workflows have most of the runs.
      const workflowId = workflowIds[Math.floor(workflowIds.length * Math.random() ** 3)] ?? like.workflowId;
      return { id: idAt(at), workflowId, at, status, durationMs: 5 + (n % 4000) };
    });
    for (const { id, status } of rows) {
      runIds.push(id);
      if (status === FAILED) failedRunIds.push(id);
    }
    await database.query(
      `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, initiator, root_run_id, started_at, ended_at,
                        error_code, error_message, error_fingerprint, events, journal)
       select id, $6, workflow_id, 1, 1, status, case when n % 3 = 0 then 0 else 1 end, case when n % 3 = 0 then $9::uuid end, id,
              to_timestamp(at / 1000), to_timestamp((at + ms) / 1000),
              case when status = ${FAILED} then 'HTTP_STATUS' end, case when status = ${FAILED} then 'The service answered 503' end,
              case when status = ${FAILED} then 'f' || n % 20 end, $8, $7
         from unnest($1::uuid[], $2::uuid[], $3::float8[], $4::int2[], $5::float8[]) with ordinality as r (id, workflow_id, at, status, ms, n)`,
      [
        rows.map((row) => row.id),
        rows.map((row) => row.workflowId),
        rows.map((row) => row.at),
        rows.map((row) => row.status),
        rows.map((row) => row.durationMs),
        like.workspaceId,
        like.journal,
        like.events,
        like.principalId,
      ],
    );
  }
  await database.query(
    `insert into run_stats (workspace_id, workflow_id, environment, bucket, status, writer, n)
     select workspace_id, workflow_id, environment, date_bin('15 minutes', ended_at, timestamptz '1970-01-01 00:00:00+00'), status, $2, count(*)
       from run where workspace_id = $1 and workflow_id = any($3::uuid[]) group by 1, 2, 3, 4, 5`,
    [like.workspaceId, idAt(now), workflowIds],
  );
  // As the server does once an hour.
  while ((await rollUpStatistics(database, { workspaceId: like.workspaceId, before: now, limit: BATCH })) === BATCH);
  await database.query(
    `insert into run_tag (workspace_id, key, value, run_id)
     select workspace_id, 'customer', 'c' || right(id::text, 2), id from run where workspace_id = $1 and workflow_id = any($2::uuid[])`,
    [like.workspaceId, workflowIds],
  );
  return { runIds, failedRunIds };
}

async function seedWaiting(database: Database, like: Template, workflowIds: readonly string[], count: number): Promise<void> {
  const now = Date.now() - HOUR_MS;
  // As runs of the server that is measured: it takes over what belongs to one that is gone.
  const [worker] = await database.query<{ id: string }>('select id from worker order by started_at desc limit 1');
  const owner = worker?.id ?? idAt(now);
  const ids = Array.from({ length: count }, (_, n) => idAt(now + n));
  const workflows = ids.map((_, n) => workflowIds[n % workflowIds.length] ?? like.workflowId);
  await database.query(
    `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at, events, journal)
     select id, $3, workflow_id, 1, 1, ${WAITING}, 1, id, now() - interval '1 hour', 0, $4 from unnest($1::uuid[], $2::uuid[]) as r (id, workflow_id)`,
    [ids, workflows, like.workspaceId, like.journal],
  );
  await database.query(
    `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, started_at)
     select id, $3, workflow_id, 1, 1, $4, 1, $5, ${WAITING}, now() - interval '1 hour' from unnest($1::uuid[], $2::uuid[]) as r (id, workflow_id)`,
    [ids, workflows, like.workspaceId, owner, like.events],
  );
}

/** Gives the id of one who may edit. */
async function seedPeople(database: Database, workspaceId: string, count: number): Promise<string> {
  let last = '';
  for (let n = 0; n < count; n += 1) {
    const made = await createPerson(database, {
      email: `bench-${n}-${randomBytes(4).toString('hex')}@example.com`,
      displayName: `Person ${n}`,
    });
    if (made.kind !== 'created') throw new Error(`a person could not be made: ${made.kind}`);
    last = made.personId;
    await addMember(database, { workspaceId, principalId: last, role: n === count - 1 ? 'admin' : 'editor', createdBy: last });
  }
  return last;
}

async function seedAudit(database: Database, { workspaceId, principalId }: Template, count: number): Promise<void> {
  const start = Date.now() - DAYS * DAY_MS;
  const ids = Array.from({ length: count }, (_, n) => idAt(start + n * 1000));
  await database.query(
    `insert into audit (id, workspace_id, principal_id, actor_kind, action, resource_kind, resource_id, at)
     select id, $2, $3, 'person', 'workflow.publish', 'workflow', id::text, now() from unnest($1::uuid[]) as a (id)`,
    [ids, workspaceId, principalId],
  );
}

/** Cookies of as many members, who may look unless they have another role. */
export async function benchSessions(
  database: Database,
  workspaceId: string,
  count: number,
  role: 'viewer' | 'editor' = 'viewer',
): Promise<string[]> {
  const cookies: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const made = await createPerson(database, {
      email: `bench-${randomBytes(8).toString('hex')}@example.com`,
      displayName: `Watcher ${n}`,
    });
    if (made.kind !== 'created') throw new Error(`a person could not be made: ${made.kind}`);
    await addMember(database, { workspaceId, principalId: made.personId, role, createdBy: made.personId });
    cookies.push(await signIn(database, made.personId));
  }
  return cookies;
}

async function signIn(database: Database, personId: string): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const tokenHash = createHash('sha256').update(token).digest();
  await openSession(database, { tokenHash, personId, idleMs: KEEP_MS, absoluteMs: KEEP_MS });
  return `plugboard=${token}`;
}

/** An id as the server would have made it then. */
function idAt(ms: number): string {
  const random = randomBytes(10).toString('hex');
  const variant = '89ab'[Number.parseInt(random[3] ?? '0', 16) % 4] ?? '8';
  return `${uuidFloor(Math.floor(ms)).slice(0, 14)}7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(8, 20)}`;
}
