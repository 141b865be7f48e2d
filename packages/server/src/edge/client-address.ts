/**
 * Who is calling. The address of the connection, unless that is a proxy the operator trusts: then the last address in
 * `X-Forwarded-For` that is not such a proxy. What stands before it was written by somebody nobody vouches for.
 */
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

type Range = readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

export interface Caller {
  readonly address: string;
  /** A program on this machine, not passed on by a trusted proxy. */
  readonly isLocal: boolean;
}

/** @param trustedProxies addresses and ranges, checked when the settings were read */
export function createCallerOf(trustedProxies: readonly string[]): (req: IncomingMessage) => Caller {
  const ranges = trustedProxies.map(rangeOf);
  const isTrusted = (address: string): boolean => ranges.length > 0 && isInside(address, ranges);
  return (req) => {
    const { remoteAddress, localAddress } = req.socket;
    const direct = remoteAddress ?? '';
    if (!isTrusted(direct)) return { address: direct, isLocal: direct === localAddress || isLoopback(direct) };
    const header = req.headers['x-forwarded-for'];
    const hops = (typeof header === 'string' ? header : (header ?? []).join(',')).split(',', MAX_HOPS).map((hop) => hop.trim());
    for (const hop of hops.toReversed()) {
      if (!ipaddr.isValid(hop)) break;
      if (!isTrusted(hop)) return { address: hop, isLocal: false };
    }
    return { address: direct, isLocal: false };
  };
}

/** Longer lists are nobody's real way here. */
const MAX_HOPS = 50;

function rangeOf(entry: string): Range {
  if (entry.includes('/')) return ipaddr.parseCIDR(entry);
  const address = ipaddr.process(entry);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function isInside(address: string, ranges: readonly Range[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some(([range, bits]) => parsed.kind() === range.kind() && parsed.match(range, bits));
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
