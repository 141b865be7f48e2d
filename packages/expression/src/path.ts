/** Reading a field by a path written as text: `a.b[0].c`. Missing steps give undefined. */
import type { Evaluation } from './evaluation.ts';
import { refuseProto } from './plain.ts';
import { isList, isObject, type Value } from './values.ts';

export function readPath(evaluation: Evaluation, value: Value, path: string): Value {
  if (isObject(value) && Object.hasOwn(value, path)) return value[path];
  let current = value;
  for (const step of stepsOf(path)) {
    evaluation.charge(1);
    if (step === '__proto__') refuseProto();
    if (isList(current)) current = /^\d{1,9}$/.test(step) ? current[Number(step)] : step === 'length' ? current.length : undefined;
    else if (isObject(current)) current = Object.hasOwn(current, step) ? current[step] : undefined;
    else return undefined;
  }
  return current;
}

function stepsOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter((step) => step !== '');
}
