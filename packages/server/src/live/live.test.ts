import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CLOSED_FLOW,
  FOREIGN_RUN,
  LiveKit,
  MISSING_RUN,
  OPEN_FLOW,
  OTHER_WORKSPACE,
  RUN,
  WORKSPACE,
  ended,
  heard,
  join,
} from './live.test-kit.ts';
import type { RunFact } from './run-fact.ts';
import type { RunsNews } from './runs-feed.ts';

interface FactsFrame {
  readonly topic: string;
  readonly facts: readonly RunFact[];
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
const seqs = (frames: readonly FactsFrame[]): number[] => frames.flatMap((frame) => frame.facts.map((fact) => fact.seq));

let kit: LiveKit;
beforeEach(() => {
  kit = new LiveKit();
});
afterEach(() => kit.stop());

describe('a watched run', () => {
  test('is heard from the first fact on, in order, whatever was committed before', async () => {
    await kit.start();
    kit.journal.append(RUN, 1200);
    const client = await kit.client();
    const frames = heard<FactsFrame>(client, 'facts');
    expect(await join(client, `run:${RUN}`)).toEqual({ ok: true, seq: 1200 });
    await kit.until(() => seqs(frames).length === 1200);
    kit.commit(RUN, 3);
    await kit.until(() => seqs(frames).length === 1203);
    expect(seqs(frames)).toEqual(upTo(1203));
    expect(frames.every((frame) => frame.topic === `run:${RUN}`)).toBe(true);
  });

  test('has neither holes nor repetitions after ten forced reconnects while it goes on', async () => {
    await kit.start();
    const facts: number[] = [];
    let client = await kit.client();
    let commits = 0;
    const listen = async (): Promise<void> => {
      client.on('facts', (frame: FactsFrame) => void facts.push(...frame.facts.map((fact) => fact.seq)));
      await join(client, `run:${RUN}`, facts.at(-1) ?? 0);
    };
    await listen();
    for (let round = 0; round < 10; round += 1) {
      const before = facts.length;
      await kit.until(() => {
        if (commits < 4000) kit.commit(RUN, (commits += 1) % 3 === 0 ? 4 : 1);
        return facts.length > before + 20;
      }, 1);
      // Cut in the middle of what is on its way, while the run goes on.
      client.io.engine.close();
      kit.commit(RUN, 7);
      client = await kit.client();
      const joining = listen();
      kit.commit(RUN, 2);
      await joining;
    }
    const all = kit.journal.runs.get(RUN)?.length ?? 0;
    await kit.until(() => (facts.at(-1) ?? 0) === all);
    expect(facts).toEqual(upTo(all));
    expect(all).toBeGreaterThan(290);
  });

  test('has no hole when it is committed while a client reads what was before', async () => {
    await kit.start();
    kit.journal.append(RUN, 2000);
    const client = await kit.client();
    const frames = heard<FactsFrame>(client, 'facts');
    void join(client, `run:${RUN}`, 3);
    await kit.until(() => {
      if (kit.live.stats.subscriptions > 0 && (kit.journal.runs.get(RUN)?.length ?? 0) < 2100) kit.commit(RUN);
      return seqs(frames).at(-1) === 2100;
    });
    expect(seqs(frames)).toEqual(upTo(2100).slice(3));
  });

  test('is heard by late and early clients alike', async () => {
    await kit.start();
    const early = await kit.client();
    const late = await kit.client();
    const [first, second] = [heard<FactsFrame>(early, 'facts'), heard<FactsFrame>(late, 'facts')];
    await join(early, `run:${RUN}`);
    kit.commit(RUN, 10);
    const joining = join(late, `run:${RUN}`, 4);
    kit.commit(RUN, 10);
    await joining;
    kit.commit(RUN, 10);
    await kit.until(() => seqs(first).at(-1) === 30 && seqs(second).at(-1) === 30);
    expect(seqs(first)).toEqual(upTo(30));
    expect(seqs(second)).toEqual(upTo(30).slice(4));
  });

  test('gives at most 30 frames a second under 10,000 commits a second, and loses nothing', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<FactsFrame>(client, 'facts');
    await join(client, `run:${RUN}`);
    for (let ms = 0; ms < 1000; ms += 1) {
      for (let n = 0; n < 10; n += 1) kit.commit(RUN);
      let turns = 0;
      await kit.until(() => (turns += 1) > 2, 0);
      kit.clock.advance(1);
    }
    const { frames: made } = kit.live.stats;
    expect(made).toBeLessThanOrEqual(31);
    expect(made).toBeGreaterThan(20);
    await kit.until(() => seqs(frames).length === 10_000);
    expect(seqs(frames)).toEqual(upTo(10_000));
  });

  test('never makes a frame of more than 100 KB', async () => {
    await kit.start();
    const client = await kit.client();
    const sizes: number[] = [];
    client.io.engine.on('packet', ({ data }: { data?: unknown }) => void (typeof data === 'string' && sizes.push(data.length)));
    const frames = heard<FactsFrame>(client, 'facts');
    kit.journal.append(RUN, 700, 900);
    await join(client, `run:${RUN}`);
    kit.commit(RUN, 700, 900);
    await kit.until(() => seqs(frames).length === 1400);
    expect(Math.max(...sizes)).toBeLessThan(100_000);
    expect(seqs(frames)).toEqual(upTo(1400));
  });

  test('shows its last fact with the next heartbeat when nobody told of the commit', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<FactsFrame>(client, 'facts');
    const beats = heard<{ topic: string; seq: number }>(client, 'beat');
    await join(client, `run:${RUN}`);
    kit.commit(RUN, 2);
    await kit.until(() => seqs(frames).length === 2);
    kit.journal.append(RUN, 1);
    kit.clock.advance(1000);
    expect(seqs(frames)).toEqual([1, 2]);
    await kit.until(() => seqs(frames).length === 3);
    expect(beats.at(-1)).toEqual({ topic: `run:${RUN}`, seq: 3 });
  });

