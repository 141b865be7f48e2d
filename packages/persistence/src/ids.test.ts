import { describe, expect, test } from 'vitest';
import { createUuidSource, isUuid, uuidFloor, uuidFromBytes, uuidTimeMs, uuidToBytes, uuidv7 } from './ids.ts';

describe('ids', () => {
  test('are uuids of version 7 with the time in front', () => {
    const id = createUuidSource(() => 1_760_000_000_123).next();
    expect(isUuid(id)).toBe(true);
    expect(id[14]).toBe('7');
    expect('89ab').toContain(id[19]);
    expect(uuidTimeMs(id)).toBe(1_760_000_000_123);
  });

  test('ascend without a gap of order through 10,000 of one millisecond', () => {
    const source = createUuidSource(() => 1_760_000_000_000);
    const ids = Array.from({ length: 10_000 }, () => source.next());
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('ascend when the clock steps back', () => {
    let now = 1_760_000_000_000;
    const source = createUuidSource(() => now);
    const before = source.next();
    now -= 60_000;
    expect(source.next() > before).toBe(true);
  });

  test('follow the database clock through the offset', () => {
    const source = createUuidSource(() => 1_000_000);
    source.setClockOffsetMs(2500.4);
    expect(uuidTimeMs(source.next())).toBe(1_002_500);
  });

  test('of the process are distinct over a million', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 1_000_000; i++) ids.add(uuidv7());
    expect(ids.size).toBe(1_000_000);
  });

  test('survive the way through bytes at any offset, upper case included', () => {
    const target = new Uint8Array(40);
    const id = uuidv7();
    expect(uuidToBytes(id, target, 7)).toBe(23);
    expect(uuidFromBytes(target, 7)).toBe(id);
    uuidToBytes(id.toUpperCase(), target, 20);
    expect(uuidFromBytes(target, 20)).toBe(id);
  });

  test('of a millisecond are never below its floor', () => {
    const id = createUuidSource(() => 1_760_000_000_000).next();
    expect(uuidFloor(1_760_000_000_000) < id).toBe(true);
    expect(id < uuidFloor(1_760_000_000_001)).toBe(true);
  });

  test('are told from other text', () => {
    for (const text of ['', 'x', uuidv7().toUpperCase(), `${uuidv7()}0`, `${uuidv7()}\n`]) expect(isUuid(text)).toBe(false);
  });
});
