/**
 * Fields of an item by name or dotted path (`address.city`, `lines.0.price`). Only own members are seen, so no path reaches a prototype.
 * A member whose name holds the dots itself wins over the path.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';

export type ReadField = (json: JsonObject) => Json | undefined;

/** Splits the path once, for use on many items. The reader gives undefined where the path leads nowhere. */
export function fieldReader(path: string): ReadField {
  if (!path.includes('.')) return (json) => own(json, path);
  const parts = path.split('.');
  return (json) => {
    if (Object.hasOwn(json, path)) return json[path];
    let value: Json | undefined = json;
    for (const part of parts) value = own(value, part);
    return value;
  };
}

export function readField(json: JsonObject, path: string): Json | undefined {
  return fieldReader(path)(json);
}

/** A copy of the object with the value at the path. Objects on the way are copied or made; the given ones stay as they are. */
export function withField(json: JsonObject, path: string, value: Json): JsonObject {
  const copy = { ...json };
  setField(copy, path, value);
  return copy;
}

/** As {@link withField}, into an object of the caller's own. */
export function setField(target: MutableObject, path: string, value: Json): void {
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let at: MutableObject | Json[] = target;
  for (const part of parts) at = step(at, part, path);
  put(at, last, value, path);
}

/** Takes the member at the path out of an object of the caller's own; objects on the way are copied first. */
export function removeField(target: MutableObject, path: string): void {
  if (Object.hasOwn(target, path)) {
    delete target[path];
    return;
  }
  if (readField(target, path) === undefined) return;
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let at: MutableObject | Json[] = target;
  for (const part of parts) at = step(at, part, path);
  if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete at[last];
}

export type MutableObject = { [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Array.isArray` does not narrow readonly arrays. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function own(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as JsonObject)[name];
}

/** The member one step down, as a copy that may be changed. */
function step(at: MutableObject | Json[], part: string, path: string): MutableObject | Json[] {
  const before = own(at, part);
  const copy: MutableObject | Json[] = isList(before) ? [...before] : isObject(before) ? { ...before } : {};
  put(at, part, copy, path);
  return copy;
}

function put(at: MutableObject | Json[], part: string, value: Json, path: string): void {
  if (part === '' || part === '__proto__')
    fail('FIELD_NAME', `"${path}" is not a field path: a part of it is ${part === '' ? 'empty' : part}.`);
  if (!Array.isArray(at)) {
    at[part] = value;
    return;
  }
  const index = /^\d{1,9}$/.test(part) ? Number(part) : -1;
  if (index < 0 || index > at.length)
    fail('FIELD_NAME', `"${path}" leads into a list of ${at.length} entries, where "${part}" is no position.`);
  at[index] = value;
}
