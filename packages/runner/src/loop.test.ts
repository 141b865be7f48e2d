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

type Node = { readonly id: string; readonly type: string; readonly params?: object };

function aLoop(params: object, body: readonly Node[], edges: string) {
  const nodes: Node[] = [{ id: 'start', type: 't/manual' }, { id: 'l', type: 't/loop', params }, ...body];
  return {
    schema: 1 as const,
    name: 'Loop',
    nodes: nodes.map(({ id, type, params: given = {} }) => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params: given as never },
    })),
    edges: ['start>l', ...edges.split(' ')].map((text, order) => {
      const [from = '', to = ''] = text.split('>');
      const [source = '', sourceHandle = 'main'] = from.split('.');
      const [target = '', targetHandle = 'main'] = to.split('.');
      return { id: `e${order}`, order, source, sourceHandle, target, targetHandle };
    }),
    settings: {},
  };
}

describe('loops', () => {
  test('each item goes through the body in rounds of its own, and every round has its own step records', async () => {
    const process = await kit.process();
    const run = process.start(aLoop({}, [{ id: 'a', type: 't/pass' }], 'l.body>a a>l.next'), [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect((await run.ended).output.map((item) => item.json)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const events = await kit.reaches(run.id, 'succeeded');
    expect(ofType(events, 'step.finished').map(({ path }) => path)).toEqual([[0], [1], [2]]);
  });

  test('after the death of the server goes on with the round that was under way', async () => {
    const first = await kit.process();
    const body = [{ id: 'a', type: 't/slow', params: { gate: '={{ "g" + $json.n }}' } }];
    const run = first.start(aLoop({}, body, 'l.body>a a>l.next'), [{ n: 1 }, { n: 2 }]);
    kit.gates.open('g1');
    await until(() => {
      first.clock.advance(50);
      return kit.gates.waiting.includes('g2') && run.told.includes('accepted');
    });
    await until(async () => ofType(await kit.events(run.id), 'step.started').length === 2);
    first.kill();
    kit.gates.waiting.length = 0;
    const next = await kit.process();
    await next.recover();
    await until(() => kit.gates.waiting.length > 0);
    expect(kit.gates.waiting).toEqual(['g2']);
    kit.gates.open('g2');
    await kit.reaches(run.id, 'succeeded');
  });

  test('writes in rounds have keys of their own, each equal for every attempt', async () => {
    const process = await kit.process();
    const body = [{ id: 'w', type: 't/send', params: { url: kit.service.url } }];
    const run = process.start(aLoop({ parallel: 2 }, body, 'l.body>w w>l.next'), [{ n: 1 }, { n: 2 }, { n: 3 }]);
    await run.ended;
    await kit.reaches(run.id, 'succeeded');
    expect(new Set(kit.service.seen.map(({ key }) => key)).size).toBe(3);
  });

  test('a wait in a round is kept with its round', async () => {
    const process = await kit.process();
    const run = process.start(aLoop({}, [{ id: 'w', type: 't/wait', params: { ms: 60_000 } }], 'l.body>w w>l.next'), [{ n: 1 }, { n: 2 }]);
    await run.suspended;
    expect(await kit.timers(run.id)).toEqual(['w@0.1']);
    const ring = async (): Promise<void> => {
      await kit.allDue();
      process.clock.advance(1000);
    };
    await until(async () => {
      await ring();
      return (await kit.find(run.id))?.status === 'succeeded';
    });
    expect(ofType(await kit.reaches(run.id, 'succeeded'), 'wait.over').map(({ path }) => path)).toEqual([[0], [1]]);
  });

  test('rounds that are over count no more: all together may make more than a run may hold', async () => {
    const process = await kit.process({ limits: { maxRunBytes: 2 * 1024 * 1024 } });
    const items = Array.from({ length: 300 }, (_, n) => ({ n }));
    const body = [
      { id: 'a', type: 't/grow', params: { by: 20_000 } },
      { id: 'b', type: 't/keep', params: { when: false } },
    ];
    const run = process.start(aLoop({}, body, 'l.body>a a>b b>l.next'), items);
    expect((await run.ended).status).toBe('succeeded');
    await kit.reaches(run.id, 'succeeded');
  });
});

describe('rule 9: a run of many events', () => {
  /** Stands still behind its rounds, with a snapshot of it kept. */
  async function standingStill(gate: string) {
    const process = await kit.process();
    const items = Array.from({ length: 6000 }, (_, n) => ({ n }));
    const nodes = [
      { id: 'a', type: 't/pass' },
      { id: 'g', type: 't/slow', params: { gate } },
    ];
    const run = process.start(aLoop({}, nodes, 'l.body>a a>l.next l.done>g'), items);
    await until(async () => {
      process.clock.advance(50);
      return kit.gates.waiting.includes(gate) && (await snapshots(run.id)).length === 1;
    });
    await until(async () => ofType(await kit.events(run.id), 'step.started').length === 1);
    process.kill();
    kit.gates.waiting.length = 0;
    return run.id;
  }

  const snapshots = (id: string) => kit.database.query<{ seq: number }>('select seq from run_snapshot where run_id = $1', [id]);

  async function goesOn(id: string, gate: string) {
    const next = await kit.process();
    await next.recover();
    kit.gates.open(gate);
    const events = await kit.reaches(id, 'succeeded');
    expect(ofType(events, 'step.finished').at(-1)?.outputs['main']?.items).toHaveLength(6000);
    return next;
  }

  test('comes back by its last snapshot and the events behind it; the snapshot goes with the end of the run', async () => {
    const id = await standingStill('end');
    const reader = await kit.process();
    await kit.database.query('update run_live set owner = $2 where run_id = $1', [id, reader.ownership.ownerId]);
    const [stored] = await reader.ownership.loadOwned([id]);
    expect(stored?.snapshot?.seq).toBeGreaterThanOrEqual(5000);
    expect(stored?.from).toBeGreaterThan(0);
    expect(stored?.from).toBeLessThanOrEqual(stored?.snapshot?.seq ?? 0);
    reader.kill();
    await goesOn(id, 'end');
    await until(async () => (await snapshots(id)).length === 0);
  });

  test('of a run without rounds none is taken, however much it holds: its events are no longer than its snapshot', async () => {
    const process = await kit.process();
    const definition = aWorkflow([
      { id: 'a', type: 't/grow', params: { by: 3 * 1024 * 1024 } },
      { id: 'g', type: 't/slow', params: { gate: 'large' } },
    ]);
    const run = process.start(definition, [{ n: 1 }]);
    await until(async () => {
      process.clock.advance(50);
      return kit.gates.waiting.includes('large') && ofType(await kit.events(run.id), 'step.finished').length > 0;
    });
    expect(await snapshots(run.id)).toEqual([]);
    kit.gates.open('large');
    await kit.reaches(run.id, 'succeeded');
  });

  test('is folded from its beginning when the snapshot is of another release', async () => {
    const id = await standingStill('other end');
    await kit.database.query('update run_snapshot set format = 99, state = $1', [Buffer.from('nothing this release reads')]);
    await goesOn(id, 'other end');
  });
});
