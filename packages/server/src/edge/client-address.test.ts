import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createCallerOf } from './client-address.ts';

function request(remoteAddress: string, forwarded?: string, localAddress = '192.0.2.1'): IncomingMessage {
  return {
    socket: { remoteAddress, localAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  } as unknown as IncomingMessage;
}

describe('the address of a caller', () => {
  test.each([
    ['nobody is trusted: the connection counts', [], '203.0.113.5', '198.51.100.7', '203.0.113.5'],
    ['a stranger says who he is: nobody listens', ['10.0.0.0/8'], '203.0.113.5', '198.51.100.7', '203.0.113.5'],
    ['a trusted proxy says who called it', ['10.0.0.0/8'], '10.1.1.1', '198.51.100.7', '198.51.100.7'],
    ['what the caller wrote before that does not count', ['10.0.0.0/8'], '10.1.1.1', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['proxies behind each other are passed', ['10.0.0.0/8', '127.0.0.1'], '127.0.0.1', '198.51.100.7, 10.2.2.2', '198.51.100.7'],
    ['IPv4 in the clothes of IPv6 is the same', ['10.0.0.0/8'], '::ffff:10.1.1.1', '2001:db8::1', '2001:db8::1'],
    ['what is no address ends the way', ['10.0.0.0/8'], '10.1.1.1', '198.51.100.7, unknown', '10.1.1.1'],
    ['a proxy that says nothing is the caller', ['10.0.0.0/8'], '10.1.1.1', undefined, '10.1.1.1'],
  ] as const)('%s', (_, trusted, remote, forwarded, expected) => {
    expect(createCallerOf(trusted)(request(remote, forwarded)).address).toBe(expected);
  });

  test.each([
    ['127.0.0.1', undefined, true],
    ['::1', undefined, true],
    ['::ffff:127.0.0.1', undefined, true],
    ['192.0.2.1', undefined, true],
    ['203.0.113.5', undefined, false],
  ] as const)('%s is a program on this machine: %s %s', (remote, forwarded, isLocal) => {
    expect(createCallerOf([])(request(remote, forwarded)).isLocal).toBe(isLocal);
  });

  test('a trusted proxy on this machine brings callers from elsewhere', () => {
    expect(createCallerOf(['127.0.0.1'])(request('127.0.0.1', '203.0.113.5'))).toEqual({ address: '203.0.113.5', isLocal: false });
    expect(createCallerOf(['127.0.0.1'])(request('127.0.0.1', '127.0.0.9'))).toMatchObject({ address: '127.0.0.9', isLocal: false });
  });
});
