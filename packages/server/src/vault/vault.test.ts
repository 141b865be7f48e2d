/** Keys: replaced while everything goes on, taken up again after a crash, and of no use once they were replaced. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addCredentialSecret,
  addInstanceKey,
  createCredential,
  findCredentialSecret,
  inInstance,
  inWorkspace,
  seedDefaults,
  uuidv7,
  wrapWithInstanceKey,
} from '@plugboard/persistence';
import type { WorkspaceTransaction } from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RootKeys, openKeys, openRootKeys } from '../keys.ts';
import { type KeyKeeper, type KeyKeeperOptions, createKeyKeeper } from './key-keeper.ts';
import { type RootKeyHolder, openRootKeyHolder } from './root-key-holder.ts';
import { seal, unseal } from './sealed.ts';
import { createVault } from './vault.ts';

let db: TestDatabase;
let dir: string;
let place: { workspaceId: string; principalId: string; projectId: string };
beforeEach(async () => {
  db = await createTestDatabase();
  dir = mkdtempSync(join(tmpdir(), 'plugboard-keys-'));
  const { workspaceId, systemPrincipalId, projectId } = await seedDefaults(db.database);
  place = { workspaceId, principalId: systemPrincipalId, projectId };
});
afterEach(async () => {
  await db.close();
  rmSync(dir, { recursive: true, force: true });
});

const inside = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> => inWorkspace(db.database, place, use);
const log = { info: () => undefined, warn: () => undefined };

/** What a process has: the keys it opens, the vault, and who replaces keys. */
async function start(roots: RootKeys = openRootKeys({ dataDir: dir }), more: Pick<KeyKeeperOptions, 'holder' | 'patienceMs'> = {}) {
  const keys = await openKeys(db.database, roots);
  const vault = createVault(roots);
  const keeper: KeyKeeper = createKeyKeeper({
    database: db.database,
    roots,
    keys,
    vault,
    systemPrincipalId: place.principalId,
    log,
    ...more,
  });
  const store = async (text: string): Promise<string> =>
    inside(async (tx) => {
      const id = uuidv7();
      await createCredential(tx, {
        id,
        projectId: place.projectId,
        key: id,
        name: id,
        type: 'core/bearer',
        allowedHosts: [],
        publicData: {},
      });
      const sealer = await vault.sealer(tx);
      await addCredentialSecret(tx, id, {
        ciphertext: (version) => sealer.seal({ credentialId: id, version }, Buffer.from(text)),
        keyId: sealer.keyId,
      });
      return id;
    });
  const read = async (id: string): Promise<string> =>
    inside(async (tx) => {
      const secret = await findCredentialSecret(tx, id);
      return secret ? (await vault.open(tx, { credentialId: id, version: secret.version }, secret)).toString() : '';
    });
  return { roots, keys, vault, keeper, store, read };
}

describe('sealed bytes', () => {
  const key = Buffer.alloc(32, 1);

  test('open only with their key, in their place and unchanged', () => {
    const sealed = seal(key, ['a', 'b'], Buffer.from('secret'));
    expect(unseal(key, ['a', 'b'], sealed).toString()).toBe('secret');
    expect(() => unseal(Buffer.alloc(32, 2), ['a', 'b'], sealed)).toThrow(/does not open/);
    expect(() => unseal(key, ['a', 'c'], sealed)).toThrow(/does not open/);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => unseal(key, ['a', 'b'], changed)).toThrow(/does not open/);
    }
    for (const short of [Buffer.alloc(0), sealed.subarray(0, 20)]) expect(() => unseal(key, ['a', 'b'], short)).toThrow(/does not open/);
  });

  test('of one text are never the same', () => {
    const all = new Set(Array.from({ length: 100 }, () => seal(key, ['a'], Buffer.from('secret')).toString('hex')));
    expect(all.size).toBe(100);
  });
});