  test('goes on after the journal could not be read', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<FactsFrame>(client, 'facts');
    await join(client, `run:${RUN}`);
    kit.journal.isAway = true;
    kit.commit(RUN, 3);
    await kit.until(() => kit.warnings.length > 0);
    expect(await join(client, `run:${FOREIGN_RUN}`)).toMatchObject({ problem: { code: 'NOT_FOUND' } });
    kit.journal.isAway = false;
    await kit.until(() => seqs(frames).length === 3);
    expect(seqs(frames)).toEqual([1, 2, 3]);
  });

  test('is heard from its end by a client that claims facts nobody has', async () => {
    await kit.start();
    kit.journal.append(RUN, 5);
    const [liar, honest] = [await kit.client(), await kit.client()];
    const [lied, told] = [heard<FactsFrame>(liar, 'facts'), heard<FactsFrame>(honest, 'facts')];
    expect(await join(liar, `run:${RUN}`, Number.MAX_SAFE_INTEGER)).toEqual({ ok: true, seq: 5 });
    await join(honest, `run:${RUN}`);
    kit.commit(RUN, 2);
    await kit.until(() => seqs(told).length === 7 && seqs(lied).length === 2);
    expect(seqs(lied)).toEqual([6, 7]);
  });

  test('has no heartbeat while the journal cannot be read', async () => {
    await kit.start();
    const client = await kit.client();
    const beats = heard<{ seq: number }>(client, 'beat');
    await join(client, `run:${RUN}`);
    kit.journal.isAway = true;
    await kit.until(() => kit.warnings.length === 2, 500);
    expect(beats).toEqual([]);
    kit.journal.isAway = false;
    await kit.until(() => beats.length === 1, 500);
  });

  test('costs no read and no timer once nobody watches it', async () => {
    await kit.start();
    const client = await kit.client();
    await join(client, `run:${RUN}`);
    await client.emitWithAck('leave', { topic: `run:${RUN}` });
    expect(kit.live.stats.subscriptions).toBe(0);
    kit.clock.advance(2000);
    await kit.until(() => kit.clock.waiting === 0);
    const { reads } = kit.journal;
    for (let n = 0; n < 100; n += 1) kit.commit(RUN);
    expect([kit.clock.waiting, kit.journal.reads]).toEqual([0, reads]);
  });
});

