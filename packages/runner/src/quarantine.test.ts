import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@plugboard/persistence';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, type StartedRun, type TestProcess, openKit, until } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const slow = (gate: string) => ({ id: 'slow', type: 't/slow', params: { gate } });

/** A run whose step is in flight, as the database shows it. */
async function atWork(process: TestProcess, gate: string): Promise<StartedRun> {
  const run = process.start(aWorkflow([slow(gate), { id: 'after', type: 't/pass' }]));
  await until(() => {
    process.clock.advance(50);
    return run.told.includes('accepted') && kit.gates.waiting.includes(gate);
  });
  return run;
}

/** Servers that die each time the step has begun again; gives the process that comes after them. */
async function dieAt(gate: string, deaths: number): Promise<TestProcess> {
  for (let n = 0; n < deaths; n += 1) {
    kit.gates.waiting.length = 0;
    const process = await kit.process();
    await process.recover();
    await until(() => kit.gates.waiting.includes(gate));
    process.kill();
  }
  const last = await kit.process();
  kit.gates.waiting.length = 0;
  await last.recover();
  return last;
}

async function quarantined(gate: string): Promise<{ run: StartedRun; process: TestProcess }> {
  const first = await kit.process();
  const run = await atWork(first, gate);
  first.kill();
  const process = await dieAt(gate, 3);
  await until(async () => (await kit.live(run.id))?.status === 3);
  return { run, process };
}

describe('rule 10: quarantine', () => {
  test('a run that ends its server three times while it goes on alone is held back, with its reason in the journal and the log', async () => {
    const { run, process } = await quarantined('poison');
    expect(await kit.live(run.id)).toMatchObject({ status: 3, waiting: 7 });
    const events = await kit.reaches(run.id, 'waiting');
    expect(ofType(events, 'run.quarantined')).toMatchObject([{ deaths: 3 }]);
    expect(ofType(events, 'run.recovered').map((event) => event.trial?.deaths)).toEqual([0, 1, 2]);
    expect(kit.gates.waiting).toEqual([]);
    expect(process.logged.some(({ level, message }) => level === 'error' && message.includes('held back'))).toBe(true);
    await until(() => process.runner.activeRuns === 0);
    // It stays so whatever happens to servers.
    process.kill();
    const next = await kit.process();
    await next.recover();
    await until(() => next.runner.activeRuns === 0);
    expect([(await kit.live(run.id))?.waiting, kit.gates.waiting]).toEqual([7, []]);
  });

  test('a run of a suspected workflow is stored before its first step, so that it counts even when it ends its server at once', async () => {
    const noted: string[] = [];
    const process = await kit.process({ caution: { storesFirst: () => true, note: (id) => void noted.push(id) } });
    const run = process.start(aWorkflow([slow('at-once')]));
    await until(() => kit.gates.waiting.includes('at-once'));
    // No time has passed for the background flush: what is stored was stored first.
    expect(await kit.live(run.id)).toMatchObject({ status: 1 });
    expect(noted).toHaveLength(1);
    process.kill();
    const last = await dieAt('at-once', 3);
    await until(async () => (await kit.live(run.id))?.waiting === 7);
    expect(last.logged.some(({ message }) => message.includes('held back'))).toBe(true);
  });

  test('a run in quarantine can be cancelled', async () => {
    const { run, process } = await quarantined('poison-cancel');
    await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'c', kind: 'cancel', payload: { by: 'me' } });
    process.runner.wake();
    await until(async () => {
      process.runner.wake();
      return (await kit.find(run.id))?.status === 'cancelled';
    });
    await kit.reaches(run.id, 'cancelled');
  });

  test('a run in quarantine goes on where it stood once a person resumes it', async () => {
    const { run, process } = await quarantined('poison-resume');
    kit.gates.open('poison-resume');
    await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'r', kind: 'resume', payload: { by: 'me' } });
    await until(async () => {
      process.runner.wake();
      return (await kit.find(run.id))?.status === 'succeeded';
    });
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'run.resumed')).toHaveLength(1);
  });

  test('a resume of a run that is in no quarantine changes nothing', async () => {
    const process = await kit.process();
    const run = await atWork(process, 'not-held');
    await process.ownership.putInbox({ runId: run.id, workspaceId: uuidv7(), sourceKey: 'r', kind: 'resume', payload: { by: 'me' } });
    process.runner.wake();
    await until(async () => ofType(await kit.events(run.id), 'run.resumed').length === 1);
    kit.gates.open('not-held');
    expect((await run.ended).status).toBe('succeeded');
    expect(kit.gates.waiting.filter((gate) => gate === 'not-held')).toHaveLength(1);
  });

  test('after a crash the runs that were at work begin again one at a time, and the rest once the first lives', async () => {
    const first = await kit.process();
    for (const gate of ['q1', 'q2', 'q3']) await atWork(first, gate);
    first.kill();
    kit.gates.waiting.length = 0;
    const second = await kit.process();
    expect(await second.recover()).toBe(3);
    await until(() => kit.gates.waiting.length === 1);
    expect(kit.gates.waiting).toEqual(['q1']);
    kit.gates.open('q1');
    await until(() => kit.gates.waiting.length === 3);
    // Others that live for a while let the next ones begin as well.
    second.clock.advance(5000);
    kit.gates.open('q2');
    kit.gates.open('q3');
    await until(() => second.runner.activeRuns === 0);
  });

  test('progress wipes the slate: a run that gets on between the deaths is never held back', async () => {
    const first = await kit.process();
    const gates = ['s1', 's2', 's3', 's4', 's5'];
    const run = first.start(aWorkflow(gates.map((gate) => ({ id: gate, type: 't/slow', params: { gate } }))));
    await until(() => {
      first.clock.advance(50);
      return run.told.includes('accepted') && kit.gates.waiting.includes('s1');
    });
    first.kill();
    for (const [n, gate] of gates.entries()) {
      const process = await kit.process();
      await process.recover();
      kit.gates.open(gate);
      const next = gates[n + 1];
      await until(async () => {
        process.clock.advance(50);
        return next === undefined
          ? (await kit.find(run.id))?.status === 'succeeded'
          : ofType(await kit.events(run.id), 'step.finished').some((event) => event.node === gate) && kit.gates.waiting.includes(next);
      });
      process.kill();
    }
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'run.recovered').map((event) => event.trial?.deaths)).toEqual([0, 0, 0, 0, 0]);
  });

  test('a server that shuts down in order counts for nothing', async () => {
    const first = await kit.process();
    const run = await atWork(first, 'calm');
    for (let n = 0; n < 5; n += 1) {
      const process = n === 0 ? first : await kit.process();
      if (n > 0) await process.recover();
      await process.runner.drain(0);
      await process.ownership.close();
    }
    const last = await kit.process();
    await last.recover();
    kit.gates.open('calm');
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'run.recovered').every((event) => event.trial === undefined)).toBe(true);
  });
});
