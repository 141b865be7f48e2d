import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EgressRuleError, createAddressRules } from './address-rules.ts';
import { type GuardedFetch, type Resolve, createGuardedFetch } from './guarded-fetch.ts';

interface Site {
  readonly port: number;
  readonly seen: string[];
  close(): Promise<void>;
}

async function openSite(host: string, listener: RequestListener): Promise<Site> {
  const seen: string[] = [];
  const server = createServer((req, res) => {
    seen.push(req.url ?? '');
    listener(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const refusalOf = async (guarded: GuardedFetch, url: string, init?: RequestInit): Promise<string> => {
  try {
    const answer = await guarded.fetch(url, init);
    await answer.text();
    return `answered ${answer.status}`;
  } catch (error) {
    let cause = error as { code?: string; message?: string; cause?: unknown };
    while (cause.cause !== undefined) cause = cause.cause as typeof cause;
    return cause.code ?? cause.message ?? '';
  }
};

describe('addresses', () => {
  const rules = createAddressRules([]);

  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:0:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '2001:db8::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
    '100::1',
    '4000::1',
    'not an address',
    '',
  ])('%s is refused', (address) => {
    expect(rules.refusal('example.com', address, 443)).toEqual(expect.any(String));
  });

  test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])('%s is public', (address) => {
    expect(rules.refusal('example.com', address, 443)).toBeUndefined();
  });

  test.each([
    [['10.0.0.0/8'], 'a', '10.9.8.7', 80, true],
    [['10.0.0.0/8'], 'a', '11.0.0.1', 80, true],
    [['10.0.0.0/8'], 'a', '192.168.0.1', 80, false],
    [['10.0.0.0/8'], 'a', '::ffff:10.0.0.1', 80, true],
    [['10.0.0.1:8080'], 'a', '10.0.0.1', 8080, true],
    [['10.0.0.1:8080'], 'a', '10.0.0.1', 80, false],
    [['10.0.0.0/8:8080'], 'a', '10.0.0.1', 8080, true],
    [['10.0.0.0/8:8080'], 'a', '10.0.0.1', 443, false],
    [['[::1]:8080'], 'a', '::1', 8080, true],
    [['[::1]:8080'], 'a', '::1', 80, false],
    [['fd00::/8'], 'a', 'fd12::1', 80, true],
    [['intranet.example'], 'intranet.example', '10.0.0.1', 80, true],
    [['Intranet.Example'], 'INTRANET.example', '10.0.0.1', 80, true],
    [['intranet.example'], 'intranet.example.', '10.0.0.1', 80, true],
    [['intranet.example'], 'evil-intranet.example', '10.0.0.1', 80, false],
    [['intranet.example:8080'], 'intranet.example', '10.0.0.1', 80, false],
  ])('with %j, %s at %s:%i may be reached: %s', (allow, host, address, port, isAllowed) => {
    expect(createAddressRules(allow).refusal(host, address, port) === undefined).toBe(isAllowed);
  });

  test.each(['*', 'http://a', '10.0.0.0/33', '10.0.0.1:99999', 'a b', '[::1', '-a', '300.0.0.1', ''])('%j is no rule', (entry) => {
    expect(() => createAddressRules([entry])).toThrow(EgressRuleError);
  });
});

