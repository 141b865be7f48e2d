import { describe, expect, test } from 'vitest';
import { readReport } from './test-report.mjs';

const aFile = (status: string, ...statuses: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: statuses.map((each) => ({ status: each, fullName: `is ${each}` })),
});
const aReport = (...testResults: object[]) => JSON.stringify({ testResults });

describe('the count at the end of npm test', () => {
  test('counts passed, failed and skipped tests, and names the skipped', () => {
    expect(readReport(aReport(aFile('failed', 'passed', 'failed', 'pending'), aFile('passed', 'passed')))).toEqual({
      passed: 2,
      failed: 1,
      skipped: [{ file: 'a.test.ts', title: 'is pending' }],
    });
  });

  test('a file that could not be loaded is one failure', () => {
    expect(readReport(aReport(aFile('failed'))).failed).toBe(1);
  });

  test('a file whose set-up failed after tests passed is one failure', () => {
    expect(readReport(aReport(aFile('failed', 'passed')))).toMatchObject({ passed: 1, failed: 1 });
  });

  test('no report at all is a failure', () => {
    expect(readReport('').failed).toBe(1);
  });
});
