/**
 * What every store needs: one statement, and its rows. The database itself, a transaction of the instance and a transaction
 * of a workspace all give it; which of them a store takes says on whose behalf it works.
 */
export interface Statements {
  /** The rows of a select, or those of `returning`. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}