describe('who may hear', () => {
  test('a foreign run and one that does not exist are refused in the same words', async () => {
    await kit.start();
    const client = await kit.client();
    const foreign = await join(client, `run:${FOREIGN_RUN}`);
    expect(foreign).toMatchObject({ problem: { code: 'NOT_FOUND' } });
    expect(await join(client, `run:${MISSING_RUN}`)).toEqual(foreign);
    expect(await join(client, `runs:${OTHER_WORKSPACE}`)).toEqual(foreign);
    expect(await join(client, `changed:${OTHER_WORKSPACE}`)).toEqual(foreign);
    expect(JSON.stringify(foreign)).not.toContain(FOREIGN_RUN);
    expect(kit.live.stats.subscriptions).toBe(0);
  });

  test('a right that is missing is named to those who may know of the thing', async () => {
    await kit.start();
    kit.adaMay = 'less';
    expect(await join(await kit.client(), `run:${RUN}`)).toMatchObject({ problem: { code: 'FORBIDDEN', params: { needs: 'viewer' } } });
  });

  test('a right that is taken away ends what is heard at the next check', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<FactsFrame>(client, 'facts');
    const refused = heard<{ topic: string; problem: { code: string } }>(client, 'refused');
    await join(client, `run:${RUN}`);
    await join(client, `changed:${WORKSPACE}`);
    kit.adaMay = 'nothing';
    kit.accessVersion += 1;
    await kit.live.recheck(kit.look);
    kit.commit(RUN, 5);
    kit.live.changed(WORKSPACE, { kind: 'workflow', id: OPEN_FLOW });
    await kit.until(() => refused.length === 2);
    await client.emitWithAck('leave', {});
    expect(new Set(refused.map(({ topic, problem }) => `${topic} ${problem.code}`))).toEqual(
      new Set([`changed:${WORKSPACE} NOT_FOUND`, `run:${RUN} NOT_FOUND`]),
    );
    expect(frames).toEqual([]);
    expect(kit.live.stats.subscriptions).toBe(0);
  });

  test('a check without a change decides nothing again', async () => {
    await kit.start();
    await join(await kit.client(), `run:${RUN}`);
    const { decisions } = kit;
    await kit.live.recheck(kit.look);
    expect(kit.decisions).toBe(decisions);
    kit.accessVersion += 1;
    await kit.live.recheck(kit.look);
    await kit.live.recheck(kit.look);
    expect(kit.decisions).toBe(decisions + 1);
    expect(kit.live.stats.subscriptions).toBe(1);
  });

  test('a session that is over closes its sockets at the next check, and opens none', async () => {
    await kit.start();
    const client = await kit.client();
    await join(client, `run:${RUN}`);
    kit.sessions.delete('ada');
    const closing = ended(client);
    await kit.live.recheck(kit.look);
    await closing;
    expect(kit.live.stats).toMatchObject({ sockets: 0, subscriptions: 0 });
    await expect(kit.client()).rejects.toThrow();
  });

  test('who cannot be checked hears nothing more, and may join again', async () => {
    await kit.start();
    const client = await kit.client();
    const refused = heard<{ problem: { code: string } }>(client, 'refused');
    await join(client, `run:${RUN}`);
    await expect(kit.live.recheck(() => Promise.reject(new Error('the database is away')))).rejects.toThrow('away');
    expect(kit.live.stats.subscriptions).toBe(1);
    kit.accessVersion += 1;
    kit.isBlind = true;
    await kit.live.recheck(kit.look);
    await kit.until(() => refused.length === 1);
    expect(refused[0]?.problem.code).toBe('UNAVAILABLE');
    expect(await join(client, `run:${RUN}`)).toMatchObject({ problem: { code: 'UNAVAILABLE' } });
    kit.isBlind = false;
    expect(await join(client, `run:${RUN}`)).toMatchObject({ ok: true });
  });

  test('a token that has run out closes its socket though nobody took it back', async () => {
    await kit.start();
    kit.tokenLifeMs = 5000;
    const client = await kit.client();
    const closing = ended(client);
    await kit.live.recheck(kit.look);
    expect(kit.live.stats.sockets).toBe(1);
    kit.clock.advance(5000);
    await kit.live.recheck(kit.look);
    await closing;
    expect(kit.live.stats.sockets).toBe(0);
  });

  test('a session that is over joins nothing, even before the check', async () => {
    await kit.start();
    const client = await kit.client();
    kit.sessions.delete('ada');
    const closing = ended(client);
    expect(await join(client, `run:${RUN}`)).toMatchObject({ problem: { code: 'UNAUTHENTICATED' } });
    await closing;
  });

  test('nobody without a session, and no foreign page, opens a socket', async () => {
    await kit.start();
    const refused = (session: string | undefined, headers: { [name: string]: string }): Promise<Error> =>
      new Promise((resolve, reject) => {
        const client = kit.open(session, headers);
        client.once('connect_error', resolve);
        client.once('connect', () => reject(new Error('it was let in')));
      });
    await refused(undefined, {});
    await refused('ada', { origin: 'https://evil.example' });
    await refused('ada', { origin: 'null' });
    await refused('ada', { origin: 'http://127.0.0.1.evil.example' });
    await refused('ada', { host: 'rebound.example' });
    expect(kit.live.stats.sockets).toBe(0);
    const own = kit.open('ada', { origin: kit.url });
    await new Promise((resolve) => own.once('connect', () => resolve(undefined)));
  });

  test('counts and heads of a workspace leave out workflows the listener may not see', async () => {
    await kit.start();
    const [ada, vic] = [await kit.client('ada'), await kit.client('vic')];
    const [all, some] = [heard<RunsNews>(ada, 'runs'), heard<RunsNews>(vic, 'runs')];
    await join(ada, `runs:${WORKSPACE}`);
    await join(vic, `runs:${WORKSPACE}`);
    expect(await join(vic, `runs:${WORKSPACE}:${CLOSED_FLOW}`)).toMatchObject({ problem: { code: 'NOT_FOUND' } });
    const changes = heard<{ changes: { id: string }[] }>(vic, 'changed');
    await join(vic, `changed:${WORKSPACE}`);
    kit.commitRun(1, OPEN_FLOW);
    kit.commitRun(2, CLOSED_FLOW);
    kit.commitRun(3, OPEN_FLOW, OTHER_WORKSPACE);
    kit.live.changed(WORKSPACE, { kind: 'workflow', id: CLOSED_FLOW, rev: 2 });
    kit.live.changed(WORKSPACE, { kind: 'workflow', id: OPEN_FLOW, rev: 3 });
    await kit.until(() => all.length > 0 && some.length > 0 && changes.length > 0);
    expect(all[0]).toMatchObject({ started: 2, ended: 2 });
    expect(some[0]).toMatchObject({ started: 1, ended: 1, heads: [{ workflowId: OPEN_FLOW, status: 'succeeded' }] });
    expect(changes.flatMap((frame) => frame.changes)).toEqual([{ kind: 'workflow', id: OPEN_FLOW, rev: 3 }]);
  });
});

