/** Text that is equal exactly for equal JSON values, whatever the order of object keys. */
import type { Json } from '@plugboard/sdk';
import { isList } from './field-path.ts';

export function identity(value: Json): string {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? JSON.stringify(value) : String(value);
  if (isList(value)) return `[${value.map(identity).join(',')}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${identity(value[key] ?? null)}`).join(',')}}`;
}
