/**
 * Where a credential may go. An entry is a host (`api.example.com`, `*.example.com`, `192.0.2.7`, `[2001:db8::1]`) with or without a port;
 * HTTPS on 443 unless it says otherwise. Without encryption a secret goes only where the entry begins with `http://`.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

interface HostRule {
  readonly isHttp: boolean;
  readonly host: string;
  /** Any name below `host` fits, and not `host` itself. */
  readonly isBelow: boolean;
  readonly port: number;
}

export const HOSTS_MAX = 50;
const NAME = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/;

/** The entry as it is kept: lower case, names of other scripts in their ASCII form. Undefined when it is none. */
export function normalHost(entry: string): string | undefined {
  const rule = parseHost(entry);
  if (!rule) return undefined;
  const port = rule.port === (rule.isHttp ? 80 : 443) ? '' : `:${rule.port}`;
  return `${rule.isHttp ? 'http://' : ''}${rule.isBelow ? '*.' : ''}${rule.host}${port}`;
}

/** Whether a secret may be sent to this address. */
export function mayGoTo(url: URL, hosts: readonly string[]): boolean {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return false;
  const isHttp = url.protocol === 'http:';
  const port = url.port === '' ? (isHttp ? 80 : 443) : Number(url.port);
  const host = url.hostname.toLowerCase().replace(/\.$/, '');
  return hosts.some((entry) => {
    const rule = parseHost(entry);
    if (!rule || rule.isHttp !== isHttp || rule.port !== port) return false;
    return rule.isBelow ? host.endsWith(`.${rule.host}`) && host.length > rule.host.length + 1 : host === rule.host;
  });
}

/** True when `now` lets a secret go where `before` did not. */
export function widens(before: readonly string[], now: readonly string[]): boolean {
  return now.some((entry) => {
    if (before.includes(entry)) return false;
    const rule = parseHost(entry);
    if (!rule || rule.isBelow) return true;
    return !mayGoTo(new URL(`${rule.isHttp ? 'http' : 'https'}://${rule.host}:${rule.port}/`), before);
  });
}

function parseHost(entry: string): HostRule | undefined {
  const text = entry.trim();
  const isHttp = /^http:\/\//i.test(text);
  const rest = text.replace(/^https?:\/\//i, '');
  const match = /^(\[[0-9a-f:.]+\]|[^:/?#@\s[\]]+)(?::(\d{1,5}))?$/i.exec(rest);
  if (!match) return undefined;
  const port = match[2] === undefined ? (isHttp ? 80 : 443) : Number(match[2]);
  if (port < 1 || port > 65_535) return undefined;
  const given = match[1] ?? '';
  const isBelow = given.startsWith('*.');
  // The way every address takes: `①②⑦.1` is 127.0.0.1 here too, and names get their ASCII form.
  const host = URL.parse(`http://${isBelow ? given.slice(2) : given}/`)?.hostname.replace(/\.$/, '');
  if (host === undefined || host === '') return undefined;
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0) return isBelow || !ipaddr.isValid(address) ? undefined : { isHttp, host, isBelow, port };
  if (!NAME.test(host) || host.length > 253) return undefined;
  // `*.com` is nobody's.
  if (isBelow && !host.includes('.')) return undefined;
  return { isHttp, host, isBelow, port };
}
