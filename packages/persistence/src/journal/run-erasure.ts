/**
 * Forgetting what ended runs were given and gave, while the runs stay: the one rewrite of journals there is. Events keep their places, so
 * that whoever has read a part of them finds the rest where it was. What an event becomes is not known here.
 */
import type { RunReader } from './run-reads.ts';

export interface DueErasure {
  readonly runId: string;
  readonly workspaceId: string;
}

/** Notes that the data of a run is to be forgotten, at once or later (milliseconds since 1970). A time that is noted stays where it is earlier. */
export async function eraseLater(
  db: RunReader,
  { workspaceId, runId, at = 0 }: { readonly workspaceId: string; readonly runId: string; readonly at?: number },
): Promise<void> {
  await db.query(
    `insert into run_erasure (run_id, workspace_id, due_at) values ($2, $1, to_timestamp($3::float8 / 1000))
       on conflict (run_id) do update set due_at = least(run_erasure.due_at, excluded.due_at)`,
    [workspaceId, runId, at],
  );
}

/** What failed is tried again in an hour. */
export async function postponeErasure(db: RunReader, { runId }: DueErasure): Promise<void> {
  await db.query(`update run_erasure set due_at = now() + interval '1 hour' where run_id = $1`, [runId]);
}

/** Runs whose data is due to be forgotten, oldest first. What is still to follow from an end may read the data, so that comes before. */
export function listDueErasures(db: RunReader, limit: number): Promise<DueErasure[]> {
  return db.query(
    `select run_id as "runId", workspace_id as "workspaceId" from run_erasure e
      where due_at <= now() and not exists (select from run_follow_up f where f.run_id = e.run_id) order by due_at limit $1`,
    [limit],
  );
}

/**
 * Puts other texts in the place of a run's journal, part by part, and lets go of the payloads it named before. What breaks off goes on with the
 * next call, which sees some parts in their new form. Gives false when there is no such run, or it goes on.
 */
export async function rewriteJournal(
  db: RunReader,
  { workspaceId, runId }: DueErasure,
  /** The new text of a part, and the payloads it names. */
  rewrite: (text: string) => Promise<{ readonly text: string; readonly payloads: readonly string[] }>,
): Promise<boolean> {
  const [run] = await db.query<{ journal: Buffer | null; seqs: number[] | null }>(
    `select journal, (select array_agg(seq order by seq) from run_chunk k where k.run_id = r.id) as seqs
       from run r where id = $2 and workspace_id = $1 and status >= 4 and not exists (select from run_live l where l.run_id = $2)`,
    [workspaceId, runId],
  );
  if (run) {
    const payloads: string[] = [];
    const rewritten = async (bytes: Buffer): Promise<Buffer> => {
      const made = await rewrite(bytes.toString('utf8'));
      payloads.push(...made.payloads);
      return Buffer.from(made.text, 'utf8');
    };
    if (run.journal) await db.query('update run set journal = $2 where id = $1', [runId, await rewritten(run.journal)]);
    for (const seq of run.seqs ?? []) {
      const [part] = await db.query<{ events: Buffer }>('select events from run_chunk where run_id = $1 and seq = $2', [runId, seq]);
      if (part)
        await db.query('update run_chunk set events = $3 where run_id = $1 and seq = $2', [runId, seq, await rewritten(part.events)]);
    }
    await db.query(
      `with gone as (delete from run_payload where run_id = $1 and sha256 <> all($2::text[]) returning workspace_id, sha256)
       insert into run_payload_left (workspace_id, sha256) select distinct workspace_id, sha256 from gone on conflict do nothing`,
      [runId, payloads],
    );
  }
  if (run) await eraseAsked(db, { workspaceId, runId });
  await db.query('delete from run_erasure where run_id = $1', [runId]);
  return run !== undefined;
}

/** What people were shown and said: that they were asked, and how each decided, stays. What a caller was answered is not given again. */
async function eraseAsked(db: RunReader, { workspaceId, runId }: DueErasure): Promise<void> {
  await db.query('delete from hook_reply where workspace_id = $1 and run_id = $2', [workspaceId, runId]);
  await db.query(
    `update approval_decision d set comment = null, changes = null from approval a where a.id = d.approval_id and a.run_id = $1`,
    [runId],
  );
  await db.query(`update approval set title = '', request = '{"fields":[]}' where run_id = $1`, [runId]);
  await db.query(`update run_form set request = '{"title":"","fields":[]}' where run_id = $1`, [runId]);
}
