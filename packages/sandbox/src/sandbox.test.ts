/** The pool's promises: only the guilty job fails, the dead are replaced, nothing outlives its parent. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { createSandbox, type Sandbox, type SandboxEvent, type SandboxOptions } from './index.ts';
import { aJob, isAlive, onlyError, onlyOutcome, someItems } from './test-kit.ts';

const opened: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((sandbox) => sandbox.close()));
});

function aSandbox(options: SandboxOptions = {}): Sandbox {
  const sandbox = createSandbox({ size: 1, ...options });
  opened.push(sandbox);
  return sandbox;
}

function pidOf(sandbox: Sandbox): number {
  const [pid] = sandbox.stats().pids;
  if (pid === undefined) throw new Error('no child runs');
  return pid;
}

const soon = { timeout: 50_000, interval: 10 };
const endless = 'while (true);';
/** Hours inside one native call, where no interrupt reaches. */
const native = 'return { i: "a".repeat(1e7).indexOf("a".repeat(5e6) + "b") }';

describe('starting', () => {
  test('no child runs before it is needed, and each names the doors it found shut', async () => {
    const sandbox = aSandbox({ size: 2 });
    expect(sandbox.stats().children).toBe(0);
    expect(sandbox.isolation().probes).toEqual({});

    await sandbox.ready();

    expect(sandbox.stats()).toMatchObject({ children: 1, ready: 1 });
    expect(sandbox.isolation()).toMatchObject({
      level: 'process',
      probes: {
        connect: 'ERR_ACCESS_DENIED',
        'read files': 'ERR_ACCESS_DENIED',
        'start processes': 'ERR_ACCESS_DENIED',
        'start threads': 'ERR_ACCESS_DENIED',
        'process members': 'removed',
      },
    });
  });

  test.runIf(process.platform === 'linux')('the child has an empty environment', async () => {
    const sandbox = aSandbox();
    await sandbox.ready();

    expect(readFileSync(`/proc/${sandbox.stats().pids[0]}/environ`, 'utf8')).toBe('');
  });

  test('a child that cannot start is an error for ready() and for jobs, and not an endless loop', async () => {
    const execPath = process.execPath;
    process.execPath = '/bin/false';
    try {
      const events: SandboxEvent[] = [];
      const sandbox = aSandbox({ log: (event) => events.push(event) });

      await expect(sandbox.ready()).rejects.toMatchObject({ code: 'CODE_SANDBOX_UNAVAILABLE' });
      expect(onlyError(await sandbox.run(aJob('return {}')))).toMatchObject({ code: 'CODE_SANDBOX_UNAVAILABLE', kind: 'unavailable' });
      expect(events.length).toBeLessThan(10);

      process.execPath = execPath;
      expect(onlyOutcome(await sandbox.run(aJob('return { up: true }')))).toEqual([{ up: true }]);
    } finally {
      process.execPath = execPath;
    }
  });
});

describe('many jobs', () => {
  test('two hundred jobs at once each get their own answer', async () => {
    const sandbox = aSandbox({ size: 2 });

    const results = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        sandbox.run(aJob('return { n: $json.n * 2, w: $vars }', { workspaceId: `w${n % 3}`, items: [{ json: { n } }] })),
      ),
    );

    expect(results.map(onlyOutcome)).toEqual(Array.from({ length: 200 }, (_, n) => [{ n: n * 2, w: {} }]));
    expect(sandbox.stats()).toMatchObject({ finished: 200, queued: 0, inFlight: 0, killed: 0 });
  });

  test('jobs with large input and large output at once keep their bytes', async () => {
    const sandbox = aSandbox({ size: 2 });
    const text = 'ä😀x'.repeat(100_000);

    const results = await Promise.all(
      Array.from({ length: 6 }, (_, n) => sandbox.run(aJob('return { t: $json.t, n: $json.n }', { items: [{ json: { t: text, n } }] }))),
    );

    expect(results.map(onlyOutcome)).toEqual(Array.from({ length: 6 }, (_, n) => [{ t: text, n }]));
  });

  test('an endless job fails alone: those behind it on the same child finish on another', async () => {
    const sandbox = aSandbox({ size: 1 });
    await sandbox.ready();

    const bad = sandbox.run(aJob(endless, { limits: { timeMs: 600 } }));
    const good = Array.from({ length: 20 }, (_, n) => sandbox.run(aJob('return { n: $json.n }', { items: [{ json: { n } }] })));

    expect((await Promise.all(good)).map(onlyOutcome)).toEqual(Array.from({ length: 20 }, (_, n) => [{ n }]));
    expect(onlyError(await bad).code).toBe('CODE_TIMEOUT');
  });

  test('however many jobs never end, there are at most twice as many children as asked for', async () => {
    const sandbox = aSandbox({ size: 1, limits: { timeMs: 400 } });
    let most = 0;

    const jobs = Array.from({ length: 5 }, () => sandbox.run(aJob(endless)));
    await vi.waitFor(() => {
      most = Math.max(most, sandbox.stats().children);
      expect(sandbox.stats().finished).toBe(5);
    }, soon);

    expect(most).toBe(2);
    expect((await Promise.all(jobs)).map(onlyOutcome)).toEqual(Array.from({ length: 5 }, () => 'CODE_TIMEOUT'));
  });

  test('jobs that fit their limits are not disturbed by one that eats memory', async () => {
    const sandbox = aSandbox({ size: 2 });

    const [greedy, ...others] = await Promise.all([
      sandbox.run(aJob('const a = []; for (;;) a.push(new Array(10_000).fill(0));')),
      ...Array.from({ length: 30 }, (_, n) => sandbox.run(aJob('return { n: $json.n }', { items: [{ json: { n } }] }))),
    ]);

    expect(onlyOutcome(greedy)).toBe('CODE_MEMORY');
    expect(others.map(onlyOutcome)).toEqual(Array.from({ length: 30 }, (_, n) => [{ n }]));
  });
});

