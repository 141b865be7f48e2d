import { createConnection } from 'node:net';
import { Duplex } from 'node:stream';
import type { FileRef, Json, OutputItem, PollCtx, PollPage, StepSocket } from '@plugboard/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../test-support/certificate.ts';
import { ImapServer } from '../../test-support/imap-server.ts';
import { imapAccountOf, openImap } from '../mail/imap-session.ts';
import { parseMessage } from '../mail/parse-message.ts';
import { emailTrigger } from './email.ts';

const MESSAGE = [
  'From: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= <ann@example.com>',
  'To: shop@example.com',
  'Subject: =?utf-8?B?QmVzdGVsbHVuZw==?= 12',
  'Date: Fri, 20 Nov 2026 10:00:00 +0100',
  'Message-ID: <1@example.com>',
  'Content-Type: multipart/mixed;',
  ' boundary="x"',
  '',
  '--x',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=FC=DFe, eine lange =',
  'Zeile',
  '--x',
  'Content-Type: application/pdf',
  "Content-Disposition: attachment; filename*0*=utf-8''Rechnung%20; filename*1=12.pdf",
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0=',
  '--x--',
  '',
].join('\r\n');
const plain = (subject: string, from = 'bob@example.com'): string => `From: ${from}\r\nSubject: ${subject}\r\n\r\nHello\r\n`;

