/**
 * Takes live secrets out of what comes back from a service: a page that echoes its request must not put a secret into the data, the log or
 * the errors of a run. Each byte of a secret becomes `*`, so that lengths stay as they were.
 */

/** Shorter values are too likely to be in an answer by chance. */
const LEAST = 6;
const STAR = 0x2a;

export interface SecretMask {
  text(value: string): string;
  /** A body that may have the secret in it, split anywhere. */
  stream(): TransformStream<Uint8Array, Uint8Array>;
  /** The error and its causes, with secrets taken out of their texts. */
  error(error: unknown): unknown;
}

export function createSecretMask(secrets: readonly string[]): SecretMask {
  const forms = [...new Set(secrets.filter((secret) => secret.length >= LEAST).flatMap(formsOf))].toSorted((a, b) => b.length - a.length);
  const patterns = forms.map((form) => Buffer.from(form));

  const text = (value: string): string => forms.reduce((masked, form) => masked.replaceAll(form, '*'.repeat(form.length)), value);

  const error = (thrown: unknown, depth = 0): unknown => {
    if (!(thrown instanceof Error) || depth > 5) return thrown;
    for (const member of ['message', 'stack'] as const) {
      const before = thrown[member];
      if (typeof before !== 'string' || text(before) === before) continue;
      Object.defineProperty(thrown, member, { value: text(before), configurable: true, writable: true });
    }
    error(thrown.cause, depth + 1);
    return thrown;
  };

  return {
    text,
    error: (thrown) => error(thrown),
    stream() {
      let held: Buffer = Buffer.alloc(0);
      return new TransformStream({
        transform(chunk, controller) {
          const bytes = Buffer.concat([held, chunk]);
          maskAll(bytes, patterns);
          const keep = beginningAtEnd(bytes, patterns);
          held = bytes.subarray(bytes.length - keep);
          if (bytes.length > keep) controller.enqueue(new Uint8Array(bytes.subarray(0, bytes.length - keep)));
        },
        flush(controller) {
          if (held.length > 0) controller.enqueue(new Uint8Array(held));
        },
      });
    },
  };
}

function maskAll(bytes: Buffer, patterns: readonly Buffer[]): void {
  for (const pattern of patterns) {
    for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + pattern.length))
      bytes.fill(STAR, at, at + pattern.length);
  }
}

/** How many bytes at the end may be the beginning of a secret that the next chunk goes on with. */
function beginningAtEnd(bytes: Buffer, patterns: readonly Buffer[]): number {
  let most = 0;
  for (const pattern of patterns) {
    for (let at = Math.max(0, bytes.length - pattern.length + 1); at < bytes.length; at += 1) {
      if (bytes.length - at <= most) break;
      if (bytes[at] === pattern[0] && bytes.subarray(at).equals(pattern.subarray(0, bytes.length - at))) {
        most = bytes.length - at;
        break;
      }
    }
  }
  return most;
}

/** How a service may spell what it was sent. */
function formsOf(secret: string): string[] {
  const forms = [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ s: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
  ];
  return forms.filter((form) => form.length >= LEAST);
}
