/** Base64 of UTF-8 text, and back. Written out because the package runs in Node and in browsers and uses the platform of neither. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function encodeBase64(text: string): string {
  const bytes = utf8Of(text);
  let out = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const first = bytes[index] ?? 0;
    const second = bytes[index + 1];
    const third = bytes[index + 2];
    out += alphabet.charAt(first >> 2) + alphabet.charAt(((first & 3) << 4) | ((second ?? 0) >> 4));
    out += second === undefined ? '=' : alphabet.charAt(((second & 15) << 2) | ((third ?? 0) >> 6));
    out += third === undefined ? '=' : alphabet.charAt(third & 63);
  }
  return out;
}

/** Text of Base64 in the standard or the URL alphabet; undefined when it is not Base64 of UTF-8. */
export function decodeBase64(encoded: string): string | undefined {
  const clean = encoded.replace(/\s+/g, '').replace(/={1,2}$/, '');
  if (clean.length % 4 === 1) return undefined;
  let escaped = '';
  let bits = 0;
  let held = 0;
  for (const char of clean) {
    const value = alphabet.indexOf(char === '-' ? '+' : char === '_' ? '/' : char);
    if (value < 0) return undefined;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      escaped += `%${((held >> bits) & 255).toString(16).padStart(2, '0')}`;
      held &= (1 << bits) - 1;
    }
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    // Bytes that are no UTF-8: the caller says so with the place.
    return undefined;
  }
}

function utf8Of(text: string): number[] {
  const bytes: number[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    // A lone half of a surrogate pair has no UTF-8; it becomes the replacement character, as every encoder does.
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
  }
  return bytes;
}
