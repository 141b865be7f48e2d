/** JSON text to values, with errors a person can find in the text. */
import type { Json } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';
import { jsonErrorPosition } from './json-error-position.ts';
import { shown } from './numbers.ts';

/** @throws StepFailure JSON_INVALID with line and column, or JSON_KEY for the key `__proto__`. */
export function parseJson(text: string, firstLine = 1): Json {
  let value: Json;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) as Json;
  } catch (error) {
    return invalid(text, error, firstLine);
  }
  // Escapes can spell the name too; only texts that may hold it pay for the search.
  if (/__proto__|\\u005f/i.test(text) && holdsProto(value))
    fail('JSON_KEY', 'An object in the text has a key named __proto__, which no field can be.');
  return value;
}

/** One value on each line that is not empty. */
export function parseJsonLines(text: string): readonly Json[] {
  const values: Json[] = [];
  text.split('\n').forEach((line, n) => {
    if (line.trim() !== '' && line !== '\uFEFF') values.push(parseJson(line, n + 1));
  });
  return values;
}

function invalid(text: string, error: unknown, firstLine: number): never {
  if (text.trim() === '') fail('JSON_INVALID', 'The text is empty, which is no JSON.', { data: { line: firstLine, column: 1 } });
  const position = jsonErrorPosition(text);
  const before = text.slice(0, position);
  const line = firstLine + (before.match(/\n/g)?.length ?? 0);
  const column = position - before.lastIndexOf('\n');
  const near = position >= text.length ? 'the text ends too early' : `${shown(text.slice(position, position + 20))} cannot stand here`;
  fail('JSON_INVALID', `Line ${line}, column ${column}: ${near}.`, { cause: error, data: { line, column } });
}

function holdsProto(value: Json): boolean {
  const open: Json[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    if (Object.hasOwn(next, '__proto__')) return true;
    for (const member of Object.values<Json>(next)) open.push(member);
  }
  return false;
}
