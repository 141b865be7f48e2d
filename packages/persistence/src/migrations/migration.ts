/** One step of the schema. Never edited once released: a change is a further migration. */
export interface Migration {
  /** Counts from 1, without gaps. */
  readonly n: number;
  readonly name: string;
  /** Runs in one transaction. */
  readonly sql: string;
}