describe('the root key', () => {
  test('is made at the first start for its owner only, and opens everything at the next', async () => {
    const first = await start();
    const id = await first.store('secret');
    expect(statSync(join(dir, 'keys', 'root.key')).mode & 0o777).toBe(0o600);
    const second = await start();
    expect(await second.read(id)).toBe('secret');
    expect(Buffer.from(second.keys.derive('totp')).equals(Buffer.from(first.keys.derive('totp')))).toBe(true);
    expect(Buffer.from(first.keys.derive('audit')).equals(Buffer.from(first.keys.derive('totp')))).toBe(false);
  });

  test('of several first starts at once opens the same keys', async () => {
    const starts = await Promise.all([1, 2, 3, 4].map(() => start()));
    const derived = starts.map(({ keys }) => Buffer.from(keys.derive('totp')).toString('hex'));
    expect(new Set(derived).size).toBe(1);
  });

  test('is replaced while secrets are read and written; the next start works with the new one, and not with the old one', async () => {
    const server = await start();
    const ids = await Promise.all(['one', 'two', 'three'].map((text) => server.store(text)));
    const before = readFileSync(join(dir, 'keys', 'root.key'), 'utf8');
    const oldFolder = mkdtempSync(join(tmpdir(), 'plugboard-old-'));
    mkdirSync(join(oldFolder, 'keys'));
    copyFileSync(join(dir, 'keys', 'root.key'), join(oldFolder, 'keys', 'root.key'));
    expect(openRootKeys({ dataDir: oldFolder }).current.id).toBe(server.roots.current.id);
    const derived = Buffer.from(server.keys.derive('idempotency')).toString('hex');
    let isDone = false;
    const work = (async () => {
      let count = 0;
      while (!isDone) {
        expect(await server.read(ids[count % 3] ?? '')).toBe(['one', 'two', 'three'][count % 3]);
        const id = await server.store(`later ${count}`);
        expect(await server.read(id)).toBe(`later ${count}`);
        count += 1;
      }
      return count;
    })();
    const reports = await Promise.all([server.keeper.rotateRootKey(), server.keeper.rotateRootKey()]);
    isDone = true;
    expect(await work).toBeGreaterThan(0);
    expect(new Set(reports.map((report) => report.rootKeyId)).size).toBe(1);
    expect(readFileSync(join(dir, 'keys', 'root.key'), 'utf8')).not.toBe(before);
    expect(existsSync(join(dir, 'keys', 'root.key.next'))).toBe(false);

    const next = await start();
    expect(await Promise.all(ids.map((id) => next.read(id)))).toEqual(['one', 'two', 'three']);
    // Everything else that is derived stays: repeated writes keep their keys, sessions and audit their seals.
    expect(Buffer.from(next.keys.derive('idempotency')).toString('hex')).toBe(derived);
    const old = openRootKeys({ dataDir: oldFolder });
    await expect(openKeys(db.database, old)).rejects.toMatchObject({ code: 'ROOT_KEY_MISMATCH' });
    rmSync(oldFolder, { recursive: true, force: true });
  });

  test('that was being replaced when the process died is replaced at the next start', async () => {
    const server = await start();
    const id = await server.store('secret');
    // As far as: the new key is stored, and nothing else.
    server.roots.begin();
    const next = await start();
    expect(next.roots.isReplacing).toBe(true);
    expect(await next.read(id)).toBe('secret');
    await next.keeper.resume();
    expect(next.roots.isReplacing).toBe(false);
    expect(await next.read(id)).toBe('secret');
    const rows = await db.database.query<{ id: string }>(
      'select distinct root_key_id as id from data_key union select root_key_id from instance_key',
    );
    expect(rows).toEqual([{ id: next.roots.current.id }]);
    expect(await (await start()).read(id)).toBe('secret');
  });

  test('that moved to its place when the process died leaves nothing the old one opens', async () => {
    const server = await start();
    const id = await server.store('secret');
    server.roots.begin();
    const { current } = server.roots;
    await server.keeper.resume();
    // The last step is lost: the old row is back.
    await db.database.query(`insert into instance_key (root_key_id, wrapped) values ('old', 'x')`);
    const next = await start();
    await next.keeper.resume();
    expect(await db.database.query('select root_key_id as id from instance_key')).toEqual([{ id: current.id }]);
    expect(await next.read(id)).toBe('secret');
  });

  test('is replaced also where a data key is damaged, and the old one opens nothing afterwards', async () => {
    const server = await start();
    const id = await server.store('secret');
    await db.database.query(
      `insert into data_key (id, workspace_id, wrapped, root_key_id) values ($1, $2, 'damaged', $3), ($4, $2, 'foreign', 'of nobody')`,
      [uuidv7(), place.workspaceId, server.roots.current.id, uuidv7()],
    );
    expect(await server.keeper.rotateRootKey()).toMatchObject({ rewrapped: 1 });
    expect(await db.database.query('select root_key_id as id from instance_key')).toEqual([{ id: server.roots.current.id }]);
    expect(await (await start()).read(id)).toBe('secret');
  });

  test('is replaced only once a data key that is being made with the old one is there', async () => {
    const server = await start();
    const id = uuidv7();
    const [made, stored] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const making = inside(async (tx) => {
      await createCredential(tx, {
        id,
        projectId: place.projectId,
        key: 'first',
        name: 'x',
        type: 'core/bearer',
        allowedHosts: [],
        publicData: {},
      });
      const sealer = await server.vault.sealer(tx);
      made.resolve();
      await stored.promise;
      const ciphertext = (version: number) => sealer.seal({ credentialId: id, version }, Buffer.from('first'));
      await addCredentialSecret(tx, id, { ciphertext, keyId: sealer.keyId });
    });
    await made.promise;
    const rotating = server.keeper.rotateRootKey();
    stored.resolve();
    await making;
    expect(await rotating).toMatchObject({ rewrapped: 1 });
    expect(await (await start()).read(id)).toBe('first');
  });

  test('of the settings is replaced by the one that is to follow', async () => {
    const [one, two] = ['k'.repeat(40), 'n'.repeat(40)];
    const first = await start(openRootKeys({ dataDir: dir, given: one }));
    const id = await first.store('secret');
    const both = await start(openRootKeys({ dataDir: dir, given: one, next: two }));
    await both.keeper.resume();
    expect(await both.read(id)).toBe('secret');
    expect(await (await start(openRootKeys({ dataDir: dir, given: two }))).read(id)).toBe('secret');
    await expect(start(openRootKeys({ dataDir: dir, given: one }))).rejects.toMatchObject({ code: 'ROOT_KEY_MISMATCH' });
  });
});

