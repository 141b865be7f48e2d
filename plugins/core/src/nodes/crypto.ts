/**
 * Hashes, signatures and random values. Random ones are not worked out from the run: what can be worked out can be guessed, and a repeated
 * position in a loop would give the same value again. They count as read from outside: a stored result is never made again, and one that
 * was not stored has reached nobody.
 */
import { createHash, createHmac, randomBytes, randomUUID, randomUUIDv7 } from 'node:crypto';
import type { Item } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { withField } from '../data/field-path.ts';
import { identity } from '../data/identity.ts';
import { withFiles } from '../data/send-to.ts';
import { textOf } from '../data/text-field.ts';

const digests = when.in('operation', ['hash', 'hmac']);

export const crypto = defineNode({
  id: 'crypto',
  version: 1,
  title: 'Crypto',
  help: 'Hashes or signs a text, or makes a UUID or random bytes.',
  icon: 'fingerprint',
  group: 'Data',
  per: 'item',
  effects: { by: 'operation', cases: { hash: 'none', hmac: 'none' }, else: 'read' },
  params: {
    operation: p
      .choice([
        { value: 'hash', title: 'Hash' },
        { value: 'hmac', title: 'HMAC', help: 'A hash that only somebody with the secret can make.' },
        { value: 'uuid', title: 'UUID' },
        { value: 'random', title: 'Random bytes', help: 'Fit for tokens and passwords.' },
      ])
      .title('Do')
      .help('What to make.')
      .expr('deny')
      .default('hash'),
    algorithm: p
      .choice([
        { value: 'sha256', title: 'SHA-256' },
        { value: 'sha512', title: 'SHA-512' },
        { value: 'sha1', title: 'SHA-1', help: 'Only where a service asks for it.' },
        { value: 'md5', title: 'MD5', help: 'Only where a service asks for it; no protection against forgery.' },
      ])
      .title('Algorithm')
      .help('How to hash.')
      .default('sha256')
      .when(digests),
    field: p
      .text()
      .title('Field with the text')
      .help(
        'Name or path. Left empty: the whole item as JSON with its fields in alphabetical order, so that equal items have equal hashes.',
      )
      .max(500)
      .default('')
      .when(digests),
    secret: p
      .text()
      .title('Secret')
      .help('The key both sides know.')
      .secret()
      .min(1)
      .max(10_000)
      .required()
      .when(when.eq('operation', 'hmac')),
    secretIs: p
      .choice({ text: 'Text', hex: 'Hex', base64: 'Base64' })
      .title('Secret is')
      .help('How the secret is written.')
      .default('text')
      .when(when.eq('operation', 'hmac')),
    version: p
      .choice([
        { value: 'v4', title: 'Version 4', help: 'Random.' },
        { value: 'v7', title: 'Version 7', help: 'Begins with the time, so that later ones sort after earlier ones.' },
      ])
      .title('Version')
      .help('Kind of UUID.')
      .default('v4')
      .when(when.eq('operation', 'uuid')),
    bytes: p
      .number()
      .title('Bytes')
      .help('Number of random bytes.')
      .integer()
      .min(1)
      .max(4_096)
      .default(32)
      .when(when.eq('operation', 'random')),
    encoding: p
      .choice({ hex: 'Hex', base64: 'Base64', base64url: 'Base64 for addresses' })
      .title('Write as')
      .help('How the bytes are written.')
      .default('hex')
      .when(when.ne('operation', 'uuid')),
    to: p.text().title('Result field').help('Name or path. Left empty: hash, hmac, uuid or random.').max(500),
  },
  run({ params, item }) {
    return withFiles(withField(item.json, params.to || params.operation, value(params, item)), item);
  },
});

interface CryptoOptions {
  readonly operation: 'hash' | 'hmac' | 'uuid' | 'random';
  readonly algorithm?: 'sha256' | 'sha512' | 'sha1' | 'md5';
  readonly field?: string;
  readonly secret?: string;
  readonly secretIs?: 'text' | 'hex' | 'base64';
  readonly version?: 'v4' | 'v7';
  readonly bytes?: number;
  readonly encoding?: 'hex' | 'base64' | 'base64url';
}

function value(options: CryptoOptions, item: Item): string {
  const { algorithm = 'sha256', encoding = 'hex' } = options;
  switch (options.operation) {
    case 'hash':
      return createHash(algorithm).update(content(options.field, item)).digest(encoding);
    case 'hmac':
      return createHmac(algorithm, secretBytes(options)).update(content(options.field, item)).digest(encoding);
    case 'uuid':
      return options.version === 'v7' ? randomUUIDv7() : randomUUID();
    case 'random':
      return randomBytes(options.bytes ?? 32).toString(encoding);
  }
}

function content(field: string | undefined, item: Item): string {
  return field === undefined || field === '' ? identity(item.json) : textOf(item.json, field);
}

function secretBytes({ secret = '', secretIs = 'text' }: CryptoOptions): Buffer {
  if (secretIs === 'text') return Buffer.from(secret, 'utf8');
  const isWellFormed = secretIs === 'hex' ? /^(?:[0-9a-f]{2})+$/i.test(secret) : /^[\w+/-]+={0,2}$/.test(secret);
  // Buffer.from stops at the first wrong character without a word.
  if (!isWellFormed) fail('CRYPTO_SECRET', `The secret is not written as ${secretIs}. Check it, or say how it is written.`);
  return Buffer.from(secret, secretIs);
}
