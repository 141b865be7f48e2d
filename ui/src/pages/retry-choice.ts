/** Which of the chosen runs a retry is for, and what it leaves out, said before it begins. What only the server knows of a run it says run by run. */
import type { ChosenRuns, RunRow, RunsFilter, RunStatus } from '../api/types.ts';
import { formatCount } from '../words/format.ts';

/** Who stopped a run did not want it to go on. */
const RETRIED: readonly RunStatus[] = ['failed', 'timed_out'];

const LEFT_OUT: { readonly [S in RunStatus]?: string } = {
  succeeded: 'succeeded',
  cancelled: 'stopped by somebody',
  pending: 'not begun yet',
  running: 'still at work',
  waiting: 'still waiting',
  paused: 'paused',
};

/** `runs`: undefined when nothing is left to retry. `text`: what is left out and why; empty when nothing is. */
export interface RetryChoice {
  readonly runs: ChosenRuns | undefined;
  readonly text: string;
}

export function retryOf(rows: readonly Pick<RunRow, 'id' | 'status'>[]): RetryChoice {
  const ids = rows.filter(({ status }) => RETRIED.includes(status)).map(({ id }) => id);
  const reasons = Object.entries(LEFT_OUT).flatMap(([status, words]) => {
    const count = rows.filter((row) => row.status === status).length;
    return count === 0 ? [] : [`${count.toLocaleString('en')} ${words}`];
  });
  const left = rows.length - ids.length;
  return {
    runs: ids.length === 0 ? undefined : { ids },
    text: left === 0 ? '' : `${formatCount(left, 'run')} left out: ${reasons.join(', ')}.`,
  };
}

/** Of all that a filter finds. */
export function retryOfAll(filter: RunsFilter): RetryChoice {
  const statuses = RETRIED.filter((status) => filter.statuses?.includes(status) ?? true);
  return {
    runs: statuses.length === 0 ? undefined : { filter: { ...filter, statuses } },
    text: filter.statuses?.every((status) => RETRIED.includes(status))
      ? ''
      : 'Of those that match, only the failed ones and those over their time limit; the others are left out.',
  };
}
