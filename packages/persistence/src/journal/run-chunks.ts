/** The events of a run as they are stored: the first chunk in its row, later ones in rows of their own. */
import type { Statements } from '../statements.ts';

/** The first chunk and the later ones as JSON texts. */
export function decodeChunks(journal: Buffer | null, chunks: readonly Buffer[] | null): string[] {
  const all = journal === null ? [] : [journal];
  if (chunks) all.push(...chunks);
  return all.map((chunk) => chunk.toString('utf8'));
}

/** Events in one answer of the database, in bytes: what comes in one piece is read in one turn of this thread. A larger chunk comes alone. */
const PART_BYTES = 512 * 1024;
/** Most chunks in one answer. */
const PART_CHUNKS = 500;

/**
 * The chunks that begin with the events `from` to `to`, as JSON texts in order, read part by part. Chunks only ever follow, so those up to one that is
 * committed are the same whenever they are read. A run that is deleted meanwhile gives fewer.
 */
export async function readChunks(
  db: Statements,
  runId: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<string[]> {
  const chunks: string[] = [];
  for (let next = from; next <= to;) {
    const part = await db.query<{ seq: number; events: Buffer }>(
      `select seq, events
         from (select seq, events, sum(octet_length(events)) over (order by seq) - octet_length(events) as before
                 from (select seq, events from run_chunk where run_id = $1 and seq between $2 and $3 order by seq limit ${PART_CHUNKS}) few) sized
        where before < ${PART_BYTES} order by seq`,
      [runId, next, to],
    );
    for (const { events } of part) chunks.push(events.toString('utf8'));
    next = (part.at(-1)?.seq ?? to) + 1;
  }
  return chunks;
}
