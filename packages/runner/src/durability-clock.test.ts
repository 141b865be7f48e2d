/** Runs while somebody sets the clock of their server. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, openKit, until } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const DAY_MS = 24 * 60 * 60_000;
const BOTH_WAYS = [
  ['ahead', DAY_MS],
  ['back', -DAY_MS],
] as const;

describe.each(BOTH_WAYS)('rule 18: a clock that jumps a day %s', (_, jump) => {
  test('ends no wait early or late: waits go by the clock of the database', async () => {
    const process = await kit.process();
    const run = process.start(aWorkflow([{ id: 'w', type: 't/wait', params: { ms: 60_000 } }]));
    await run.suspended;
    process.clock.jump(jump);
    process.runner.wake();
    // Another run takes its whole way meanwhile; the first still waits behind it.
    expect((await process.start(aWorkflow([{ id: 'p', type: 't/pass' }])).ended).status).toBe('succeeded');
    expect([await kit.timers(run.id), (await kit.live(run.id))?.status]).toEqual([['w.1'], 3]);
    await kit.allDue();
    await until(async () => {
      process.clock.advance(1000);
      return (await kit.find(run.id))?.status === 'succeeded';
    });
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'wait.over')).toHaveLength(1);
  });

  test('is no active time, and no limit of a run or a step is over by it', async () => {
    const process = await kit.process();
    const slow = { id: 'slow', type: 't/slow', params: { gate: `jump ${jump}` }, timeoutMs: 60_000 };
    const run = process.start(aWorkflow([slow], { settings: { timeoutMs: 60_000 } }));
    await until(() => kit.gates.waiting.includes(`jump ${jump}`));
    process.clock.advance(1000);
    process.clock.jump(jump);
    process.clock.advance(1000);
    kit.gates.open(`jump ${jump}`);
    expect((await run.ended).status).toBe('succeeded');
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'run.ended')[0]?.activeMs).toBe(2000);
  });

  test('changes no pause before the next attempt', async () => {
    let answers = 0;
    kit.service.answer = () => ({ status: answers++ === 0 ? 503 : 200 });
    const process = await kit.process();
    const retry = { maxAttempts: 2, firstDelayMs: 10_000, jitter: 'none' } as const;
    const run = process.start(aWorkflow([{ id: 'send', type: 't/send-again', params: { url: kit.service.url }, retry }]));
    await until(async () => {
      process.clock.advance(10);
      return ofType(await kit.events(run.id), 'retry.scheduled').length === 1;
    });
    process.clock.jump(jump);
    expect(ofType(await kit.events(run.id), 'retry.due')).toEqual([]);
    process.clock.advance(10_000);
    expect((await run.ended).status).toBe('succeeded');
    expect(kit.service.seen).toHaveLength(2);
    await kit.reaches(run.id, 'succeeded');
  });
});
