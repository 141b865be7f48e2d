/** What the description says of changing a database; apart, so that reading it loads no database client. */

/** Codes that prove that nothing was changed. */
export const PG_REJECTED = [
  'PG_ERROR',
  'PG_SIGN_IN',
  'PG_TLS_FAILED',
  'PG_BUSY',
  'PG_NOT_DONE',
  'PG_TOO_MANY_ROWS',
  'PG_TOO_MUCH_DATA',
] as const;
