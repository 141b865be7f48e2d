/**
 * Which addresses steps may reach. Everything that is not public is refused unless the operator allows it by host or range.
 */
import ipaddr from 'ipaddr.js';

export interface AddressRules {
  /** Undefined when the address may be reached, else why not. */
  refusal(host: string, address: string, port: number): string | undefined;
}

interface HostRule {
  readonly host: string;
  readonly port: number | undefined;
}
interface RangeRule {
  readonly range: [ipaddr.IPv4 | ipaddr.IPv6, number];
  readonly port: number | undefined;
}

/** Thrown for an entry that is neither a host nor a range. */
export class EgressRuleError extends Error {
  readonly code = 'EGRESS_RULE_INVALID';
  constructor(entry: string) {
    super(
      `PLUGBOARD_EGRESS_ALLOW: "${entry}" is neither a host, an address nor a range such as 10.0.0.0/8; a port may follow after a colon`,
    );
    this.name = 'EgressRuleError';
  }
}

const HOST_NAME = /^[a-z0-9_]([a-z0-9._-]*[a-z0-9])?$/i;
/** A last part of digits only is never a name, but it may be a mistyped address. */
const LOOKS_LIKE_ADDRESS = /(^|\.)\d+$/;

/** @throws EgressRuleError */
export function createAddressRules(allow: readonly string[]): AddressRules {
  const hosts: HostRule[] = [];
  const ranges: RangeRule[] = [];
  for (const entry of allow) {
    const { name, port } = splitPort(entry);
    if (ipaddr.isValidCIDR(name)) ranges.push({ range: ipaddr.parseCIDR(name), port });
    else if (ipaddr.isValid(name)) {
      const address = ipaddr.process(name);
      ranges.push({ range: [address, address.kind() === 'ipv4' ? 32 : 128], port });
      hosts.push({ host: name, port });
    } else if (HOST_NAME.test(name) && !LOOKS_LIKE_ADDRESS.test(name)) hosts.push({ host: name.toLowerCase(), port });
    else throw new EgressRuleError(entry);
  }
  return {
    refusal(host, address, port) {
      const fits = (rule: { readonly port: number | undefined }): boolean => rule.port === undefined || rule.port === port;
      // `name.` is the same name, written in full.
      const name = host.toLowerCase().replace(/\.$/, '');
      if (hosts.some((rule) => rule.host === name && fits(rule))) return undefined;
      if (!ipaddr.isValid(address)) return `${address} is not an address`;
      const parsed = ipaddr.process(address);
      for (const rule of ranges) if (fits(rule) && parsed.kind() === rule.range[0].kind() && parsed.match(rule.range)) return undefined;
      if (isPublic(parsed)) return undefined;
      return `${address} is ${DESCRIPTION[parsed.range()] ?? 'not a public address'}`;
    },
  };
}

const DESCRIPTION: Readonly<Record<string, string>> = {
  loopback: 'this machine itself',
  private: 'in a private network',
  uniqueLocal: 'in a private network',
  linkLocal: 'a link-local address',
  unspecified: 'the unspecified address',
  carrierGradeNat: 'in a carrier network',
  deprecatedSiteLocal: 'in a private network',
  multicast: 'a multicast address',
  broadcast: 'a broadcast address',
  reserved: 'a reserved address',
  '6to4': 'an IPv4 address inside IPv6',
  teredo: 'an IPv4 address inside IPv6',
  rfc6052: 'an IPv4 address inside IPv6',
  rfc6145: 'an IPv4 address inside IPv6',
};

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Of IPv6 only 2000::/3 is handed out to the public, and within it the forms that carry an IPv4 address (6to4, Teredo) have ranges of their own.
 * The rest has odd corners, such as ::7f00:1 for 127.0.0.1.
 */
function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST);
}

function splitPort(entry: string): { name: string; port: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(entry);
  if (bracketed && (bracketed[2] === undefined || isPort(bracketed[2])))
    return { name: bracketed[1] ?? '', port: bracketed[2] ? Number(bracketed[2]) : undefined };
  const colons = entry.split(':').length - 1;
  if (colons === 1) {
    const [name = '', port = ''] = entry.split(':');
    if (isPort(port)) return { name, port: Number(port) };
  }
  return { name: entry, port: undefined };
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
