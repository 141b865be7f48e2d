/**
 * How often one caller may ask the API: tokens of each session and key, and of each address for those nobody knows. A caller who was known a
 * moment ago is refused before the database is asked who it is; made-up keys take from the bucket of their address, so that trying them is
 * no way around.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { type RateLimit, createRateLimit } from '../edge/rate-limit.ts';
import { OperationProblem } from '../operation/problem.ts';

export interface ApiLimitOptions {
  /** Requests a second of one caller; 0 for no limit. Asked for at every request. */
  readonly perSecond: () => number;
  /** What the request calls itself with; undefined for nothing. */
  readonly credentialOf: (req: IncomingMessage) => string | undefined;
  /** True for the command line on this machine, which is not limited. */
  readonly isExempt: (req: IncomingMessage) => boolean;
  /** The caller's address. */
  readonly addressOf: (req: IncomingMessage) => string;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/**
 * Looks at who calls, unless that comes too often.
 * @param look gives who it is: `caller` is undefined for nobody in particular
 * @throws OperationProblem TOO_MANY_REQUESTS, and whatever `look` throws
 */
export type ApiLimit = <Identified extends { readonly caller?: string }>(
  req: IncomingMessage,
  look: () => Promise<Identified>,
) => Promise<Identified>;

/** Tokens of a full bucket, in seconds' worth: a page that opens asks for much at once. */
const BURST_SECONDS = 4;
/** Credentials remembered with whom they are of. */
const MAX_KNOWN = 20_000;

interface Limits {
  readonly perSecond: number;
  readonly callers: RateLimit;
  /** Apart from the others: whoever comes from many addresses pushes out no bucket of a known caller. */
  readonly strangers: RateLimit;
}

export function createApiLimit({ perSecond, credentialOf, isExempt, addressOf, now = () => performance.now() }: ApiLimitOptions): ApiLimit {
  let limits: Limits | undefined;
  /** By the hash of the credential. What was revoked still ends with the next request: this only says whose bucket is asked first. */
  const known = new Map<string, string>();

  /** A rate that was changed begins with full buckets. */
  const current = (): Limits | undefined => {
    const rate = perSecond();
    if (rate === 0) return undefined;
    if (limits?.perSecond === rate) return limits;
    const bucket = { perSecond: rate, burst: rate * BURST_SECONDS };
    limits = { perSecond: rate, callers: createRateLimit(bucket), strangers: createRateLimit(bucket) };
    return limits;
  };

  const remember = (hash: string, caller: string): void => {
    known.delete(hash);
    if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? '');
    known.set(hash, caller);
  };

  return async (req, look) => {
    const active = current();
    if (!active || isExempt(req)) return look();
    const credential = credentialOf(req);
    const hash = credential === undefined ? undefined : createHash('sha256').update(credential).digest('base64');
    const before = hash === undefined ? undefined : known.get(hash);
    if (before === undefined) demandToken(active.strangers, networkOf(addressOf(req)), now());
    else demandToken(active.callers, before, now());
    const identified = await look();
    const { caller } = identified;
    if (caller !== undefined && hash !== undefined && caller !== before) {
      remember(hash, caller);
      demandToken(active.callers, caller, now());
    }
    return identified;
  };
}

/** @throws OperationProblem TOO_MANY_REQUESTS */
function demandToken(limit: RateLimit, key: string, now: number): void {
  if (limit.take(key, now)) return;
  throw new OperationProblem('TOO_MANY_REQUESTS', 'You ask more often than this server answers one caller', {
    hint: 'Nothing was done. Wait a second, then send less at once.',
    // At one request a second or more there is a token again by then.
    params: { retryAfterSeconds: 1 },
  });
}

/** Who has one address of IPv6 has a whole network of them. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).parts.slice(0, 4).join(':');
}
