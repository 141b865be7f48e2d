/**
 * What one connection may do below the level of messages: at most so many packets a second, text only, and not send while it does not read.
 * Also measures what is queued for it.
 */
import type { Server, Socket } from 'socket.io';

/** A connection below socket.io. */
export type Connection = Socket['conn'];

/** More than this queued and frames are dropped, in bytes. */
export const MAX_QUEUED_BYTES = 256 * 1024;
/** A connection that is sent something while this much is queued is closed, in bytes: it asks and does not read. */
const HOPELESS_BYTES = 2 * MAX_QUEUED_BYTES;
/** Longest message taken from a client, in bytes. */
export const MAX_MESSAGE_BYTES = 100_000;

export interface GuardOptions {
  readonly messagesPerSecond: number;
  readonly monotonicMs: () => number;
}

/** Guards every connection from its first packet on. */
export function guardConnections(io: Server, options: GuardOptions): void {
  io.engine.on('connection', (connection: Connection) => guard(connection, options));
}

function guard(connection: Connection, { messagesPerSecond, monotonicMs }: GuardOptions): void {
  let since = monotonicMs();
  let count = 0;
  // Emitted before the packet is looked at: what is refused here reaches no decoder.
  connection.prependListener('packet', ({ type, data }: { readonly type: string; readonly data?: unknown }) => {
    const now = monotonicMs();
    if (now - since >= 1000) {
      since = now;
      count = 0;
    }
    count += 1;
    const isText = type !== 'message' || (typeof data === 'string' && !isBinaryMessage(data));
    if (count <= messagesPerSecond && isText && queuedBytes(connection) <= HOPELESS_BYTES) return;
    cutOff(connection);
  });
}

/** Closes a connection without waiting for the other end to agree, which a hostile one would not. */
export function cutOff(connection: Connection): void {
  // What has come in already reaches no decoder.
  connection.removeAllListeners('data');
  const socket = socketOf(connection.transport);
  connection.close(true);
  if (socket && 'terminate' in socket && typeof socket.terminate === 'function') socket.terminate();
}

/** Types 5 and 6 of the socket.io protocol announce binary attachments, which would be waited for and kept. */
function isBinaryMessage(message: string): boolean {
  return message.startsWith('5') || message.startsWith('6');
}

/** Bytes handed to the connection that the network has not taken. */
export function queuedBytes(connection: Connection): number {
  return waitingBytes(connection) + bufferedBytes(connection.transport);
}

/** Packets that wait until the transport takes more; the connection keeps them as `writeBuffer`. */
function waitingBytes(connection: object): number {
  const packets: unknown = 'writeBuffer' in connection ? connection.writeBuffer : undefined;
  if (!Array.isArray(packets)) return 0;
  let bytes = 0;
  for (const { data } of packets as readonly { readonly data?: unknown }[]) if (typeof data === 'string') bytes += data.length;
  return bytes;
}

/** What the WebSocket itself holds. */
function bufferedBytes(transport: object): number {
  const socket = socketOf(transport);
  return socket && 'bufferedAmount' in socket ? Number(socket.bufferedAmount) : 0;
}

/** The WebSocket; its transport keeps it as `socket`. */
function socketOf(transport: object): object | undefined {
  const socket: unknown = 'socket' in transport ? transport.socket : undefined;
  return typeof socket === 'object' && socket !== null ? socket : undefined;
}

/** Resolves when the connection has taken what it was given, or is gone. */
export function whenWritable(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const { transport } = connection;
    const done = (): void => {
      transport.off('ready', done);
      connection.off('close', done);
      resolve();
    };
    transport.once('ready', done);
    connection.once('close', done);
  });
}
