import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const over = (params: Params, items: readonly { [name: string]: string | number }[] = [{ t: 'hällo' }]) =>
  step('crypto').params(params).items(items);

describe('crypto', () => {
  test.each(['md5', 'sha1', 'sha256', 'sha512'])('hashes with %s', async (algorithm) => {
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect((await both(over({ algorithm, encoding, field: 't' }))).items[0]?.['hash']).toBe(
        createHash(algorithm).update('hällo').digest(encoding),
      );
  });

  test('equal items have equal hashes, whatever the order of their fields', async () => {
    const run = await both(
      over({}, [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
        { a: 2, b: 2 },
      ]),
    );
    const [first, second, third] = run.items.map((one) => one['hash']);
    expect(first).toBe(second);
    expect(third).not.toBe(first);
  });

  test.each([
    ['text', 'key'],
    ['hex', '6b6579'],
    ['base64', 'a2V5'],
  ])('signs with a secret written as %s', async (secretIs, secret) => {
    const run = await both(over({ operation: 'hmac', secret, secretIs, field: 't', to: 'a.b' }));
    expect(run.items[0]).toMatchObject({ a: { b: createHmac('sha256', 'key').update('hällo').digest('hex') } });
  });

  test.each([
    ['hex', 'zz'],
    ['hex', 'abc'],
    ['base64', 'a b!'],
  ])('a secret that is no %s is an error and not a shorter secret', async (secretIs, secret) => {
    const run = await both(over({ operation: 'hmac', secret, secretIs, field: 't' }));
    expect(codes(run)).toEqual(['CRYPTO_SECRET']);
    expect(JSON.stringify(run.errors)).not.toContain(`"${secret}"`);
  });

  test('makes a different UUID for every item', async () => {
    for (const version of ['v4', 'v7']) {
      const run = await over(
        { operation: 'uuid', version },
        Array.from({ length: 1_000 }, () => ({})),
      ).run();
      const ids = run.items.map((one) => String(one['uuid']));
      expect(new Set(ids).size).toBe(1_000);
      for (const id of ids)
        expect(id).toMatch(new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version[1]}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`));
    }
  });

  test('random bytes have the length asked for and cannot be worked out from the run', async () => {
    const given = over({ operation: 'random', bytes: 16 });
    const [one, other] = [await given.run(), await given.run()].map((run) => String(run.items[0]?.['random']));
    expect(one).toMatch(/^[0-9a-f]{32}$/);
    expect(other).not.toBe(one);
  });

  test('says what it cannot hash', async () => {
    expect(codes(await both(over({ field: 'n' }, [{ n: 1 }, {}])))).toEqual(['FIELD_NOT_TEXT', 'FIELD_MISSING']);
  });
});
