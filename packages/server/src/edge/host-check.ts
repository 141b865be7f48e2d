/**
 * Which Host headers are answered. A page on a foreign name that resolves to this machine (DNS rebinding) is not.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Config } from '../config.ts';

/** A name or IPv4 address, or an IPv6 address in brackets; a port may follow. */
const HOST = /^(?:\[([0-9a-f:.]+)\]|([^[\]:@/]+))(?::\d{1,5})?$/i;
/** Headers whose answer is remembered. */
const LIMIT = 1000;

export function createHostCheck(
  config: Pick<Config, 'host' | 'publicUrl'> & Partial<Pick<Config, 'hooksUrl'>>,
): (header: string | undefined) => boolean {
  const names = new Set(['localhost', hostname().toLowerCase(), config.host.toLowerCase()]);
  for (const url of [config.publicUrl, config.hooksUrl]) if (url) names.add(new URL(url).hostname.toLowerCase());
  const known = new Set<string>();
  return (header) => {
    if (header === undefined) return false;
    if (known.has(header)) return true;
    const match = HOST.exec(header);
    if (!match) return false;
    const name = (match[1] ?? match[2] ?? '').toLowerCase();
    // An address cannot be rebound: whoever uses one means this machine.
    const allowed = match[1] === undefined ? names.has(name) || isIP(name) === 4 : isIP(name) === 6;
    if (allowed && known.size < LIMIT) known.add(header);
    return allowed;
  };
}
