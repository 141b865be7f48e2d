/** The value of a setting as people read it: with its unit, and a choice by its title. */
import type { Json, ParamIR } from '@plugboard/sdk';
import { formatBytes, formatCount, formatDuration } from './format.ts';

interface Setting {
  readonly key: string;
  readonly form: ParamIR;
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Keys end with their unit. */
const UNITS: readonly (readonly [RegExp, (value: number) => string])[] = [
  [/Ms$/, formatDuration],
  [/bodyLimit$|Bytes$/, limitWords],
  [/Megabytes$/, (value) => limitWords(value * MEBIBYTE)],
  [/Minutes$/, (value) => formatCount(value, 'minute')],
  [/Hours$/, (value) => formatCount(value, 'hour')],
  [/Days$/, (value) => formatCount(value, 'day')],
];

export function settingWords({ key, form }: Setting, value: Json): string {
  if (value === true) return 'on';
  if (value === false) return 'off';
  if (value === null || value === '') return 'none';
  if (Array.isArray(value))
    return value.length === 0 ? 'none' : value.map((one) => settingWords({ key, form: { kind: 'text' } }, one)).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  if (form.kind === 'choice') return form.options.find((one) => one.value === value)?.title ?? String(value);
  return typeof value === 'number' ? (unitOf(key)?.(value) ?? value.toLocaleString('en')) : String(value);
}

/** What a number stands for, where it is not what people would say. */
export function settingMeaning({ key, form }: Setting, value: Json): string | undefined {
  if (form.kind !== 'number' || typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return /Ms$|bodyLimit$|Bytes$|Megabytes$/.test(key) && value > 0 ? unitOf(key)?.(value) : undefined;
}

/** Limits are set in powers of two; others are said as sizes of files are. */
function limitWords(bytes: number): string {
  if (bytes >= MEBIBYTE && bytes % MEBIBYTE === 0) return `${(bytes / MEBIBYTE).toLocaleString('en')} MiB`;
  return bytes >= KIBIBYTE && bytes % KIBIBYTE === 0 ? `${(bytes / KIBIBYTE).toLocaleString('en')} KiB` : formatBytes(bytes);
}

const unitOf = (key: string): ((value: number) => string) | undefined => UNITS.find(([pattern]) => pattern.test(key))?.[1];
