/**
 * The one way out for steps: WHATWG fetch whose every connection, redirects included, is checked against the address rules
 * after the name was resolved and pinned to the address that was checked.
 */
import { type LookupAddress, type LookupAllOptions, lookup as systemLookup } from 'node:dns';
import { type LookupFunction, isIP } from 'node:net';
import { type SecureContextOptions, rootCertificates } from 'node:tls';
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

/** What a client proves itself with while a TLS connection is made. */
export interface ClientTls {
  /** Connections are shared by requests with the same id, and with no others. */
  readonly id: string;
  readonly cert?: string;
  readonly key?: string;
  readonly pfx?: Buffer;
  readonly passphrase?: string;
  /** Authorities besides the well-known ones. */
  readonly ca?: readonly string[];
}

export interface GuardedFetch {
  readonly fetch: typeof globalThis.fetch;
  /** The same over connections of their own. */
  readonly fetchAs: (tls: ClientTls, input: string, init?: RequestInit) => Promise<Response>;
  close(): Promise<void>;
}

/** Longest wait for a connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Ports with a connector of their own kept for reuse; more are made as needed. */
const CONNECTORS = 64;

/** Client certificates with connections of their own kept for reuse. */
const CLIENTS = 64;

/** @param options.resolve how names are resolved; the system's resolver unless given */
export function createGuardedFetch(rules: AddressRules, { resolve = systemLookup }: { readonly resolve?: Resolve } = {}): GuardedFetch {
  const agent = guardedAgent(rules, resolve);
  const ofClients = new Map<string, Agent>();
  const agentOf = (tls: ClientTls): Agent => {
    const known = ofClients.get(tls.id);
    ofClients.delete(tls.id);
    const used = known ?? guardedAgent(rules, resolve, secureOptions(tls));
    ofClients.set(tls.id, used);
    for (const [id, old] of ofClients) {
      if (ofClients.size <= CLIENTS) break;
      ofClients.delete(id);
      // Requests on it end first.
      void old.close();
    }
    return used;
  };
  const send = async (dispatcher: Agent, input: unknown, init?: object) => {
    try {
      return await undiciFetch(input as string, { ...init, dispatcher });
    } catch (error) {
      throw refusalWithin(error) ?? error;
    }
  };
  return {
    fetch: (input: unknown, init?: object) => send(agent, input, init),
    fetchAs: (tls, input, init) => send(agentOf(tls), input, init),
    async close() {
      await Promise.all([agent, ...ofClients.values()].map((one) => one.close()));
    },
  };
}

function secureOptions({ cert, key, pfx, passphrase, ca }: ClientTls): SecureContextOptions {
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(pfx === undefined ? {} : { pfx }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ...ca] }),
  };
}

function guardedAgent(rules: AddressRules, resolve: Resolve, tls: SecureContextOptions = {}): Agent {
  const connectors = new Map<number, buildConnector.connector>();
  const connectorFor = (port: number): buildConnector.connector => {
    const known = connectors.get(port);
    if (known) return known;
    const made = buildConnector({ ...tls, timeout: CONNECT_TIMEOUT_MS, lookup: checkedLookup(rules, resolve, port) });
    if (connectors.size >= CONNECTORS) connectors.clear();
    connectors.set(port, made);
    return made;
  };
  return new Agent({
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
}

/** fetch hides why a connection was not made below an error of its own, from which it could be taken for a lost one. */
function refusalWithin(error: unknown): EgressDeniedError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof EgressDeniedError) return one;
  return undefined;
}

/** Resolves a name and hands on only addresses that were checked, so that the connection goes where the check looked. */
export function checkedLookup(rules: AddressRules, resolve: Resolve, port: number): LookupFunction {
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
