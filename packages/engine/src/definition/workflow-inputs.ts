/**
 * What a workflow takes when another one calls it: its `inputs`, by name. Read where the definition is checked and where its plan is compiled, so that a
 * caller is told everything that is wrong with an item at once.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { problem } from './problems.ts';
import { suggest } from './suggest.ts';
import type { Problem } from './types.ts';

export const INPUT_TYPES = ['text', 'number', 'boolean', 'object', 'list', 'any'] as const;
export type InputType = (typeof INPUT_TYPES)[number];

export interface WorkflowInput {
  readonly name: string;
  readonly type: InputType;
  readonly isRequired: boolean;
  /** Taken where a caller leaves it out. */
  readonly fallback?: Json;
}

const FIELDS = ['type', 'title', 'help', 'required', 'default'];

/** What the definition declares; entries that cannot be read are left out. */
export function readInputs(inputs: JsonObject | undefined): readonly WorkflowInput[] {
  return Object.entries(inputs ?? {}).flatMap(([name, entry]) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return [];
    const fields = entry as JsonObject;
    const type = INPUT_TYPES.find((one) => one === (fields['type'] ?? 'any'));
    if (!type) return [];
    return [
      { name, type, isRequired: fields['required'] === true, ...(fields['default'] === undefined ? {} : { fallback: fields['default'] }) },
    ];
  });
}

/** What is wrong with the declaration itself. */
export function checkInputDeclarations(inputs: JsonObject | undefined): Problem[] {
  return Object.entries(inputs ?? {}).flatMap(([name, entry]): Problem[] => {
    const path = `inputs.${name}`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      return [
        problem('INPUT_DECLARATION_INVALID', { path }, { name, reason: 'it is no object such as { "type": "text", "required": true }' }),
      ];
    const fields = entry as JsonObject;
    const problems = Object.keys(fields)
      .filter((field) => !FIELDS.includes(field))
      .map((field) => problem('INPUT_DECLARATION_INVALID', { path: `${path}.${field}` }, { name, reason: `it has no field "${field}"` }));
    const type = fields['type'] ?? 'any';
    if (!INPUT_TYPES.some((one) => one === type)) {
      const near = typeof type === 'string' ? suggest(type, INPUT_TYPES) : undefined;
      const reason = `its type is none of ${INPUT_TYPES.join(', ')}`;
      problems.push(
        problem(
          'INPUT_DECLARATION_INVALID',
          { path: `${path}.type` },
          { name, reason },
          near === undefined ? {} : { hint: `Did you mean "${near}"?` },
        ),
      );
    } else if (fields['default'] !== undefined && !isOfType(fields['default'], type as InputType))
      problems.push(
        problem('INPUT_DECLARATION_INVALID', { path: `${path}.default` }, { name, reason: `its default is no ${type as string}` }),
      );
    if (fields['required'] !== undefined && typeof fields['required'] !== 'boolean')
      problems.push(problem('INPUT_DECLARATION_INVALID', { path: `${path}.required` }, { name, reason: 'required is true or false' }));
    return problems;
  });
}

export type InputCheck = { readonly ok: true; readonly json: JsonObject } | { readonly ok: false; readonly wrong: readonly WrongInput[] };

export interface WrongInput {
  /** Of the input. */
  readonly name: string;
  /** A sentence without its end. */
  readonly said: string;
}

/** An item against what is declared. What is not declared is handed on as it is. */
export function checkInput(inputs: readonly WorkflowInput[], json: JsonObject): InputCheck {
  const wrong: WrongInput[] = [];
  const filled: { [name: string]: Json } = {};
  for (const { name, type, isRequired, fallback } of inputs) {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (value === undefined || (value === null && type !== 'any')) {
      if (fallback !== undefined) filled[name] = fallback;
      else if (isRequired) wrong.push({ name, said: `"${name}" is missing` });
    } else if (!isOfType(value, type)) wrong.push({ name, said: `"${name}" has to be ${A_TYPE[type]} and is ${said(value)}` });
  }
  return wrong.length > 0 ? { ok: false, wrong } : { ok: true, json: { ...json, ...filled } };
}

const A_TYPE: { readonly [T in InputType]: string } = {
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  list: 'a list',
  any: 'anything',
};

function isOfType(value: Json, type: InputType): boolean {
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
