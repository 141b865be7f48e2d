import { describe, expect, test } from 'vitest';
import type { RunFact } from '../api/types.ts';
import { countSteps, foldFacts, NEW_RUN } from './run-live.ts';
import { stepWord } from './run-words.ts';
import { factAt, holesOf, stepBlocks, timeScale } from './timeline.ts';

const T0 = Date.parse('2026-11-20T14:05:31.000Z');
const at = (ms: number): string => new Date(T0 + ms).toISOString();

/** A short run that fails at `post` after a retry, with a long wait for a person in between. */
const FACTS: readonly RunFact[] = [
  { seq: 1, at: at(0), type: 'run.started', trigger: 'mail', items: 3, status: 'running' },
  { seq: 2, at: at(100), type: 'step.started', node: 'read', phase: 'active', attempt: 1, items: 3 },
  { seq: 3, at: at(4000), type: 'step.finished', node: 'read', phase: 'succeeded', startedAt: at(100), out: { main: 3 } },
  {
    seq: 4,
    at: at(4004),
    type: 'step.finished',
    node: 'if',
    phase: 'succeeded',
    startedAt: at(4000),
    out: { true: 1, false: 2 },
    also: [{ node: 'tell', phase: 'skipped', because: 'not_taken' }],
  },
  { seq: 5, at: at(4100), type: 'step.started', node: 'approve', phase: 'active', attempt: 1, items: 1 },
  {
    seq: 6,
    at: at(4200),
    type: 'step.waiting',
    waitsFor: 'approval',
    node: 'approve',
    phase: 'waiting',
    status: 'waiting',
    waitingFor: 'approval',
  },
  { seq: 7, at: at(6_700_000), type: 'wait.ended', node: 'approve', phase: 'active', status: 'running' },
  { seq: 8, at: at(6_700_100), type: 'step.finished', node: 'approve', phase: 'succeeded', startedAt: at(4100), out: { main: 1 } },
  { seq: 9, at: at(6_700_200), type: 'step.started', node: 'post', phase: 'active', attempt: 1, items: 3 },
  {
    seq: 10,
    at: at(6_701_000),
    type: 'step.failed',
    node: 'post',
    phase: 'retry',
    attempt: 1,
    error: { code: 'HTTP_503', message: 'Service unavailable', item: 1 },
  },
  { seq: 11, at: at(6_701_000), type: 'retry.scheduled', node: 'post', phase: 'backoff', attempt: 2, dueAt: at(6_703_000) },
  { seq: 12, at: at(6_703_000), type: 'step.started', node: 'post', phase: 'active', attempt: 2, items: 3 },
  {
    seq: 13,
    at: at(6_703_700),
    type: 'step.failed',
    node: 'post',
    phase: 'failed',
    attempt: 2,
    error: { code: 'HTTP_503', message: 'Service unavailable', item: 1 },
  },
  {
    seq: 14,
    at: at(6_703_710),
    type: 'run.ended',
    status: 'failed',
    activeMs: 7_700,
    error: { code: 'HTTP_503', message: 'Service unavailable', nodeId: 'post' },
    also: [{ node: 'reply', phase: 'skipped', because: 'not_reached' }],
  },
];

test('a run that was stopped is stopping, then undoing, until it has ended', () => {
  const facts: RunFact[] = [
    ...FACTS.slice(0, 2),
    { seq: 3, at: at(2000), type: 'cancel.requested', by: 'ada' },
    { seq: 4, at: at(4000), type: 'step.progress', node: 'read', phase: 'cancelled', done: 1, failed: 0, total: 1, undoes: 'start' },
    { seq: 5, at: at(4500), type: 'step.started', node: 'forget', phase: 'active', attempt: 1, items: 3 },
    { seq: 6, at: at(5000), type: 'run.ended', status: 'cancelled', activeMs: 5000 },
  ];
  expect([2, 3, 4, 6].map((upto) => foldFacts(NEW_RUN, facts, upto).leaving)).toEqual([undefined, 'stopping', 'undoing', undefined]);
  // The call that was aborted ended then, and not with the run.
  expect(foldFacts(NEW_RUN, facts).steps.get('read')?.tries.at(-1)?.endedAt).toBe(T0 + 4000);
});

