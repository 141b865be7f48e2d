/** Counts what a vitest JSON report tells, so that a file that could not even be loaded counts as a failure. */

/**
 * @typedef {{ status: string, fullName: string }} Assertion
 * @typedef {{ name: string, status: string, assertionResults: Assertion[] }} FileResult
 */

/**
 * @param {string} text the report; empty when the runner died before writing one
 * @returns {{ passed: number, failed: number, skipped: { file: string, title: string }[] }}
 */
export function readReport(text) {
  const counts = { passed: 0, failed: 0, skipped: /** @type {{ file: string, title: string }[]} */ ([]) };
  if (text === '') return { ...counts, failed: 1 };
  /** @type {FileResult[]} */
  const files = JSON.parse(text).testResults;
  for (const file of files) {
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed') counts.passed += 1;
      else if (status === 'failed') counts.failed += 1;
      else counts.skipped.push({ file: file.name, title: fullName });
    }
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) counts.failed += 1;
  }
  return counts;
}
