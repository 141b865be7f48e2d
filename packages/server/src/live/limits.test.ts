import { type Socket as TcpSocket, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LiveKit, RUN, WORKSPACE, ended, heard, join } from './live.test-kit.ts';
import { MAX_QUEUED_BYTES } from './socket-guard.ts';

let kit: LiveKit;
beforeEach(() => {
  kit = new LiveKit();
});
afterEach(() => kit.stop());

/** A client of bare TCP that speaks just enough WebSocket to say what it wants and then read or not. */
async function bareClient(
  url: string,
): Promise<{ readonly tcp: TcpSocket; readonly say: (text: string, opcode?: number) => void; readonly closed: Promise<void> }> {
  const { port } = new URL(url);
  const tcp = connect(Number(port), '127.0.0.1');
  const closed = new Promise<void>((resolve) => tcp.once('close', () => resolve()));
  tcp.on('error', () => undefined);
  tcp.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\nCookie: session=ada\r\n\r\n`,
  );
  await new Promise<void>((resolve) => tcp.once('data', () => resolve()));
  // Agrees when it is asked to close.
  tcp.on('data', (chunk) => Buffer.from(chunk).includes(0x88) && tcp.end());
  const say = (text: string, opcode = 1): void => {
    const payload = Buffer.from(text);
    const head =
      payload.length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
        : Buffer.from([0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255]);
    // A mask of zeros leaves the payload as it is.
    tcp.write(Buffer.concat([head, Buffer.alloc(4), payload]));
  };
  say('40');
  return { tcp, say, closed };
}

describe('a socket that does not read', () => {
  /** A client that has stopped reading a run, and enough of the run that the server gave up on it. */
  async function anOverfullClient() {
    const slow = await bareClient(kit.url);
    slow.say(`42["join",{"topic":"run:${RUN}"}]`);
    await kit.until(() => kit.live.stats.subscriptions > 0);
    slow.tcp.pause();
    let mostQueued = 0;
    // One frame at a time, until all buffers between the two are full.
    await kit.until(() => {
      const { subscriptions, queuedBytes } = kit.live.stats;
      mostQueued = Math.max(mostQueued, queuedBytes);
      if (subscriptions > 0) kit.commit(RUN, 95, 900);
      return subscriptions === 0;
    }, 34);
    return { ...slow, mostQueued };
  }

  test('has its frames dropped with one resync, and what is kept for it stays bounded', async () => {
    await kit.start();
    const slow = await anOverfullClient();
    expect(kit.live.stats).toMatchObject({ resyncs: 1, sockets: 1 });
    expect(slow.mostQueued).toBeLessThan(MAX_QUEUED_BYTES + 110_000);
    const { queuedBytes } = kit.live.stats;
    const fast = await kit.client();
    let got = 0;
    fast.on('facts', (frame: { facts: unknown[] }) => (got += frame.facts.length));
    const all = kit.journal.append(RUN, 0);
    await join(fast, `run:${RUN}`);
    await kit.until(() => got === all);
    for (let n = 0; n < 50; n += 1) kit.commit(RUN, 95, 900);
    await kit.until(() => got === all + 50 * 95, 34);
    expect(kit.live.stats).toMatchObject({ resyncs: 1 });
    expect(kit.live.stats.queuedBytes).toBeLessThanOrEqual(queuedBytes + 110_000);
    slow.tcp.destroy();
  });

  test('that goes on asking is closed', async () => {
    await kit.start();
    const slow = await anOverfullClient();
    await kit.until(() => {
      kit.clock.advance(1000);
      for (let n = 0; n < 40; n += 1) slow.say('421["join",{"topic":"no"}]');
      return kit.live.stats.sockets === 0;
    }, 0);
    slow.tcp.destroy();
  });

  test('catches up at its own pace and misses nothing', async () => {
    await kit.start();
    kit.journal.append(RUN, 5000, 900);
    const client = await kit.client();
    const got: number[] = [];
    client.on('facts', (frame: { facts: { seq: number }[] }) => void got.push(...frame.facts.map((fact) => fact.seq)));
    const resyncs = heard(client, 'resync');
    await join(client, `run:${RUN}`);
    await kit.until(() => got.length === 5000);
    expect(got.every((seq, index) => seq === index + 1)).toBe(true);
    expect(resyncs).toEqual([]);
  });
});

describe('hostile messages', () => {
  test('a flood closes the socket and nobody else hears of it', async () => {
    await kit.start();
    const [flooder, other] = [await kit.client(), await kit.client()];
    const closing = ended(flooder);
    for (let n = 0; n < 500; n += 1) flooder.emit('noise', n);
    await closing;
    expect(await join(other, `run:${RUN}`)).toMatchObject({ ok: true });
    expect(kit.live.stats.sockets).toBe(1);
  });

  test('fifty messages in a second are taken, and again in the next', async () => {
    await kit.start();
    const client = await kit.client();
    for (let second = 0; second < 3; second += 1) {
      kit.clock.advance(1000);
      for (let n = 0; n < 48; n += 1) client.emit('noise', n);
      expect(await join(client, `runs:${WORKSPACE}`)).toEqual({ ok: true });
    }
  });

  test.each([
    ['a binary attachment', '451-["join",{"_placeholder":true,"num":0}]', 1],
    ['a packet that waits for attachments', '45999-["join"]', 1],
    ['bytes', '\u0001\u0002\u0003', 2],
    ['text that is no packet', '42{"nothing"', 1],
    ['more than 100 KB', `42["join","${'x'.repeat(60_000)}`, 1],
  ] as const)('%s closes the socket', async (title, text, opcode) => {
    await kit.start();
    const client = await bareClient(kit.url);
    await kit.until(() => kit.live.stats.sockets === 1);
    if (title === 'more than 100 KB') {
      // A frame that says it is longer than is taken: 64-bit length of 1 MB.
      client.tcp.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]));
    } else client.say(text, opcode);
    await client.closed;
    await kit.until(() => kit.live.stats.sockets === 0);
  });

  test.each([
    [undefined],
    [null],
    [42],
    ['run:x'],
    [{}],
    [{ topic: 'run:' }],
    [{ topic: `run:${RUN.toUpperCase()}x` }],
    [{ topic: `run:${RUN}:${RUN}` }],
    [{ topic: `run:${RUN}`, after: -1 }],
    [{ topic: `run:${RUN}`, after: 1.5 }],
    [{ topic: `run:${RUN}`, after: '1' }],
    [{ topic: 'x'.repeat(50_000) }],
    [{ topic: { toString: 'no' } }],
    [{ topic: '__proto__' }],
  ])('a join of %j is answered with its problem', async (request) => {
    await kit.start();
    const client = await kit.client();
    expect(await client.emitWithAck('join', request)).toMatchObject({ problem: { code: 'VALIDATION' } });
    expect(kit.live.stats.subscriptions).toBe(0);
  });

  test('a join without an answer asked for, a leave of nothing and unknown events do no harm', async () => {
    await kit.start();
    const client = await kit.client();
    client.emit('join');
    client.emit('join', { topic: `run:${RUN}` }, 'not a function');
    client.emit('leave', { topic: `changed:${WORKSPACE}` });
    client.emit('facts', { topic: `run:${RUN}` });
    expect(await join(client, `runs:${WORKSPACE}`)).toEqual({ ok: true });
  });

  test('a socket has at most so many topics, joins under way included', async () => {
    await kit.start({ limits: { topicsPerSocket: 3 } });
    const client = await kit.client();
    const names = [`run:${RUN}`, `runs:${WORKSPACE}`, `changed:${WORKSPACE}`, `run:${RUN.replace(/1$/, '9')}`];
    const answers = await Promise.all(names.map((name) => join(client, name)));
    expect(answers.map((answer) => answer.problem?.code)).toEqual([undefined, undefined, undefined, 'TOO_MANY_TOPICS']);
    expect(await join(client, `run:${RUN}`)).toMatchObject({ ok: true });
  });

  test('a socket that leaves while it joins leaves nothing behind', async () => {
    await kit.start();
    let open = (): void => undefined;
    kit.journal.gate = new Promise((resolve) => (open = resolve));
    const client = await kit.client();
    client.emit('join', { topic: `run:${RUN}` });
    await kit.until(() => kit.journal.reads > 0);
    client.disconnect();
    await kit.until(() => kit.live.stats.subscriptions === 0);
    open();
    kit.clock.advance(5000);
    await kit.until(() => kit.clock.waiting === 0);
  });
});

