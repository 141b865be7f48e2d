import { describe, expect, test } from 'vitest';
import { createInProcessDispatcher } from './in-process-dispatcher.ts';

const job = (runId: string, workspaceId = 'w1') => ({ runId, workspaceId });

describe('in-process dispatch', () => {
  test('runs beyond the limit of a workspace wait, and start in the order of acceptance', () => {
    const started: string[] = [];
    const dispatcher = createInProcessDispatcher({ perWorkspace: 2 });
    for (const id of ['a', 'b', 'c', 'd']) dispatcher.enqueue(job(id), () => started.push(id));
    expect(started).toEqual(['a', 'b']);
    dispatcher.release(job('b'));
    dispatcher.release(job('a'));
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(dispatcher.running).toBe(2);
    expect(dispatcher.waiting).toBe(0);
  });

  test('a full workspace does not hold up another one', () => {
    const started: string[] = [];
    const dispatcher = createInProcessDispatcher({ perWorkspace: 1 });
    dispatcher.enqueue(job('a', 'w1'), () => started.push('a'));
    dispatcher.enqueue(job('b', 'w1'), () => started.push('b'));
    dispatcher.enqueue(job('c', 'w2'), () => started.push('c'));
    expect(started).toEqual(['a', 'c']);
  });

  test('a forgotten run never starts, and a started one cannot be forgotten', () => {
    const started: string[] = [];
    const dispatcher = createInProcessDispatcher({ perWorkspace: 1 });
    dispatcher.enqueue(job('a'), () => started.push('a'));
    dispatcher.enqueue(job('b'), () => started.push('b'));
    expect(dispatcher.forget('b')).toBe(true);
    expect(dispatcher.forget('a')).toBe(false);
    dispatcher.release(job('a'));
    expect(started).toEqual(['a']);
    expect(dispatcher.running).toBe(0);
  });

  test('a run that ends while it starts hands its place on', () => {
    const started: string[] = [];
    const dispatcher = createInProcessDispatcher({ perWorkspace: 1 });
    const start = (id: string) => () => {
      started.push(id);
      dispatcher.release(job(id));
    };
    dispatcher.enqueue(job('a'), start('a'));
    dispatcher.enqueue(job('b'), start('b'));
    expect(started).toEqual(['a', 'b']);
    expect(dispatcher.running).toBe(0);
  });

  test('however many runs end while they start, each gets its turn', () => {
    const dispatcher = createInProcessDispatcher({ perWorkspace: 1 });
    let started = 0;
    dispatcher.enqueue(job('first'), () => undefined);
    for (let n = 0; n < 50_000; n += 1) {
      dispatcher.enqueue(job(`r${n}`), () => {
        started += 1;
        dispatcher.release(job(`r${n}`));
      });
    }
    expect([started, dispatcher.waiting]).toEqual([0, 50_000]);
    dispatcher.release(job('first'));
    expect([started, dispatcher.waiting, dispatcher.running]).toEqual([50_000, 0, 0]);
  });

  test('a run that was not there is neither forgotten nor released', () => {
    const dispatcher = createInProcessDispatcher({ perWorkspace: 1 });
    expect(dispatcher.forget('nobody')).toBe(false);
    dispatcher.release(job('nobody'));
    expect([dispatcher.running, dispatcher.waiting]).toEqual([0, 0]);
  });
});
