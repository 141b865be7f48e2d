import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createCrashFile } from './crash-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'crash-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function aFile(path = join(folder, `at-work-${(files += 1)}`)) {
  const clock = { now: 1000 };
  const warned: string[] = [];
  const open = () => createCrashFile({ path, now: () => clock.now, log: { warn: (_, message) => void warned.push(message) } });
  return { path, clock, warned, open };
}

describe('rule 10: workflows at work when a server died', () => {
  test('are suspected by the next one for ten minutes, and nothing else is', () => {
    const { clock, warned, open } = aFile();
    open().note('a');
    expect(warned).toEqual([]);
    const next = open();
    expect([next.storesFirst('a'), next.storesFirst('b')]).toEqual([true, false]);
    expect(warned).toEqual([expect.stringContaining('without a stop')]);
    clock.now += 10 * 60_000;
    expect(next.storesFirst('a')).toBe(false);
  });

  test('are forgotten by a stop in good order', () => {
    const { path, open } = aFile();
    const first = open();
    first.note('a');
    first.close();
    expect(existsSync(path)).toBe(false);
    expect(open().storesFirst('a')).toBe(false);
  });

  test('count as at work for one to two minutes', () => {
    const { clock, open } = aFile();
    const first = open();
    first.note('early');
    clock.now += 61_000;
    first.note('late');
    clock.now += 61_000;
    first.note('last');
    const next = open();
    expect(['early', 'late', 'last'].filter((id) => next.storesFirst(id))).toEqual(['late', 'last']);
  });

  test('a server that dies twice keeps suspecting those of its first death while they are few', () => {
    const { open } = aFile();
    open().note('a');
    open();
    expect(open().storesFirst('a')).toBe(true);
  });

  test('cannot be noted where the folder cannot be written: runs go on, and it is said once', () => {
    const { warned, open } = aFile(join(folder, 'missing', 'at-work'));
    const file = open();
    file.note('a');
    file.note('b');
    expect(warned).toEqual([expect.stringContaining('cannot be noted')]);
  });
});
