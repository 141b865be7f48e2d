/** Text that may stand in an address or a file name anywhere. */

/** Letters that taking accents off does not turn into a to z. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ø', 'o'],
  ['đ', 'd'],
  ['ð', 'd'],
  ['þ', 'th'],
  ['ł', 'l'],
  ['ı', 'i'],
]);

/** a to z, digits, and single hyphens between them. Empty when the text has none of these. */
export function slugOf(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[ßæœøđðþłı]/g, (letter) => LETTERS.get(letter) ?? letter);
  return (plain.match(/[a-z0-9]+/g) ?? []).join('-');
}