describe('several processes on one database', () => {
  const [one, two] = ['k'.repeat(40), 'n'.repeat(40)];
  const open: RootKeyHolder[] = [];
  afterEach(async () => {
    for (const holder of open.splice(0)) await holder.close();
  });

  /** As a server starts: seen by the others before it opens anything. */
  async function startBeside(roots: RootKeys, patienceMs = 30_000) {
    const holder = await openRootKeyHolder({ database: db.database, roots, log: { ...log, error: () => undefined }, lookMs: 10 });
    open.push(holder);
    return { holder, ...(await start(roots, { holder, patienceMs })) };
  }

  test('replace the key of their folder together, while all of them read and write', async () => {
    const [first, second] = [await startBeside(openRootKeys({ dataDir: dir })), await startBeside(openRootKeys({ dataDir: dir }))];
    const before = [await first.store('of the first'), await second.store('of the second')];
    let isDone = false;
    const work = (async () => {
      let count = 0;
      for (; !isDone; count += 1) {
        const [writer, reader] = count % 2 === 0 ? [first, second] : [second, first];
        expect(await reader.read(await writer.store(`later ${count}`))).toBe(`later ${count}`);
      }
      return count;
    })();
    const { rootKeyId } = await first.keeper.rotateRootKey();
    isDone = true;
    expect(await work).toBeGreaterThan(0);
    await second.holder.look();
    expect([second.roots.current.id, second.roots.wrapping.id, second.roots.isReplacing]).toEqual([rootKeyId, rootKeyId, false]);
    for (const server of [first, second, await startBeside(openRootKeys({ dataDir: dir }))])
      expect(await Promise.all(before.map((id) => server.read(id)))).toEqual(['of the first', 'of the second']);
    expect(await second.keeper.rotateRootKey(), 'and again, from the other').not.toMatchObject({ rootKeyId });
  });

  test('wait for one that does not have the new key, and meanwhile all go on with the old one', async () => {
    const alone = await startBeside(openRootKeys({ dataDir: dir, given: one }));
    const both = await startBeside(openRootKeys({ dataDir: dir, given: one, next: two }), 300);
    await expect(both.keeper.rotateRootKey()).rejects.toMatchObject({ code: 'ROOT_KEY_NOT_SHARED' });
    const ids = [await both.store('new of both'), await alone.store('new of the other')];
    await both.keeper.renewDataKeys();
    for (const server of [alone, both])
      expect(await Promise.all(ids.map((id) => server.read(id)))).toEqual(['new of both', 'new of the other']);
    await alone.keeper.resume();
    expect(await db.database.query('select from instance_key'), 'the other replacement is not undone').toHaveLength(2);

    const resuming = both.keeper.resume();
    await alone.holder.close();
    const again = await startBeside(openRootKeys({ dataDir: dir, given: one, next: two }));
    await resuming;
    for (const server of [again, both])
      expect(await Promise.all(ids.map((id) => server.read(id)))).toEqual(['new of both', 'new of the other']);
    await expect(startBeside(openRootKeys({ dataDir: dir, given: one }))).rejects.toMatchObject({ code: 'ROOT_KEY_MISMATCH' });
    expect(await (await startBeside(openRootKeys({ dataDir: dir, given: two }))).read(ids[0] ?? '')).toBe('new of both');
  });

  test('one that starts with the old key alone is refused once the others wrap with the new one', async () => {
    const both = await startBeside(openRootKeys({ dataDir: dir, given: one, next: two }));
    const id = await both.store('secret');
    await addInstanceKey(db.database, { rootKeyId: both.roots.current.id, wrapped: both.keys.wrapFor(both.roots.current) });
    await inInstance(db.database, (tx) => wrapWithInstanceKey(tx, both.roots.current.id));
    await expect(start(openRootKeys({ dataDir: dir, given: one }))).rejects.toMatchObject({ code: 'ROOT_KEY_MISMATCH' });
    await both.keeper.resume();
    expect(await both.read(id)).toBe('secret');
  });

  test('do not wait for one that died', async () => {
    await startBeside(openRootKeys({ dataDir: dir, given: one }));
    for (const holder of open.splice(0)) await holder.close();
    await db.database.query(
      `insert into root_key_holder (process_id, root_key_ids, wrapping_id, seen_at) values (gen_random_uuid(), '{gone}', 'gone', now() - interval '61 seconds')`,
    );
    const both = await startBeside(openRootKeys({ dataDir: dir, given: one, next: two }));
    expect(await both.keeper.rotateRootKey()).toMatchObject({ rootKeyId: both.roots.current.id });
  });
});

