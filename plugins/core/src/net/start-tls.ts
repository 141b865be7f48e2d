/** TLS on a connection that began in the open. From then on only the encrypted side of it may be used. */
import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { StepSocket } from '@plugboard/sdk';
import { asSocket } from './socket.ts';

export interface StartTlsOptions {
  /** Whose certificate it must be. */
  readonly host: string;
  /** PEM, where the certificate is not from a public authority. */
  readonly ca?: string | undefined;
  readonly checkCertificate: boolean;
  readonly timeoutMs: number;
}

/** @throws Error of the handshake, with its code; the connection is closed then */
export async function startTls(connection: StepSocket, options: StartTlsOptions): Promise<StepSocket> {
  const { host, ca, checkCertificate, timeoutMs } = options;
  const open = asSocket(connection);
  const secured = connectTls({
    socket: open,
    host,
    // An address has no name to ask for.
    ...(isIP(host) ? {} : { servername: host }),
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: checkCertificate,
  });
  const close = (): void => {
    secured.destroy();
    open.destroy();
  };
  // What breaks later reaches whoever reads or writes; an error that nobody hears would end the process.
  secured.on('error', () => undefined);
  open.on('error', () => undefined);
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(coded('ETIMEDOUT', `no handshake within ${timeoutMs} ms`)), timeoutMs);
      secured.once('secureConnect', resolve);
      secured.once('error', reject);
      secured.once('close', () => reject(coded('ECONNRESET', 'the connection was closed during the handshake')));
    });
  } catch (error) {
    close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const { readable, writable } = Duplex.toWeb(secured);
  return { readable: readable as ReadableStream<Uint8Array>, writable: writable as WritableStream<Uint8Array>, close };
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
