/**
 * As much of IMAP4rev1 (RFC 3501, MOVE of RFC 6851) as a trigger needs, over one connection: secure it, sign in, open a mailbox, find messages by
 * their number, fetch, mark and move them. One command at a time.
 */
import { StepFailure, fail } from '@plugboard/sdk';
import type { JsonObject, StepConnect, StepSocket } from '@plugboard/sdk';
import { startTls } from '../net/start-tls.ts';

export interface ImapAccount {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly auth: 'password' | 'xoauth2';
  readonly user: string;
  readonly password: string;
  readonly accessToken: string;
  readonly ca: string | undefined;
  readonly checkCertificate: boolean;
}

export interface Mailbox {
  /** Numbers of messages mean something only while this stays the same. */
  readonly uidValidity: number;
  /** The number the next message will have, or a later one. */
  readonly uidNext: number;
}

export interface ImapSession {
  open(mailbox: string, access: 'read' | 'change'): Promise<Mailbox>;
  /** Numbers from `from` on that fit the criteria, ascending. */
  find(from: number, criteria: readonly string[]): Promise<number[]>;
  sizeOf(uid: number): Promise<number | undefined>;
  /** The message as it lies there, without marking it; undefined when it is gone. */
  fetch(uid: number, part: 'whole' | 'header'): Promise<Buffer | undefined>;
  markSeen(uid: number): Promise<void>;
  move(uid: number, mailbox: string): Promise<void>;
  close(): void;
}

/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 30_000;
const MOST_LINE_BYTES = 1024 * 1024;
/** What the answers to one command may have together, besides one message. */
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;
/** What one response counts at least: short ones take memory too. */
const LEAST_RESPONSE_BYTES = 64;
/** A server that goes on asking gets no further answer. */
const MOST_PROMPTS = 10;

export function imapAccountOf(fields: JsonObject): ImapAccount {
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return {
    host: text('host'),
    port: typeof fields['port'] === 'number' ? fields['port'] : 993,
    security: fields['security'] === 'none' || fields['security'] === 'starttls' ? fields['security'] : 'tls',
    auth: fields['auth'] === 'xoauth2' ? 'xoauth2' : 'password',
    user: text('user'),
    password: text('password'),
    accessToken: text('accessToken'),
    ca: text('ca') || undefined,
    checkCertificate: fields['checkCertificate'] !== false,
  };
}

/** Connected, secured as the account says, and signed in. @throws StepFailure */
export async function openImap(account: ImapAccount, connect: StepConnect, mostBytes: number): Promise<ImapSession> {
  const { host, port, security, ca, checkCertificate } = account;
  const socket = await connect({
    host,
    port,
    tls: security === 'tls',
    checkCertificate,
    timeoutMs: ANSWER_MS,
    ...(ca !== undefined && { ca }),
  });
  let line = new Line(socket, mostBytes);
  try {
    const greeting = await line.read();
    if (!/^\* (OK|PREAUTH)/i.test(greeting.text))
      fail('IMAP_REFUSED', `${host} takes no connection: ${clean(greeting.text)}`, { kind: 'unavailable' });
    if (security === 'starttls') line = await secure(line, account, greeting.text, mostBytes);
    await signIn(line, account);
    return session(line);
  } catch (error) {
    line.close();
    throw error;
  }
}

/**
 * A connection in the open becomes secure before anything is said on it. Whoever is on the way can make it look as if the server could not, so
 * whatever goes wrong here ends the connection; nothing is said in the open instead.
 */
async function secure(line: Line, account: ImapAccount, greeting: string, mostBytes: number): Promise<Line> {
  const { host, port, ca, checkCertificate } = account;
  const at = `${host}:${port}`;
  const advice = 'No password was sent. Take TLS (port 993) in the credential, or a server that speaks STARTTLS';
  // Signed in already, a connection cannot be secured any more (RFC 3501, 6.2.1).
  if (/^\* PREAUTH/i.test(greeting))
    fail('IMAP_NO_STARTTLS', `${at} says that it is signed in before the connection is secure. ${advice}.`, { kind: 'rejected' });
  try {
    await line.command('STARTTLS');
  } catch (error) {
    if (!(error instanceof StepFailure) || (error.code !== 'IMAP_NO' && error.code !== 'IMAP_BAD')) throw error;
    fail('IMAP_NO_STARTTLS', `${at} does not secure the connection (STARTTLS). ${advice}. ${error.message}`, { kind: 'rejected' });
  }
  const open = line.detach();
  // Said in the open, it would count as said by the server behind TLS.
  if (!open)
    return fail('IMAP_TLS_FAILED', `${at} says more before the connection is secure than it may. ${advice}.`, { kind: 'rejected' });
  try {
    return new Line(await startTls(open, { host, ca, checkCertificate, timeoutMs: ANSWER_MS }), mostBytes);
  } catch (error) {
    const { code = 'unknown reason' } = error as { readonly code?: string };
    return fail(
      'IMAP_TLS_FAILED',
      `${at} made no secure connection (${code}). No password was sent. Check the certificate; one of your own authority goes into the credential.`,
      { kind: 'rejected', cause: error },
    );
  }
}