test('a step that is taken back was done, and reads as undone', () => {
  const run = foldFacts(NEW_RUN, [
    ...FACTS.slice(0, 3),
    { seq: 4, at: at(4100), type: 'cancel.requested', by: 'ada', undoes: 'read' },
    { seq: 5, at: at(4200), type: 'step.started', node: 'forget', phase: 'active', attempt: 1, items: 3 },
  ]);
  const step = run.steps.get('read');
  expect(stepWord(step?.status ?? 'idle', step?.isUndone)).toBe('Undone');
  expect(run.steps.get('forget')?.status).toBe('running');
});

describe('a run at one of its events', () => {
  test('stands as its facts up to there say, and no further', () => {
    const before = foldFacts(NEW_RUN, FACTS, 6);
    expect(before.status).toBe('waiting');
    expect(before.steps.get('approve')?.status).toBe('waiting');
    expect(before.steps.has('post')).toBe(false);
  });

  test('folding in pieces gives the same as folding at once', () => {
    const whole = foldFacts(NEW_RUN, FACTS);
    let pieces = NEW_RUN;
    for (const fact of FACTS) pieces = foldFacts(pieces, [fact]);
    expect(pieces).toEqual(whole);
  });

  test('facts that come twice change nothing', () => {
    const once = foldFacts(NEW_RUN, FACTS);
    expect(foldFacts(once, FACTS)).toBe(once);
  });

  test('a step that is tried again is amber with the time of the next try, then runs', () => {
    const retrying = foldFacts(NEW_RUN, FACTS, 11).steps.get('post');
    expect(retrying).toMatchObject({ status: 'retrying', attempt: 2, retryAt: T0 + 6_703_000 });
    expect(foldFacts(NEW_RUN, FACTS, 12).steps.get('post')).toMatchObject({ status: 'running', error: undefined });
  });

  test('a pure step that wrote only its end has a try from its start', () => {
    expect(foldFacts(NEW_RUN, FACTS).steps.get('if')?.tries).toEqual([{ attempt: 1, startedAt: T0 + 4000, endedAt: T0 + 4004 }]);
  });

  test('a write that may have happened is not called failed', () => {
    const unknown: RunFact = {
      seq: 10,
      at: at(6_701_000),
      type: 'step.failed',
      node: 'post',
      phase: 'asking',
      attempt: 1,
      error: { code: 'LOST', message: '' },
      unknown: true,
    };
    expect(foldFacts(NEW_RUN, [...FACTS.slice(0, 9), unknown]).steps.get('post')?.status).toBe('unknownEffect');
  });

  test('what still ran when the run was stopped is stopped', () => {
    const stopped: RunFact = { seq: 3, at: at(900), type: 'run.ended', status: 'cancelled', activeMs: 900 };
    const run = foldFacts(NEW_RUN, [...FACTS.slice(0, 2), stopped]);
    expect(run.steps.get('read')).toMatchObject({ status: 'cancelled' });
    expect(run.steps.get('read')?.tries[0]?.endedAt).toBe(T0 + 900);
  });

  test('rounds of a loop are kept in order, items added up', () => {
    const facts: RunFact[] = [0, 1, 2].map((n) => ({
      seq: n + 1,
      at: at(n),
      type: 'step.finished',
      node: 'match',
      phase: 'succeeded',
      path: [n],
      startedAt: at(n),
      out: { main: 1 },
    }));
    const step = foldFacts(NEW_RUN, facts).steps.get('match');
    expect(step?.rounds.map(({ key, status, out }) => [key, status, out])).toEqual([
      ['0', 'succeeded', { main: 1 }],
      ['1', 'succeeded', { main: 1 }],
      ['2', 'succeeded', { main: 1 }],
    ]);
    expect(step?.out).toEqual({ main: 3 });
  });

  test('rounds side by side end each their own try, and the step is at work until the last one is over', () => {
    const of = { node: 'match', at: at(0) };
    const begun = (seq: number, round: number): RunFact => ({
      ...of,
      seq,
      type: 'step.started',
      phase: 'active',
      attempt: 1,
      items: 1,
      path: [round],
    });
    const ended = (seq: number, round: number): RunFact => ({
      ...of,
      seq,
      at: at(seq * 100),
      type: 'step.finished',
      phase: 'succeeded',
      path: [round],
      startedAt: at(0),
      out: { main: 1 },
    });
    const facts = [begun(1, 0), begun(2, 1), ended(3, 1), ended(4, 0)];
    const half = foldFacts(NEW_RUN, facts, 3).steps.get('match');
    expect(half?.status).toBe('running');
    expect(half?.tries.map((one) => [one.round, one.endedAt === undefined])).toEqual([
      ['0', true],
      ['1', false],
    ]);
    const whole = foldFacts(NEW_RUN, facts).steps.get('match');
    expect(whole?.status).toBe('succeeded');
    expect(whole?.tries.map((one) => one.endedAt)).toEqual([T0 + 400, T0 + 300]);
  });

  test('a run a person holds is pausing until its steps have ended, then paused', () => {
    const asked: RunFact = { seq: 3, at: at(200), type: 'other', event: 'pause.requested' };
    const ended: RunFact = {
      seq: 4,
      at: at(400),
      type: 'step.finished',
      node: 'read',
      phase: 'succeeded',
      startedAt: at(100),
      out: { main: 3 },
      status: 'paused',
    };
    const resumed: RunFact = { seq: 5, at: at(900), type: 'other', event: 'run.resumed', status: 'running' };
    const facts = [...FACTS.slice(0, 2), asked, ended, resumed];
    expect(foldFacts(NEW_RUN, facts, 3)).toMatchObject({ status: 'running', isPausing: true });
    expect(foldFacts(NEW_RUN, facts, 4)).toMatchObject({ status: 'paused', isPausing: false });
    expect(foldFacts(NEW_RUN, facts)).toMatchObject({ status: 'running', isPausing: false });
  });

  test('a step the stopped run never came to is not called skipped', () => {
    expect(foldFacts(NEW_RUN, FACTS).steps.has('reply')).toBe(false);
  });

  test('an event that says nothing of its own still counts and may change the state', () => {
    const paused: RunFact = { seq: 2, at: at(10), type: 'other', event: 'run.paused', status: 'paused' };
    expect(foldFacts(NEW_RUN, [FACTS[0] as RunFact, paused])).toMatchObject({ seq: 2, status: 'paused' });
  });

  test('steps are counted once, skipped ones apart', () => {
    expect(countSteps(foldFacts(NEW_RUN, FACTS), 8)).toEqual({ done: 4, failed: 1, skipped: 1, open: 0, notReached: 2 });
  });
});

