/** Runs of a restored backup that nobody works on until somebody decides: what they did after the backup is not known here. */
import type { Database } from '../database.ts';
import { uuidv7 } from '../ids.ts';
import { DROP_FOLLOW_UPS, RELEASE_FOLLOW_UPS } from '../journal/follow-ups.ts';
import { HELD_OWNER } from '../journal/ownership.ts';
import { RELEASE_TIMETABLES } from '../schedules.ts';

export async function countHeldRuns(database: Database): Promise<number> {
  const [row] = await database.query<{ n: number }>('select count(*)::int4 as n from run_live where owner = $1', [HELD_OWNER]);
  return row?.n ?? 0;
}

/**
 * Lets them go on, or cancels them; whichever server looks next takes them over. Schedules and polls go on with either. Gives how many runs.
 * @param by principal who decided
 */
export async function releaseHeldRuns(database: Database, decision: 'resume' | 'cancel', by: string): Promise<number> {
  return database.withClient(async (client) => {
    await client.query('begin');
    try {
      // The cancel is there before anybody may take the run over, so that nothing of it is done first.
      if (decision === 'cancel') {
        await client.query(
          `insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload)
             select gen_random_uuid(), run_id, workspace_id, 'restore', 'cancel', json_build_object('by', $2::text, 'reason', 'held after a restore')
               from run_live where owner = $1 on conflict do nothing`,
          [HELD_OWNER, by],
        );
      }
      const { rowCount } = await client.query('update run_live set owner = $2, fence = fence + 1 where owner = $1', [HELD_OWNER, uuidv7()]);
      for (const statement of RELEASE_TIMETABLES) await client.query(statement);
      await client.query(decision === 'resume' ? RELEASE_FOLLOW_UPS : DROP_FOLLOW_UPS);
      await client.query('commit');
      return rowCount ?? 0;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  });
}
