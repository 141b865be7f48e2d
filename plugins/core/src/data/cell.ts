/** What a CSV cell stands for. CSV knows only text; everything else is a reading of it. */
import type { Json } from '@plugboard/sdk';
import { asNumber } from './numbers.ts';

export type CellType = 'text' | 'number' | 'boolean' | 'json';

/** The cell in the type, or undefined when it does not fit. An empty cell is null in every type but text. */
export function typedCell(cell: string, type: CellType): Json | undefined {
  if (type === 'text') return cell;
  const text = cell.trim();
  if (text === '') return null;
  switch (type) {
    case 'number':
      return asNumber(text);
    case 'boolean':
      return BOOLEANS.get(text.toLowerCase());
    case 'json':
      try {
        return JSON.parse(text) as Json;
      } catch {
        return undefined;
      }
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
]);

/** No leading zero and no more digits than a number keeps: article numbers, post codes and long ids stay text. */
const PLAIN_NUMBER = /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/;

/** Numbers and true / false where nothing of the text is lost by it; the text otherwise. */
export function guessedCell(cell: string): Json {
  if (cell === 'true') return true;
  if (cell === 'false') return false;
  return PLAIN_NUMBER.test(cell) && cell.length <= 17 ? Number(cell) : cell;
}
