/**
 * A message as it came over the wire, as something steps can use: addresses, subject, text, page and attachments (RFC 5322, 2045 to 2047, 2231).
 * Whatever is malformed is taken as well as it can be: mail is written by everybody.
 */

export interface ParsedMessage {
  readonly headers: { readonly [name: string]: string };
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly subject: string;
  readonly messageId: string;
  readonly inReplyTo: string;
  /** ISO instant; undefined where there is none, or none that can be read. */
  readonly date: string | undefined;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly Attachment[];
}

export interface Attachment {
  readonly name: string;
  readonly mime: string;
  readonly content: Buffer;
}

/** Parts inside each other; deeper ones are left out. */
const MOST_DEPTH = 20;
const MOST_PARTS = 500;
const MOST_HEADER_BYTES = 256 * 1024;

export function parseMessage(raw: Buffer): ParsedMessage {
  const { headers, body } = split(raw);
  const found: Found = { texts: [], pages: [], attachments: [], parts: 0 };
  readPart(headers, body, found, 0);
  const word = (name: string): string => decodeWords(headers.get(name) ?? '');
  const date = Date.parse(headers.get('date') ?? '');
  return {
    headers: Object.fromEntries([...headers].map(([name]) => [name, word(name)])),
    from: word('from'),
    to: word('to'),
    cc: word('cc'),
    subject: word('subject'),
    messageId: word('message-id'),
    inReplyTo: word('in-reply-to'),
    date: Number.isFinite(date) ? new Date(date).toISOString() : undefined,
    text: found.texts.join('\n'),
    html: found.pages.join('\n'),
    attachments: found.attachments,
  };
}

interface Found {
  readonly texts: string[];
  readonly pages: string[];
  readonly attachments: Attachment[];
  parts: number;
}

type Headers = ReadonlyMap<string, string>;

function readPart(headers: Headers, body: Buffer, found: Found, depth: number): void {
  found.parts += 1;
  if (depth > MOST_DEPTH || found.parts > MOST_PARTS) return;
  const type = field(headers.get('content-type') ?? 'text/plain');
  const disposition = field(headers.get('content-disposition') ?? '');
  const boundary = type.params.get('boundary');
  if (type.value.startsWith('multipart/') && boundary !== undefined && boundary !== '') {
    for (const part of partsOf(body, boundary)) {
      const inner = split(part);
      readPart(inner.headers, inner.body, found, depth + 1);
    }
    return;
  }
  const content = decodeBody(body, headers.get('content-transfer-encoding') ?? '');
  const name = disposition.params.get('filename') ?? type.params.get('name');
  const isAttached = disposition.value === 'attachment' || name !== undefined;
  if (!isAttached && type.value === 'text/plain') return void found.texts.push(textOf(content, type.params.get('charset')));
  if (!isAttached && type.value === 'text/html') return void found.pages.push(textOf(content, type.params.get('charset')));
  const ending = type.value === 'message/rfc822' ? '.eml' : '';
  found.attachments.push({
    name: safeName(name) || `part-${found.attachments.length + 1}${ending}`,
    mime: type.value || 'application/octet-stream',
    content,
  });
}

