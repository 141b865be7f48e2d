/**
 * Bodies of the type multipart/form-data. The boundary comes from the content, so that every attempt sends the same bytes, and nobody can
 * write a field that holds the boundary of the body it stands in.
 */
import { createHash } from 'node:crypto';
import type { FileRef } from '@plugboard/sdk';

export interface MultipartBody {
  /** Texts as they are, files to be read in their places. */
  readonly parts: readonly (string | FileRef)[];
  readonly sizeBytes: number;
  readonly contentType: string;
}

export type NamedText = readonly [name: string, value: string];
export type NamedFile = readonly [name: string, file: FileRef];

export function multipart(fields: readonly NamedText[], files: readonly NamedFile[] = []): MultipartBody {
  const content = JSON.stringify([fields, files.map(([name, file]) => [name, file.name, file.mime, file.sha256])]);
  const boundary = `plugboard-${createHash('sha256').update(content).digest('hex').slice(0, 40)}`;
  const texts = fields.map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
  );
  const parts: (string | FileRef)[] = [texts.join('')];
  for (const [name, file] of files) {
    const head = `Content-Disposition: form-data; name="${quoted(name)}"; filename="${quoted(file.name)}"`;
    parts.push(`--${boundary}\r\n${head}\r\nContent-Type: ${oneLine(file.mime)}\r\n\r\n`, file, '\r\n');
  }
  parts.push(`--${boundary}--\r\n`);
  return {
    parts,
    sizeBytes: parts.reduce((sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : part.size), 0),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}

/** As browsers write names that would end the quotes or the line. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function oneLine(type: string): string {
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : 'application/octet-stream';
}
