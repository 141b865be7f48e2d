import { describe, expect, test } from 'vitest';
import { mayGoTo, normalHost, widens } from './allowed-hosts.ts';

describe('a credential', () => {
  test.each([
    [['api.example.com'], 'https://api.example.com/x', true],
    [['api.example.com'], 'https://API.Example.com./x', true],
    [['api.example.com'], 'https://api.example.com:443/', true],
    [['api.example.com'], 'http://api.example.com/', false],
    [['api.example.com'], 'https://api.example.com:8443/', false],
    [['api.example.com:8443'], 'https://api.example.com:8443/', true],
    [['api.example.com:8443'], 'https://api.example.com/', false],
    [['api.example.com'], 'https://api.example.com.evil.test/', false],
    [['api.example.com'], 'https://evil-api.example.com/', false],
    [['api.example.com'], 'https://api.example.com@evil.test/', false],
    [['*.example.com'], 'https://a.b.example.com/', true],
    [['*.example.com'], 'https://example.com/', false],
    [['*.example.com'], 'https://.example.com.evil.test/', false],
    [['*.example.com'], 'https://evilexample.com/', false],
    [['http://127.0.0.1:9000'], 'http://127.0.0.1:9000/', true],
    [['http://127.0.0.1:9000'], 'https://127.0.0.1:9000/', false],
    [['http://127.0.0.1:9000'], 'http://127.0.0.1:9001/', false],
    [['http://127.0.0.1:9000'], 'http://127.1:9000/', true],
    [['[::1]:8443'], 'https://[::1]:8443/', true],
    [['bücher.example'], 'https://xn--bcher-kva.example/', true],
    [['api.example.com'], 'ftp://api.example.com/', false],
    [[], 'https://api.example.com/', false],
  ])('for %j goes to %s: %s', (hosts, url, isAllowed) => {
    const kept = hosts.map((host) => normalHost(host) ?? '');
    expect(mayGoTo(new URL(url), kept)).toBe(isAllowed);
  });

  test.each([
    '*',
    '*.com',
    '*.*.example.com',
    'a.*.com',
    'api.example.com/path',
    'user@host',
    'ftp://a.example',
    'a b',
    '',
    'host:0',
    'host:70000',
    '-a.example',
    '*.10.0.0.1',
    'a..b',
  ])('does not take %j for a host', (entry) => {
    expect(normalHost(entry)).toBeUndefined();
  });

  test.each([
    [['a.example'], ['a.example'], false],
    [['a.example', 'b.example'], ['a.example'], false],
    [['a.example'], ['a.example', 'b.example'], true],
    [['*.a.example'], ['x.a.example'], false],
    [['x.a.example'], ['*.a.example'], true],
    [['a.example'], ['http://a.example'], true],
    [['a.example'], ['a.example:8443'], true],
  ])('that went to %j and now goes to %j goes somewhere new: %s', (before, now, isWider) => {
    expect(widens(before, now)).toBe(isWider);
  });
});
