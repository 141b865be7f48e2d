/** Lists whole, a page at a time. */

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly endCursor?: string;
  readonly hasMore: boolean;
}

/**
 * Every row of a list, asked for page by page as they are read.
 * @example for await (const member of eachRow(client.member.list, { first: 100 })) console.log(member.name);
 */
export async function* eachRow<Input extends { readonly after?: string } | undefined, Row>(
  list: (input: Input, options?: { readonly signal?: AbortSignal }) => Promise<Page<Row>>,
  input: NonNullable<Input>,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Row> {
  let after = input.after;
  for (;;) {
    const page = await list(after === undefined ? input : { ...input, after }, options);
    yield* page.rows;
    if (!page.hasMore || page.endCursor === undefined || page.endCursor === after) return;
    after = page.endCursor;
  }
}
