import { expect, test } from 'vitest';
import { metricValue } from './http.ts';
import { parseStat, treeOf } from './process-tree.ts';

const line = (pid: number, name: string, parent: number): string =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 100 200 0 0 7 5 3 1 20 0 1 0 12345 1000 50 18446744073709551615`;

test('CPU time of a process includes that of its children that have ended', () => {
  expect(parseStat(line(42, 'node', 1))).toEqual({ pid: 42, parent: 1, cpuUs: 160_000 });
});

test('the name of a process may hold spaces and parentheses', () => {
  expect(parseStat(line(42, 'a) S 9 (b', 7))).toMatchObject({ pid: 42, parent: 7 });
});

test('a line that is none is undefined', () => {
  expect(parseStat('')).toBeUndefined();
  expect(parseStat('42 (node')).toBeUndefined();
});

test('a tree leaves out the trees of others inside it', () => {
  const all = [
    [1, 0],
    [10, 1],
    [11, 10],
    [20, 10],
    [21, 20],
    [99, 1],
  ].map(([pid = 0, parent = 0]) => ({ pid, parent, cpuUs: 0 }));
  expect(treeOf(10, all, [20]).map(({ pid }) => pid)).toEqual([10, 11]);
  expect(treeOf(20, all).map(({ pid }) => pid)).toEqual([20, 21]);
  expect(treeOf(12345, all)).toEqual([]);
});

test('a series of metrics is found by its exact spelling', () => {
  const text =
    '# HELP runs_total Runs.\nruns_total_all 9\nruns_total{status="failed"} 2\nruns_total{status="succeeded"} 1.5e3 1700000000\n';
  expect(metricValue(text, 'runs_total{status="succeeded"}')).toBe(1500);
  expect(metricValue(text, 'runs_total')).toBeUndefined();
});