describe('limits', () => {
  test('a job may lower a limit and not raise it', async () => {
    const [short, small] = [aSandbox({ limits: { timeMs: 300 } }), aSandbox({ limits: { outputBytes: 1000 } })];

    const long = await short.run(aJob(endless, { limits: { timeMs: 60_000 } }));
    const large = await small.run(aJob('return { a: "x".repeat(5000) }', { limits: { outputBytes: 1e9 } }));

    expect(onlyError(long)).toMatchObject({ code: 'CODE_TIMEOUT', kind: 'timeout', message: expect.stringContaining('300 ms') });
    expect(onlyError(large)).toMatchObject({ code: 'CODE_OUTPUT_TOO_LARGE', kind: 'input' });
  });

  test.each([
    ['a list', 'all-items', 'return Array.from({ length: 11 }, (_, n) => ({ n }))'],
    ['a list without its members', 'all-items', 'return new Array(1e9)'],
    ['a proxy that makes them up', 'all-items', 'return new Proxy([], { get: (t, k) => (k === "length" ? 11 : { a: 1 }) })'],
    ['lists that are short one by one', 'each-item', 'return [{}, {}, {}, {}]'],
    [
      'lists with a length below zero first',
      'each-item',
      'return $itemIndex ? [{}, {}, {}, {}, {}, {}] : new Proxy([], { get: (t, k) => (k === "length" ? -100 : {}) })',
    ],
  ] as const)('more items than the limit, from %s, stop the job', async (_, mode, code) => {
    const sandbox = aSandbox();
    const job = aJob(code, { mode, items: someItems(3), limits: { items: 10 } });
    expect(onlyError(await sandbox.run(job))).toMatchObject({ code: 'CODE_TOO_MANY_ITEMS', kind: 'input' });
  });

  test('as many items as the limit are fine', async () => {
    const sandbox = aSandbox();
    const job = aJob('return [{}, {}]', { items: someItems(5), limits: { items: 10 } });
    expect((await sandbox.run(job)).outcome).toMatchObject({ ok: true, perItem: { length: 5 } });
  });

  test('large jobs and results leave the event loop free', async () => {
    const sandbox = aSandbox();
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    const job = aJob('return $input.all().map(({ json }) => ({ n: json.n, text: "x".repeat(40) }))', {
      mode: 'all-items',
      items: someItems(100_000),
    });
    const running = sandbox.run(job).finally(() => (isOver = true));
    // The text of the job is not made in this turn.
    expect(sandbox.stats().queued).toBe(0);
    turn();
    const { outcome } = await running;
    if (!outcome.ok || !('items' in outcome)) throw new Error('no items');
    expect(outcome.items).toHaveLength(100_000);
    expect(outcome.items[99_999]).toEqual({ json: { n: 99_999, text: 'x'.repeat(40) } });
    expect(turns).toBeGreaterThan(10);
  });

  test('a large job that is cancelled while its text is made never starts', async () => {
    const sandbox = aSandbox();
    const stop = new AbortController();
    const running = sandbox.run(aJob(endless, { items: someItems(100_000) }), stop.signal);
    stop.abort();
    expect(onlyError(await running)).toMatchObject({ code: 'CODE_CANCELLED' });
    expect(onlyOutcome(await sandbox.run(aJob('return { a: 1 }')))).toEqual([{ a: 1 }]);
  });

  test('memory can be lowered for one job', async () => {
    const sandbox = aSandbox();
    const code = 'const a = []; for (let i = 0; i < 20; i += 1) a.push(new Uint8Array(1_000_000)); return { n: a.length }';

    expect(onlyOutcome(await sandbox.run(aJob(code)))).toEqual([{ n: 20 }]);
    expect(['CODE_MEMORY', 'CODE_THREW']).toContain(onlyOutcome(await sandbox.run(aJob(code, { limits: { memoryBytes: 8_000_000 } }))));
  });

  test('input that cannot fit is refused before it is sent', async () => {
    const sandbox = aSandbox({ limits: { memoryBytes: 32 * 1024 * 1024 } });

    expect(onlyOutcome(await sandbox.run(aJob('return {}', { items: [{ json: { t: 'x'.repeat(17 * 1024 * 1024) } }] })))).toBe(
      'CODE_MEMORY',
    );
    expect(sandbox.stats().children).toBe(0);
  });

  test('the time-out covers all items of a job together', async () => {
    const sandbox = aSandbox({ limits: { timeMs: 200 } });

    expect(onlyError(await sandbox.run(aJob('const t = Date.now(); while (Date.now() < t + 50);', { items: someItems(1000) }))).code).toBe(
      'CODE_TIMEOUT',
    );
  });
});

