/** Where the server listens: whether it can, and what to do when it cannot. */
import { type Server as TcpServer, createServer as createTcpServer } from 'node:net';
import type { Config } from '../config.ts';

/** Thrown when the address is taken. Stop the other program, or choose another port. */
export class PortInUseError extends Error {
  readonly code = 'PORT_IN_USE';
  constructor(host: string, port: number) {
    super(`${host}:${port} is in use by another program. Stop it, or start with another port: PLUGBOARD_PORT=${port + 1}`);
    this.name = 'PortInUseError';
  }
}

/** Thrown when the server cannot listen where it was told to. The message names the setting to change. */
export class ListenError extends Error {
  readonly code = 'LISTEN_FAILED';
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
  }
}

/** Before anything is made: a database for a server that cannot listen would be left behind. @throws PortInUseError, ListenError */
export async function checkAddress(config: Config): Promise<void> {
  if (config.port === 0) return;
  const probe = createTcpServer();
  await listen(probe, config);
  await new Promise<void>((resolve) => probe.close(() => resolve()));
}

/** @throws PortInUseError, ListenError */
export function listen(server: TcpServer, config: Pick<Config, 'host' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return reject(new PortInUseError(config.host, config.port));
      if (error.code === 'EACCES')
        return reject(
          new ListenError(`This user may not listen on port ${config.port}. Choose one above 1023 with PLUGBOARD_PORT.`, error),
        );
      if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
        return reject(
          new ListenError(`${config.host} is no address of this machine. Set PLUGBOARD_HOST to one, or to 0.0.0.0 for all.`, error),
        );
      }
      reject(new ListenError(`The server cannot listen on ${config.host}:${config.port}: ${error.message}.`, error));
    });
    server.listen({ host: config.host, port: config.port, backlog: 1024 }, () => resolve());
  });
}
