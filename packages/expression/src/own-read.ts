/** Reading members. Own properties of plain data only: what a prototype offers does not exist here. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { dateProperties } from './date-methods.ts';
import { refuseProto, show } from './plain.ts';
import { DateValue, isList, NodeValue, tagOf, type Tag, type Value } from './values.ts';

/** Says whether a kind of value has a method, to explain `text.trim` without its parentheses. */
export type HasMethod = (tag: Tag, name: string) => boolean;

/** A member that stands in the source. */
export interface MemberPlace {
  readonly key: string;
  /** Source text of what the member is read from. */
  readonly subject: string;
  readonly start: number;
  readonly end: number;
  readonly hasMethod: HasMethod;
}

export function readMember(evaluation: Evaluation, value: Value, place: MemberPlace): Value {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, place.key)) {
    return (value as { readonly [key: string]: Value })[place.key];
  }
  return readRare(evaluation, value, place);
}

/** `value[key]` with a computed key. */
export function readIndex(evaluation: Evaluation, value: Value, key: Value, place: MemberPlace): Value {
  if (typeof key === 'number') {
    if (isList(value)) return Number.isInteger(key) && key >= 0 && key < value.length ? value[key] : undefined;
    if (typeof value === 'string') return Number.isInteger(key) && key >= 0 && key < value.length ? value.charAt(key) : undefined;
    return readMember(evaluation, value, { ...place, key: String(key) });
  }
  if (typeof key === 'string') {
    if (key === '__proto__') refuseProto();
    return readMember(evaluation, value, { ...place, key });
  }
  if (value === undefined || value === null) throw noValue(value, place);
  throw new ExpressionError('EXPR_TYPE', `A key must be text or a number, but is ${show(key)}.`, { position: place.start, end: place.end });
}

/** Everything but a present field of an object. */
function readRare(evaluation: Evaluation, value: Value, place: MemberPlace): Value {
  const { key } = place;
  if (value === undefined || value === null) throw noValue(value, place);
  if (typeof value === 'string') {
    if (key === 'length') return value.length;
    if (/^(0|[1-9]\d{0,8})$/.test(key)) return Number(key) < value.length ? value.charAt(Number(key)) : undefined;
  }
  if (value instanceof DateValue) {
    const property = Object.hasOwn(dateProperties, key) ? dateProperties[key] : undefined;
    if (property !== undefined) return property.read(value.moment);
  }
  if (value instanceof NodeValue && key === 'item') {
    evaluation.charge(1);
    return value.view.item() as Value;
  }
  const tag = tagOf(value);
  if (tag !== undefined && tag !== 'object' && place.hasMethod(tag, key)) {
    throw new ExpressionError('EXPR_TYPE', `${key} is a method; call it: ${key}().`, { position: place.start, end: place.end });
  }
  if (tag === 'date' || tag === 'node') {
    throw new ExpressionError('EXPR_UNKNOWN_NAME', `${place.subject} is ${show(value)} and has no ${key}.`, {
      position: place.start,
      end: place.end,
      hint: tag === 'node' ? 'A node has .item, .first(), .last() and .all().' : undefined,
    });
  }
  return undefined;
}

export function noValue(value: Value, place: MemberPlace): ExpressionError {
  return new ExpressionError(
    'EXPR_NO_VALUE',
    `${place.subject} is ${value === null ? 'null' : 'undefined'}, so .${place.key} cannot be read.`,
    {
      position: place.start,
      end: place.end,
      hint: `Write ${place.subject}?.${place.key} where it may be missing.`,
    },
  );
}
