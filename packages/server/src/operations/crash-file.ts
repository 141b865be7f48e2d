/**
 * Which workflows were at work lately, kept in a small file that a stop in good order removes. A server that finds one knows that the last
 * process died, and which workflows may be why: for a while their runs are stored before their first step, so that a run that ends a server
 * before anything of it was written is seen, counted and held back at last.
 */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Caution } from '@plugboard/runner';

export interface CrashFile extends Caution {
  /** The process ends in good order: nothing is to be suspected. */
  close(): void;
}

export interface CrashFileOptions {
  readonly path: string;
  readonly log: { warn(fields: object, message: string): void };
  /** Milliseconds. @default the clock of this process */
  readonly now?: () => number;
}

/** How long runs of suspected workflows are stored first, in milliseconds. */
const SUSPECT_MS = 10 * 60_000;
/** A workflow counts as lately at work for one to two of these, in milliseconds. */
const PERIOD_MS = 60_000;
/** Workflows that are kept at most; of more than that none stands out. */
const MAX_WORKFLOWS = 10_000;

export function createCrashFile({ path, log, now = Date.now }: CrashFileOptions): CrashFile {
  const suspects = new Set(readSuspects(path));
  const suspectUntil = now() + SUSPECT_MS;
  let current = new Set<string>();
  let previous = new Set<string>();
  let periodEnds = now() + PERIOD_MS;
  let isWritable = true;
  if (suspects.size > 0)
    log.warn(
      { workflows: suspects.size },
      'the last process ended without a stop; runs of what was at work are stored before they begin, for a while',
    );

  const keep = (act: () => void): void => {
    if (!isWritable) return;
    try {
      act();
    } catch (error) {
      isWritable = false;
      log.warn({ err: error }, 'which workflows are at work cannot be noted; after a crash none is suspected');
    }
  };
  const turnPeriod = (): void => {
    previous = current;
    current = new Set();
    periodEnds = now() + PERIOD_MS;
    keep(() => writeFileSync(path, lines(previous), { mode: 0o600 }));
  };
  keep(() => writeFileSync(path, lines(suspects), { mode: 0o600 }));

  return {
    storesFirst(workflowId) {
      return suspects.size > 0 && suspects.has(workflowId) && now() < suspectUntil;
    },
    note(workflowId) {
      if (now() >= periodEnds) turnPeriod();
      if (current.has(workflowId) || current.size >= MAX_WORKFLOWS) return;
      current.add(workflowId);
      // No fsync: the file has to outlive this process, not the machine.
      if (!previous.has(workflowId)) keep(() => appendFileSync(path, `${workflowId}\n`));
    },
    close: () => rmSync(path, { force: true }),
  };
}

function readSuspects(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean).slice(0, MAX_WORKFLOWS);
  } catch {
    return [];
  }
}

function lines(ids: Iterable<string>): string {
  let text = '';
  for (const id of ids) text += `${id}\n`;
  return text;
}
