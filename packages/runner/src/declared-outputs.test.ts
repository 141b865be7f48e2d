/** Runs of workflows that declare what their last steps give: checked when the run would succeed, on a real database. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { WorkflowDefinition } from '@plugboard/engine';
import type { JsonObject } from '@plugboard/sdk';
import { ofType } from './journal-check.test-kit.ts';
import { type Kit, openKit } from './test-kit.ts';
import { aWorkflow } from './workflow.test-kit.ts';

let kit: Kit;
beforeAll(async () => {
  kit = await openKit();
});
afterEach(() => kit.reset());
afterAll(() => kit.close());

const giving = (outputs: JsonObject, definition: WorkflowDefinition): WorkflowDefinition => ({ ...definition, outputs });
const N: JsonObject = { n: { type: 'number', required: true } };
const passing = (name = 'Test') => giving(N, aWorkflow([{ id: 'p', type: 't/pass' }], { name }));
const post = (id: string, type = 't/send-again') => ({ id, type, params: { url: kit.service.url, body: id } });
const calls = () => kit.service.seen.map(({ body }) => (body as { body: string }).body);

describe('a run whose workflow declares its outputs', () => {
  test('succeeds with what fits, and without a further event', async () => {
    const process = await kit.process();
    const run = process.start(passing(), [{ n: 1, more: 'kept' }]);
    const events = await kit.reaches(run.id, 'succeeded');
    expect(events.map(({ type }) => type)).toEqual(['run.started', 'step.finished', 'run.ended']);
    expect((await run.ended).output).toEqual([{ json: { n: 1, more: 'kept' } }]);
  });

  test('fails with what does not fit, in its record and for whoever started it', async () => {
    const process = await kit.process();
    const run = process.start(passing(), [{ n: 1 }, { n: 'two' }, {}]);
    await kit.reaches(run.id, 'failed');
    const { status, error } = await run.ended;
    expect([status, error?.code]).toEqual(['failed', 'OUTPUT_INVALID']);
    expect(error?.message).toContain('"n" has to be a number and is text in item 1 of "p"; "n" is missing in item 2 of "p"');
    expect(await kit.find(run.id)).toMatchObject({ status: 'failed', errorCode: 'OUTPUT_INVALID' });
  });

  test('is a called run that failed for its caller, with the reason', async () => {
    const process = await kit.process();
    process.offer(passing('Called'));
    const run = process.start(aWorkflow([{ id: 'c', type: 't/call', params: { workflow: 'Called' } }]), [{ n: 'one' }]);
    const events = await kit.reaches(run.id, 'failed');
    // Whoever started the run hears no more of it once it waits.
    const error = ofType(events, 'run.ended')[0]?.error;
    expect(error).toMatchObject({ code: 'CALLED_RUN_FAILED', node: 'c' });
    expect(error?.message).toContain('"n" has to be a number and is text');
  });

  test('undoes what it did when it fails so', async () => {
    const process = await kit.process();
    const run = process.start(giving(N, aWorkflow([post('pay'), post('pay-back')], { edges: ['start>pay', 'pay:undo>pay-back'] })));
    const events = await kit.reaches(run.id, 'failed');
    expect(calls()).toEqual(['pay', 'pay-back']);
    expect(ofType(events, 'run.ended')).toMatchObject([{ error: { code: 'OUTPUT_INVALID' } }]);
  });

  test('comes to the same end after a crash at any commit, and does nothing twice', async () => {
    for (let crashAt = 1; crashAt <= 4; crashAt += 1) {
      await kit.reset();
      let commits = 0;
      let isOver = false;
      const first = await kit.process({
        onCommitted: (record) => {
          commits += 1;
          isOver ||= record.end !== undefined;
          if (commits === crashAt) first.kill();
        },
      });
      const run = first.start(giving(N, aWorkflow([post('pay'), post('pay-back')], { edges: ['start>pay', 'pay:undo>pay-back'] })));
      await expect.poll(() => commits >= crashAt || isOver, { timeout: 30_000 }).toBe(true);
      const second = await kit.process();
      await second.recover();
      const events = await kit.reaches(run.id, 'failed');
      expect(ofType(events, 'run.broken'), `a crash at commit ${crashAt}`).toHaveLength(1);
      expect(ofType(events, 'run.ended')).toMatchObject([{ error: { code: 'OUTPUT_INVALID' } }]);
      expect(new Set(calls())).toEqual(new Set(['pay', 'pay-back']));
    }
  });

  test('has a hundred thousand items checked in slices, well or not', async () => {
    const process = await kit.process();
    const many = (outputs: JsonObject) => giving(outputs, aWorkflow([{ id: 'many', type: 't/many', params: { count: 100_000 } }]));
    const wrong = process.start(many({ n: { type: 'text' } }));
    const right = process.start(many(N));
    const [failed, succeeded] = await Promise.all([wrong.ended, right.ended]);
    expect(failed.error?.message).toContain('; and 99980 more.');
    expect([failed.status, succeeded.status]).toEqual(['failed', 'succeeded']);
  });
});
