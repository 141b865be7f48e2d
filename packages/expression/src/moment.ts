/**
 * Reading dates without a clock. Luxon fills missing fields, and picks a side of an ambiguous hour, from the time of day it is asked;
 * here every text must name its year, and local times are read as UTC first and then moved into their zone.
 */
import { DateTime, type LocaleOptions } from 'luxon';
import { ExpressionError } from './expression-error.ts';
import { DateValue } from './values.ts';

/** Never the machine's own language: the same workflow prints the same text everywhere. */
export const defaultLocale = 'en-US';

/** Fuel of one Luxon operation, which costs about as much as this many nodes. */
export const dateFuel = 60;

/** The canonical form of a zone name. Canonical, because Luxon caches every spelling it is given for ever. */
export function zoneNamed(name: string): string {
  if (name === 'utc' || name === 'UTC' || name === 'Z') return 'utc';
  try {
    if (name.length <= 64) return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    // Falls through: an unknown name has one error, whatever way it is wrong.
  }
  throw new ExpressionError('EXPR_BAD_DATA', `"${name.slice(0, 64)}" is not a time zone.`, {
    hint: 'Use an IANA name such as Europe/Paris, or UTC.',
  });
}

/** A locale the platform knows, in canonical form without extensions. */
export function localeNamed(name: string): string {
  if (/^[a-z]{2,3}(-[A-Za-z]{4})?(-[A-Za-z]{2}|-\d{3})?$/.test(name)) {
    const known = Intl.DateTimeFormat.supportedLocalesOf(name)[0];
    if (known !== undefined) return known;
  }
  throw new ExpressionError('EXPR_BAD_DATA', `"${name.slice(0, 64)}" is not a known language.`, {
    hint: 'Use a tag such as en-US, de or pt-BR.',
  });
}

/** Wraps a moment after checking it. */
export function dateValue(moment: DateTime, what: string): DateValue {
  if (!moment.isValid) {
    const reason = moment.invalidExplanation ?? moment.invalidReason ?? 'it is out of range';
    throw new ExpressionError('EXPR_BAD_DATA', `${what} is not a valid date: ${reason}.`);
  }
  return new DateValue(moment as DateTime<true>);
}

export function momentOfScope(now: string, zone: string): DateValue {
  const milliseconds = DateTime.fromISO(now, { zone: 'utc', locale: defaultLocale });
  return dateValue(milliseconds.setZone(zone === 'utc' || zone === 'UTC' ? 'utc' : zoneNamed(zone)), '$now');
}

export function momentOfMillis(milliseconds: number, zone: string): DateValue {
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) {
    throw new ExpressionError('EXPR_BAD_DATA', `${milliseconds} is not a valid number of milliseconds since 1970.`);
  }
  return dateValue(DateTime.fromMillis(Math.trunc(milliseconds), { zone, locale: defaultLocale }), String(milliseconds));
}

/** ISO 8601, with or without a time and an offset. Text without an offset is local to `zone`. */
export function momentOfIso(text: string, zone: string): DateValue | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 64 || !/^([+-]\d{2})?\d{4}/.test(trimmed)) return undefined;
  const hasOffset = /[T ].*(Z|[+-]\d{2}(:?\d{2})?)$/i.test(trimmed);
  return moved(DateTime.fromISO(trimmed.replace(' ', 'T'), { zone: 'utc', locale: defaultLocale }), hasOffset, zone);
}

/** Any of the usual spellings: ISO, SQL, e-mail (RFC 2822) and HTTP dates. */
export function momentOfText(text: string, zone: string): DateValue {
  const iso = momentOfIso(text, zone);
  if (iso !== undefined) return iso;
  if (text.length <= 64 && /\b\d{4}\b/.test(text)) {
    const options: LocaleOptions & { zone: string } = { zone: 'utc', locale: defaultLocale };
    for (const parsed of [DateTime.fromRFC2822(text, options), DateTime.fromHTTP(text, options)]) {
      if (parsed.isValid) return dateValue(parsed.setZone(zone), text);
    }
  }
  throw new ExpressionError('EXPR_BAD_DATA', `"${text.slice(0, 64)}" is not a date.`, {
    hint: "Use ISO 8601 (2026-03-29T08:00:00Z), or DateTime.fromFormat(text, 'dd.MM.yyyy').",
  });
}

/** A date in a spelled-out format, in Luxon's tokens. */
export function momentOfFormat(text: string, format: string, zone: string, locale: string): DateValue {
  if (format.length > 64 || text.length > 128) throw new ExpressionError('EXPR_BAD_DATA', 'The date or its format is too long.');
  refuseRepeatedTokens(format);
  const failure = `"${text.slice(0, 64)}" does not have the format ${format}.`;
  let parsed: DateTime;
  let hasOffset: boolean;
  try {
    const explained = DateTime.fromFormatExplain(text, format, { locale });
    const fields = explained.result;
    if (fields === null || fields === undefined) throw new ExpressionError('EXPR_BAD_DATA', failure);
    if (!('year' in fields) && !('weekYear' in fields)) {
      throw new ExpressionError('EXPR_BAD_DATA', `The format ${format} does not name a year.`);
    }
    hasOffset = explained.zone !== null && explained.zone !== undefined;
    parsed = DateTime.fromFormat(text, format, { zone: 'utc', locale });
  } catch (thrown) {
    if (thrown instanceof ExpressionError) throw thrown;
    throw new ExpressionError('EXPR_BAD_DATA', failure, { cause: thrown });
  }
  const value = moved(parsed, hasOffset, zone);
  if (value === undefined) throw new ExpressionError('EXPR_BAD_DATA', failure);
  return value;
}

/** Luxon builds a backtracking pattern from a format; a token that comes twice could make it try combinations for ever. */
function refuseRepeatedTokens(format: string): void {
  const seen = new Set<string>();
  for (const run of format.replace(/'[^']*'/g, ' ').match(/([A-Za-z])\1*/g) ?? []) {
    const letter = run.charAt(0);
    // A zone name read from data would stay in Luxon's zone cache for ever.
    if (letter === 'z') throw new ExpressionError('EXPR_BAD_DATA', 'Zone names cannot be parsed; use an offset (ZZ) or setZone().');
    if (seen.has(letter)) throw new ExpressionError('EXPR_BAD_DATA', `The format ${format} has the token ${letter} twice.`);
    seen.add(letter);
  }
}

function moved(parsed: DateTime, hasOffset: boolean, zone: string): DateValue | undefined {
  if (!parsed.isValid) return undefined;
  return dateValue(parsed.setZone(zone, { keepLocalTime: !hasOffset }), 'The text');
}