describe('the timeline', () => {
  const run = foldFacts(NEW_RUN, FACTS);
  const end = run.endedAt ?? 0;
  const scale = timeScale(run, end, true);

  test('a long wait is folded to a tenth, and time still runs forwards', () => {
    const folded = scale.segments.filter((segment) => segment.isFolded);
    expect(folded).toHaveLength(1);
    expect((folded[0]?.right ?? 0) - (folded[0]?.left ?? 0)).toBeCloseTo(0.1);
    const places = FACTS.map((fact) => scale.place(Date.parse(fact.at)));
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBeCloseTo(1);
  });

  test('unfolded, the wait takes the time it took', () => {
    const open = timeScale(run, end, false);
    expect(open.segments).toHaveLength(1);
    expect(open.place(T0 + (end - T0) / 2)).toBeCloseTo(0.5);
  });

  test('tries are separate blocks with a gap between them, the last one full', () => {
    const post = run.steps.get('post');
    expect(post && stepBlocks(post, scale, end).map((block) => block.kind)).toEqual(['badTry', 'gap', 'bad']);
  });

  test('a human wait is its own block inside the step', () => {
    const approve = run.steps.get('approve');
    expect(approve && stepBlocks(approve, scale, end).map((block) => block.kind)).toEqual(['ok', 'wait', 'ok']);
  });

  test('no failure is lost when events share holes', () => {
    expect(holesOf(FACTS, scale, 3).filter((hole) => hole.isBad)).toHaveLength(3);
  });

  test('the playhead finds the last event at its place', () => {
    expect(factAt(FACTS, scale, 0)?.seq).toBe(1);
    expect(factAt(FACTS, scale, 1)?.seq).toBe(14);
    expect(factAt(FACTS, scale, scale.place(T0 + 4002))?.seq).toBe(3);
  });

  test('a run that has only waited so far is one fold', () => {
    const waiting = foldFacts(NEW_RUN, [{ seq: 1, at: at(0), type: 'run.started', trigger: 'manual', items: 1, status: 'waiting' }]);
    expect(timeScale(waiting, T0 + 600_000, true).segments).toMatchObject([{ left: 0, right: 1, isFolded: true }]);
  });

  test('a run that has not begun has a scale too', () => {
    expect(timeScale(NEW_RUN, T0, true).place(T0 + 5)).toBe(1);
  });
});