describe('data keys', () => {
  test('are renewed, and every secret is sealed anew with them', async () => {
    const server = await start();
    const ids = await Promise.all(Array.from({ length: 5 }, (_, i) => server.store(`secret ${i}`)));
    expect(await server.keeper.renewDataKeys()).toEqual({ workspaces: 1, secrets: 5 });
    const [current] = await db.database.query<{ id: string }>('select data_key_id as id from workspace where id = $1', [place.workspaceId]);
    const newest = await db.database.query(
      'select distinct on (credential_id) key_id as id from credential_secret order by credential_id, version desc',
    );
    expect(newest).toEqual(ids.map(() => current));
    expect(await Promise.all(ids.map((id) => server.read(id)))).toEqual(ids.map((_, i) => `secret ${i}`));
    const next = await start();
    expect(await Promise.all(ids.map((id) => next.read(id)))).toEqual(ids.map((_, i) => `secret ${i}`));
  });

  test('that no key opens any more make room for a new one', async () => {
    const lost = await (await start()).store('secret');
    await db.database.query('delete from instance_key');
    rmSync(join(dir, 'keys', 'root.key'));
    const server = await start();
    await expect(server.read(lost)).rejects.toMatchObject({ code: 'SEAL_BROKEN' });
    const id = await server.store('new');
    expect(await server.read(id)).toBe('new');
    await server.keeper.resume();
  });
});
