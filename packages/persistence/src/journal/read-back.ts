/**
 * What became of records whose flush ended without an answer. Asked on a new connection, after the old one is known to be
 * gone, so that nothing of the old flush can still commit.
 */
import type { ClientBase } from 'pg';
import type { RunRecord } from '@plugboard/engine';
import { RUN_STATUS } from '@plugboard/engine';

export type Fate = 'committed' | 'absent' | 'lost';

interface FoundRun {
  readonly status: number;
  readonly events: number;
  readonly endedAtMs: number | undefined;
}

interface FoundLive {
  readonly owner: string;
  readonly fence: number;
  readonly nextSeq: number;
}

/** The fate of each record, in their order: written, not written, or not ours any more. */
export async function readBack(client: ClientBase, writerId: string, records: readonly RunRecord[]): Promise<Fate[]> {
  const ids = records.map((record) => record.head.id);
  // One statement, hence one snapshot of both tables.
  const { rows } = await client.query<[string, number | null, number | null, number | null, string | null, number | null, number | null]>({
    text: /* sql */ `
      select i.id, r.status, r.events, (extract(epoch from r.ended_at) * 1000)::float8, l.owner, l.fence, l.next_seq
      from unnest($1::uuid[]) as i (id) left join run r on r.id = i.id left join run_live l on l.run_id = i.id`,
    values: [ids],
    rowMode: 'array',
  });
  const runs = new Map<string, FoundRun>();
  const lives = new Map<string, FoundLive>();
  for (const [id, status, events, endedAtMs, owner, fence, nextSeq] of rows) {
    if (status !== null && events !== null) runs.set(id, { status, events, endedAtMs: endedAtMs ?? undefined });
    if (owner !== null && fence !== null && nextSeq !== null) lives.set(id, { owner, fence, nextSeq });
  }
  return records.map((record) => fateOf(record, writerId, runs.get(record.head.id), lives.get(record.head.id)));
}

function fateOf(record: RunRecord, writerId: string, run: FoundRun | undefined, live: FoundLive | undefined): Fate {
  // Run and run_live come in one statement, and nobody else makes a run with this id.
  if (record.create) return run ? 'committed' : 'absent';
  if (live) {
    if (live.owner !== writerId || live.fence !== record.fence) return 'lost';
    if (live.nextSeq === record.fromSeq) return 'absent';
    return live.nextSeq === record.toSeq && !record.end ? 'committed' : 'lost';
  }
  const isOurEnd =
    record.end !== undefined &&
    run !== undefined &&
    run.status === RUN_STATUS[record.end.status] &&
    run.events === record.toSeq &&
    run.endedAtMs !== undefined &&
    Math.abs(run.endedAtMs - record.end.endedAt) < 1;
  return isOurEnd ? 'committed' : 'lost';
}
