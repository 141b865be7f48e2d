/** Numbers as people store them: JSON numbers, and decimal text as it comes out of CSV files and forms. */
import type { Json } from '@plugboard/sdk';

/** Decimal notation only: no hexadecimal, no empty text, no Infinity. The length limit keeps the test quick on foreign text. */
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const LONGEST_DECIMAL = 400;

/** The number a value stands for; undefined when it is none. */
export function asNumber(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.length > LONGEST_DECIMAL || !DECIMAL.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** A value in words, cut, for messages. */
export function shown(value: Json | undefined): string {
  const text = JSON.stringify(value ?? null);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
