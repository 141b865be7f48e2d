import { expect, test } from 'vitest';
import { formatReport } from './report.ts';
import type { Results, ThroughputRow } from './results.ts';
import { summarize } from './statistics.ts';

test('rows are set beside ours in the same cell, and beside the same row of the baseline', () => {
  const results = someResults([row('plugboard', 12_000), row('other', 4000), { ...row('plugboard', 900), connections: 1 }]);
  const lines = formatReport(results, someResults([row('plugboard', 10_000)])).split('\n');
  expect(lines.find((line) => /^echo +50 +plugboard/.test(line))).toMatch(/12,000 .* 1\.20x$/);
  expect(lines.find((line) => /^echo +50 +other/.test(line))).toMatch(/4,000 .* 3\.00x +-$/);
  expect(lines.find((line) => /^echo +1 +plugboard/.test(line))).toMatch(/900 .* -$/);
});

test('figures and notes are printed with their unit and number of measurements', () => {
  const text = formatReport({
    ...someResults([]),
    figures: [{ name: 'start', target: 'plugboard', unit: 'ms', value: summarize([300, 500, 400]) }],
    notes: ['a note'],
  });
  expect(text).toMatch(/^start +plugboard +400 ms +300 +500 +3$/m);
  expect(text).toMatch(/^- a note$/m);
});

function row(target: string, perSecond: number): ThroughputRow {
  return {
    case: 'echo',
    connections: 50,
    target,
    perSecond: summarize([perSecond]),
    p50: 1,
    p95: 2,
    p99: 3,
    cpuUs: { load: 12 },
    failures: 0,
  };
}

function someResults(throughput: readonly ThroughputRow[]): Results {
  return {
    startedAt: '2026-01-01T00:00:00.000Z',
    machine: { cores: 2, cpu: 'a cpu', memoryBytes: 8e9, system: 'linux', node: 'v26', postgres: '18', fsyncMs: { p50: 0.1, p99: 0.2 } },
    settings: { seconds: 3, rounds: 3 },
    throughput,
    figures: [],
    notes: [],
  };
}
