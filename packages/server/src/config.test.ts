import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plugboard-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writeFile(settings: unknown): void {
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'data', 'plugboard.config.json'), typeof settings === 'string' ? settings : JSON.stringify(settings));
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env, folder);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('settings', () => {
  test('nothing set gives the documented defaults', () => {
    expect(readConfig({}, folder)).toMatchObject({
      host: '127.0.0.1',
      port: 7400,
      dataDir: join(folder, 'data'),
      databaseUrl: undefined,
      egressAllow: [],
      bodyLimit: 1024 ** 2,
      replyTimeoutMs: 30_000,
    });
  });

  test('the environment wins over the file, the file over defaults, and an empty variable counts as not set', () => {
    writeFile({ PLUGBOARD_PORT: 7500, PLUGBOARD_HOST: '0.0.0.0', PLUGBOARD_EGRESS_ALLOW: ['a.example', '10.0.0.0/8'] });
    expect(readConfig({ PLUGBOARD_PORT: '7600', PLUGBOARD_HOST: '' }, folder)).toMatchObject({
      port: 7600,
      host: '0.0.0.0',
      egressAllow: ['a.example', '10.0.0.0/8'],
    });
  });

  test.each([
    ['1024', 1024],
    ['512 KiB', 512 * 1024],
    ['16mib', 16 * 1024 ** 2],
  ])('a body limit of %s is %i bytes', (text, expected) => {
    expect(readConfig({ PLUGBOARD_BODY_LIMIT: text }, folder).bodyLimit).toBe(expected);
  });

  test('every wrong setting is named at once, with what is expected', () => {
    writeFile({ PLUGBOARD_COLOUR: 'red', PLUGBOARD_DATA: 'x', PLUGBOARD_RETENTION_DAYS: {} });
    const problems = problemsOf({
      PLUGBOARD_PORT: '70000',
      PLUGBOARD_LOG_LEVEL: 'loud',
      PLUGBOARD_BODY_LIMIT: '1 GiB',
      PLUGBOARD_EGRESS_ALLOW: '10.0.0.0/8,*',
      PLUGBOARD_TRUSTED_PROXIES: 'somewhere',
      PLUGBOARD_PUBLIC_URL: 'example.com',
      PLUGBOARD_REPLY_TIMEOUT_MS: '1.5',
    });
    for (const name of [
      'COLOUR',
      'DATA',
      'RETENTION_DAYS',
      'PORT',
      'LOG_LEVEL',
      'BODY_LIMIT',
      'EGRESS_ALLOW',
      'TRUSTED_PROXIES',
      'PUBLIC_URL',
      'REPLY_TIMEOUT_MS',
    ]) {
      expect(
        problems.filter((problem) => problem.includes(`PLUGBOARD_${name}`)),
        name,
      ).toHaveLength(1);
    }
    expect(problems.find((problem) => problem.includes('PORT:'))).toBe(
      'PLUGBOARD_PORT: expected a whole number from 0 to 65535, got "70000"',
    );
  });

  test('secret values stay out of the message', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://user:canary@host/x', PLUGBOARD_ROOT_KEY: 'canary' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('canary');
  });

  test.each(['{', '[]', '"text"', 'null'])('a file that holds %s is refused', (text) => {
    writeFile(text);
    expect(problemsOf({})).toEqual([expect.stringContaining('plugboard.config.json')]);
  });

  test('a setting of the contract that this release does not serve is refused instead of ignored', () => {
    expect(problemsOf({ REDIS_URL: 'redis://h', PLUGBOARD_S3_URL: 's3://b' })).toHaveLength(2);
  });
});
