/** The addresses people, webhooks and the command line come in by. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { createRedirect } from '../edge/redirect.ts';
import { listen } from './listen.ts';

export interface Doors {
  /** Where this machine reaches the server. */
  readonly local: string;
  /** Those beside the main one. */
  readonly further: readonly Server[];
}

/** @throws PortInUseError, ListenError */
export async function openDoors(
  { edge, config, isSecure }: { readonly edge: Server; readonly config: Config; readonly isSecure: boolean },
  stops: (() => unknown)[],
): Promise<Doors> {
  await listen(edge, config);
  // The command line on this machine has no name that a certificate could be for: it gets a door of its own, which nobody else reaches.
  const side = isSecure ? createServer((req, res) => edge.emit('request', req, res)) : undefined;
  if (side) await listen(side, { ...config, host: '127.0.0.1', port: 0 });
  const redirect = config.redirectPort === undefined ? undefined : createRedirect(config.publicUrl ?? '');
  stops.push(() => [side, redirect].forEach((one) => one?.close()));
  if (redirect) await listen(redirect, { ...config, port: config.redirectPort ?? 0 });
  const door = (side ?? edge).address() as AddressInfo;
  const local = `http://${side ? '127.0.0.1' : config.host.includes(':') ? `[${config.host}]` : config.host}:${door.port}`;
  return { local, further: [side, redirect].filter((one) => one !== undefined) };
}
