import { expect, test } from 'vitest';
import { FairQueue } from './fair-queue.ts';

const entry = (name: string, workspaceId: string, create = true, size = 1) => ({ name, record: { create, head: { workspaceId } }, size });
type Entry = ReturnType<typeof entry>;
const names = (batch: Entry[]): string => batch.map((taken) => taken.name).join(' ');

test('rule 6: batches take continuations first, then new runs from each workspace in turn', () => {
  const queue = new FairQueue<Entry>();
  for (const name of ['a1', 'a2', 'a3', 'a4']) queue.push(entry(name, 'a'));
  queue.push(entry('b1', 'b'));
  for (const name of ['c1', 'c2']) queue.push(entry(name, 'c'));
  queue.push(entry('x', 'a', false));
  expect(names(queue.take(4, 100))).toBe('x a1 b1 c1');
  queue.push(entry('y', 'c', false));
  expect(names(queue.take(3, 100))).toBe('y a2 c2');
  expect(names(queue.take(10, 100))).toBe('a3 a4');
  expect([queue.length, queue.newRuns, queue.bytes]).toEqual([0, 0, 0]);
});

test('rule 6: a workspace that comes later is not held up by the one that filled the queue', () => {
  const queue = new FairQueue<Entry>();
  for (let i = 0; i < 5_000; i++) queue.push(entry(`a${i}`, 'a'));
  queue.push(entry('b', 'b'));
  expect(names(queue.take(2, 100))).toBe('a0 b');
});

test('a batch stops at its limit in bytes but always takes one record', () => {
  const queue = new FairQueue<Entry>();
  for (const [name, size] of [
    ['big', 500],
    ['one', 40],
    ['two', 40],
    ['three', 40],
  ] as const)
    queue.push(entry(name, 'a', true, size));
  expect(names(queue.take(10, 100))).toBe('big');
  expect(names(queue.take(10, 100))).toBe('one two');
  expect(queue.bytes).toBe(40);
});

test('everything pushed comes out once, in order within a workspace', () => {
  const queue = new FairQueue<Entry>();
  const seen = new Map<string, number[]>();
  let pushed = 0;
  for (let round = 0; round < 400; round++) {
    for (let i = 0; i < round % 13; i++) queue.push(entry(String(pushed++), `w${(pushed * 7) % 5}`, pushed % 4 !== 0));
    for (const taken of queue.take(round % 11, 1_000)) {
      const lane = taken.record.create ? taken.record.head.workspaceId : 'continuations';
      seen.set(lane, [...(seen.get(lane) ?? []), Number(taken.name)]);
    }
  }
  for (const taken of queue.take(100_000, 1_000_000)) {
    const lane = taken.record.create ? taken.record.head.workspaceId : 'continuations';
    seen.set(lane, [...(seen.get(lane) ?? []), Number(taken.name)]);
  }
  const all = [...seen.values()];
  expect(all.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: pushed }, (_, i) => i));
  for (const lane of all) expect(lane).toEqual(lane.toSorted((a, b) => a - b));
});