describe('many sockets', () => {
  test('2,000 idle ones are held, checked and told, and others of one session are refused', { timeout: 240_000 }, async () => {
    await kit.start();
    const clients = [];
    for (let batch = 0; batch < 20; batch += 1) {
      clients.push(...(await Promise.all(Array.from({ length: 100 }, (_, n) => kit.client(`ada${batch * 100 + n}`)))));
      kit.clock.advance(1000);
    }
    await Promise.all(clients.map((client) => join(client, `runs:${WORKSPACE}`)));
    expect(kit.live.stats).toMatchObject({ sockets: 2000, subscriptions: 2000 });
    let told = 0;
    for (const client of clients) client.once('runs', () => (told += 1));
    kit.commitRun(1);
    await kit.until(() => told === 2000);
    expect(kit.live.stats.frames).toBe(1);
    const { decisions } = kit;
    await kit.live.recheck(kit.look);
    expect(kit.decisions).toBe(decisions);
    kit.sessions.clear();
    await kit.live.recheck(kit.look);
    await kit.until(() => kit.live.stats.sockets === 0);
  });

  test('hundreds that watch one run get every frame in order, whenever they joined', async () => {
    await kit.start({ limits: { socketsPerSession: 500 } });
    const clients = await Promise.all(Array.from({ length: 450 }, () => kit.client()));
    const got = clients.map((client) => {
      const seqs: number[] = [];
      client.on('facts', (frame: { facts: { seq: number }[] }) => void seqs.push(...frame.facts.map((fact) => fact.seq)));
      return seqs;
    });
    for (const [n, client] of clients.entries()) {
      client.emit('join', { topic: `run:${RUN}` });
      if (n % 10 === 0) kit.commit(RUN, 3);
    }
    await kit.until(() => kit.live.stats.subscriptions === 450);
    for (let n = 0; n < 20; n += 1) {
      kit.commit(RUN, 2);
      kit.clock.advance(34);
    }
    const all = kit.journal.append(RUN, 0);
    await kit.until(() => got.every((seqs) => seqs.at(-1) === all), 34);
    const expected = Array.from({ length: all }, (_, n) => n + 1);
    expect(got.every((seqs) => seqs.join() === expected.join())).toBe(true);
  });

  test('one session, and the server, take only so many', async () => {
    await kit.start({ limits: { socketsPerSession: 2, sockets: 3 } });
    await kit.client('ada1');
    await kit.client('ada1');
    await expect(kit.client('ada1')).rejects.toThrow();
    await kit.client('ada2');
    await expect(kit.client('ada3')).rejects.toThrow();
  });

  test('requests of the HTTP server go where they went before, and no polling is served', async () => {
    await kit.start();
    expect(await (await fetch(`${kit.url}/socket.io/?EIO=4&transport=polling`)).text()).toBe('the app');
    expect(await (await fetch(kit.url)).text()).toBe('the app');
  });

  test('a closed live view takes no socket and keeps no timer', async () => {
    await kit.start();
    const client = await kit.client();
    await join(client, `run:${RUN}`);
    const closing = ended(client);
    kit.live.close();
    await closing;
    await expect(kit.client()).rejects.toThrow();
    expect(kit.clock.waiting).toBe(0);
    expect(await (await fetch(kit.url)).text()).toBe('the app');
  });
});