describe('cancel', () => {
  test('a signal that is already aborted starts nothing', async () => {
    const sandbox = aSandbox();

    expect(onlyError(await sandbox.run(aJob('return {}'), AbortSignal.abort()))).toMatchObject({
      code: 'CODE_CANCELLED',
      kind: 'cancelled',
    });
    expect(sandbox.stats().children).toBe(0);
  });

  test('a running job is stopped at once, its child killed, and the next job runs', async () => {
    const sandbox = aSandbox();
    await sandbox.ready();
    const pid = pidOf(sandbox);
    const stop = new AbortController();

    const running = sandbox.run(aJob(native), stop.signal);
    await vi.waitFor(() => expect(sandbox.stats().inFlight).toBe(1), soon);
    stop.abort();

    expect(onlyError(await running)).toMatchObject({ code: 'CODE_CANCELLED', kind: 'cancelled' });
    expect(onlyOutcome(await sandbox.run(aJob('return { a: 1 }')))).toEqual([{ a: 1 }]);
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), soon);
  });

  test('a waiting job that is cancelled never runs', async () => {
    const sandbox = aSandbox({ limits: { timeMs: 300 } });
    const stop = new AbortController();

    const waiting = sandbox.run(aJob('return {}'), stop.signal);
    stop.abort();

    expect(onlyError(await waiting).code).toBe('CODE_CANCELLED');
    expect(sandbox.stats().queued).toBe(0);
  });
});

describe('death', () => {
  test('a child killed in the middle of a job fails that job, and the others run on its successor', async () => {
    const events: SandboxEvent[] = [];
    const sandbox = aSandbox({ log: (event) => events.push(event) });
    await sandbox.ready();

    const victim = sandbox.run(aJob(native));
    const others = Array.from({ length: 5 }, (_, n) => sandbox.run(aJob('return { n: $json.n }', { items: [{ json: { n } }] })));
    process.kill(pidOf(sandbox), 'SIGKILL');

    expect(onlyError(await victim)).toMatchObject({
      code: 'CODE_CRASHED',
      kind: 'unavailable',
      message: expect.stringContaining('SIGKILL'),
    });
    expect((await Promise.all(others)).map(onlyOutcome)).toEqual(Array.from({ length: 5 }, (_, n) => [{ n }]));
    expect(events).toContainEqual(expect.objectContaining({ type: 'child-ended', cause: 'crashed' }));
  });

  test('an idle child that dies is replaced when the next job comes', async () => {
    const sandbox = aSandbox();
    await sandbox.ready();
    process.kill(pidOf(sandbox), 'SIGKILL');
    await vi.waitFor(() => expect(sandbox.stats().children).toBe(0), soon);

    expect(onlyOutcome(await sandbox.run(aJob('return { a: 1 }')))).toEqual([{ a: 1 }]);
  });

  test('an idle child stops after its time, and the next job starts another', async () => {
    const sandbox = aSandbox({ idleStopMs: 50 });
    expect(onlyOutcome(await sandbox.run(aJob('return { a: 1 }')))).toEqual([{ a: 1 }]);

    await vi.waitFor(() => expect(sandbox.stats().children).toBe(0), soon);

    expect(onlyOutcome(await sandbox.run(aJob('return { a: 2 }')))).toEqual([{ a: 2 }]);
    expect(sandbox.stats().killed).toBe(0);
  });
});

