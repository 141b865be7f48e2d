/** Delimiters as people write them: a character, `tab`, `\t`, or `auto`. */

const NAMED: { readonly [name: string]: string } = { tab: '\t', '\\t': '\t', semicolon: ';', comma: ',', pipe: '|' };
const CANDIDATES = [',', ';', '\t', '|'];
/** Characters looked at to find the delimiter. */
const SAMPLE = 10_000;

export function delimiterOf(given: string, text: string): string {
  if (given === 'auto') return detected(text);
  return Object.hasOwn(NAMED, given) ? (NAMED[given] ?? given) : given;
}

/** The candidate the first line has most of, outside quotes; a comma when it has none. */
function detected(text: string): string {
  const counts = new Map<string, number>();
  let quoted = false;
  for (const char of text.slice(0, SAMPLE)) {
    if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (char === '\n') break;
    else if (CANDIDATES.includes(char)) counts.set(char, (counts.get(char) ?? 0) + 1);
  }
  let best = ',';
  for (const [char, count] of counts) if (count > (counts.get(best) ?? 0)) best = char;
  return best;
}
