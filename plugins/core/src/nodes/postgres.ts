/**
 * Reads and changes a PostgreSQL database. Statements are fixed when the workflow is made; values only ever travel as parameters. A reading
 * statement runs in a transaction that cannot write; changes of a batch are one transaction, or one for each item.
 */
import type { Item, Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, fail, failed, item as output, p, when } from '@plugboard/sdk';
import { setField } from '../data/field-path.ts';
import { PG_REJECTED } from '../postgres/rejected-codes.ts';
import type { Rows, Session } from '../postgres/session.ts';
import { insertSql, updateSql, upsertSql } from '../postgres/statements.ts';

const bySql = when.in('operation', ['query', 'execute']);
const byTable = when.in('operation', ['insert', 'upsert', 'update']);

export const postgresNode = defineNode({
  id: 'postgres',
  version: 1,
  title: 'PostgreSQL',
  help: 'Reads rows as items, or changes rows with the values of items.',
  icon: 'database',
  group: 'Network',
  per: 'batch',
  effects: { by: 'operation', cases: { query: 'read' }, else: 'write' },
  atomic: { by: 'transaction', values: ['batch'] },
  rejected: PG_REJECTED,
  params: {
    account: p.credential('core/postgres').title('Database').help('The database and the account that signs in.').required(),
    operation: p
      .choice([
        { value: 'query', title: 'Read rows', help: 'One statement that cannot change anything; each row becomes an item.' },
        { value: 'insert', title: 'Insert a row' },
        { value: 'upsert', title: 'Insert or update a row' },
        { value: 'update', title: 'Update rows' },
        { value: 'execute', title: 'Any statement' },
      ])
      .title('Do')
      .help('What happens for each item.')
      .expr('deny')
      .default('query'),
    sql: p
      .code('sql')
      .title('Statement')
      .help('One statement. Write $1, $2 where values go: what an expression gives is never part of a statement.')
      .max(100_000)
      .required()
      .when(bySql),
    values: p
      .list(p.json().title('Value'))
      .title('Values')
      .help('For $1, $2 and so on of a statement. Lists and objects go as JSON.')
      .max(1000)
      .default([])
      .perItem(),
    schema: p.text().title('Schema').help('Left empty: by the search path of the account.').max(63).default('').when(byTable),
    table: p.text().title('Table').help('In the letters it was made with.').min(1).max(63).required().when(byTable),
    columns: p
      .map(p.json().title('Value'))
      .title('Columns')
      .help(
        'Values by column of a row that is inserted or updated, such as id: ={{ $json.id }}. Lists go into list columns, objects into JSON columns.',
      )
      .max(500)
      .default({})
      .perItem(),
    keys: p
      .list(p.text().title('Column').min(1).max(63))
      .title('Keys')
      .help('Columns that tell rows apart, such as id. Inserting or updating needs a unique index on them.')
      .max(32)
      .default([])
      .when(when.in('operation', ['upsert', 'update'])),
    returning: p
      .boolean()
      .title('Go on with the rows')
      .help('When on, the changed rows become the items; when off, the items go on.')
      .default(false)
      .when(byTable),
    transaction: p
      .choice([
        { value: 'batch', title: 'All items', help: 'All of them, or none.' },
        { value: 'item', title: 'Each item', help: 'One that fails does not undo the others.' },
      ])
      .title('In one transaction')
      .help('What is kept or undone together.')
      .expr('deny')
      .default('batch'),
    resultField: p
      .text()
      .title('Result field')
      .help('Name or path for the number of changed rows, where no rows come back. Left empty: the item stays as it is.')
      .max(500)
      .default(''),
    maxRows: p.number().title('At most').help('Rows in all; more are an error.').integer().min(1).max(200_000).default(10_000),
    timeoutMs: p
      .number()
      .title('Time limit')
      .help('Milliseconds for each statement; the database ends a longer one.')
      .integer()
      .min(100)
      .max(3_600_000)
      .default(30_000),
  },
  async *run({ params, items, ctx }) {
    const account = await ctx.credential('account');
    if (account === undefined) return fail('CREDENTIAL_MISSING', 'The step has no database. Choose a credential.');
    // Whatever is wrong with a statement shows before anything is connected.
    const statements = items.map((one, i) => {
      if (params.resultField !== '') setField({ ...one.json }, params.resultField, 0);
      return statementOf(params, i);
    });
    // Loaded by the first step that needs it: most workflows never do.
    const { openSession } = await import('../postgres/session.ts');
    const session = await openSession(account, ctx, { timeoutMs: params.timeoutMs, maxRows: params.maxRows });
    try {
      const act = async (i: number): Promise<readonly Output[]> => {
        const { sql, values } = statements[i] as Statement;
        return outputsOf(await session.run(sql, values), items[i] as Item, i, params.resultField);
      };
      if (params.operation === 'query' || params.transaction === 'item')
        yield* each(session, items, act, params.operation === 'query', params.transaction);
      else yield* await session.transaction(() => all(items, act));
    } catch (error) {
      // Why a read broke off when it was stopped is no news; of a change it says what is known.
      if (params.operation === 'query' && ctx.signal.aborted) throw ctx.signal.reason;
      throw error;
    } finally {
      await session.close();
    }
  },
});

interface Asked {
  readonly operation: 'query' | 'insert' | 'upsert' | 'update' | 'execute';
  readonly sql?: string;
  readonly values?: readonly (readonly Json[] | null)[];
  readonly schema?: string;
  readonly table?: string;
  readonly columns?: readonly (JsonObject | null)[];
  readonly keys?: readonly string[];
  readonly returning?: boolean;
}

interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

function statementOf(asked: Asked, i: number): Statement {
  const { operation, sql = '', values = [], schema = '', table = '', keys = [], returning = false } = asked;
  if (operation === 'query' || operation === 'execute') return { sql, values: values[i] ?? [] };
  const write = { insert: insertSql, upsert: upsertSql, update: updateSql }[operation];
  const row = asked.columns?.[i] ?? {};
  return { sql: write({ schema, table, columns: Object.keys(row), keys, returning }), values: [row] };
}

async function all(items: readonly Item[], act: (i: number) => Promise<readonly Output[]>): Promise<readonly Output[]> {
  const outputs: Output[] = [];
  for (let i = 0; i < items.length; i++) outputs.push(...(await act(i)));
  return outputs;
}

/** One transaction for each item. Where items stand for themselves a failure is the item's own. */
async function* each(
  session: Session,
  items: readonly Item[],
  act: (i: number) => Promise<readonly Output[]>,
  readOnly: boolean,
  transaction: 'batch' | 'item',
): AsyncGenerator<Output | ReturnType<typeof failed>> {
  for (let i = 0; i < items.length; i++) {
    try {
      yield* await session.transaction(() => act(i), { readOnly });
    } catch (error) {
      if (transaction === 'batch') throw error;
      yield failed(i, error);
    }
  }
}

function outputsOf({ rows, count, hasRows }: Rows, given: Item, i: number, resultField: string): readonly Output[] {
  if (hasRows) return rows.map((row) => output(row, { from: i }));
  if (resultField === '') return [output(given.json, { files: given.files, from: i })];
  const json = { ...given.json };
  setField(json, resultField, count);
  return [output(json, { files: given.files, from: i })];
}
