import { describe, expect, test } from 'vitest';
import { aGraph, aRun, failed } from '../../test/run-kit.ts';

const chain = () => aGraph({ a: 'read', b: 'pure', c: 'pure' }, 'start>a a>b b>c');

describe('S1-014 S1-015: a run that a person pauses', () => {
  test('lets what is under way end, starts nothing behind it, and leaves memory', () => {
    const run = aRun(chain());
    expect(run.pause()).toEqual([]);
    expect(run.state.status).toBe('running');
    expect(run.finish('a', 1)).toEqual([{ type: 'suspend' }]);
    expect([run.state.status, run.state.waitingFor, run.phases]).toEqual([
      'paused',
      undefined,
      { a: 'succeeded', b: 'ready', c: 'blocked' },
    ]);
  });

  test('goes on with the first step that is not done, and repeats none', () => {
    const run = aRun(chain());
    run.pause();
    run.finish('a', 1);
    run.resume();
    expect(run.runs).toEqual(['b']);
    run.finish('b', 1);
    expect(run.finish('c', 1)).toEqual([{ type: 'end-run', status: 'succeeded' }]);
  });

  test('goes on without a break when it is resumed before all that was under way had ended', () => {
    const run = aRun(aGraph({ a: 'read', b: 'read', c: 'pure' }, 'start>a start>b a>c'));
    run.pause();
    run.finish('a', 1);
    expect(run.state.status).toBe('running');
    run.resume();
    expect(run.runs).toEqual(['c']);
  });

  test('keeps its retry for later: the instant may pass, the attempt starts after the pause', () => {
    const run = aRun(aGraph({ a: { type: 'pure', retry: { maxAttempts: 2, jitter: 'none' } } }, 'start>a'));
    run.fail('a');
    run.take({ type: 'retry.scheduled', node: 'a', attempt: 2, dueAt: 5000 });
    expect(run.pause()).toEqual([{ type: 'suspend' }]);
    expect(run.resume()).toEqual([{ type: 'await-retry', node: 1, attempt: 2, dueAt: 5000 }]);
    run.take({ type: 'retry.due', node: 'a', attempt: 2 });
    expect(run.runs).toEqual(['a']);
  });

  test('hears of the end of a wait, and goes on behind it only after the pause', () => {
    const run = aRun(aGraph({ w: 'wait', b: 'pure' }, 'start>w w>b'));
    run.wait('w', 1);
    run.pause();
    expect(run.due('w')).toEqual([{ type: 'suspend' }]);
    run.resume();
    expect(run.runs).toEqual(['b']);
  });

  test('stays paused when another process takes it over', () => {
    const run = aRun(chain());
    run.pause();
    expect(run.recover()).toEqual([{ type: 'run-step', node: 1, attempt: 1 }]);
    run.finish('a', 1);
    expect(run.recover()).toEqual([{ type: 'suspend' }]);
  });

  test('is stopped by a cancel, and a failure of what was under way ends it', () => {
    const cancelled = aRun(chain());
    cancelled.pause();
    cancelled.finish('a', 1);
    expect(cancelled.cancel().at(-1)).toEqual({ type: 'end-run', status: 'cancelled' });
    const broken = aRun(chain());
    broken.pause();
    broken.settle('a', failed(0));
    expect(broken.commands.at(-1)).toMatchObject({ type: 'end-run', status: 'failed' });
  });

  test('can be paused and resumed again and again; what says so twice changes nothing', () => {
    const run = aRun(chain());
    run.pause();
    run.pause();
    run.finish('a', 1);
    run.resume();
    expect(run.resume()).toEqual([]);
    run.pause();
    run.finish('b', 1);
    expect(run.state.status).toBe('paused');
    run.resume();
    expect(run.runs).toEqual(['c']);
  });
});
