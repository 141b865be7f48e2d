/** Fields of nested objects by path: own fields only, never into lists, never near a prototype. */
import type { Json, JsonObject } from '@plugboard/sdk';
import { isJsonObject } from './type-facts.ts';

export type FieldPath = readonly string[];

const MAX_DEPTH = 40;

export type ReadField = { readonly ok: true; readonly value: Json | undefined } | { readonly ok: false; readonly reason: string };

/** The value at a path; undefined when it or an object on the way is absent. The reason completes "the field cannot be set:". */
export function readField(root: JsonObject, path: FieldPath): ReadField {
  if (path.length === 0) return { ok: false, reason: 'the path is empty' };
  if (path.length > MAX_DEPTH) return { ok: false, reason: `the path is longer than ${MAX_DEPTH}` };
  if (path.includes('__proto__')) return { ok: false, reason: 'no field is named __proto__' };
  let value: Json | undefined = root;
  for (const key of path) {
    if (value === undefined) continue;
    if (!isJsonObject(value)) return { ok: false, reason: `"${key}" would be inside a value that is no object; set that value whole` };
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return { ok: true, value };
}

/** A copy with the value at the path; objects on the way are made. Without a value the field is removed. The path must be readable. */
export function setField(root: JsonObject, path: FieldPath, value: Json | undefined): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return root;
  const inner = Object.hasOwn(root, key) ? root[key] : undefined;
  if (rest.length > 0) {
    if (inner === undefined && value === undefined) return root;
    return { ...root, [key]: setField(isJsonObject(inner) ? inner : {}, rest, value) };
  }
  if (value !== undefined) return { ...root, [key]: value };
  return Object.fromEntries(Object.entries(root).filter(([name]) => name !== key));
}

/** The path of the outermost object that setting a field has to make; undefined when all are there. */
export function parentMissing(root: JsonObject, path: FieldPath): FieldPath | undefined {
  for (let depth = 1; depth < path.length; depth++) {
    const outer = readField(root, path.slice(0, depth));
    if (outer.ok && outer.value === undefined) return path.slice(0, depth);
  }
  return undefined;
}
