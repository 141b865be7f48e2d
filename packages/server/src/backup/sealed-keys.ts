/** The key files inside a backup, closed with a passphrase: scrypt makes a key of it, AES-256-GCM closes with that key. */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { z } from 'zod';
import { BackupError } from './backup-file.ts';

/** About 128 MiB and a second for each guess. */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
export const SHORTEST_PASSPHRASE = 12;
const AAD = Buffer.from('plugboard backup keys');

const sealed = z.strictObject({
  kdf: z.strictObject({ name: z.literal('scrypt'), N: z.literal(COST.N), r: z.literal(COST.r), p: z.literal(COST.p), salt: z.base64() }),
  iv: z.base64(),
  tag: z.base64(),
  data: z.base64(),
});
const files = z.record(z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/), z.base64());

/** Contents by file name. @throws BackupError BACKUP_KEY for a short passphrase */
export async function sealKeys(contents: ReadonlyMap<string, Buffer>, passphrase: string): Promise<string> {
  if (passphrase.length < SHORTEST_PASSPHRASE)
    throw new BackupError(
      'BACKUP_KEY',
      `The passphrase needs at least ${SHORTEST_PASSPHRASE} characters; a few words in a row are easy to keep.`,
    );
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt), iv).setAAD(AAD);
  const plain = JSON.stringify(Object.fromEntries([...contents].map(([name, bytes]) => [name, bytes.toString('base64')])));
  const data = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  const text = (bytes: Buffer): string => bytes.toString('base64');
  const { N, r, p } = COST;
  return JSON.stringify({
    kdf: { name: 'scrypt', N, r, p, salt: text(salt) },
    iv: text(iv),
    tag: text(cipher.getAuthTag()),
    data: text(data),
  });
}

/** @throws BackupError BACKUP_KEY for another passphrase */
export async function openSealedKeys(text: string, passphrase: string): Promise<ReadonlyMap<string, Buffer>> {
  const wrong = (cause: unknown): BackupError =>
    new BackupError('BACKUP_KEY', 'The passphrase does not open the keys of this backup, or they are damaged.', cause);
  try {
    const { kdf, iv, tag, data } = sealed.parse(JSON.parse(text));
    const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', await keyOf(passphrase, bytes(kdf.salt)), bytes(iv), { authTagLength: 16 })
      .setAAD(AAD)
      .setAuthTag(bytes(tag));
    const plain = Buffer.concat([decipher.update(bytes(data)), decipher.final()]).toString('utf8');
    return new Map(Object.entries(files.parse(JSON.parse(plain))).map(([name, base64]) => [name, bytes(base64)]));
  } catch (error) {
    throw wrong(error);
  }
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