/** Headers, unfolded, in lower case; of one that comes several times the first. */
function split(raw: Buffer): { readonly headers: Headers; readonly body: Buffer } {
  const crlf = raw.indexOf('\r\n\r\n');
  const lf = raw.indexOf('\n\n');
  const isCrlf = crlf >= 0 && (lf < 0 || crlf < lf);
  const end = isCrlf ? crlf : lf;
  const head = (end < 0 ? raw : raw.subarray(0, end)).subarray(0, MOST_HEADER_BYTES);
  const headers = new Map<string, string>();
  for (const line of decodeUtf8(head)
    .replaceAll(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (/^[!-9;-~]+$/.test(name) && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { headers, body: end < 0 ? Buffer.alloc(0) : raw.subarray(end + (isCrlf ? 4 : 2)) };
}

/** At most so many that all of a message can be read: whoever writes it says how many there are. */
function partsOf(body: Buffer, boundary: string): Buffer[] {
  const parts: Buffer[] = [];
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  let start = -1;
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) {
    if (at > 0 && body[at - 1] !== 0x0a) continue;
    if (start >= 0) parts.push(body.subarray(start, Math.max(start, at - (body[at - 2] === 0x0d ? 2 : 1))));
    if (parts.length >= MOST_PARTS) return parts;
    const after = at + mark.length;
    if (body[after] === 0x2d && body[after + 1] === 0x2d) return parts;
    const lineEnd = body.indexOf(0x0a, after);
    if (lineEnd < 0) return parts;
    start = lineEnd + 1;
  }
  if (start >= 0) parts.push(body.subarray(start));
  return parts;
}

/** A header such as `text/plain; charset="utf-8"`, with the long forms of RFC 2231 put together. */
function field(text: string): { readonly value: string; readonly params: ReadonlyMap<string, string> } {
  const [value = ''] = text.split(';', 1);
  const pieces = new Map<string, string[]>();
  for (const [, name = '', quotedText, plain = ''] of text
    .slice(value.length)
    .matchAll(/;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g)) {
    const [, base = name, n = '0', star] = /^([^*]+)(?:\*(\d+))?(\*)?$/.exec(name.toLowerCase()) ?? [];
    const given = quotedText === undefined ? plain.trim() : quotedText.replaceAll(/\\(.)/g, '$1');
    const list = pieces.get(base) ?? [];
    list[Math.min(Number(n), 99)] = star === undefined ? given : decodePercent(given, Number(n) === 0);
    pieces.set(base, list);
  }
  const params = new Map([...pieces].map(([name, list]) => [name, decodeWords(list.join(''))] as const));
  return { value: value.trim().toLowerCase(), params };
}

function decodePercent(text: string, isFirst: boolean): string {
  const [, , , rest = text] = (isFirst ? /^([^']*)'([^']*)'(.*)$/.exec(text) : null) ?? [];
  try {
    return decodeURIComponent(rest);
  } catch {
    return rest; // not UTF-8: left as it was written
  }
}

/** Words such as `=?utf-8?Q?Gr=C3=BC=C3=9Fe?=`. */
export function decodeWords(text: string): string {
  return text
    .replaceAll(/(\?=)\s+(?==\?)/g, '$1')
    .replaceAll(/=\?([^?\s]{1,40})\?([bq])\?([^?]*)\?=/gi, (_, charset: string, kind: string, data: string) => {
      const bytes = kind.toLowerCase() === 'b' ? Buffer.from(data, 'base64') : unquote(Buffer.from(data.replaceAll('_', ' '), 'latin1'));
      return textOf(bytes, charset.replace(/\*.*$/, ''));
    });
}

function decodeBody(body: Buffer, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body.toString('latin1'), 'base64');
    case 'quoted-printable':
      return unquote(body);
    default:
      return body;
  }
}

function unquote(bytes: Buffer): Buffer {
  const text = bytes
    .toString('latin1')
    // From the first blank of a run on only: tried from each of them, a long run takes the square of its length.
    .replaceAll(/(?<![ \t])[ \t]+(?=\r?\n)/g, '')
    .replaceAll(/=\r?\n/g, '');
  return Buffer.from(
    text.replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

function textOf(bytes: Buffer, charset = 'utf-8'): string {
  try {
    return new TextDecoder(charset).decode(bytes).replaceAll('\0', '');
  } catch {
    return decodeUtf8(bytes);
  }
}

function decodeUtf8(bytes: Buffer): string {
  return new TextDecoder().decode(bytes).replaceAll('\0', '');
}

/** Without a path, and without what no file system takes. */
function safeName(name: string | undefined): string {
  return (name ?? '')
    .replaceAll(/[\u0000-\u001f\u007f]/g, '')
    .replace(/^.*[/\\]/, '')
    .trim()
    .slice(0, 200);
}
