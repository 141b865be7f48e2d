/**
 * What a workflow takes when another one calls it, its `inputs`, and what its last steps give, its `outputs`: fields of an item, by name. Read where the
 * definition is checked and where its plan is compiled, so that everything that is wrong with an item is told at once.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { FORMAT } from './limits.ts';
import { problem } from './problems.ts';
import { suggest } from './suggest.ts';
import type { Problem } from './types.ts';

export const FIELD_TYPES = ['text', 'number', 'boolean', 'object', 'list', 'any'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export interface DeclaredField {
  readonly name: string;
  readonly type: FieldType;
  readonly title?: string;
  readonly help?: string;
  readonly isRequired: boolean;
  /** Of an input: taken where a caller leaves it out. */
  readonly fallback?: Json;
}

export type FieldsOf = 'inputs' | 'outputs';

interface Kind {
  readonly code: 'INPUT_DECLARATION_INVALID' | 'OUTPUT_DECLARATION_INVALID';
  /** What an entry may say. Nothing stands in for an output that is left out: its workflow can give it. */
  readonly parts: readonly string[];
}

const KINDS: { readonly [Of in FieldsOf]: Kind } = {
  inputs: { code: 'INPUT_DECLARATION_INVALID', parts: ['type', 'title', 'help', 'required', 'default'] },
  outputs: { code: 'OUTPUT_DECLARATION_INVALID', parts: ['type', 'title', 'help', 'required'] },
};

/** What the definition declares; entries that cannot be read are left out. */
export function readFields(declared: JsonObject | undefined): readonly DeclaredField[] {
  return Object.entries(declared ?? {}).flatMap(([name, entry]) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [];
    const parts = entry as JsonObject;
    const type = FIELD_TYPES.find((one) => one === (parts['type'] ?? 'any'));
    if (!type) return [];
    const { title, help, required, default: fallback } = parts;
    return [
      {
        name,
        type,
        isRequired: required === true,
        ...(typeof title === 'string' ? { title } : {}),
        ...(typeof help === 'string' ? { help } : {}),
        ...(fallback === undefined ? {} : { fallback }),
      },
    ];
  });
}

/** What is wrong with the declarations themselves. */
export function checkDeclarations(of: FieldsOf, declared: JsonObject | undefined): Problem[] {
  const { code, parts: known } = KINDS[of];
  return Object.entries(declared ?? {}).flatMap(([name, entry]): Problem[] => {
    const path = `${of}.${name}`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      return [problem(code, { path }, { name, reason: 'it is no object such as { "type": "text", "required": true }' })];
    const parts = entry as JsonObject;
    const problems = Object.keys(parts)
      .filter((part) => !known.includes(part))
      .map((part) => problem(code, { path: `${path}.${part}` }, { name, reason: `it has no field "${part}"` }));
    if (name.length > FORMAT.maxNameLength)
      problems.push(problem(code, { path }, { name, reason: `its name is longer than ${FORMAT.maxNameLength} characters` }));
    const type = parts['type'] ?? 'any';
    if (!FIELD_TYPES.some((one) => one === type)) {
      const near = typeof type === 'string' ? suggest(type, FIELD_TYPES) : undefined;
      const reason = `its type is none of ${FIELD_TYPES.join(', ')}`;
      problems.push(
        problem(code, { path: `${path}.type` }, { name, reason }, near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
      );
    } else if (known.includes('default') && parts['default'] !== undefined && !isOfType(parts['default'], type as FieldType))
      problems.push(problem(code, { path: `${path}.default` }, { name, reason: `its default is no ${type as string}` }));
    if (parts['required'] !== undefined && typeof parts['required'] !== 'boolean')
      problems.push(problem(code, { path: `${path}.required` }, { name, reason: 'required is true or false' }));
    return problems;
  });
}

export type FieldsCheck = { readonly ok: true; readonly json: JsonObject } | { readonly ok: false; readonly wrong: readonly WrongField[] };

export interface WrongField {
  readonly name: string;
  /** A sentence without its end. */
  readonly said: string;
}

/** An item against what is declared, with what stands in for fields that are left out. What is not declared is handed on as it is. */
export function checkFields(fields: readonly DeclaredField[], json: JsonObject): FieldsCheck {
  const wrong = wrongFields(fields, json);
  if (wrong.length > 0) return { ok: false, wrong };
  const filled: { [name: string]: Json } = {};
  for (const { name, type, fallback } of fields) if (fallback !== undefined && isLeftOut(json, name, type)) filled[name] = fallback;
  return { ok: true, json: { ...json, ...filled } };
}

/** What of an item does not fit. */
export function wrongFields(fields: readonly DeclaredField[], json: JsonObject): readonly WrongField[] {
  let wrong: WrongField[] | undefined;
  for (const { name, type, isRequired, fallback } of fields) {
    if (isLeftOut(json, name, type)) {
      if (isRequired && fallback === undefined) (wrong ??= []).push({ name, said: `"${name}" is missing` });
      continue;
    }
    const value = json[name] as Json;
    if (!isOfType(value, type)) (wrong ??= []).push({ name, said: `"${name}" has to be ${A_TYPE[type]} and is ${said(value)}` });
  }
  return wrong ?? NONE;
}

const NONE: readonly WrongField[] = [];

/** Null says that there is nothing, except where anything may be. */
function isLeftOut(json: JsonObject, name: string, type: FieldType): boolean {
  const value = Object.hasOwn(json, name) ? json[name] : undefined;
  return value === undefined || (value === null && type !== 'any');
}

const A_TYPE: { readonly [T in FieldType]: string } = {
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  list: 'a list',
  any: 'anything',
};

function isOfType(value: Json, type: FieldType): boolean {
  switch (type) {
    case 'any':
      return true;
    case 'text':
      return typeof value === 'string';
    case 'list':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'number':
    case 'boolean':
      return typeof value === type;
  }
}

function said(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'a number' : 'true or false';
}
