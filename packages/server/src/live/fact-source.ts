/**
 * Facts of runs, read from the journal. Runs that were read lately stay folded, so that a watched run costs only its new events.
 */
import type { Plan, RunEvent } from '@plugboard/engine';
import { slices } from '../runs/in-slices.ts';
import type { RunFact } from './run-fact.ts';
import { type RunFacts, createRunFacts } from './run-facts.ts';

export interface FactPage {
  /** Oldest first, without holes after the sequence asked for. */
  readonly facts: readonly RunFact[];
  /** Last committed sequence of the run. */
  readonly seq: number;
}

/** Where the live view reads runs from: committed events only. */
export interface FactSource {
  /** At most `limit` facts after `afterSeq`; undefined when there is no such run. */
  read(runId: string, afterSeq: number, limit: number): Promise<FactPage | undefined>;
  /** Last committed sequence by run; runs that are gone are left out. One query for all. */
  committedSeqs(runIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

export interface FactSourceOptions {
  /** The run's plan and its committed events from index `from` on (events count from 0); undefined when there is no such run. */
  readonly load: (runId: string, from: number) => Promise<{ readonly plan: Plan; readonly events: readonly RunEvent[] } | undefined>;
  readonly committedSeqs: FactSource['committedSeqs'];
  /** Facts kept over all runs; the run read last stays whatever its length. @default 100000 */
  readonly keepFacts?: number;
}

interface KeptRun {
  folder: RunFacts | undefined;
  readonly facts: RunFact[];
  /** Reads of one run follow each other. */
  turn: Promise<unknown>;
}

export function createFactSource({ load, committedSeqs, keepFacts = 100_000 }: FactSourceOptions): FactSource {
  /** Read last comes last. */
  const kept = new Map<string, KeptRun>();
  let total = 0;

  const forget = (runId: string, run: KeptRun): void => {
    if (kept.get(runId) !== run) return;
    kept.delete(runId);
    total -= run.facts.length;
  };
  const keep = (runId: string): KeptRun => {
    const run = kept.get(runId) ?? { folder: undefined, facts: [], turn: Promise.resolve() };
    kept.delete(runId);
    kept.set(runId, run);
    return run;
  };
  const makeRoom = (newest: string): void => {
    for (const [runId, run] of kept) {
      if (total <= keepFacts || runId === newest) return;
      forget(runId, run);
    }
  };

  /** Takes in what was committed since. False when there is no such run. */
  const bringUpToDate = async (runId: string, run: KeptRun): Promise<boolean> => {
    const found = await load(runId, run.facts.length);
    if (!found) return false;
    run.folder ??= createRunFacts(found.plan);
    const slice = slices();
    const added: RunFact[] = [];
    for (const event of found.events) {
      added.push(...run.folder.take([event]));
      const turn = slice();
      if (turn) await turn;
    }
    for (const fact of added) run.facts.push(fact);
    if (kept.get(runId) === run) total += added.length;
    return true;
  };

  const readIn = async (runId: string, run: KeptRun, afterSeq: number, limit: number): Promise<FactPage | undefined> => {
    // A page well behind the end needs no look at the journal.
    if (run.facts.length < afterSeq + limit && !(await bringUpToDate(runId, run))) {
      forget(runId, run);
      return undefined;
    }
    makeRoom(runId);
    return { facts: run.facts.slice(afterSeq, afterSeq + limit), seq: run.facts.length };
  };

  return {
    committedSeqs,
    read(runId, afterSeq, limit) {
      const run = keep(runId);
      const page = run.turn.then(() => readIn(runId, run, afterSeq, limit));
      run.turn = page.catch(() => forget(runId, run));
      return page;
    },
  };
}
