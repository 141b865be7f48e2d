/** What a workflow says it takes, its `inputs`, as a form and as the rules the server checks by. Pure. */
import { checkFields, type DeclaredField, type FieldType, readFields } from '@plugboard/engine';
import type { JsonObject, ParamIR, ParamsIR } from '@plugboard/sdk';
import { formProblems } from './form-values.ts';

const SHAPE: { readonly [T in FieldType]?: string } = { object: 'A JSON object.', list: 'A JSON list.', any: 'Any JSON.' };

/** Undefined for a workflow that declares nothing: its input is JSON of any kind. */
export function declaredForm(inputs: JsonObject | undefined): ParamsIR | undefined {
  const fields = readFields(inputs);
  if (fields.length === 0) return undefined;
  return Object.fromEntries(
    fields.map((field): [string, ParamIR] => {
      const { title, help } = (inputs?.[field.name] ?? {}) as { readonly title?: unknown; readonly help?: unknown };
      const text = [typeof help === 'string' ? help : undefined, SHAPE[field.type]].filter(Boolean).join(' ');
      const words = { title: typeof title === 'string' ? title : field.name, ...(text === '' ? {} : { help: text }) };
      return [field.name, controlOf(field, { ...words, ...(field.isRequired && field.fallback === undefined ? { required: true } : {}) })];
    }),
  );
}

type Said = Pick<ParamIR, 'title' | 'help' | 'required'>;

/** A default is of the field's type; the server refuses a definition in which it is not. */
function controlOf({ type, fallback }: DeclaredField, said: Said): ParamIR {
  if (type === 'text') return { kind: 'text', ...said, ...(typeof fallback === 'string' ? { default: fallback } : {}) };
  if (type === 'number') return { kind: 'number', ...said, ...(typeof fallback === 'number' ? { default: fallback } : {}) };
  if (type === 'boolean') return { kind: 'boolean', ...said, ...(typeof fallback === 'boolean' ? { default: fallback } : {}) };
  return { kind: 'json', ...said, ...(fallback === undefined ? {} : { default: fallback }) };
}

/** What is wrong, by field: that something is missing, or is not of its type. */
export function declaredProblems(inputs: JsonObject | undefined, values: JsonObject): ReadonlyMap<string, string> {
  const found = new Map(formProblems(declaredForm(inputs) ?? {}, values));
  const checked = checkFields(readFields(inputs), values);
  if (!checked.ok) for (const { name, said } of checked.wrong) if (!found.has(name)) found.set(name, `${said}.`);
  return found;
}