async function signIn(line: Line, { auth, user, password, accessToken }: ImapAccount): Promise<void> {
  try {
    if (auth === 'password') return void (await line.command(`LOGIN ${quoted(user)} ${quoted(password)}`));
    const proof = Buffer.from(`user=${user}\u0001auth=Bearer ${accessToken}\u0001\u0001`).toString('base64');
    await line.command(`AUTHENTICATE XOAUTH2 ${proof}`);
  } catch (error) {
    // What the server says may repeat what it was told.
    if (error instanceof StepFailure && error.code === 'IMAP_NO')
      fail('IMAP_SIGN_IN_FAILED', 'The mail server does not accept this user and password, or token.', { kind: 'auth' });
    throw error;
  }
}

function session(line: Line): ImapSession {
  return {
    async open(mailbox, access) {
      const told = await line.command(`${access === 'read' ? 'EXAMINE' : 'SELECT'} ${mailboxName(mailbox)}`);
      const number = (name: string): number =>
        Number(new RegExp(`\\[${name} (\\d+)\\]`, 'i').exec(told.map((one) => one.text).join('\n'))?.[1] ?? 0);
      const uidValidity = number('UIDVALIDITY');
      if (uidValidity === 0)
        fail('IMAP_UNSUPPORTED', 'The mailbox has no lasting numbers (UIDVALIDITY), so what is new cannot be told.', { kind: 'input' });
      const uidNext = number('UIDNEXT');
      if (uidNext > 0) return { uidValidity, uidNext };
      const all = await this.find(1, []);
      return { uidValidity, uidNext: (all.at(-1) ?? 0) + 1 };
    },
    async find(from, criteria) {
      const told = await line.command(['UID SEARCH', `UID ${from}:*`, ...criteria].join(' '));
      const numbers = told.flatMap(({ text }) => (/^\* SEARCH/i.test(text) ? [...text.matchAll(/\d+/g)].map((one) => Number(one[0])) : []));
      // A range that begins behind the last message means the last message.
      return numbers.filter((uid) => uid >= from).toSorted((a, b) => a - b);
    },
    async sizeOf(uid) {
      const told = await line.command(`UID FETCH ${uid} (UID RFC822.SIZE)`);
      const found = fetched(told, uid);
      return found && Number(/RFC822\.SIZE (\d+)/i.exec(found.text)?.[1] ?? 0);
    },
    async fetch(uid, part) {
      const told = await line.command(`UID FETCH ${uid} (UID BODY.PEEK[${part === 'header' ? 'HEADER' : ''}])`);
      return fetched(told, uid)?.literals[0];
    },
    async markSeen(uid) {
      await line.command(`UID STORE ${uid} +FLAGS.SILENT (\\Seen)`);
    },
    async move(uid, mailbox) {
      const name = mailboxName(mailbox);
      try {
        await line.command(`UID MOVE ${uid} ${name}`);
      } catch (error) {
        if (!(error instanceof StepFailure) || error.code !== 'IMAP_BAD') throw error;
        await line.command(`UID COPY ${uid} ${name}`);
        await line.command(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`);
        await line.command('EXPUNGE');
      }
    },
    close: () => line.close(),
  };
}

function fetched(told: readonly Told[], uid: number): Told | undefined {
  return told.find(({ text }) => /^\* \d+ FETCH/i.test(text) && new RegExp(`UID ${uid}\\b`, 'i').test(text));
}

/** One response: its text with a mark for each literal, and those. */
interface Told {
  readonly text: string;
  readonly literals: readonly Buffer[];
}

/** The two directions of a connection, in lines. */
class Line {
  readonly #socket: StepSocket;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #mostBytes: number;
  #rest: Buffer = Buffer.alloc(0);
  #commands = 0;
  /** Bytes that the answer to the command at hand may still have. */
  #left: number;

  constructor(socket: StepSocket, mostBytes: number) {
    this.#socket = socket;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
    this.#mostBytes = mostBytes;
    this.#left = MOST_ANSWER_BYTES;
  }

  /** Gives the untagged responses. @throws StepFailure IMAP_NO, IMAP_BAD */
  async command(text: string): Promise<Told[]> {
    this.#commands += 1;
    const tag = `p${this.#commands}`;
    await this.#write(`${tag} ${text}\r\n`);
    this.#left = MOST_ANSWER_BYTES + this.#mostBytes;
    let prompts = 0;
    const told: Told[] = [];
    for (;;) {
      const one = await this.read();
      if (one.text.startsWith('+')) {
        prompts += 1;
        if (prompts > MOST_PROMPTS) fail('IMAP_INVALID', 'The mail server asks again and again.', { kind: 'input' });
        // How a refused token is explained; an empty line ends it.
        await this.#write('\r\n');
        continue;
      }
      if (!one.text.startsWith(`${tag} `)) {
        if (/^\* BYE/i.test(one.text) && !/^LOGOUT/i.test(text))
          fail('CONNECTION_LOST', `The mail server ended the connection: ${clean(one.text)}`, { kind: 'unavailable' });
        told.push(one);
        continue;
      }
      const [, status = ''] = one.text.split(' ', 2);
      if (status.toUpperCase() === 'OK') return told;
      const [verb = ''] = text.split(/ (?=")|$/, 1);
      fail(
        status.toUpperCase() === 'NO' ? 'IMAP_NO' : 'IMAP_BAD',
        `The mail server refuses ${verb.split(' ').slice(0, 2).join(' ')}: ${clean(one.text)}`,
        {
          kind: 'input',
        },
      );
    }
  }

  async read(): Promise<Told> {
    const literals: Buffer[] = [];
    let text = '';
    this.#spend(LEAST_RESPONSE_BYTES);
    for (;;) {
      const part = await this.#until('\r\n');
      this.#spend(part.length);
      const size = /\{(\d+)\+?\}$/.exec(part)?.[1];
      if (size === undefined) return { text: text + part, literals };
      if (Number(size) > this.#mostBytes) fail('MESSAGE_TOO_LARGE', `The mail server sends ${size} bytes at once.`, { kind: 'input' });
      this.#spend(Number(size));
      literals.push(await this.#take(Number(size)));
      text += `${part.slice(0, part.lastIndexOf('{'))}\u0000`;
    }
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) fail('IMAP_INVALID', 'The mail server sends far more than it was asked for.', { kind: 'input' });
  }

  async #until(end: string): Promise<string> {
    for (;;) {
      const at = this.#rest.indexOf(end);
      if (at >= 0) {
        const text = this.#rest.subarray(0, at).toString('latin1');
        this.#rest = this.#rest.subarray(at + end.length);
        return text;
      }
      if (this.#rest.length > MOST_LINE_BYTES) fail('IMAP_INVALID', 'The mail server sends a line without an end.', { kind: 'input' });
      this.#rest = Buffer.concat([this.#rest, await this.#chunk()]);
    }
  }

  async #take(size: number): Promise<Buffer> {
    const parts = [this.#rest];
    let length = this.#rest.length;
    while (length < size) {
      const chunk = await this.#chunk();
      parts.push(chunk);
      length += chunk.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(size);
    return all.subarray(0, size);
  }

  async #chunk(): Promise<Buffer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new StepFailure('IMAP_TIMEOUT', `The mail server gave no answer within ${ANSWER_MS / 1000} s.`, { kind: 'timeout' })),
        ANSWER_MS,
      );
    });
    try {
      const { done, value } = await Promise.race([this.#reader.read(), late]);
      if (done || value === undefined) return fail('CONNECTION_LOST', 'The mail server closed the connection.', { kind: 'unavailable' });
      return Buffer.from(value);
    } finally {
      clearTimeout(timer);
    }
  }

  #write(text: string): Promise<void> {
    return this.#writer.write(Buffer.from(text, 'utf8'));
  }

  /** The connection for other use; undefined when more has come than was asked for. */
  detach(): StepSocket | undefined {
    if (this.#rest.length > 0) return undefined;
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    return this.#socket;
  }

  close(): void {
    // Whether it hears the farewell does not matter.
    this.#write('bye LOGOUT\r\n').catch(() => undefined);
    this.#reader.cancel().catch(() => undefined);
    this.#socket.close();
  }
}

/** @throws StepFailure for what cannot be said in one line */
export function quoted(text: string): string {
  if (/[\r\n\0]/.test(text)) fail('IMAP_TEXT_INVALID', 'A name or word for a mail server has no line breaks.', { kind: 'input' });
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Names of mailboxes are in an encoding of their own (RFC 3501, 5.1.3). */
function mailboxName(name: string): string {
  const encoded = name.replaceAll('&', '&-').replaceAll(/[^\x20-\x7e]+/g, (run) => {
    const base64 = Buffer.from(run, 'utf16le').swap16().toString('base64').replaceAll('=', '').replaceAll('/', ',');
    return `&${base64}-`;
  });
  return quoted(encoded);
}

function clean(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 200);
}
