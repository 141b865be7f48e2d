import { describe, expect, test } from 'vitest';
import { deviceName } from './device-name.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatDurationShort,
  formatMoney,
  formatRelative,
  formatShare,
  shortId,
} from './format.ts';

describe('durations', () => {
  test.each([
    [0, '< 1 ms'],
    [4, '4 ms'],
    [700, '0.7 s'],
    [6_200, '6.2 s'],
    [18_000, '18 s'],
    [29_700, '29.7 s'],
    [72_000, '1 min 12 s'],
    [3_599_900, '60 min'],
    [6_720_000, '1 h 52 min'],
    [100_800_000, '1 d 4 h'],
  ])('%d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    [4, '4ms'],
    [100, '0.1s'],
    [6_700, '6.7s'],
    [6_720_000, '112m'],
  ])('%d ms is short %s', (ms, text) => {
    expect(formatDurationShort(ms)).toBe(text);
  });
});

describe('relative time', () => {
  const now = Date.parse('2026-11-20T15:00:00Z');
  test.each([
    ['2026-11-20T14:59:40Z', 'just now'],
    ['2026-11-20T14:56:00Z', '4 min ago'],
    ['2026-11-20T15:11:00Z', 'in 11 min'],
    ['2026-11-20T13:00:00Z', '2 h ago'],
    ['2026-11-19T14:00:00Z', 'yesterday'],
    ['2026-11-22T15:00:00Z', 'in 2 days'],
    // A day is that of the reader: noon of wherever this runs.
    ['2025-01-02T12:00:00', '2 Jan 2025'],
  ])('%s reads %s', (iso, text) => {
    expect(formatRelative(iso, now)).toBe(text);
  });
});

describe('money', () => {
  test.each([
    ['0', '$0.00'],
    ['84160000000000', '$84.16'],
    ['13100000000', '$0.0131'],
    ['310000000000', '$0.31'],
    ['6400000000', '$0.0064'],
    ['1234567890000000000', '$1,234,567.89'],
    ['-2600000000000', '-$2.60'],
  ])('%s pico-dollars read %s', (pico, text) => {
    expect(formatMoney(pico)).toBe(text);
  });
});

test('a share just under all is not rounded up to all', () => {
  expect(formatShare(0.9999)).toBe('99.9%');
  expect(formatShare(1)).toBe('100%');
  expect(formatShare(0.974)).toBe('97.4%');
});

test('counts say one and many', () => {
  expect(formatCount(1, 'item')).toBe('1 item');
  expect(formatCount(1240, 'item')).toBe('1,240 items');
  expect(formatCount(2, 'try', 'tries')).toBe('2 tries');
});

test('sizes use decimal units', () => {
  expect(formatBytes(214_000)).toBe('214 kB');
  expect(formatBytes(1_400_000)).toBe('1.4 MB');
  expect(formatBytes(12)).toBe('12 B');
});

test('people see the last eight digits of an id', () => {
  expect(shortId('019371a0-7c7e-7000-8000-0123456789ab')).toBe('456789ab');
});

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36', 'Chrome on Linux'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0', 'Edge on Windows'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15', 'Safari on macOS'],
  ['Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', 'Firefox on Android'],
  ['curl/8.5.0', 'curl'],
  ['', 'Unknown device'],
])('the device %j is called %s', (agent, name) => {
  expect(deviceName(agent)).toBe(name);
});