describe('close', () => {
  test('close cancels what runs and waits, and leaves no process', async () => {
    const sandbox = aSandbox({ size: 2 });
    await sandbox.ready();
    const jobs = Array.from({ length: 10 }, () => sandbox.run(aJob(native)));
    await vi.waitFor(() => expect(sandbox.stats().children).toBeGreaterThanOrEqual(2), soon);
    const { pids } = sandbox.stats();

    await sandbox.close();

    expect((await Promise.all(jobs)).map((result) => onlyError(result).code)).toEqual(Array.from({ length: 10 }, () => 'CODE_CANCELLED'));
    expect(pids.filter(isAlive)).toEqual([]);
    expect(sandbox.stats().children).toBe(0);
  });

  test('close answers also the jobs behind one that turns out to be long only while it closes', async () => {
    const sandbox = aSandbox({ size: 1 });
    await sandbox.ready();
    const jobs = Array.from({ length: 5 }, () => sandbox.run(aJob(endless)));
    // Nothing is noticed meanwhile: the pool looks for the first time when its children are being ended.
    const until = performance.now() + 200;
    while (performance.now() < until);

    await sandbox.close();

    expect((await Promise.all(jobs)).map((result) => onlyError(result).code)).toEqual(Array.from({ length: 5 }, () => 'CODE_CANCELLED'));
    expect(sandbox.stats()).toMatchObject({ children: 0, queued: 0 });
  });

  test('a closed sandbox runs nothing', async () => {
    const sandbox = aSandbox();
    await sandbox.close();

    expect(onlyError(await sandbox.run(aJob('return {}'))).code).toBe('CODE_CANCELLED');
    await expect(sandbox.ready()).rejects.toMatchObject({ code: 'CODE_SANDBOX_UNAVAILABLE' });
  });

  test('close while a child is starting leaves no process', async () => {
    const sandbox = aSandbox();
    const ready = sandbox.ready().catch((error: Error) => error.message);
    const { pids } = sandbox.stats();

    await sandbox.close();

    expect(await ready).toContain('closed');
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test.each([
    ['idle', ''],
    ['in a loop', endless],
    ['in a native call', native],
  ])('a child that is %s dies with a parent killed by SIGKILL', async (_what, code) => {
    const door = fileURLToPath(new URL('./index.ts', import.meta.url));
    const script = `
      import { createSandbox } from ${JSON.stringify(door)};
      const sandbox = createSandbox({ size: 1 });
      await sandbox.ready();
      const scope = { nodes: {}, run: {}, workflow: {}, vars: {}, now: '', zone: 'UTC' };
      if (${JSON.stringify(code)} !== '') sandbox.run({ workspaceId: 'w', code: ${JSON.stringify(code)}, mode: 'all-items', items: [], scope });
      setTimeout(() => console.log(sandbox.stats().pids[0]), 50);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);

    parent.kill('SIGKILL');

    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), soon);
  });

  test('Ctrl-C in the terminal of the parent leaves running jobs to the parent', async () => {
    const door = fileURLToPath(new URL('./index.ts', import.meta.url));
    const script = `
      import { createSandbox } from ${JSON.stringify(door)};
      const sandbox = createSandbox({ size: 1 });
      await sandbox.ready();
      const scope = { nodes: {}, run: {}, workflow: {}, vars: {}, now: '', zone: 'UTC' };
      process.on('SIGINT', async () => {
        const result = await sandbox.run({ workspaceId: 'w', code: 'return { a: 1 }', mode: 'all-items', items: [], scope });
        console.log(JSON.stringify({ outcome: result.outcome, killed: sandbox.stats().killed }));
        process.exit(0);
      });
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    await once(parent.stdout, 'data');

    process.kill(-(parent.pid ?? Number.NaN), 'SIGINT');
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];

    expect(JSON.parse(line.toString())).toEqual({ outcome: { ok: true, items: [{ json: { a: 1 } }] }, killed: 0 });
  });

  test('an idle sandbox keeps no program running', async () => {
    const door = fileURLToPath(new URL('./index.ts', import.meta.url));
    const script = `
      import { createSandbox } from ${JSON.stringify(door)};
      const sandbox = createSandbox({ size: 1 });
      const scope = { nodes: {}, run: {}, workflow: {}, vars: {}, now: '', zone: 'UTC' };
      const result = await sandbox.run({ workspaceId: 'w', code: 'return { a: 1 }', mode: 'all-items', items: [], scope });
      console.log(JSON.stringify(result.outcome));`;
    const program = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    program.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });

    const [code] = (await once(program, 'close')) as [number];

    expect(code).toBe(0);
    expect(JSON.parse(printed)).toEqual({ ok: true, items: [{ json: { a: 1 } }] });
  });
});
