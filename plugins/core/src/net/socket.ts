/**
 * A brokered connection in the form that mail and database clients expect: a connected net.Socket. Options of a socket that the server sets
 * itself do nothing here.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { StepSocket } from '@plugboard/sdk';

export function asSocket(connection: StepSocket): Socket {
  const duplex = Duplex.fromWeb({ readable: connection.readable, writable: connection.writable } as never);
  const same = (): Duplex => duplex;
  Object.assign(duplex, {
    setTimeout: same,
    setKeepAlive: same,
    setNoDelay: same,
    ref: same,
    unref: same,
    // Already done; clients wait for the event.
    connect: () => {
      queueMicrotask(() => duplex.emit('connect'));
      return duplex;
    },
  });
  // What a client destroys is closed on the server's side too.
  duplex.once('close', () => connection.close());
  return duplex as Socket;
}
