import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@plugboard/persistence';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, type TestProcess, openKit, until } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const twoSteps = (gate: string) =>
  aWorkflow([
    { id: 'slow', type: 't/slow', params: { gate } },
    { id: 'after', type: 't/pass' },
  ]);
let keys = 0;

async function ask(process: TestProcess, runId: string, kind: 'pause' | 'resume' | 'cancel'): Promise<void> {
  keys += 1;
  await process.ownership.putInbox({ runId, workspaceId: uuidv7(), sourceKey: `${kind}:${keys}`, kind, payload: { by: 'ada' } });
  process.runner.wake();
}

async function pausedAt(process: TestProcess, gate: string) {
  const run = process.start(twoSteps(gate));
  await until(() => {
    process.clock.advance(50);
    return run.told.includes('accepted') && kit.gates.waiting.includes(gate);
  });
  await ask(process, run.id, 'pause');
  await until(async () => ofType(await kit.events(run.id), 'pause.requested').length > 0);
  return run;
}

describe('S1-014 S1-015: a run that a person pauses', () => {
  test('finishes the step under way, leaves memory, and goes on behind it when it is resumed', async () => {
    const process = await kit.process();
    const run = await pausedAt(process, 'p1');
    expect(await kit.live(run.id)).toMatchObject({ status: 1 });
    kit.gates.open('p1');
    expect(await run.suspended).toBe('paused');
    expect([process.runner.activeRuns, await kit.live(run.id)]).toMatchObject([0, { status: 2, waiting: null }]);
    await ask(process, run.id, 'resume');
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'step.finished').map(({ node }) => node)).toEqual(['slow', 'after']);
  });

  test('stays paused over the death of its server, and repeats nothing afterwards', async () => {
    const first = await kit.process();
    const run = await pausedAt(first, 'p2');
    kit.gates.open('p2');
    await run.suspended;
    first.kill();
    const next = await kit.process();
    await next.recover();
    await until(() => next.runner.activeRuns === 0);
    expect(await kit.live(run.id)).toMatchObject({ status: 2 });
    kit.gates.waiting.length = 0;
    await ask(next, run.id, 'resume');
    await kit.reaches(run.id, 'succeeded');
    expect(kit.gates.waiting).toEqual([]);
  });

  test('is cancelled at once', async () => {
    const process = await kit.process();
    const run = await pausedAt(process, 'p3');
    kit.gates.open('p3');
    await run.suspended;
    await ask(process, run.id, 'cancel');
    await kit.reaches(run.id, 'cancelled');
  });
});
