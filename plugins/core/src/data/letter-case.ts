/** Ways to write the words of a text. */

export type CaseName = 'lower' | 'upper' | 'sentence' | 'title' | 'camel' | 'pascal' | 'snake' | 'kebab';

export function inCase(text: string, name: CaseName): string {
  switch (name) {
    case 'lower':
      return text.toLowerCase();
    case 'upper':
      return text.toUpperCase();
    case 'sentence':
      return text.toLowerCase().replace(/[\p{L}\p{N}]/u, (first) => first.toUpperCase());
    case 'title':
      return text.toLowerCase().replaceAll(/(?<![\p{L}\p{N}\p{M}'’])\p{L}/gu, (first) => first.toUpperCase());
    case 'camel':
      return words(text)
        .map((word, i) => (i === 0 ? word : capital(word)))
        .join('');
    case 'pascal':
      return words(text).map(capital).join('');
    case 'snake':
      return words(text).join('_');
    case 'kebab':
      return words(text).join('-');
  }
}

/** Words in small letters: parted by anything that is no letter or digit, and where a capital follows a small letter or a digit. */
function words(text: string): readonly string[] {
  const parted = text.replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, ' ');
  return (parted.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).map((word) => word.toLowerCase());
}

function capital(word: string): string {
  const [first = '', ...rest] = word;
  return first.toUpperCase() + rest.join('');
}
