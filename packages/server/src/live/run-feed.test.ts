/** One watched run, read by sockets that take everything at once. */
import { expect, test } from 'vitest';
import type { FactPage } from './fact-source.ts';
import { TestClock } from './live.test-kit.ts';
import type { RunFact } from './run-fact.ts';
import { RunFeed } from './run-feed.ts';
import type { Subscription } from './subscription.ts';

test('who comes to a long run gets all of it without holding up what else there is to do', async () => {
  const count = 100_000;
  const facts = Array.from({ length: count }, (_, n): RunFact => ({
    seq: n + 1,
    at: '2026-01-01T00:00:00.000Z',
    type: 'cancel.requested',
    by: 'ada',
  }));
  let sent = 0;
  let isOver = false;
  const feed = new RunFeed({
    runId: 'run',
    source: {
      read: (_, after, limit): Promise<FactPage> => Promise.resolve({ facts: facts.slice(after, after + limit), seq: count }),
      committedSeqs: () => Promise.resolve(new Map()),
    },
    outlet: {
      send(_, event, frame) {
        if (event === 'facts' && 'facts' in frame && Array.isArray(frame.facts)) sent += frame.facts.length;
        isOver = sent === count;
      },
      isBusy: () => false,
      resync: () => expect.unreachable(),
      drained: () => Promise.resolve(),
    },
    clock: new TestClock(),
    onError: (error) => expect.unreachable(String(error)),
  });
  const subscription = { isOver: false } as Subscription;
  const seen = new Promise<boolean>((resolve) => setImmediate(() => resolve(isOver)));
  await feed.attach(subscription, 0, () => undefined);
  // Something else had its turn before the end.
  expect(await seen).toBe(false);
  await expect.poll(() => sent).toBe(count);
  feed.leave(subscription);
});
