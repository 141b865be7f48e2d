/** Offset of a time zone, so that `Date` in a code step reads local time in the workflow's zone. */

/** What the sandbox needs of the `Temporal` global, which the runtime has and the language's type library does not yet name. */
interface TemporalLike {
  readonly Instant: { fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: string): { readonly offsetNanoseconds: number } } };
}

/** Seconds east of UTC in `zone` at `seconds` since 1970. An unknown zone counts as UTC. */
export function zoneOffsetSeconds(zone: string, seconds: number): number {
  if (zone === 'UTC' || !Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return 0;
  const temporal = (globalThis as { Temporal?: TemporalLike }).Temporal;
  if (temporal === undefined) return 0;
  try {
    return Math.round(temporal.Instant.fromEpochMilliseconds(seconds * 1000).toZonedDateTimeISO(zone).offsetNanoseconds / 1e9);
  } catch {
    return 0;
  }
}
