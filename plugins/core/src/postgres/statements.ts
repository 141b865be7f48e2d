/**
 * Statements that change rows of a table. Names are quoted, values are never part of the text: a row travels as one JSON parameter, and the
 * table itself says what type each column has.
 */
import { fail } from '@plugboard/sdk';

export interface Table {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** Columns that tell rows apart. */
  readonly keys: readonly string[];
  readonly returning: boolean;
}

export function insertSql(table: Table): string {
  const columns = demandColumns(table).map(quoted).join(', ');
  return `insert into ${nameOf(table)} (${columns}) select ${columns} from ${rowOf(table)}${returning(table)}`;
}

export function upsertSql(table: Table): string {
  const keys = demandKeys(table);
  const others = table.columns.filter((column) => !keys.includes(column));
  const act =
    others.length === 0 ? 'nothing' : `update set ${others.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')}`;
  const columns = table.columns.map(quoted).join(', ');
  return `insert into ${nameOf(table)} (${columns}) select ${columns} from ${rowOf(table)} on conflict (${keys.map(quoted).join(', ')}) do ${act}${returning(table)}`;
}

export function updateSql(table: Table): string {
  const keys = demandKeys(table);
  const others = table.columns.filter((column) => !keys.includes(column));
  if (others.length === 0) fail('COLUMNS_MISSING', 'Nothing would change: name columns besides the keys.');
  const sets = others.map((column) => `${quoted(column)} = r.${quoted(column)}`).join(', ');
  const where = keys.map((column) => `t.${quoted(column)} = r.${quoted(column)}`).join(' and ');
  const back = table.returning ? ' returning t.*' : '';
  return `update ${nameOf(table)} as t set ${sets} from ${rowOf(table)} where ${where}${back}`;
}

/** A name in the letters it was given. */
export function quoted(name: string): string {
  if (name === '' || name.length > 63 || name.includes('\0'))
    fail('NAME_INVALID', `${JSON.stringify(name.slice(0, 80))} is no name of a table or column.`);
  return `"${name.replaceAll('"', '""')}"`;
}

function nameOf({ schema, table }: Table): string {
  return schema === '' ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;
}

function rowOf(table: Table): string {
  return `json_populate_record(null::${nameOf(table)}, $1::json) as r`;
}

function returning(table: Table): string {
  return table.returning ? ' returning *' : '';
}

function demandColumns({ columns }: Table): readonly string[] {
  if (columns.length === 0) fail('COLUMNS_MISSING', 'Name at least one column.');
  return columns;
}

function demandKeys({ columns, keys }: Table): readonly string[] {
  if (keys.length === 0) fail('KEYS_MISSING', 'Name the columns that tell rows apart, such as id.');
  const lost = keys.filter((key) => !columns.includes(key));
  if (lost.length > 0) fail('KEYS_MISSING', `The keys ${lost.join(', ')} have no value among the columns.`);
  return keys;
}