describe('requests', () => {
  let inside: Site;
  let guarded: GuardedFetch;

  beforeAll(async () => {
    inside = await openSite('127.0.0.1', (_, res) => res.end('inside'));
    guarded = createGuardedFetch(createAddressRules([]));
  });
  afterAll(async () => {
    await guarded.close();
    await inside.close();
  });

  test.each([
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0',
    '0.0.0.0',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    'localhost',
    'localhost.',
    'LOCALHOST',
    '169.254.169.254',
    'user:pass@127.0.0.1',
  ])('http://%s does not reach this machine', async (host) => {
    const before = inside.seen.length;
    const refusal = await refusalOf(guarded, `http://${host}:${inside.port}/`);
    expect(refusal).toMatch(/^(EGRESS_DENIED|ENOTFOUND|EAI_AGAIN)$|credentials/);
    expect(inside.seen.length).toBe(before);
  });

  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/', 'gopher://127.0.0.1/', 'http://[fe80::1%25lo]/', 'unix:/var/run/docker.sock'])(
    '%s is not fetched',
    async (url) => {
      expect(await refusalOf(guarded, url)).not.toMatch(/^answered/);
    },
  );

  test('a name is judged by every address it resolves to, and connected to one that was judged', async () => {
    const names: Readonly<Record<string, readonly string[]>> = {
      'inside.example': ['127.0.0.1'],
      'mixed.example': ['93.184.216.34', '127.0.0.1'],
      'metadata.example': ['169.254.169.254'],
      'six.example': ['::ffff:127.0.0.1'],
    };
    const resolve: Resolve = (name, _, callback) => {
      const found = names[name] ?? [];
      callback(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    };
    const stubbed = createGuardedFetch(createAddressRules([]), { resolve });
    for (const name of Object.keys(names)) expect(await refusalOf(stubbed, `http://${name}:${inside.port}/`), name).toBe('EGRESS_DENIED');
    await stubbed.close();
    expect(inside.seen).toEqual([]);

    const allowed = createGuardedFetch(createAddressRules(['inside.example']), { resolve });
    expect(await refusalOf(allowed, `http://inside.example:${inside.port}/`)).toBe('answered 200');
    expect(await refusalOf(allowed, `http://mixed.example:${inside.port}/`)).toBe('EGRESS_DENIED');
    await allowed.close();
  });

  test('a name that changes its address between two requests is judged again', async () => {
    let answer = '127.0.0.1';
    const resolve: Resolve = (_, __, callback) => callback(null, [{ address: answer, family: 4 }]);
    const stubbed = createGuardedFetch(createAddressRules([`127.0.0.1:${inside.port}`]), { resolve });
    expect(await refusalOf(stubbed, `http://rebind.example:${inside.port}/`, { headers: { connection: 'close' } })).toBe('answered 200');
    answer = '169.254.169.254';
    expect(await refusalOf(stubbed, `http://rebind.example:${inside.port}/`)).toBe('EGRESS_DENIED');
    await stubbed.close();
  });

  test('with a client certificate go the same guarded way', async () => {
    await expect(guarded.fetchAs({ id: 'client' }, `http://127.0.0.1:${inside.port}/`)).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
    const some = createGuardedFetch(createAddressRules([`127.0.0.1:${inside.port}`]));
    expect(await (await some.fetchAs({ id: 'client' }, `http://127.0.0.1:${inside.port}/`)).text()).toBe('inside');
    await some.close();
  });

  test('a redirect from an allowed host to a private one is refused, and nothing is sent there', async () => {
    const secret = await openSite('127.0.0.1', (_, res) => res.end('secret'));
    const outside = await openSite('127.0.0.1', (_, res) => res.writeHead(302, { location: `http://127.0.0.1:${secret.port}/` }).end());
    const some = createGuardedFetch(createAddressRules([`127.0.0.1:${outside.port}`]));
    expect(await refusalOf(some, `http://127.0.0.1:${outside.port}/`)).toBe('EGRESS_DENIED');
    expect([outside.seen.length, secret.seen.length]).toEqual([1, 0]);
    await some.close();
    await outside.close();
    await secret.close();
  });

  test('what was allowed for one port is not allowed for another, also on a connection that could be reused', async () => {
    const other = await openSite('127.0.0.1', (_, res) => res.end('other'));
    const some = createGuardedFetch(createAddressRules([`127.0.0.1:${inside.port}`]));
    expect(await refusalOf(some, `http://127.0.0.1:${inside.port}/`)).toBe('answered 200');
    expect(await refusalOf(some, `http://127.0.0.1:${other.port}/`)).toBe('EGRESS_DENIED');
    expect(await refusalOf(some, `http://127.0.0.1:${inside.port}/`, { headers: { host: `127.0.0.1:${other.port}` } })).toBe(
      'answered 200',
    );
    expect(other.seen).toEqual([]);
    await some.close();
    await other.close();
  });
});
