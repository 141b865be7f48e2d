/** What every list does alike: a bounded page, ended by a row too many, and search by part of a text. */

/** 1 to 100, 50 by default. */
export function pageLimit(limit: number | undefined): number {
  return Math.min(Math.max(Math.trunc(limit ?? 50), 1), 100);
}

/** Pattern for `ilike … escape '\'`: `%` and `_` in what people type stand for themselves. Null to match everything. */
export function likePattern(search: string | undefined): string | null {
  return search === undefined || search === '' ? null : `%${search.replace(/[\\%_]/g, '\\$&')}%`;
}