describe('a message', () => {
  test('is read with its words, its charsets and its attachments', () => {
    const { attachments, headers, ...message } = parseMessage(Buffer.from(MESSAGE, 'latin1'));
    expect(message).toEqual({
      from: 'Grüße <ann@example.com>',
      to: 'shop@example.com',
      cc: '',
      subject: 'Bestellung 12',
      messageId: '<1@example.com>',
      inReplyTo: '',
      date: '2026-11-20T09:00:00.000Z',
      text: 'Grüße, eine lange Zeile',
      html: '',
    });
    expect(headers['content-type']).toBe('multipart/mixed; boundary="x"');
    expect(attachments.map((one) => [one.name, one.mime, one.content.toString()])).toEqual([
      ['Rechnung 12.pdf', 'application/pdf', '%PDF-'],
    ]);
  });

  test.each([
    ['nothing', ''],
    ['no header', '\r\n\r\ntext'],
    ['a part that never ends', 'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nopen'],
    [
      'parts in parts in parts',
      `Content-Type: multipart/mixed; boundary=x\r\n\r\n${'--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n'.repeat(100)}`,
    ],
    ['a charset nobody has', 'Content-Type: text/plain; charset=none\r\n\r\ntext'],
    ['names of paths', 'Content-Disposition: attachment; filename="../../etc/passwd"\r\n\r\nx'],
  ])('that has %s is taken as well as it can be', (_, raw) => {
    const { attachments } = parseMessage(Buffer.from(raw));
    expect(attachments.every((one) => !one.name.includes('/'))).toBe(true);
  });

  test('that was made to take long takes no longer than its length', () => {
    const blanks = `Content-Transfer-Encoding: quoted-printable\r\nSubject: =?utf-8?Q?${'_'.repeat(200_000)}x?=\r\n\r\n${' '.repeat(1_000_000)}x`;
    const begun = performance.now();
    expect(parseMessage(Buffer.from(blanks)).text).toHaveLength(1_000_001);
    // Tried from each blank it would be a quarter of an hour.
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test('of more parts than any message has is read up to the most', () => {
    const parts = '--a\r\nContent-Type: text/plain; name=a\r\n\r\nx\r\n'.repeat(2000);
    const { attachments } = parseMessage(Buffer.from(`Content-Type: multipart/mixed; boundary=a\r\n\r\n${parts}`));
    expect(attachments.length).toBeGreaterThan(400);
    expect(attachments.length).toBeLessThanOrEqual(500);
  });
});

describe('a mail server that means harm', () => {
  const session = async (respond: (command: string) => Iterable<string>): Promise<unknown> => {
    const said = new TransformStream<Uint8Array, Uint8Array>();
    const heard = new TransformStream<Uint8Array, Uint8Array>();
    const writer = said.writable.getWriter();
    const say = (text: string): Promise<void> => writer.write(Buffer.from(text));
    const serve = async (): Promise<void> => {
      await say('* OK hello\r\n');
      for await (const bytes of heard.readable) for (const text of respond(Buffer.from(bytes).toString())) await say(text);
    };
    const serving = serve().catch(() => undefined);
    const connect = (): Promise<StepSocket> =>
      Promise.resolve({ readable: said.readable, writable: heard.writable, close: () => void writer.abort().catch(() => undefined) });
    try {
      const opened = await openImap(imapAccountOf({ host: 'mail.example', security: 'none' }), connect, 1024);
      return await opened.open('INBOX', 'read');
    } finally {
      await writer.abort().catch(() => undefined);
      await heard.readable.cancel().catch(() => undefined);
      await serving;
    }
  };
  function* endlessly(text: string): Iterable<string> {
    for (;;) yield text;
  }

  test.each([
    ['asks again and again', () => ['+ more\r\n'], 'IMAP_INVALID'],
    ['tells without an end', () => endlessly('* 1 EXISTS\r\n'.repeat(1000)), 'IMAP_INVALID'],
    ['sends a line without an end', () => endlessly('x'.repeat(65_536)), 'IMAP_INVALID'],
    ['sends text without an end', () => endlessly(`* X {1000}\r\n${'x'.repeat(1000)}`.repeat(60)), 'IMAP_INVALID'],
    ['announces more than there may be', () => ['* X {99999999999}\r\n'], 'MESSAGE_TOO_LARGE'],
  ] as const)('and %s is left', async (_, respond, code) => {
    await expect(session(respond)).rejects.toMatchObject({ code });
  });
});

describe('a mailbox', () => {
  let server: ImapServer;
  let port: number;
  let cursor: Json | undefined;
  let made: { readonly name: string; readonly mime: string; readonly content: string }[];
  beforeEach(async () => {
    server = new ImapServer();
    port = await server.start();
    cursor = undefined;
    made = [];
  });
  afterEach(() => server.stop());

  const connect = async ({ port: to }: { readonly port: number }): Promise<StepSocket> => {
    const socket = createConnection(to, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.on('error', () => undefined);
    const { readable, writable } = Duplex.toWeb(socket) as unknown as Pick<StepSocket, 'readable' | 'writable'>;
    return { readable, writable, close: () => socket.destroy() };
  };
  const ctx = ({ password = server.password, account = {} }: More): PollCtx =>
    ({
      connect,
      credential: () => Promise.resolve({ host: 'mail.example', port, security: 'none', user: 'me', password, ...account }),
      files: {
        create: (content: Uint8Array, meta: { name: string; mime: string }) => {
          made.push({ ...meta, content: Buffer.from(content).toString() });
          return Promise.resolve({
            id: `f${made.length}`,
            name: meta.name,
            mime: meta.mime,
            size: content.length,
            sha256: '',
          } as unknown as FileRef);
        },
      },
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    }) as unknown as PollCtx;
  interface More {
    readonly params?: object;
    readonly isTest?: boolean;
    readonly password?: string;
    /** Fields of the credential that differ. */
    readonly account?: object;
    /** Dies when it has taken so many pages. */
    readonly pages?: number;
  }
  /** Subjects of what came; the cursor is kept as the server would. */
  const look = async (more: More = {}): Promise<string[]> => {
    const { params = {}, isTest = false, pages = Number.POSITIVE_INFINITY } = more;
    const found: string[] = [];
    const poll = emailTrigger.poll as unknown as (args: object) => AsyncGenerator<PollPage>;
    const usual = { account: 'a', mailbox: 'INBOX', unread: false, attachments: true, maxMiB: 1, after: 'nothing', first: 'remember' };
    let count = 0;
    for await (const page of poll({ params: { ...usual, ...params }, cursor, isTest, ctx: ctx(more) })) {
      found.push(...page.items.map((one) => String(((one as OutputItem).json as { subject: string }).subject)));
      if (!isTest) cursor = page.cursor;
      count += 1;
      if (count >= pages) break;
    }
    return found;
  };

  test('S4-077: gives each new message once, with its attachments as files; what was there is left', async () => {
    server.add(plain('old'));
    expect(await look()).toEqual([]);
    server.add(MESSAGE);
    server.add(plain('two'));
    expect(await look()).toEqual(['Bestellung 12', 'two']);
    expect(await look()).toEqual([]);
    expect(made).toEqual([{ name: 'Rechnung 12.pdf', mime: 'application/pdf', content: '%PDF-' }]);
    expect(server.boxes.get('INBOX')?.some((mail) => mail.isSeen)).toBe(false);
  });

  test('that was left in the middle goes on with the next message', async () => {
    await look();
    for (const subject of ['one', 'two', 'three']) server.add(plain(subject));
    expect(await look({ pages: 1 })).toEqual(['one']);
    expect(await look()).toEqual(['two', 'three']);
  });

  test('that is made anew is looked at from now on, whatever its numbers', async () => {
    server.add(plain('one'));
    await look();
    server.uidValidity = 8;
    server.add(plain('two'));
    expect(await look()).toEqual([]);
    server.add(plain('three'));
    expect(await look()).toEqual(['three']);
  });

  test('is filtered by the server; messages that do not fit are not looked at again', async () => {
    await look();
    server.add(plain('order 1', 'shop@example.com'));
    server.add(plain('other', 'shop@example.com'));
    server.add(plain('order 2', 'x@example.com'));
    expect(await look({ params: { from: 'SHOP', subject: 'order' } })).toEqual(['order 1']);
    expect(cursor).toEqual({ uidValidity: 7, lastUid: 3 });
  });

  test.each([
    [{ after: 'seen' }, true],
    [{ after: 'move', moveTo: 'Done' }, true],
    [{ after: 'move', moveTo: 'Done' }, false],
  ])('has its messages marked or moved once their run is stored: %j, with MOVE: %s', async (params, hasMove) => {
    server.hasMove = hasMove;
    await look({ params });
    server.add(plain('one'));
    server.add(plain('two'));
    expect(await look({ params })).toEqual(['one', 'two']);
    const [inbox, done] = [server.boxes.get('INBOX') ?? [], server.boxes.get('Done') ?? []];
    if (params.after === 'seen') expect(inbox.every((mail) => mail.isSeen)).toBe(true);
    else expect([inbox.length, done.length]).toEqual([0, 2]);
  });

  test('of a message that is too large gives the headers, and says so', async () => {
    await look();
    server.add(`${plain('large')}${'x'.repeat(2 * 1024 * 1024)}`);
    expect(await look()).toEqual(['large']);
    expect(server.commands).toContain('UID FETCH 1 (UID BODY.PEEK[HEADER])');
  });

  test('is tried without anything being kept or marked', async () => {
    server.add(plain('one'));
    server.add(MESSAGE);
    expect(await look({ isTest: true, params: { after: 'seen' } })).toEqual(['Bestellung 12', 'one']);
    expect([cursor, made, server.commands.some((one) => one.startsWith('SELECT'))]).toEqual([undefined, [], false]);
  });

  test('that cannot be opened says why, and never the password', async () => {
    const wrong = await look({ password: 'wrong one' }).catch((error: unknown) => error as Error & { code: string });
    expect([(wrong as { code: string }).code, String(wrong).includes('wrong one')]).toEqual(['IMAP_SIGN_IN_FAILED', false]);
    await expect(look({ params: { mailbox: 'None' } })).rejects.toThrow('no such mailbox');
    await expect(look({ params: { first: 'start', from: 'a\r\nx LOGOUT' } })).rejects.toThrow('no line breaks');
  });

  describe('with STARTTLS', () => {
    const { key, cert } = makeCertificate();
    const account = { host: 'localhost', security: 'starttls', ca: cert };
    beforeEach(() => {
      server.certificate = { key, cert };
    });

    test('is secured before anything is said, and read', async () => {
      await look({ account });
      server.add(MESSAGE);
      server.add(`${plain('large')}${'x'.repeat(200_000)}`);
      expect(await look({ account })).toEqual(['Bestellung 12', 'large']);
      expect(new Set(server.openCommands)).toEqual(new Set(['STARTTLS']));
      expect(server.commands).toContain('LOGOUT');
    });

    test.each<[string, Partial<ImapServer>, object, string, RegExp]>([
      ['a server that cannot', { certificate: undefined }, {}, 'IMAP_NO_STARTTLS', /does not secure.*No password was sent/],
      ['one that is signed in before', { greeting: '* PREAUTH hi' }, {}, 'IMAP_NO_STARTTLS', /signed in before.*No password was sent/],
      ['more that is said in the open', { injected: '* OK more\r\n' }, {}, 'IMAP_TLS_FAILED', /says more.*No password was sent/],
      ['an answer that is no handshake', { isOpenForGood: true }, {}, 'IMAP_TLS_FAILED', /No password was sent/],
      [
        'a certificate nobody vouches for',
        {},
        { ca: undefined },
        'IMAP_TLS_FAILED',
        /\(DEPTH_ZERO_SELF_SIGNED_CERT\).*Check the certificate/,
      ],
      ['the certificate of another', {}, { host: 'mail.example' }, 'IMAP_TLS_FAILED', /\(ERR_TLS_CERT_ALTNAME_INVALID\)/],
    ])('sends no password past %s', async (_, harm, fields, code, message) => {
      Object.assign(server, harm);
      const failure = (await look({ account: { ...account, ...fields } }).catch((error: unknown) => error)) as Error & { code: string };
      expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(message)]);
      expect(server.commands.some((one) => one.includes('LOGIN'))).toBe(false);
      expect(server.heard).not.toContain('secret');
    });

    test('takes a certificate that nobody vouches for only where the credential says so', async () => {
      await expect(look({ account: { ...account, ca: undefined, checkCertificate: false } })).resolves.toEqual([]);
    });
  });
});
