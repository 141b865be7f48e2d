/**
 * The one way out for steps: WHATWG fetch whose every connection, redirects included, is checked against the address rules
 * after the name was resolved and pinned to the address that was checked.
 */
import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns';
import { type LookupFunction, isIP } from 'node:net';
import { StepFailure } from '@plugboard/sdk';
import { Agent, buildConnector, fetch as undiciFetch } from 'undici';
import type { AddressRules } from './address-rules.ts';

/** Thrown into the request when its address is refused. Nothing was sent, so trying again changes nothing. */
export class EgressDeniedError extends StepFailure {
  constructor(host: string, reason: string) {
    super('EGRESS_DENIED', `${host} is not reachable from workflows: ${reason}. An operator can allow it with PLUGBOARD_EGRESS_ALLOW.`, {
      kind: 'rejected',
    });
  }
}

/** Resolves a name to all its addresses. */
export type Resolve = (
  name: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface GuardedFetch {
  readonly fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

/** Longest wait for a connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Ports with a connector of their own kept for reuse; more are made as needed. */
const CONNECTORS = 64;

/** @param options.resolve how names are resolved; the system's resolver unless given */
export function createGuardedFetch(rules: AddressRules, { resolve = systemLookup }: { readonly resolve?: Resolve } = {}): GuardedFetch {
  const connectors = new Map<number, buildConnector.connector>();
  const connectorFor = (port: number): buildConnector.connector => {
    const known = connectors.get(port);
    if (known) return known;
    const made = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: checkedLookup(rules, resolve, port) });
    if (connectors.size >= CONNECTORS) connectors.clear();
    connectors.set(port, made);
    return made;
  };
  const agent = new Agent({
    connect: (options, callback) => {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
      const reason = isIP(host) ? rules.refusal(host, host, port) : undefined;
      if (reason !== undefined) return callback(new EgressDeniedError(host, reason), null);
      connectorFor(port)(options, callback);
    },
    connections: 128,
    keepAliveTimeout: 10_000,
    headersTimeout: 300_000,
    bodyTimeout: 300_000,
    maxHeaderSize: 64 * 1024,
  });
  const guarded = async (input: unknown, init?: object) => {
    try {
      return await undiciFetch(input as string, { ...init, dispatcher: agent });
    } catch (error) {
      throw refusalWithin(error) ?? error;
    }
  };
  return { fetch: guarded, close: () => agent.close() };
}

/** fetch hides why a connection was not made below an error of its own, from which it could be taken for a lost one. */
function refusalWithin(error: unknown): EgressDeniedError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof EgressDeniedError) return one;
  return undefined;
}

/** Resolves a name and hands on only addresses that were checked, so that the connection goes where the check looked. */
function checkedLookup(rules: AddressRules, resolve: Resolve, port: number): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [], 0);
      for (const { address } of addresses) {
        // Every address, not only the first: a name that also points inside is not to be trusted.
        const reason = rules.refusal(hostname, address, port);
        if (reason !== undefined) return callback(new EgressDeniedError(hostname, reason), [], 0);
      }
      const [first] = addresses;
      if (!first)
        return callback(
          Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname }),
          [],
          0,
        );
      if (options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}
