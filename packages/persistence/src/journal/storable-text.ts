/** Text as PostgreSQL can keep it: no NUL, no half of a surrogate pair, not endless. */

/** Longest text of a column, in UTF-16 units; what is longer belongs in the journal. */
export const MAX_TEXT_LENGTH = 8_000;
const NUL = /\0/g;

export function storableText(text: string): string {
  const short = text.length > MAX_TEXT_LENGTH ? text.slice(0, MAX_TEXT_LENGTH) : text;
  const wellFormed = short.isWellFormed() ? short : short.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replace(NUL, '\uFFFD') : wellFormed;
}
