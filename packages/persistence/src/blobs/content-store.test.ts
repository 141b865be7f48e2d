import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ContentStore, contentKey, createContentStore } from './content-store.ts';

let dir = '';
let store: ContentStore;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'content-store-'));
  store = createContentStore({ dir });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const WORKSPACE = '01890000-0000-7000-8000-000000000001';
const filesOf = async (): Promise<string[]> =>
  (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);

async function put(content: string) {
  const staged = await store.stage(WORKSPACE);
  await staged.write(Buffer.from(content));
  const made = await staged.finish();
  await staged.keep();
  return made;
}

test('a content has no name until it is kept, and then the one of its hash', async () => {
  const staged = await store.stage(WORKSPACE);
  await staged.write(Buffer.from('hello '));
  await staged.write(Buffer.from('world'));
  const made = await staged.finish();
  expect(made).toEqual({ sha256: createHash('sha256').update('hello world').digest('hex'), sizeBytes: 11 });
  await expect(store.open(WORKSPACE, made)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  await staged.keep();
  await staged.drop();
  expect(await text(await store.open(WORKSPACE, made))).toBe('hello world');
  expect((await stat(join(dir, contentKey(WORKSPACE, made.sha256)))).mode & 0o777).toBe(0o600);
});

test('a part is read by its first and last byte', async () => {
  const made = await put('0123456789');
  expect(await text(await store.open(WORKSPACE, made, { start: 2, end: 4 }))).toBe('234');
});

test('what is dropped leaves nothing, at whatever point', async () => {
  const before = await filesOf();
  const [early, late] = [await store.stage(WORKSPACE), await store.stage(WORKSPACE)];
  await early.write(Buffer.from('gone'));
  await early.drop();
  await late.write(Buffer.from('gone too'));
  await late.finish();
  await late.drop();
  await late.drop();
  expect(await filesOf()).toEqual(before);
});

test('what a process left aside goes with the sweep once it is old', async () => {
  const staged = await store.stage(WORKSPACE);
  await staged.write(Buffer.from('left'));
  expect(await store.sweepStaged(60_000)).toBe(0);
  const [name = ''] = await readdir(join(dir, '.incoming'));
  await utimes(join(dir, '.incoming', name), 1, 1);
  expect(await store.sweepStaged(60_000)).toBe(1);
  await staged.drop();
});

test('the same content kept many times at once is one file, and reads on while it is kept again', async () => {
  const [first] = await Promise.all(Array.from({ length: 10 }, () => put('shared')));
  const reading = await store.open(WORKSPACE, first ?? { sha256: '', sizeBytes: 0 });
  await put('shared');
  expect((await buffer(reading)).toString()).toBe('shared');
});

test('a shortened file is not given out, nor one of another workspace, nor a name that is no hash', async () => {
  const made = await put('to be cut');
  await expect(store.open('other', made)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  await expect(store.open(WORKSPACE, { ...made, sha256: '../../etc/passwd' })).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  await expect(store.stage('../up')).rejects.toThrow('workspace id');
  await truncate(join(dir, contentKey(WORKSPACE, made.sha256)), 3);
  await expect(store.open(WORKSPACE, made)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
  await store.remove(WORKSPACE, made.sha256);
  await expect(store.open(WORKSPACE, made)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
});
