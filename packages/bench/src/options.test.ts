import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CASE_IDS, WEBHOOK_CASES } from './cases.ts';
import { UsageError, readOptions } from './options.ts';

test('without options everything is measured, bounded', () => {
  expect(readOptions([])).toMatchObject({
    seconds: 3,
    rounds: 3,
    connections: [1, 10, 50],
    cases: CASE_IDS,
    floor: true,
    against: undefined,
  });
});

test('help is not a measurement', () => {
  expect(readOptions(['--help'])).toBeUndefined();
});

test('another server has a name, paths of its own and a process', () => {
  const args = ['--against', 'http://127.0.0.1:1880/', '--against-name', 'peer', '--against-path', 'echo=/x?a=b', '--against-pid', '42'];
  const against = readOptions(args)?.against;
  expect(against).toEqual({ url: 'http://127.0.0.1:1880', name: 'peer', paths: new Map([['echo', '/x?a=b']]), pid: 42 });
});

describe('a wrong command line is refused with what is expected', () => {
  test.each([
    { args: ['--secnds', '3'], says: 'secnds' },
    { args: ['extra'], says: 'extra' },
    { args: ['--seconds', '9999'], says: '--seconds' },
    { args: ['--seconds', ''], says: '--seconds' },
    { args: ['--seconds', 'soon'], says: '--seconds' },
    { args: ['--rounds', '1.5'], says: '--rounds' },
    { args: ['--connections', '1,many'], says: '--connections' },
    { args: ['--connections', ','], says: '--connections' },
    { args: ['--cases', 'echo,eco'], says: '"eco"' },
    { args: ['--against', 'http://example.com'], says: '--against' },
    { args: ['--against', 'not an address'], says: '--against' },
    { args: ['--against-path', 'echo=/x'], says: '--against-path needs --against' },
    { args: ['--against', 'http://127.0.0.1:1', '--against-path', 'echo'], says: '--against-path' },
    { args: ['--against', 'http://127.0.0.1:1', '--against-pid', '0'], says: '--against-pid' },
  ])('$args', ({ args, says }) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(says);
  });

  test('everything wrong is said at once', () => {
    expect(() => readOptions(['--seconds', '0', '--rounds', '0'])).toThrow(/--seconds.*\n.*--rounds/);
  });
});

test('the reply expected of ten thousand items is the one of the contract', () => {
  expect(WEBHOOK_CASES.find(({ id }) => id === 'items')?.text).toBe('{"count":5000,"sum":166616670000,"max":9998}');
});

test('every command of the README is one the bench takes', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const commands = [...readme.matchAll(/^npm run bench -w @plugboard\/bench(?: --(?= ))?([^#\n]*)/gm)].map(
    (match) => match[1]?.trim() ?? '',
  );
  expect(commands.length).toBeGreaterThan(3);
  for (const command of commands) expect(readOptions(command.split(' ').filter((word) => word !== '')), command).toBeDefined();
});