describe('news of a workspace', () => {
  test('are at most two frames a second and count every run', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<RunsNews>(client, 'runs');
    await join(client, `runs:${WORKSPACE}`);
    for (let ms = 0, n = 0; ms < 1000; ms += 1) {
      for (let k = 0; k < 20; k += 1) kit.commitRun((n += 1));
      kit.clock.advance(1);
    }
    await kit.until(() => frames.reduce((sum, frame) => sum + frame.ended, 0) === 20_000);
    expect(kit.live.stats.frames).toBeLessThanOrEqual(3);
    expect(frames.at(-1)?.heads).toHaveLength(20);
    expect(frames.at(-1)?.heads[0]?.id).toMatch(/020000$/);
    expect(frames.reduce((sum, frame) => sum + frame.started, 0)).toBe(20_000);
  });

  test('of one workflow leave out the others; a step more is no news, going on after a wait is', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<RunsNews>(client, 'runs');
    await join(client, `runs:${WORKSPACE}:${OPEN_FLOW}`);
    const head = { id: RUN, workspaceId: WORKSPACE, workflowId: OPEN_FLOW, startedAt: 0 };
    const statuses: string[] = [];
    const next = async (status: 'running' | 'waiting' | 'succeeded', isNews: boolean, toSeq: number): Promise<void> => {
      const before = frames.length;
      const end = status === 'succeeded' ? { end: { status } } : {};
      kit.live.committed({ head, create: toSeq === 1, status, toSeq, ...end });
      kit.commitRun(1, CLOSED_FLOW);
      if (isNews) await kit.until(() => frames.length > before);
      else kit.clock.advance(1000);
      statuses.push(frames.at(-1)?.heads[0]?.status ?? '');
    };
    await next('running', true, 1);
    await next('running', false, 2);
    await next('waiting', true, 3);
    await next('running', true, 4);
    await next('running', false, 5);
    await next('succeeded', true, 6);
    expect(frames.map(({ started, ended: over, heads }) => [started, over, heads.length, heads[0]?.status])).toEqual([
      [1, 0, 1, 'running'],
      [0, 0, 1, 'waiting'],
      [0, 0, 1, 'running'],
      [0, 1, 1, 'succeeded'],
    ]);
  });

  test('say once that a thing changed often, and resync when too much did', async () => {
    await kit.start();
    const client = await kit.client();
    const frames = heard<{ changes: unknown[] }>(client, 'changed');
    const resyncs = heard<{ topic: string }>(client, 'resync');
    await join(client, `changed:${WORKSPACE}`);
    for (let rev = 1; rev <= 50; rev += 1) kit.live.changed(WORKSPACE, { kind: 'workflow', id: OPEN_FLOW, rev });
    await kit.until(() => frames.length === 1);
    expect(frames[0]?.changes).toEqual([{ kind: 'workflow', id: OPEN_FLOW, rev: 50 }]);
    for (let n = 0; n < 1000; n += 1) kit.live.changed(WORKSPACE, { kind: 'workflow', id: `w${n}` });
    await kit.until(() => resyncs.length === 1);
    expect(resyncs).toEqual([{ topic: `changed:${WORKSPACE}` }]);
    expect(frames).toHaveLength(1);
  });
});
