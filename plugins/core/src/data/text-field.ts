/** The text a step reads out of an item. */
import type { JsonObject } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';
import { readField } from './field-path.ts';
import { shown } from './numbers.ts';

/** @throws StepFailure FIELD_MISSING or FIELD_NOT_TEXT, saying what stands there. */
export function textOf(json: JsonObject, field: string): string {
  const value = readField(json, field);
  if (typeof value === 'string') return value;
  if (value !== undefined) fail('FIELD_NOT_TEXT', `"${field}" is ${shown(value)}, which is no text.`);
  const names = Object.keys(json).slice(0, 8).join(', ');
  return fail('FIELD_MISSING', `The item has no field "${field}". ${names === '' ? 'It has none.' : `It has ${names}.`}`);
}
