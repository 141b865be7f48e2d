import { once } from 'node:events';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { testFile } from '@plugboard/testing';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';
import { makeCertificate } from '../../test-support/certificate.ts';

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly user: string | undefined;
  readonly isSecure: boolean;
}

let key: string;
let cert: string;
const closing: (() => void)[] = [];
beforeAll(() => {
  ({ key, cert } = makeCertificate());
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Mailbox {
  readonly port: number;
  readonly mails: readonly Mail[];
}

async function aMailServer(options: Partial<SMTPServerOptions> = {}): Promise<Mailbox> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    key,
    cert,
    authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    disabledCommands: [],
    onAuth({ method, username, password, accessToken }, _session, done) {
      const isRight = method === 'XOAUTH2' ? accessToken === 'the-token' : username === 'shop' && password === 'geheim';
      if (isRight) done(null, { user: username });
      else done(new Error('wrong'));
    },
    onRcptTo(address, _session, done) {
      if (address.address.startsWith('nobody')) done(Object.assign(new Error('no such mailbox'), { responseCode: 550 }));
      else if (address.address.startsWith('later')) done(Object.assign(new Error('try later'), { responseCode: 451 }));
      else done();
    },
    onData(stream, session, done) {
      const take = async (): Promise<void> => {
        const raw = await text(stream);
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map((one) => one.address),
          raw,
          user: session.user === undefined ? undefined : String(session.user),
          isSecure: session.secure,
        });
        if (raw.includes('spam')) done(Object.assign(new Error('this is spam'), { responseCode: 554 }));
        else done();
      };
      void take();
    },
    ...options,
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  closing.push(() => server.close());
  return { port: (server.server.address() as AddressInfo).port, mails };
}

const MAIL = { account: 'mail', from: 'Shop <shop@example.com>', to: 'ada@example.com', subject: 'Grüße', text: 'Hello' };
const account = (port: number, more: object = {}) => ({
  host: '127.0.0.1',
  port,
  security: 'starttls',
  auth: 'password',
  user: 'shop',
  password: 'geheim',
  ca: cert,
  ...more,
});
const sending = (port: number, params: object = {}, more: object = {}) =>
  step('send-email')
    .params({ ...MAIL, ...params })
    .credential('account', account(port, more))
    .connect(`127.0.0.1:${port}`)
    .items([{ n: 1 }]);

