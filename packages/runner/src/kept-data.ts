/** When the data of a run that has ended is forgotten: by what its workflow and its workspace keep, of which the less counts. */
import type { KeepData, RunStatusName } from '@plugboard/engine';

/** Runs of drafts are worked with: their data stays for so long, in milliseconds. */
const DRAFT_MS = 60 * 60_000;
const STRICTNESS: readonly KeepData[] = ['all', 'failures', 'none'];

export function lessOf(one: KeepData, other: KeepData): KeepData {
  return STRICTNESS.indexOf(one) > STRICTNESS.indexOf(other) ? one : other;
}

/** As a part of the end of a run; nothing where the data stays as long as the run does. */
export function erasure(
  keeps: KeepData,
  {
    status,
    environment,
    endedAt,
  }: { readonly status: RunStatusName; /** 0 draft, 1 live. */ readonly environment: number; readonly endedAt: number },
): { readonly erasesAt?: number } {
  const isFailure = status === 'failed' || status === 'timed_out';
  if (keeps === 'all' || (keeps === 'failures' && isFailure)) return {};
  return { erasesAt: environment === 0 ? endedAt + DRAFT_MS : endedAt };
}
