import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileBlobStore } from './file-blob-store.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'blob-store-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const WORKSPACE = '01890000-0000-7000-8000-000000000001';
const filesOf = async (): Promise<string[]> =>
  (await readdir(dir, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => e.name);
const pathOf = (sha256: string, workspaceId = WORKSPACE): string => join(dir, workspaceId, sha256.slice(0, 2), sha256);

test('what was put comes back, also from a store opened later', async () => {
  const text = JSON.stringify({ grüße: '🙂'.repeat(50_000) });
  const ref = await createFileBlobStore({ dir }).put(WORKSPACE, text);
  expect(ref.size).toBe(Buffer.byteLength(text));
  expect(await createFileBlobStore({ dir }).get(WORKSPACE, ref)).toBe(text);
  expect(await createFileBlobStore({ dir }).sizeBytes(WORKSPACE, ref.sha256)).toBe(ref.size);
});

test('a payload has the name of its content, however large it is', async () => {
  const store = createFileBlobStore({ dir });
  for (const text of ['"short"', `"${'ü'.repeat(1_500_000)}"`]) {
    const ref = await store.put(WORKSPACE, text);
    expect(ref).toEqual({ sha256: createHash('sha256').update(text).digest('hex'), size: Buffer.byteLength(text) });
    expect(await store.get(WORKSPACE, ref)).toBe(text);
  }
});

test('a payload in parts is stored as the text they make together, whatever is cut where', async () => {
  const store = createFileBlobStore({ dir });
  // In UTF-16 units the first pair begins at 1, so that a cut at any even place is within a pair.
  const pairs = `"${'🙂'.repeat(1_100_000)}"`;
  for (const parts of [[], ['', '[1', ',', '2]'], [pairs], ['[', pairs, ',"ü"', ',', '"x"'.padEnd(1_200_000), ']']]) {
    const text = parts.join('');
    const ref = await store.put(WORKSPACE, parts);
    expect(ref).toEqual({ sha256: createHash('sha256').update(text).digest('hex'), size: Buffer.byteLength(text) });
    expect((await store.get(WORKSPACE, ref)) === text).toBe(true);
    expect(await store.put(WORKSPACE, text)).toEqual(ref);
  }
});

test('the folder is made when it is missing, for its owner only', async () => {
  const deeper = join(dir, 'data', 'blobs');
  const ref = await createFileBlobStore({ dir: deeper }).put(WORKSPACE, '[]');
  expect((await stat(join(deeper, WORKSPACE))).mode & 0o777).toBe(0o700);
  expect((await stat(join(deeper, WORKSPACE, ref.sha256.slice(0, 2), ref.sha256))).mode & 0o777).toBe(0o600);
});

test('the same content put many times at once is one file', async () => {
  const [one, other] = [createFileBlobStore({ dir }), createFileBlobStore({ dir })];
  const refs = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : other).put(WORKSPACE, '"same"')));
  expect(new Set(refs.map((ref) => ref.sha256)).size).toBe(1);
  expect(await filesOf()).toEqual(refs.slice(0, 1).map((ref) => ref.sha256));
});

test('workspaces do not see each other', async () => {
  const store = createFileBlobStore({ dir });
  const ref = await store.put(WORKSPACE, '"mine"');
  await expect(store.get('other', ref)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  await store.put('other', '"mine"');
  await store.removeWorkspace(WORKSPACE);
  await expect(store.get(WORKSPACE, ref)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  expect(await store.get('other', ref)).toBe('"mine"');
  await store.put(WORKSPACE, '"mine"');
  expect(await store.get(WORKSPACE, ref)).toBe('"mine"');
});

test('a payload that is gone is an error with its name, and putting it again heals', async () => {
  const store = createFileBlobStore({ dir });
  const ref = await store.put(WORKSPACE, '"text"');
  await rm(pathOf(ref.sha256));
  await expect(store.get(WORKSPACE, ref)).rejects.toMatchObject({
    code: 'BLOB_MISSING',
    details: { workspaceId: WORKSPACE, sha256: ref.sha256 },
  });
  await store.put(WORKSPACE, '"text"');
  expect(await store.get(WORKSPACE, ref)).toBe('"text"');
});

test('a damaged payload is never given out, and a shortened one is written again', async () => {
  const store = createFileBlobStore({ dir });
  const ref = await store.put(WORKSPACE, '"some longer text"');
  await writeFile(pathOf(ref.sha256), '"some_longer_text"');
  await expect(store.get(WORKSPACE, ref)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
  await truncate(pathOf(ref.sha256), 3);
  await expect(store.get(WORKSPACE, ref)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
  await createFileBlobStore({ dir }).put(WORKSPACE, '"some longer text"');
  expect(await readFile(pathOf(ref.sha256), 'utf8')).toBe('"some longer text"');
});

test('names from outside cannot leave the folder', async () => {
  const store = createFileBlobStore({ dir: join(dir, 'blobs') });
  await writeFile(join(dir, 'secret'), 'x');
  for (const sha256 of ['../../secret', '..', `${'a'.repeat(63)}/`, '']) {
    await expect(store.get(WORKSPACE, { sha256, size: 1 })).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  }
  for (const workspaceId of ['..', '../x', 'a/b', '', '.']) {
    await expect(store.put(workspaceId, '1')).rejects.toThrow(TypeError);
    await expect(store.get(workspaceId, { sha256: 'a'.repeat(64), size: 1 })).rejects.toMatchObject({ code: 'BLOB_MISSING' });
    await expect(store.removeWorkspace(workspaceId)).rejects.toThrow(TypeError);
  }
});

test('a failed write leaves nothing behind and can be tried again', async () => {
  const store = createFileBlobStore({ dir });
  const ref = await store.put(WORKSPACE, '"x"');
  await rm(join(dir, WORKSPACE), { recursive: true });
  await writeFile(join(dir, WORKSPACE), 'in the way');
  await expect(createFileBlobStore({ dir }).put(WORKSPACE, '"x"')).rejects.toThrow();
  expect(await filesOf()).toEqual([WORKSPACE]);
  await rm(join(dir, WORKSPACE));
  const again = createFileBlobStore({ dir });
  expect(await again.put(WORKSPACE, '"x"')).toEqual(ref);
  expect(await again.get(WORKSPACE, ref)).toBe('"x"');
});

test('folders that were removed under a running store are made again, and nothing counts as stored that went with them', async () => {
  const parent = join(dir, 'data');
  const store = createFileBlobStore({ dir: join(parent, 'blobs') });
  const first = await store.put(WORKSPACE, '"first"');
  await store.put(WORKSPACE, '"second"');
  await rm(join(parent, 'blobs'), { recursive: true });
  const third = await store.put(WORKSPACE, '"third"');
  await store.put(WORKSPACE, '"first"');
  expect(await store.get(WORKSPACE, first)).toBe('"first"');
  expect(await store.get(WORKSPACE, third)).toBe('"third"');
  // The data folder is another matter: whoever removed it is told.
  await rm(parent, { recursive: true });
  await expect(store.put(WORKSPACE, '"fourth"')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(dir)).toEqual([]);
});

test('the memory of what is stored is bounded and forgetting costs nothing but a look', async () => {
  const store = createFileBlobStore({ dir, knownLimit: 2 });
  const refs = await Promise.all([1, 2, 3, 4, 5].map((n) => store.put(WORKSPACE, String(n))));
  expect(await Promise.all([1, 2, 3, 4, 5].map((n) => store.put(WORKSPACE, String(n))))).toEqual(refs);
  expect(await filesOf()).toHaveLength(5);
});
