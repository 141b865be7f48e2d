/** Backups as files: what is written is what comes back, and whatever is not whole is refused before anything is made of it. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { createWorkspace, inInstance, loadDump, seedDefaults } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkBackup } from './backup-file.ts';
import type { Settings } from '../settings/settings.ts';
import { startBackups } from './backups.ts';
import { createBackup } from './create-backup.ts';
import { restoreBackup } from './restore-backup.ts';
import { openSealedKeys, sealKeys } from './sealed-keys.ts';
import { TAR_END, readTar, tarHeader, tarPadding } from './tar.ts';

let db: TestDatabase;
let dir: string;
let dataDir: string;
let backup: string;
const SHA = 'a'.repeat(64);

beforeAll(async () => {
  db = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'plugboard-backup-'));
  dataDir = join(dir, 'data');
  const defaults = await seedDefaults(db.database);
  await inInstance(db.database, (tx) =>
    createWorkspace(tx, {
      slug: 'tab-und-üöä',
      name: 'with\ttab, \\N, "quotes"\nand a line',
      ownerId: defaults.systemPrincipalId,
      createdBy: defaults.systemPrincipalId,
    }),
  );
  await mkdir(join(dataDir, 'blobs', defaults.workspaceId, 'aa'), { recursive: true });
  await mkdir(join(dataDir, 'keys'));
  await writeFile(join(dataDir, 'keys', 'root.key'), 'CANARY-KEY');
  await writeFile(join(dataDir, 'blobs', defaults.workspaceId, 'aa', SHA), randomBytes(100_000));
  await writeFile(join(dataDir, 'blobs', defaults.workspaceId, 'aa', 'b'.repeat(64)), '');
  await writeFile(join(dataDir, 'blobs', defaults.workspaceId, 'aa', `${SHA}.12ab.tmp`), 'half');
  backup = join(dir, 'one.backup');
});
afterAll(async () => {
  await db.close();
  await rm(dir, { recursive: true, force: true });
});

const create = (file: string, passphrase?: string) => createBackup({ database: db.database, dataDir, file, version: '0.1.0', passphrase });
const restore = (file: string, to: string, databaseUrl: string, passphrase?: string) =>
  restoreBackup({ file, dataDir: to, databaseUrl, rootKey: undefined, openRuns: 'held', passphrase });

test('what was there is there again, files and odd texts included, and a second database is the same as the first', async () => {
  const made = await create(backup);
  expect(made).toMatchObject({ files: 2, hasKeys: false });
  expect(await readdir(dir)).not.toContain('one.backup.part');
  expect((await checkBackup(backup)).head).toMatchObject({ format: 1, schema: made.schema });

  const empty = await createTestDatabase({ isEmpty: true });
  const to = join(dir, 'restored');
  const restored = await restore(backup, to, empty.url);
  expect(restored).toMatchObject({ rows: made.rows, files: 2, openRuns: 0, rootKey: 'absent' });
  const all = 'select slug, name, id from workspace order by slug';
  expect(await empty.database.query(all)).toEqual(await db.database.query(all));
  const [workspace] = await db.database.query<{ id: string }>(`select id from workspace where slug = 'default'`);
  const blob = ['blobs', workspace?.id ?? '', 'aa', SHA];
  expect(await readFile(join(to, ...blob))).toEqual(await readFile(join(dataDir, ...blob)));
  // References are back, so that the copy holds its own data together as the first does.
  await expect(empty.database.query('delete from principal')).rejects.toThrow(/foreign key/);

  // Nothing that is there is overwritten.
  await expect(restore(backup, join(dir, 'second'), empty.url)).rejects.toMatchObject({ code: 'DATABASE_NOT_EMPTY' });
  await expect(restore(backup, to, db.url)).rejects.toMatchObject({ code: 'BACKUP_TARGET' });
  expect((await readdir(dir)).includes('second') && (await readdir(join(dir, 'second')))).toEqual([]);
  await expect(create(backup)).rejects.toMatchObject({ code: 'BACKUP_TARGET' });
  await empty.close();
});

test('keys go along only when they are closed with a passphrase, and open with that one alone', async () => {
  const file = join(dir, 'with-keys.backup');
  await expect(create(file, 'short')).rejects.toMatchObject({ code: 'BACKUP_KEY' });
  await create(file, 'a few words in a row');
  for (const one of [file, backup]) expect(gunzipSync(await readFile(one)).includes('CANARY-KEY')).toBe(false);
  const empty = await createTestDatabase({ isEmpty: true });
  const to = join(dir, 'keyed');
  await expect(restore(file, to, empty.url, 'some other words')).rejects.toMatchObject({ code: 'BACKUP_KEY' });
  expect(await restore(file, to, empty.url, 'a few words in a row')).toMatchObject({ rootKey: 'restored' });
  expect(await readFile(join(to, 'keys', 'root.key'), 'utf8')).toBe('CANARY-KEY');
  await empty.close();
});

test('a sealed text that was changed anywhere does not open', async () => {
  const text = await sealKeys(new Map([['root.key', Buffer.from('x')]]), 'a few words in a row');
  const parts = JSON.parse(text) as { tag: string };
  await expect(
    openSealedKeys(JSON.stringify({ ...parts, tag: Buffer.alloc(16).toString('base64') }), 'a few words in a row'),
  ).rejects.toMatchObject({
    code: 'BACKUP_KEY',
  });
}, 120_000);

describe('scheduled backups', () => {
  const HOUR = 60 * 60_000;
  const open = (hours: number, keep: number) =>
    startBackups({
      database: db.database,
      dataDir: join(dir, 'scheduled'),
      version: '0.1.0',
      settings: { value: (key: string) => (key === 'backups.everyHours' ? hours : keep) } as unknown as Settings,
      log: { info: () => undefined, warn: () => undefined },
    });

  test('are made when they are due, the oldest beyond those kept goes, and manual ones stay', async () => {
    const backups = open(24, 2);
    await backups.makeDue(Date.now());
    await backups.makeDue(Date.now());
    expect((await backups.list()).map((one) => one.kind)).toEqual(['scheduled']);
    const manual = await backups.create('manual');
    await backups.makeDue(Date.now() + 25 * HOUR);
    await backups.makeDue(Date.now() + 50 * HOUR);
    const kept = await backups.list();
    expect(kept.map((one) => one.kind).toSorted()).toEqual(['manual', 'scheduled', 'scheduled']);
    expect(kept.map((one) => one.name)).toContain(manual.name);
    await backups.close();
  });

  test('are not made when they are off, and two are never made at once', async () => {
    const off = open(0, 2);
    const before = (await off.list()).length;
    await off.makeDue(Date.now() + 1000 * HOUR);
    expect(await off.list()).toHaveLength(before);
    const both = await Promise.allSettled([off.create('manual'), off.create('manual')]);
    expect(both.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'made'))).toEqual(['made', 'CONFLICT']);
    await off.close();
  });
});

describe('a backup that is not whole', () => {
  const changed = async (name: string, change: (bytes: Buffer) => Buffer): Promise<string> => {
    const file = join(dir, name);
    await writeFile(file, change(await readFile(backup)));
    return file;
  };
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['lost its end', (bytes) => bytes.subarray(0, bytes.length - 2000)],
    ['lost half', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['is empty', () => Buffer.alloc(0)],
    ['is something else', () => Buffer.from('hello')],
    ['is another gzip', () => gzipSync('hello')],
    ['has a changed byte', (bytes) => gzipSync(flip(gunzipSync(bytes), 'tab, '))],
    ['has more than its manifest', (bytes) => gzipSync(withMore(gunzipSync(bytes)))],
  ])('%s: it is refused, and nothing is made', async (name, change) => {
    const file = await changed(name.replaceAll(' ', '-'), change);
    await expect(checkBackup(file)).rejects.toMatchObject({ code: expect.stringMatching(/^BACKUP_(DAMAGED|UNREADABLE)$/) as string });
    const to = join(dir, `to-${name.replaceAll(' ', '-')}`);
    await expect(restore(file, to, db.url)).rejects.toMatchObject({ code: expect.stringMatching(/^BACKUP_/) as string });
    await expect(readdir(to)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a backup of a newer release is refused before anything is made of it', async () => {
    const nothing = { partitions: [], tables: [], rows: () => Readable.from([]), openRuns: 'held' } as const;
    await expect(loadDump(db.database, { schema: 9999, ...nothing })).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
  });
});

describe('names in a tar', () => {
  test.each(['../out', '/etc/passwd', 'a/../../b', 'a/./b', 'a\\b', 'a b', ''])('%j leads elsewhere and is refused', async (name) => {
    expect(() => tarHeader(name, 0)).toThrow(RangeError);
    const block = tarHeader('x'.repeat(20), 0);
    block.fill(0, 0, 100).write(name, 0, 'latin1');
    block.write('        ', 148, 'latin1');
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const read = async () => {
      for await (const entry of readTar(Readable.from([block, TAR_END]) as AsyncIterable<Buffer>)) void entry.name;
    };
    await expect(read()).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });

  test('a name longer than a header holds at once comes back whole', async () => {
    const name = `blobs/${'w'.repeat(36)}/aa/${SHA}`;
    const source = Readable.from([tarHeader(name, 3), Buffer.from('abc'), tarPadding(3), TAR_END]) as AsyncIterable<Buffer>;
    const seen: string[] = [];
    for await (const entry of readTar(source)) {
      const parts: Buffer[] = [];
      for await (const part of entry.body) parts.push(part);
      seen.push(`${entry.name} ${Buffer.concat(parts).toString()}`);
    }
    expect(seen).toEqual([`${name} abc`]);
  });
});

function flip(bytes: Buffer, near: string): Buffer {
  const at = bytes.indexOf(near);
  expect(at).toBeGreaterThan(0);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

function withMore(bytes: Buffer): Buffer {
  const at = bytes.indexOf('manifest.json');
  const more = Buffer.concat([tarHeader('blobs/more', 1), Buffer.from('x'), tarPadding(1)]);
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}
