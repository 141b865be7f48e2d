/** Runs that keep results of another one, through a real database: all of what is kept is there before the first step, or the run never begins. */
import { continueRun, fold, newRun } from '@plugboard/engine';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, type TestProcess, openKit, until } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const send = (id: string) => ({ id, type: 't/send', params: { url: kit.service.url } });

/** A run whose second write fails. */
async function aFailedRun(process: TestProcess, nodes = [send('first'), send('second')]) {
  kit.service.answer = (_, n) => ({ status: n === 1 ? 422 : 200 });
  const definition = aWorkflow(nodes);
  const run = process.start(definition, [{ n: 1 }]);
  await run.ended;
  const events = await kit.reaches(run.id, 'failed');
  kit.service.answer = () => ({ status: 200 });
  return { id: run.id, definition, events };
}

/** The events a run begins with that goes on from this one. */
async function goingOn(old: Awaited<ReturnType<typeof aFailedRun>>) {
  const [started] = old.events;
  const plan = kit.versions.get((await kit.find(old.id))?.head.workflowId ?? '')?.plan;
  if (started?.type !== 'run.started' || !plan) throw new RangeError('not started');
  const state = newRun(plan);
  for (const event of old.events) fold(state, event);
  const { events } = continueRun({ plan, started, old: { id: old.id, state, isSamePlan: true } });
  return { how: 'retry', run: old.id, keys: old.id, rootRunId: old.id, carried: events.slice(1) } as const;
}

test('what succeeded is not sent again, what failed is sent with its old key', async () => {
  const process = await kit.process();
  const old = await aFailedRun(process);
  const keys = kit.service.seen.map((call) => call.key);
  expect(keys).toHaveLength(2);

  const run = process.start(old.definition, [{ n: 1 }], { begin: 'dispatched', origin: await goingOn(old) });
  await run.ended;
  const events = await kit.reaches(run.id, 'succeeded');

  expect(ofType(events, 'step.carried').map(({ node, from }) => ({ node, from }))).toEqual([{ node: 'first', from: old.id }]);
  expect(kit.service.seen.map((call) => call.key).slice(2)).toEqual([keys[1]]);
});

test('kill -9 after it was accepted: the next process sends what is left, once', async () => {
  const first = await kit.process({ perWorkspace: 1 });
  const old = await aFailedRun(first);
  const blocker = first.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'held' } }]), [{}], { begin: 'dispatched' });
  await blocker.accepted;
  const run = first.start(old.definition, [{ n: 1 }], { begin: 'dispatched', origin: await goingOn(old) });
  await run.accepted;
  first.kill();
  kit.gates.open('held');

  const second = await kit.process();
  await second.recover();
  await kit.reaches(run.id, 'succeeded');
  expect(kit.service.seen).toHaveLength(3);
});

test('a run of which only a part was stored is ended and sends nothing', async () => {
  const first = await kit.process({ perWorkspace: 1 });
  const old = await aFailedRun(first);
  const origin = await goingOn(old);
  const blocker = first.start(aWorkflow([{ id: 'slow', type: 't/slow', params: { gate: 'part' } }]), [{}], { begin: 'dispatched' });
  await blocker.accepted;
  const run = first.start(old.definition, [{ n: 1 }], { begin: 'dispatched', origin });
  await run.accepted;
  first.kill();
  // As it is when the process dies between two records: the first is there, the one with what is kept is not.
  await kit.database.query(`update run_live set next_seq = 1 where run_id = $1`, [run.id]);
  const [row] = await kit.database.query<{ text: string }>(`select convert_from(journal, 'UTF8') as text from run where id = $1`, [run.id]);
  const stored = JSON.parse(row?.text ?? '[]') as unknown[];
  expect(stored.length).toBeGreaterThan(1);
  await kit.database.query(`update run set journal = convert_to($2, 'UTF8'), events = 1 where id = $1`, [
    run.id,
    JSON.stringify(stored.slice(0, 1)),
  ]);
  kit.gates.open('part');

  const second = await kit.process();
  await second.recover();
  await until(async () => (await kit.find(run.id))?.status === 'failed');
  expect(kit.service.seen).toHaveLength(2);
});
