/**
 * A socket of the live view that costs little: the WebSocket and socket.io framing of a plain TCP connection, text only. A browser's client is
 * a hundred times heavier, and ten thousand of them would measure themselves. Loopback only.
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

export interface LiveSocketOptions {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly onEvent: (name: string, frame: unknown, bytes: number) => void;
  readonly onClosed?: () => void;
}

export interface LiveSocket {
  /** Answer of the server to a join. */
  join(
    topic: string,
    after?: number,
  ): Promise<{ readonly ok?: boolean; readonly seq?: number; readonly problem?: { readonly code: string } }>;
  /** Without a word, as a network does that breaks. */
  cut(): void;
}

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const OPEN_WITHIN_MS = 60_000;

/** @throws Error when it is refused, or not open in time */
export function openLiveSocket({ port, headers, onEvent, onClosed }: LiveSocketOptions): Promise<LiveSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const acks = new Map<number, (answer: never) => void>();
    let lastAck = 0;
    let isUpgraded = false;
    let isOpen = false;
    let rest: Buffer = Buffer.alloc(0);
    const late = setTimeout(() => socket.destroy(new Error('the socket did not open in time')), OPEN_WITHIN_MS);
    const send = (text: string): void => void socket.write(clientFrame(TEXT, Buffer.from(text)));

    const message = (text: string): void => {
      // engine.io: 0 open, 2 ping, 4 message; socket.io within a message: 0 connected, 2 event, 3 answer.
      if (text === '2') return send('3');
      if (text.startsWith('0')) return send('40');
      if (text.startsWith('40')) {
        isOpen = true;
        clearTimeout(late);
        resolve({
          join: (topic, after = 0) =>
            new Promise((answered) => {
              lastAck += 1;
              acks.set(lastAck, answered);
              send(`42${lastAck}${JSON.stringify(['join', { topic, after }])}`);
            }),
          cut: () => socket.destroy(),
        });
        return;
      }
      if (text.startsWith('43')) {
        const start = text.indexOf('[');
        const id = Number(text.slice(2, start));
        acks.get(id)?.((JSON.parse(text.slice(start)) as never[])[0] as never);
        acks.delete(id);
      } else if (text.startsWith('42')) {
        const [name, frame] = JSON.parse(text.slice(2)) as [string, unknown];
        onEvent(name, frame, text.length);
      }
    };

    socket.on('connect', () => socket.write(upgradeRequest(port, headers)));
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (!isUpgraded) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        const status = rest.toString('latin1', 0, rest.indexOf('\r\n'));
        if (!status.includes(' 101 ')) return void socket.destroy(new Error(`refused: ${status}`));
        isUpgraded = true;
        rest = rest.subarray(end + 4);
      }
      rest = takeFrames(rest, (code, payload) => {
        if (code === TEXT) message(payload.toString('utf8'));
        else if (code === PING) socket.write(clientFrame(PONG, payload));
        else if (code === CLOSE) socket.end();
      });
    });
    socket.on('error', (error) => {
      if (!isOpen) reject(error);
    });
    socket.on('close', () => {
      clearTimeout(late);
      if (!isOpen) reject(new Error('the server closed the connection'));
      onClosed?.();
    });
  });
}

function upgradeRequest(port: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Clients mask what they send. */
export function clientFrame(code: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const long = payload.length > 125;
  const header = Buffer.alloc(long ? 4 : 2);
  header[0] = 0x80 | code;
  header[1] = 0x80 | (long ? 126 : payload.length);
  if (long) header.writeUInt16BE(payload.length, 2);
  const masked = Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
  return Buffer.concat([header, mask, masked]);
}

/** Whole frames of a server, and what is left. Servers do not mask, and ours does not cut messages into parts. */
export function takeFrames(bytes: Buffer, take: (code: number, payload: Buffer) => void): Buffer {
  let at = 0;
  while (bytes.length - at >= 2) {
    const code = (bytes[at] ?? 0) & 0x0f;
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const header = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length - at < header) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    if (bytes.length - at < header + length) break;
    take(code, bytes.subarray(at + header, at + header + length));
    at += header + length;
  }
  return bytes.subarray(at);
}
