/**
 * The questions of a form: what a field may ask, and whether what somebody filled in answers it. The same for forms that start runs, forms runs
 * wait for, and what a decider may change. All that is wrong is said at once, each beside its field.
 */
import { FORM_FIELD_KINDS, type FormField, type Json, type JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { isStorable, text } from '../operation/shapes.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** What no field is called: parts of pages and of what goes on. */
const TAKEN = new Set(['constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'decision', 'comment', 'approval']);
const MAX_TEXT = 20_000;
const MAX_LINE = 1000;
const MAX_OPTIONS = 500;
export const MAX_FIELDS = 100;
const EMAIL = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,255}$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

export const formField = z.strictObject({
  name: z
    .string()
    .regex(NAME, 'must be a letter, then letters, digits or _, at most 64')
    .refine((name) => !TAKEN.has(name), 'is a name that no field can have'),
  title: text(300, 1),
  kind: z.enum(FORM_FIELD_KINDS),
  help: text(1000).optional(),
  required: z.boolean().optional(),
  value: z.json().optional(),
  options: z
    .array(z.strictObject({ value: text(300, 1), title: text(300) }))
    .max(MAX_OPTIONS)
    .optional(),
  min: z.union([z.number(), text(10)]).optional(),
  max: z.union([z.number(), text(10)]).optional(),
});

/** A list of fields without two of one name, and with options where a field chooses. */
export function fieldsProblem(fields: readonly FormField[]): string | undefined {
  const seen = new Set<string>();
  for (const { name, kind, options = [], min, max } of fields) {
    if (seen.has(name)) return `Two fields are called ${name}; give each a name of its own.`;
    seen.add(name);
    if ((kind === 'choice' || kind === 'choices') && options.length === 0) return `The field ${name} has nothing to choose from.`;
    for (const bound of [min, max])
      if (bound !== undefined && !(kind === 'date' ? DATE.test(String(bound)) : Number.isFinite(Number(bound))))
        return `The field ${name} has the bound ${bound}, which is no ${kind === 'date' ? 'date, such as 2026-01-31' : 'number'}.`;
  }
  return undefined;
}

export interface FormProblem {
  readonly field: string;
  readonly message: string;
}

export type CheckedForm =
  | { readonly ok: true; readonly values: JsonObject }
  | { readonly ok: false; readonly problems: readonly FormProblem[] };

/**
 * What was filled in as values, one for each field but files; null where nothing was.
 * @param given texts of a page, or JSON
 * @param files names of the fields that brought a file
 */
export function checkForm(fields: readonly FormField[], given: JsonObject, files: ReadonlySet<string> = new Set()): CheckedForm {
  const values: { [name: string]: Json } = {};
  const problems: FormProblem[] = [];
  for (const field of fields) {
    const { name, kind, required, title } = field;
    if (kind === 'file') {
      if (required && !files.has(name)) problems.push({ field: name, message: `${title}: add a file.` });
      continue;
    }
    const read = valueOf(field, Object.hasOwn(given, name) ? (given[name] ?? null) : null);
    if (!read.ok) {
      problems.push({ field: name, message: `${title}: ${read.message}` });
      continue;
    }
    const isMissing = read.value === null || (Array.isArray(read.value) && read.value.length === 0) || (kind === 'boolean' && !read.value);
    if (required && isMissing)
      problems.push({ field: name, message: `${title}: ${kind === 'boolean' ? 'this has to be ticked.' : 'this has to be filled in.'}` });
    values[name] = read.value;
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, values };
}

type Read = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string };

const value = (given: Json): Read => ({ ok: true, value: given });
const wrong = (message: string): Read => ({ ok: false, message });

function valueOf(field: FormField, given: Json): Read {
  const { kind } = field;
  if (kind === 'boolean') return value(given === true || given === 'true' || given === 'on');
  if (kind === 'choices') return choices(field, given);
  if (given === null || given === '') return value(null);
  if (typeof given !== 'string' && typeof given !== 'number') return wrong('this is no single value.');
  const line = String(given);
  if (!isStorable(line)) return wrong('this has characters that cannot be stored.');
  switch (kind) {
    case 'number':
      return number(field, line);
    case 'date':
      return date(field, line.trim());
    case 'choice':
      return field.options?.some((option) => option.value === line) ? value(line) : wrong('this is none of the choices.');
    case 'email':
      return EMAIL.test(line.trim()) ? value(line.trim()) : wrong('this is no e-mail address, such as name@example.com.');
    case 'text':
      if (/[\r\n]/.test(line)) return wrong('this takes one line.');
      return written(field, line, MAX_LINE);
    case 'long-text':
      return written(field, line.replaceAll('\r\n', '\n'), MAX_TEXT);
    case 'file':
      return value(null);
  }
}

function written({ min, max }: FormField, line: string, most: number): Read {
  const least = Number(min ?? 0);
  const longest = Math.min(Number(max ?? most), most);
  if (line.length > longest) return wrong(`this has ${line.length} characters; at most ${longest} fit.`);
  return line.length < least ? wrong(`this needs at least ${least} characters.`) : value(line);
}

function number({ min, max }: FormField, line: string): Read {
  const found = Number(line.trim().replace(',', '.'));
  if (line.trim() === '' || !Number.isFinite(found)) return wrong('this is no number.');
  if (min !== undefined && found < Number(min)) return wrong(`this is less than ${min}.`);
  return max !== undefined && found > Number(max) ? wrong(`this is more than ${max}.`) : value(found);
}

function date({ min, max }: FormField, line: string): Read {
  const at = DATE.test(line) ? new Date(`${line}T00:00:00Z`) : undefined;
  if (!at || Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== line) return wrong('this is no date, such as 2026-01-31.');
  if (min !== undefined && line < String(min)) return wrong(`this is before ${min}.`);
  return max !== undefined && line > String(max) ? wrong(`this is after ${max}.`) : value(line);
}

function choices({ options = [], min, max }: FormField, given: Json): Read {
  const list = given === null || given === '' ? [] : Array.isArray(given) ? given : [given];
  if (!list.every((one) => typeof one === 'string' && options.some((option) => option.value === one)))
    return wrong('one of these is none of the choices.');
  const chosen = [...new Set(list)];
  if (chosen.length > 0 && min !== undefined && chosen.length < Number(min)) return wrong(`choose at least ${min}.`);
  return max !== undefined && chosen.length > Number(max) ? wrong(`choose at most ${max}.`) : value(chosen);
}
