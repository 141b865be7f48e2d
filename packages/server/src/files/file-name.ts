/** Names and types of files as strangers give them, made into what can be shown, stored and sent in a header. */

const NAME_MAX = 200;
const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;
export const ANY_TYPE = 'application/octet-stream';

/** Without folders, control characters and marks that turn the direction of writing, so that `gpj.exe` cannot look like `exe.jpg`. */
export function fileName(given: string | undefined): string {
  const clean = (given ?? '')
    .toWellFormed()
    .normalize('NFC')
    // oxlint-disable-next-line no-control-regex -- they are what is taken out
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  const last = clean.split(/[\\/]/).at(-1)?.trim() ?? '';
  const name = last.replaceAll(/[<>:"|?*]/g, '_').replace(/^\.+$/, '');
  if (name.length <= NAME_MAX) return name === '' ? 'file' : name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && name.length - dot <= 20 ? name.slice(dot) : '';
  return (name.slice(0, NAME_MAX - ending.length) + ending).toWellFormed();
}

/** Without parameters; anything that is no type is bytes. */
export function fileType(given: string | undefined): string {
  const type = (given ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return TYPE.test(type) ? type : ANY_TYPE;
}

/** Types a browser may know of; everything else goes out as bytes, so that nothing is taken for a page. */
const KNOWN: ReadonlySet<string> = new Set([
  'application/json',
  'application/pdf',
  'application/zip',
  'application/gzip',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'text/plain',
  'text/csv',
]);

/** What a file goes out as. It is always sent to be kept, never to be shown. */
export function sentType(type: string): string {
  if (KNOWN.has(type)) return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
  return /^(?:image\/(?:png|jpeg|gif|webp|avif)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+)$/.test(type) ? type : ANY_TYPE;
}

/** `attachment`, with the name for old clients and for those that know Unicode. */
export function attachment(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const extended = encodeURIComponent(name).replaceAll(/['()*!]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${extended}`;
}
