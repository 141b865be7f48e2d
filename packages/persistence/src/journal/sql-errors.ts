/** Which database errors are a record's fault and which are the world's. */

/** SQLSTATE classes 22 (data) and 23 (integrity): the record is to blame. Everything else is a reason to keep the batch and try again. */
export function blamesARecord(error: unknown): boolean {
  const code = sqlState(error);
  return code !== undefined && (code.startsWith('22') || code.startsWith('23'));
}

/** A row fell between the partitions. Told by PostgreSQL's own routine, because its message is translated. */
export function isMissingPartition(error: unknown): boolean {
  return (
    sqlState(error) === '23514' &&
    typeof error === 'object' &&
    error !== null &&
    'routine' in error &&
    error.routine === 'ExecFindPartition'
  );
}

function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}
