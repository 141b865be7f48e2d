/** Works numbers and lists out of many items: one item for all, or one for each group, in the order the groups first appear. */
import type { GiveWay, Item, Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, GIVE_WAY, item, p, when } from '@plugboard/sdk';
import { type ReadField, fieldReader } from '../data/field-path.ts';
import { identity } from '../data/identity.ts';
import { type Operation, type Reducer, reducer } from '../data/reducer.ts';

export const aggregate = defineNode({
  id: 'aggregate',
  version: 1,
  title: 'Aggregate',
  help: 'Counts, adds up and collects over all items, or over each group of them. Missing fields and null are left out of everything but count.',
  icon: 'sigma',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  runsOnEmpty: true,
  params: {
    operations: p
      .list(
        p
          .object({
            op: p
              .choice({
                count: 'Count',
                sum: 'Sum',
                average: 'Average',
                min: 'Least',
                max: 'Largest',
                median: 'Median',
                first: 'First value',
                last: 'Last value',
                list: 'List of values',
                unique: 'List of different values',
                countDistinct: 'Number of different values',
                join: 'Text of all values',
              })
              .title('Operation')
              .help('Numbers may be text, as in CSV. The sum of nothing is 0; least, largest, average and median of nothing are null.')
              .expr('deny')
              .required(),
            field: p
              .text()
              .title('Field')
              .help('Name or path of the field, such as address.city. Without one, count counts items and the others work on whole items.')
              .max(500),
            as: p.text().title('Result field').help('Where the result goes. Left empty: the operation, with the field before it.').max(200),
            separator: p.text().title('Separator').help('What stands between the texts.').default(', ').when(when.eq('op', 'join')),
          })
          .title('Operation'),
      )
      .title('Operations')
      .help('Each adds one field to the result.')
      .min(1)
      .required(),
    groupBy: p
      .list(p.text().title('Field').max(500))
      .title('Group by')
      .help(
        'Fields or paths. Items with equal values form a group; the result keeps these fields under the names written here. A missing field counts as null.',
      )
      .default([]),
  },
  *run({ params, items, ctx }) {
    const columns = params.operations.map(column);
    const unsafe = new Set<string>();
    if (params.groupBy.length === 0) yield yield* whole(items, columns, unsafe);
    else yield* grouped(items, columns, params.groupBy, unsafe);
    for (const name of unsafe)
      ctx.log.warn(`"${name}" is beyond ${Number.MAX_SAFE_INTEGER}, where numbers are rounded. Keep such amounts in a larger unit.`);
  },
});

/** Items taken in between two chances for others. */
const SHARE = 16;

interface Column {
  readonly name: string;
  readonly operation: Operation;
  /** Absent: the operation takes whole items. */
  readonly read: ReadField | undefined;
}

function column(operation: Operation & { readonly as?: string }): Column {
  const field = operation.field === '' ? undefined : operation.field;
  const name = operation.as || (field === undefined ? operation.op : `${field}_${operation.op}`);
  return { name, operation, read: field === undefined ? undefined : fieldReader(field) };
}

function* whole(items: readonly Item[], columns: readonly Column[], unsafe: Set<string>): Generator<GiveWay, JsonObject> {
  const group = new Group({}, columns, unsafe);
  for (let i = 0; i < items.length; i += 1) {
    group.add((items[i] as Item).json, i);
    if (i % SHARE === 0) yield GIVE_WAY;
  }
  return group.result();
}

function* grouped(
  items: readonly Item[],
  columns: readonly Column[],
  fields: readonly string[],
  unsafe: Set<string>,
): Generator<Output | GiveWay> {
  const readers = fields.map(fieldReader);
  const [only] = readers;
  const groups = new Map<unknown, { readonly group: Group; readonly from: number[] }>();
  for (let i = 0; i < items.length; i += 1) {
    const { json } = items[i] as Item;
    const key = readers.length === 1 && only ? keyOf(only(json) ?? null) : readers.map((read) => identity(read(json) ?? null)).join(',');
    let entry = groups.get(key);
    if (entry === undefined) {
      const kept = Object.fromEntries(fields.map((field, n) => [field, readers[n]?.(json) ?? null]));
      entry = { group: new Group(kept, columns, unsafe), from: [] };
      groups.set(key, entry);
    }
    entry.group.add(json, i);
    entry.from.push(i);
    if (i % SHARE === 0) yield GIVE_WAY;
  }
  for (const { group, from } of groups.values()) yield item(group.result(), { from });
}

/** Scalars but text are their own keys; text is quoted, so that "1" and 1 are different groups. */
function keyOf(value: Json): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? value : identity(value);
}

class Group {
  readonly #kept: JsonObject;
  readonly #columns: readonly Column[];
  readonly #reducers: readonly Reducer[];
  readonly #unsafe: Set<string>;

  /** @param unsafe takes the names of sums beyond 2^53 - 1, where numbers have gaps between them. */
  constructor(kept: JsonObject, columns: readonly Column[], unsafe: Set<string>) {
    this.#kept = kept;
    this.#columns = columns;
    this.#unsafe = unsafe;
    this.#reducers = columns.map(({ operation }) => reducer(operation));
  }

  add(json: JsonObject, i: number): void {
    for (let n = 0; n < this.#columns.length; n += 1) {
      const read = this.#columns[n]?.read;
      const value = read === undefined ? json : read(json);
      if (value !== undefined && value !== null) this.#reducers[n]?.add(value, i);
    }
  }

  result(): JsonObject {
    const results = this.#columns.map(({ name, operation }, n) => {
      const value = this.#reducers[n]?.result() ?? null;
      if (operation.op === 'sum' && Math.abs(Number(value)) > Number.MAX_SAFE_INTEGER) this.#unsafe.add(name);
      return [name, value] as const;
    });
    return { ...this.#kept, ...Object.fromEntries(results) };
  }
}
