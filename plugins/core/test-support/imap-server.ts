/** A mail server that speaks as much of IMAP4rev1 (RFC 3501, RFC 6851) as the mailbox trigger says it needs, word for word as the RFC has it. */
import { type Server, type Socket, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Certificate } from './certificate.ts';

export interface StoredMail {
  uid: number;
  raw: string;
  isSeen: boolean;
}

export class ImapServer {
  readonly boxes = new Map<string, StoredMail[]>([
    ['INBOX', []],
    ['Done', []],
  ]);
  uidValidity = 7;
  uidNext = 1;
  password = 'secret "word" \\';
  /** Without it, messages are copied and deleted. */
  hasMove = true;
  /** With it, connections can be secured (STARTTLS). */
  certificate: Certificate | undefined;
  greeting = '* OK IMAP4rev1 Service Ready';
  /** Said in the open together with the consent to STARTTLS, as somebody on the way would. */
  injected = '';
  /** Consents to STARTTLS and goes on in the open. */
  isOpenForGood = false;
  /** Every byte that came, as it came over the wire. */
  heard = '';
  readonly commands: string[] = [];
  /** Those of them that came on a connection that was not secure. */
  readonly openCommands: string[] = [];
  readonly #server: Server = createServer((socket) => {
    socket.on('data', (bytes) => (this.heard += bytes.toString('latin1')));
    socket.write(`${this.greeting}\r\n`);
    this.#serve(socket);
  });
  readonly #sockets = new Set<Socket>();

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  add(raw: string): void {
    this.boxes.get('INBOX')?.push({ uid: this.uidNext, raw, isSeen: false });
    this.uidNext += 1;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    let rest = '';
    let box: StoredMail[] = [];
    const answer = (line: string): void => {
      const [, tag = '', command = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
      this.commands.push(command);
      if (!(socket instanceof TLSSocket)) this.openCommands.push(command);
      const say = (text: string): void => void socket.write(Buffer.from(text, 'latin1'));
      const ok = (what: string): void => say(`${tag} OK ${what} completed\r\n`);
      if (command === 'STARTTLS') {
        const { certificate, injected } = this;
        if (!certificate) return say(`${tag} BAD Unknown command\r\n`);
        say(`${tag} OK Begin TLS negotiation now\r\n${injected}`);
        if (this.isOpenForGood) return void socket.once('data', () => say('* OK what do you mean?\r\n'));
        socket.off('data', take);
        return this.#serve(new TLSSocket(socket, { isServer: true, ...certificate }));
      }
      const login = /^LOGIN "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$/.exec(command);
      if (login) {
        const isRight = login[2]?.replaceAll(/\\(.)/g, '$1') === this.password;
        return isRight ? ok('LOGIN') : say(`${tag} NO [AUTHENTICATIONFAILED] not ${login[2]}\r\n`);
      }
      const open = /^(SELECT|EXAMINE) "([^"]*)"$/.exec(command);
      if (open) {
        const found = this.boxes.get(open[2] ?? '');
        if (!found) return say(`${tag} NO [NONEXISTENT] no such mailbox\r\n`);
        box = found;
        say(
          `* ${box.length} EXISTS\r\n* FLAGS (\\Seen \\Deleted)\r\n* OK [UIDVALIDITY ${this.uidValidity}] UIDs valid\r\n* OK [UIDNEXT ${this.uidNext}] Predicted\r\n`,
        );
        return ok(open[1] ?? '');
      }
      const search = /^UID SEARCH UID (\d+):\*(.*)$/.exec(command);
      if (search) {
        const from = Math.min(Number(search[1]), box.at(-1)?.uid ?? 0);
        const criteria = search[2] ?? '';
        const word = (name: string): string => (new RegExp(`${name} "([^"]*)"`).exec(criteria)?.[1] ?? '').toLowerCase();
        const header = (mail: StoredMail, name: string): string =>
          (new RegExp(`^${name}: (.*)$`, 'im').exec(mail.raw)?.[1] ?? '').toLowerCase();
        const found = box.filter(
          (mail) =>
            mail.uid >= from &&
            (!criteria.includes('UNSEEN') || !mail.isSeen) &&
            header(mail, 'From').includes(word('FROM')) &&
            header(mail, 'Subject').includes(word('SUBJECT')),
        );
        say(`* SEARCH${found.map((mail) => ` ${mail.uid}`).join('')}\r\n`);
        return ok('SEARCH');
      }
      const [, act, number, more = ''] = /^UID (FETCH|STORE|MOVE|COPY) (\d+) (.*)$/.exec(command) ?? [];
      const at = box.findIndex((mail) => mail.uid === Number(number));
      const mail = box[at];
      if (act === 'FETCH' && mail) {
        if (more.includes('RFC822.SIZE'))
          say(`* ${at + 1} FETCH (UID ${mail.uid} RFC822.SIZE ${Buffer.byteLength(mail.raw, 'latin1')})\r\n`);
        else {
          const part = more.includes('[HEADER]') ? `${mail.raw.split('\r\n\r\n', 1)[0]}\r\n\r\n` : mail.raw;
          say(`* ${at + 1} FETCH (UID ${mail.uid} BODY[] {${Buffer.byteLength(part, 'latin1')}}\r\n${part})\r\n`);
        }
      }
      if (act === 'STORE' && mail && more.includes('\\Seen')) mail.isSeen = true;
      if (act === 'MOVE' && !this.hasMove) return say(`${tag} BAD Unknown command\r\n`);
      if ((act === 'MOVE' || act === 'COPY') && mail) {
        const into = this.boxes.get(/"([^"]*)"/.exec(more)?.[1] ?? '');
        if (!into) return say(`${tag} NO [TRYCREATE] no such mailbox\r\n`);
        into.push(mail);
        if (act === 'MOVE') box.splice(at, 1);
      }
      if (act === 'STORE' && mail && more.includes('\\Deleted')) box.splice(at, 1);
      if (command === 'LOGOUT') {
        say(`* BYE\r\n`);
        ok('LOGOUT');
        return void socket.end();
      }
      ok(act ?? command);
    };
    const take = (data: Buffer): void => {
      rest += data.toString('utf8');
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        answer(line);
      }
    };
    socket.on('data', take);
  }
}
