/** The commands around backups and settings, as an operator types them: a running server is backed up, restored beside, and started. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTRACT, Plugboard } from './plugboard-process.ts';

const EVERY_NIGHT = fileURLToPath(new URL('../../../examples/nightly-report.workflow.json', import.meta.url));
const PASSPHRASE = 'a few words in a row';
let server: Plugboard;
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'plugboard-cli-backup-'));
  writeFileSync(join(dir, 'passphrase'), `${PASSPHRASE}\n`);
  server = await Plugboard.create();
  await server.start();
  for (const file of [`${CONTRACT}echo.workflow.json`, EVERY_NIGHT]) expect(server.command('import', '--publish', file).code).toBe(0);
});
afterAll(async () => {
  await server.remove();
  rmSync(dir, { recursive: true, force: true });
});

test('a setting is shown, set, refused when it is wrong, and taken back', () => {
  expect(server.command('settings', 'runs.retentionDays', '14').stdout).toMatch(/runs\.retentionDays +14 +instance/);
  const wrong = server.command('settings', 'runs.retentionDays', 'many');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('number')]);
  const none = server.command('settings', 'runs.nothing');
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('there is no setting runs.nothing')]);
  expect(server.command('settings', 'runs.retentionDays', '--reset').stdout).toMatch(/runs\.retentionDays +30 +default/);
});

test('a running server is backed up into a file of its own, which is whole and closed to others', () => {
  const file = join(dir, 'running.backup');
  const made = server.command('backup', '--with-key', '--passphrase-file', join(dir, 'passphrase'), file);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stdout).toContain('closed with your passphrase');
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(server.command('restore', '--verify', file).stdout).toContain('is whole');
  const again = server.command('backup', file);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is there already')]);
  const without = server.command('backup', '--with-key', join(dir, 'other.backup'));
  expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('passphrase')]);

  writeFileSync(join(dir, 'half.backup'), readFileSync(file).subarray(0, 2000));
  const half = server.command('restore', '--verify', join(dir, 'half.backup'));
  expect([half.code, half.stderr]).toEqual([1, expect.stringContaining('damaged')]);
});

test('restored beside and started there, it answers as the first did', { timeout: 240_000 }, async () => {
  const copy = await Plugboard.create();
  const restored = copy.command(
    '--data',
    copy.dataDir,
    'restore',
    '--with-key',
    '--passphrase-file',
    join(dir, 'passphrase'),
    join(dir, 'running.backup'),
  );
  expect(restored.code, restored.stderr).toBe(0);
  const twice = copy.command('--data', copy.dataDir, 'restore', join(dir, 'running.backup'));
  expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining('is not empty')]);
  await copy.start();
  const answer = await fetch(`${copy.url}/hooks/contract/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"hello":"you"}',
  });
  expect(answer.status).not.toBe(404);
  expect(copy.command('held-runs').stdout).toBe('0 runs: held\n');
  expect(copy.command('doctor').stdout).toContain('1 schedules of a restored backup are held');
  expect(copy.command('held-runs', 'cancel').code).toBe(0);
  expect(copy.command('doctor').stdout).not.toContain('are held');
  expect(await copy.stop()).toBe(0);

  const cold = copy.command('backup', join(dir, 'stopped.backup'));
  expect(cold.code, cold.stderr).toBe(0);
  expect(cold.stdout).toContain('NOT in it');
  await copy.remove();
});