describe('send-email', () => {
  test('sends over STARTTLS with the password, and goes on with what the server said', async () => {
    const { port, mails } = await aMailServer();
    const run = await both(sending(port));
    expect(run.errors).toEqual([]);
    const { messageId } = (run.items[0] ?? {})['email'] as { messageId: string };
    expect(run.items).toMatchObject([{ n: 1, email: { accepted: ['ada@example.com'], rejected: [] } }]);
    expect(mails).toHaveLength(2);
    expect(mails[0]).toMatchObject({ from: 'shop@example.com', to: ['ada@example.com'], user: 'shop', isSecure: true });
    expect(mails[0]?.raw).toContain(`Message-ID: ${messageId}`);
    expect(mails[0]?.raw).toContain('Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=');
    expect(mails[0]?.raw, 'every attempt sends the same bytes').toBe(mails[1]?.raw);
  });

  test('sends over TLS from the start, with an access token', async () => {
    const { port, mails } = await aMailServer({ secure: true });
    const run = await both(sending(port, {}, { security: 'tls', auth: 'xoauth2', accessToken: 'the-token' }));
    expect(run.errors).toEqual([]);
    expect(mails[0]).toMatchObject({ isSecure: true, user: 'shop' });
  });

  test('sends text, HTML and files to several, hidden ones in no header', async () => {
    const { port, mails } = await aMailServer();
    const file = testFile('rechnung ü.pdf', new Uint8Array([1, 2, 3, 255]), 'application/pdf');
    const run = await sending(port, {
      to: '"Lovelace, Ada" <ada@example.com>, bob@example.com',
      cc: 'cc@example.com',
      bcc: 'hidden@example.com',
      replyTo: 'answers@example.com',
      html: '<p>Hello</p>',
      attachments: ['*'],
      inReplyTo: '<before@example.com>',
    })
      .files(file)
      .input('main', [{ json: {}, files: { invoice: file.ref } }])
      .run();
    expect(run.errors).toEqual([]);
    const raw = mails[0]?.raw ?? '';
    expect(mails[0]?.to).toEqual(['ada@example.com', 'bob@example.com', 'cc@example.com', 'hidden@example.com']);
    expect(raw).not.toContain('hidden@');
    for (const part of [
      'Reply-To: answers@example.com',
      'In-Reply-To: <before@example.com>',
      'multipart/alternative',
      'application/pdf',
      'AQID/w==',
    ])
      expect(raw).toContain(part);
    expect(run.ports['main']?.[0]?.files).toEqual({ invoice: file.ref });
  });

  test('tells which addresses were refused when others were not', async () => {
    const { port } = await aMailServer();
    const run = await both(sending(port, { to: 'ada@example.com, nobody@example.com' }));
    expect(run.items).toMatchObject([{ email: { accepted: ['ada@example.com'], rejected: ['nobody@example.com'] } }]);
    expect(run.logs[0]?.message).toContain('nobody@example.com');
  });

  test.each([
    ['a wrong password', {}, { password: 'falsch' }, 'SMTP_AUTH_FAILED', 'auth'],
    ['a wrong token', {}, { auth: 'xoauth2', accessToken: 'stolen' }, 'SMTP_AUTH_FAILED', 'auth'],
    ['addresses nobody has', { to: 'nobody@example.com' }, {}, 'SMTP_ADDRESS_REFUSED', 'input'],
    ['a server that asks to come later', { to: 'later@example.com' }, {}, 'SMTP_TEMPORARY', 'rejected'],
    ['a refused message', { text: 'spam' }, {}, 'SMTP_MESSAGE_REFUSED', 'input'],
    ['a certificate nobody vouches for', {}, { ca: '' }, 'SMTP_TLS_FAILED', 'rejected'],
  ])('%s proves that nothing was sent', async (_, params, credential, code, kind) => {
    const { port } = await aMailServer();
    const run = await both(sending(port, params, credential));
    expect(run.errors).toMatchObject([{ error: { code, kind }, isUnknown: false }]);
    expect(JSON.stringify(run.errors)).not.toMatch(/geheim|falsch|stolen|c3RvbGVu|ZmFsc2No/);
  });

  test('never says a password without TLS, whatever the server offers', async () => {
    const { port, mails } = await aMailServer({ disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
    expect(codes(await both(sending(port)))).toEqual(['SMTP_TLS_FAILED']);
    expect(codes(await both(sending(port, {}, { security: 'none' })))).toEqual(['SMTP_NOT_SECURE']);
    expect(mails).toEqual([]);
    const open = await aMailServer({ hideSTARTTLS: true, authOptional: true });
    expect((await both(sending(open.port, {}, { security: 'none', auth: 'none' }))).errors).toEqual([]);
  });

  describe('a server that goes away', () => {
    async function aServerThatEnds(at: 'greeting' | 'envelope' | 'whole'): Promise<number> {
      const server: Server = createServer((socket) => {
        socket.on('error', () => undefined);
        if (at === 'greeting') return void socket.destroy();
        socket.write('220 hello\r\n');
        let isData = false;
        let body = '';
        socket.on('data', (chunk) => {
          const line = chunk.toString('latin1');
          if (isData) {
            body += line;
            return void (body.endsWith('\r\n.\r\n') && socket.destroy());
          }
          if (line.startsWith('EHLO')) socket.write('250 me\r\n');
          else if (line.startsWith('DATA')) {
            isData = true;
            socket.write('354 go on\r\n');
          } else if (at === 'envelope') socket.destroy();
          else socket.write('250 ok\r\n');
        });
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      closing.push(() => server.close());
      return (server.address() as AddressInfo).port;
    }

    test.each([
      ['greeting', false],
      ['envelope', false],
      ['whole', true],
    ] as const)('at the %s leaves open whether it was sent: %s', async (at, isUnknown) => {
      const port = await aServerThatEnds(at);
      const run = await both(sending(port, {}, { security: 'none', auth: 'none' }));
      expect(run.errors).toMatchObject([{ isUnknown }]);
      expect(codes(run)[0]).toMatch(/^SMTP_/);
    });
  });

  test.each([
    [{ subject: 'a\r\nBcc: all@example.com' }, 'HEADER_INVALID'],
    [{ to: 'a@example.com\nBcc: b@example.com' }, 'HEADER_INVALID'],
    [{ from: 'Shop\r\nX: y <shop@example.com>' }, 'HEADER_INVALID'],
    [{ inReplyTo: '<a>\r\nX: y' }, 'HEADER_INVALID'],
    [{ to: '<a@example.com>\u0000' }, 'HEADER_INVALID'],
    [{ to: 'a@example..com' }, 'ADDRESS_INVALID'],
    [{ to: 'not an address' }, 'ADDRESS_INVALID'],
    [{ to: ',' }, 'ADDRESS_INVALID'],
    [{ from: 'a@example.com, b@example.com' }, 'ADDRESS_INVALID'],
    [{ to: Array.from({ length: 101 }, (_, n) => `a${n}@example.com`).join() }, 'TOO_MANY_RECIPIENTS'],
    [{ text: '' }, 'MESSAGE_EMPTY'],
    [{ attachments: ['none'] }, 'FILE_MISSING'],
  ])('%j is refused before anything is connected', async (params, code) => {
    expect(codes(await both(sending(1, params)))).toEqual([code]);
  });

  test('stops with the step', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closing.push(() => silent.close());
    const stop = new AbortController();
    const running = sending((silent.address() as AddressInfo).port).run({ signal: stop.signal, graceMs: 1000 });
    await once(silent, 'connection');
    stop.abort();
    const run = await running;
    expect(codes(run)).toEqual(['CANCELLED']);
  });
});
