import { describe, expect, test } from 'vitest';
import { createSecretMask } from './secret-mask.ts';

const SECRET = 'canary/secret+with "odd" signs=ab';
const through = async (chunks: readonly (string | Uint8Array)[], secrets = [SECRET]): Promise<string> => {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      controller.close();
    },
  });
  return new Response(source.pipeThrough(createSecretMask(secrets).stream())).text();
};

describe('what comes back from a service', () => {
  test.each([
    ['as it is', SECRET],
    ['in an address', encodeURIComponent(SECRET)],
    ['in a form', new URLSearchParams({ a: SECRET }).toString().slice(2)],
    ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 for addresses', Buffer.from(SECRET).toString('base64url')],
  ])('has no secret in it, %s, wherever it is split', async (_, form) => {
    const text = `before ${form} after ${form}`;
    for (let at = 1; at < text.length; at += 1) {
      const masked = await through([text.slice(0, at), text.slice(at)]);
      expect(masked).toBe(`before ${'*'.repeat(form.length)} after ${'*'.repeat(form.length)}`);
    }
    expect(await through(text.split(''))).not.toContain('canary');
  });

  test('keeps its length and every byte that is none of a secret', async () => {
    const bytes = new Uint8Array(100_000).map((_, i) => i % 251);
    const text = await through([bytes.subarray(0, 70_001), bytes.subarray(70_001)], ['\u0007\u0008\u0009\u000a\u000b\u000d-never']);
    expect(text).toBe(new TextDecoder().decode(bytes));
  });

  test('may have short values in it: they are in many answers by chance', async () => {
    expect(await through(['the cat sat'], ['cat'])).toBe('the cat sat');
  });

  test('arrives without waiting for what may never come', async () => {
    const masking = createSecretMask([SECRET]).stream();
    const reader = masking.readable.getReader();
    const writer = masking.writable.getWriter();
    const first = reader.read();
    await writer.write(new TextEncoder().encode('data: hello\n\n'));
    expect(new TextDecoder().decode((await first).value)).toBe('data: hello\n\n');
    await writer.abort();
  });

  test('and errors with all their causes tell nothing either', () => {
    const error = new Error(`a ${SECRET}`, { cause: new TypeError(`b ${SECRET}`) });
    createSecretMask([SECRET]).error(error);
    expect(`${error.message} ${error.stack} ${String((error.cause as Error).stack)}`).not.toContain('canary');
  });
});
