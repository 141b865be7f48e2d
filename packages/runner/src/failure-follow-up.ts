/** The note that another workflow is to hear of a run that did not end well. */
import type { RunEnd } from '@plugboard/engine';
import type { ReportedRun, RunnerOptions } from './runner-options.ts';

const NOTHING = {};

export function failureOf(reports: RunnerOptions['reports'], run: ReportedRun, at: number): Pick<RunEnd, 'followUps'> {
  if (run.status === 'succeeded' || reports?.(run) !== true) return NOTHING;
  return { followUps: [{ kind: 'failed', dueAt: at, payload: '{}' }] };
}
