import { describe, expect, test } from 'vitest';
import { dollarText, picoDollars } from './money.ts';

describe('an amount of money', () => {
  test.each([
    [0, 0n],
    [5, 5_000_000_000_000n],
    [0.1, 100_000_000_000n],
    ['0.000015', 15_000_000n],
    [1e-7, 100_000n],
    ['1e-12', 1n],
    [123_456.78, 123_456_780_000_000_000n],
    ['3.', 3_000_000_000_000n],
    [1_000_000, 1_000_000_000_000_000_000n],
    ['2.5E+1', 25_000_000_000_000n],
  ])('%j is exactly so many pico-dollars', (amount, pico) => {
    expect(picoDollars(amount)).toBe(pico);
  });

  test('counts part of a pico-dollar as one', () => {
    expect(picoDollars('0.0000000000001')).toBe(1n);
    expect(picoDollars('0.1000000000001')).toBe(100_000_000_001n);
    expect(picoDollars('1e-40')).toBe(1n);
  });

  test.each([-1, Number.NaN, Infinity, '', 'free', '1,5', '$1', 1_000_001, '1e99', `1${'0'.repeat(80)}`, '0x10'])('is not %j', (amount) => {
    expect(picoDollars(amount)).toBeUndefined();
  });

  test.each([
    [0n, '$0.00'],
    [4_950_000_000_000n, '$4.95'],
    [15_000_000n, '$0.000015'],
    [1n, '$0.000000000001'],
    [12_345_000_000_000_000n, '$12345.00'],
  ])('%s is read as %s', (pico, text) => {
    expect(dollarText(pico)).toBe(text);
  });
});
