/** The values and files of a form that was sent, apart: which belong to fields, which are missing, which nobody asked for. */
import type { FileRef, FormField, Json, JsonObject } from '@plugboard/sdk';
import { type FormProblem, checkForm } from './form-fields.ts';

export type SortedForm =
  | { readonly ok: true; readonly values: JsonObject; readonly files: { readonly [name: string]: FileRef } }
  | { readonly ok: false; readonly problems: readonly FormProblem[] };

/** Fields of files that were left empty bring one of no bytes. What no field asks for is dropped. */
export async function sortForm(options: {
  readonly fields: readonly FormField[];
  readonly given: JsonObject;
  readonly sent: readonly (readonly [name: string, file: FileRef])[];
  readonly drop: (file: FileRef) => Promise<unknown>;
}): Promise<SortedForm> {
  const { fields, given, sent, drop } = options;
  const asked = new Set(fields.filter(({ kind }) => kind === 'file').map(({ name }) => name));
  const wanted = sent.filter(([name, file]) => asked.has(name) && file.size > 0);
  const checked = checkForm(fields, given, new Set(wanted.map(([name]) => name)));
  for (const entry of sent) if (!checked.ok || !wanted.includes(entry)) await drop(entry[1]);
  return checked.ok ? { ok: true, values: checked.values, files: Object.fromEntries(wanted) } : checked;
}

export function asObject(body: Json): JsonObject {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as JsonObject) : {};
}
