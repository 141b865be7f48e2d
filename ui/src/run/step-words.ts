/** What happened in a step, in words: first the reader's noun, then what it means, then what was not done. Pure. */
import { UNDO_PORT } from '@plugboard/engine';
import type { BoardNode } from '../board/board-model.ts';
import { formatCount, formatDateTime, formatDuration, shortId } from '../words/format.ts';
import type { StepLive } from './run-live.ts';

export interface StepStory {
  readonly title: string;
  readonly text: string;
  readonly tone: 'bad' | 'warn' | 'ai' | 'ok' | 'acc';
}

/** Why a step is done although it did not run in this run. */
export function carriedWord(from: string): string {
  if (from === 'pin') return 'Pinned data instead of a result';
  return from === 'skip' ? 'Skipped by a person' : `Result kept from run ${shortId(from)}`;
}

const TIMES = ['', 'once', 'twice', 'three times', 'four times', 'five times'];

/** Undefined where the lamp says it all. */
export function stepStory(step: StepLive, node: BoardNode, now: number): StepStory | undefined {
  switch (step.status) {
    case 'failed':
      return failedStory(step, node);
    case 'retrying':
      return {
        tone: 'warn',
        title: step.tries.at(-1)?.error?.message ?? 'The last try failed',
        text: `Try ${step.attempt} starts ${step.retryAt === undefined || step.retryAt <= now ? 'now' : `in ${formatDuration(step.retryAt - now)}`}. ${notDone(node)}`,
      };
    case 'unknownEffect':
      return {
        tone: 'ai',
        title: 'It may have happened',
        text: `The process stopped while ${node.name} was writing to the outside. Look there, then decide: apply it again with the same key, take it as done, or fail it.`,
      };
    case 'waiting':
      return { tone: 'warn', title: waitTitle(step), text: 'The run holds no memory meanwhile and goes on by itself.' };
    case 'succeeded':
      return step.isUndone
        ? {
            tone: 'warn',
            title: 'Undone',
            text: 'The run did not end well. What is connected to the port "undo" of this step took back what it did.',
          }
        : undefined;
    case 'skipped':
      return {
        tone: 'acc',
        title: 'Not taken',
        text: step.skippedBecause === 'empty' ? 'Its branch was reached, but no items came.' : 'The run went another way.',
      };
    default:
      return undefined;
  }
}

function failedStory(step: StepLive, node: BoardNode): StepStory {
  const failures = step.tries.filter((one) => one.error).length;
  const times = failures > 1 ? `, ${TIMES[failures] ?? `${failures} times`}` : '';
  const item = step.error?.item;
  const accepted = item === undefined ? '' : `Item ${item + 1} was not accepted. `;
  const others =
    item !== undefined && (step.itemsIn ?? 0) > 1 && node.writes
      ? 'Items that were finished stay finished and will not be sent again. '
      : '';
  return {
    tone: 'bad',
    title: `${trimStop(step.error?.message ?? 'The step failed')}${times}`,
    text: `${accepted}${others}${notDone(node)}`.trim(),
  };
}

function notDone(node: BoardNode): string {
  return node.writes ? 'Nothing is repeated without its repeat key.' : 'Nothing was changed outside.';
}

function trimStop(text: string): string {
  return text.replace(/[.\s]+$/, '');
}

function waitTitle(step: StepLive): string {
  const wait = step.waits.at(-1);
  switch (wait?.for) {
    case 'approval':
      return 'Waits for a person to decide';
    case 'timer':
      return step.dueAt === undefined ? 'Waits for its time' : `Waits until ${formatDateTime(new Date(step.dueAt).toISOString())}`;
    case 'child':
      return 'Waits for another run';
    default:
      return 'Waits for a signal from outside';
  }
}

/** "3 items in, 2 to yes, 1 to no": for the list and screen readers. */
export function itemWords(step: StepLive, node: BoardNode): string {
  const ports = Object.entries(step.out);
  const hasWays = node.outputs.filter((port) => port !== UNDO_PORT).length > 1;
  const out = hasWays
    ? ports.map(([port, count]) => `${count.toLocaleString('en')} to ${node.portTitles[port] ?? port}`).join(', ')
    : ports.map(([, count]) => formatCount(count, 'item')).join(', ');
  return [step.itemsIn === undefined ? '' : `${step.itemsIn.toLocaleString('en')} in`, out && `${out}${hasWays ? '' : ' out'}`]
    .filter(Boolean)
    .join(', ');
}
