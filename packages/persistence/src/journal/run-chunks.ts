/** The events of a run as they are stored: the first chunk in its row, later ones in rows of their own. */

/** The first chunk and the later ones as JSON texts. */
export function decodeChunks(journal: Buffer | null, chunks: readonly Buffer[] | null): string[] {
  const all = journal === null ? [] : [journal];
  if (chunks) all.push(...chunks);
  return all.map((chunk) => chunk.toString('utf8'));
}
