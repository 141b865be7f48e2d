import { describe, expect, test } from 'vitest';
import { createLog, plainLines } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  write(createLog('debug', plainLines({ write: (part: string) => (text += part) })));
  return text;
}

describe('the log at a terminal', () => {
  test('is one plain line each: time, message, fields, and the level where it matters', () => {
    expect(logged((log) => log.info({ count: 3, who: 'Ada' }, 'runs were taken over'))).toMatch(
      /^\d\d:\d\d:\d\d runs were taken over count=3 who=Ada\n$/,
    );
    expect(logged((log) => log.warn({ err: new Error('connection refused') }, 'no heartbeat'))).toMatch(
      /^\d\d:\d\d:\d\d warn {2}no heartbeat \(connection refused\)\n$/,
    );
  });

  test('shows where an error came from, and no secret', () => {
    const text = logged((log) => log.error({ err: new Error('no'), token: 'canary' }, 'it failed'));
    expect(text).toMatch(/error it failed token=\*\*\* \(no\)\n +at /);
    expect(text).not.toContain('canary');
  });

  test('steers no terminal, whatever stands in it', () => {
    // eslint-disable-next-line no-control-regex -- these are what must not come through
    expect(logged((log) => log.info({ name: '\u001b[2J\r\u009b31m' }, 'a\u0007b'))).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/,
    );
  });
});

describe('secrets', () => {
  const CANARY = 'canary-5f1c';
  const lines = (write: (log: ReturnType<typeof createLog>) => void): string => {
    let text = '';
    write(createLog('debug', { write: (part: string) => (text += part) }));
    return text;
  };
  const error = Object.assign(
    new Error(`connect to postgres://plugboard:${CANARY}@db:5432 failed`, {
      cause: new Error(`token=1&x https://a.example/?token=${CANARY}`),
    }),
    {
      config: { headers: { authorization: CANARY } },
      query: CANARY,
      rows: [CANARY],
    },
  );

  test.each<[string, (log: ReturnType<typeof createLog>) => void]>([
    ['headers', (log) => log.info({ headers: { Authorization: `Bearer ${CANARY}`, 'X-Api-Key': CANARY, cookie: `a=${CANARY}` } }, 'x')],
    ['headers as the platform has them', (log) => log.info({ headers: new Headers({ authorization: CANARY, 'set-cookie': CANARY }) }, 'x')],
    ['a request deep inside', (log) => log.info({ a: { b: { c: { request: { headers: { 'proxy-authorization': CANARY } } } } } }, 'x')],
    ['lists', (log) => log.warn({ attempts: [{ password: CANARY }, { clientSecret: CANARY }] }, 'x')],
    [
      'names in any spelling',
      (log) =>
        log.info(
          { apiKey: CANARY, API_KEY: CANARY, 'api-key': CANARY, refresh_token: CANARY, privateKey: CANARY, passphrase: CANARY },
          'x',
        ),
    ],
    ['what the settings hold', (log) => log.info({ rootKey: CANARY, databaseUrl: CANARY, totp: CANARY, code: CANARY }, 'x')],
    ['an address with a person in it', (log) => log.info({ url: `https://ada:${CANARY}@a.example/x` }, 'x')],
    ['an address with only a token before the @', (log) => log.info({ url: `https://${CANARY}@a.example/x` }, 'x')],
    ['an address object', (log) => log.info({ url: new URL(`https://a.example/?access_token=${CANARY}&b=1`) }, 'x')],
    ['a query', (log) => log.info({ path: `/invitation?token=${CANARY}&b=1` }, 'x')],
    ['a fragment', (log) => log.info(`open http://127.0.0.1/setup#token=${CANARY}`)],
    ['the words', (log) => log.error(`Authorization: Bearer ${CANARY}`)],
    ['a key of ours in the words', (log) => log.error(`the key pb_${CANARY} was refused`)],
    ['a signed token in the words', (log) => log.error(`the token eyJhbGciOiJ${CANARY}.eyJzdWIi${CANARY}.sig${CANARY} was refused`)],
    ['a private key', (log) => log.info({ pem: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----` }, 'x')],
    ['an error', (log) => log.error({ err: error }, 'x')],
    ['an error alone', (log) => log.error(error)],
    ['an error under another name', (log) => log.error({ reason: error, more: { inner: error } }, 'x')],
    [
      'a child, and its child',
      (log) =>
        log
          .child({ token: CANARY, part: 'a' })
          .child({ request: { cookie: CANARY } })
          .info('x'),
    ],
    ['bytes', (log) => log.info({ body: Buffer.from(CANARY) }, 'x')],
    ['a map', (log) => log.info({ headers: new Map([['authorization', CANARY]]) }, 'x')],
  ])('are in no line: %s', (_, write) => {
    const text = lines(write);
    expect(text).toContain('"level"');
    expect(text).not.toContain(CANARY);
  });

  test('what is none stays: counts, ids, times, addresses', () => {
    const text = lines((log) =>
      log.info(
        { tokens: 3, hasSecret: true, runId: '01a', at: new Date(0), url: 'https://a.example/x?page=2', codes: ['A'] },
        'ready at http://127.0.0.1:7400',
      ),
    );
    expect(JSON.parse(text)).toMatchObject({
      tokens: 3,
      hasSecret: true,
      runId: '01a',
      at: '1970-01-01T00:00:00.000Z',
      url: 'https://a.example/x?page=2',
      codes: ['A'],
      msg: 'ready at http://127.0.0.1:7400',
    });
  });

  test('the code of an error stays, another code does not, and an address at which a run waits loses what opens it', () => {
    const text = lines((log) => log.warn({ code: 'HTTP_503', inner: { code: CANARY } }, `POST /resume/01a1/ask@0,1/${CANARY} failed`));
    expect(text).toContain('HTTP_503');
    expect(text).toContain('/resume/01a1/ask@0,1/***');
    expect(text).not.toContain(CANARY);
  });

  test('a child keeps the fields of the one it came from', () => {
    expect(lines((log) => log.child({ part: 'a' }).child({ step: 'b' }).info('x'))).toMatch(/"part":"a","step":"b"/);
  });

  test('a value that holds itself ends', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(lines((log) => log.info(loop, 'x'))).toContain('[…]');
  });
});
