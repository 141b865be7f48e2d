/**
 * Bodies of the type multipart/form-data. The boundary comes from the content, so that every attempt sends the same bytes, and nobody can
 * write a field that holds the boundary of the body it stands in.
 */
import { createHash } from 'node:crypto';

export function multipart(fields: readonly (readonly [name: string, value: string])[]): {
  readonly body: string;
  readonly contentType: string;
} {
  const boundary = `plugboard-${createHash('sha256').update(JSON.stringify(fields)).digest('hex').slice(0, 40)}`;
  const parts = fields.map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
  );
  return { body: `${parts.join('')}--${boundary}--\r\n`, contentType: `multipart/form-data; boundary=${boundary}` };
}

/** As browsers write names that would end the quotes or the line. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
