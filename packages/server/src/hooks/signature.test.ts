import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SIGNATURE_PRESETS, type SignatureScheme, type SignedRequest, checkSignature } from './signature.ts';

const scheme = (preset: keyof typeof SIGNATURE_PRESETS): SignatureScheme => ({
  ...SIGNATURE_PRESETS[preset],
  toleranceSeconds: 300,
  refusesRepeats: false,
});
const generic = (more: Partial<SignatureScheme> = {}): SignatureScheme => ({
  preset: 'generic',
  header: 'X-Signature',
  algorithm: 'sha256',
  encoding: 'hex',
  prefix: '',
  toleranceSeconds: 300,
  refusesRepeats: false,
  ...more,
});
const request = (body: string, headers: Record<string, string>, url = ''): SignedRequest => ({ body: Buffer.from(body), headers, url });
const outcome = (which: SignatureScheme, secrets: readonly string[], of: SignedRequest, now = Date.now()): string => {
  const result = checkSignature(which, secrets, of, now);
  return result.ok ? 'ok' : result.code;
};

describe('signatures as the services publish them', () => {
  test('GitHub: the example of its documentation', () => {
    const given = request('Hello, World!', {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    });
    expect(outcome(scheme('github'), ["It's a Secret to Everybody"], given)).toBe('ok');
    expect(outcome(scheme('github'), ["It's no Secret to Everybody"], given)).toBe('SIGNATURE_INVALID');
  });

  test('Slack: the example of its documentation, at its time and not a day later', () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const given = request(body, {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    });
    const secret = '8f742231b10e8888abcd99yyyzzz85a5';
    expect(outcome(scheme('slack'), [secret], given, 1_531_420_618_000)).toBe('ok');
    expect(outcome(scheme('slack'), [secret], given, 1_531_507_018_000)).toBe('SIGNATURE_EXPIRED');
  });

  test('Twilio: the example of its documentation, over the address and the form in order of names', () => {
    const form = new URLSearchParams({
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675310',
      Digits: '1234',
      From: '+14158675310',
      To: '+18005551212',
    });
    const url = 'https://example.com/myapp.php?foo=1&bar=2';
    const headers = { 'x-twilio-signature': 'L/OH5YylLD5NRKLltdqwSvS0BnU=', 'content-type': 'application/x-www-form-urlencoded' };
    expect(outcome(scheme('twilio'), ['12345'], request(form.toString(), headers, url))).toBe('ok');
    expect(outcome(scheme('twilio'), ['12345'], request(form.toString(), headers, `${url}&more=1`))).toBe('SIGNATURE_INVALID');
    expect(outcome(scheme('twilio'), ['12345'], request(`${form.toString()}&Extra=1`, headers, url))).toBe('SIGNATURE_INVALID');
  });

  test('Twilio: a JSON body counts by its hash in the address', () => {
    const body = '{"a":1}';
    const url = `https://example.com/x?bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
    const headers = { 'x-twilio-signature': createHmac('sha1', 'k').update(url).digest('base64'), 'content-type': 'application/json' };
    expect(outcome(scheme('twilio'), ['k'], request(body, headers, url))).toBe('ok');
    expect(outcome(scheme('twilio'), ['k'], request('{"a":2}', headers, url))).toBe('SIGNATURE_INVALID');
  });

  test('Standard Webhooks: the example of its libraries, whichever of several signatures is right', () => {
    const now = 1_614_265_330_000;
    const headers = (signature: string) => ({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': signature,
    });
    const right = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const body = '{"test": 2432232314}';
    expect(outcome(scheme('standard'), [secret], request(body, headers(right)), now)).toBe('ok');
    expect(outcome(scheme('standard'), [secret], request(body, headers(`v1,AAAA v1a,x ${right}`)), now)).toBe('ok');
    expect(outcome(scheme('standard'), [secret], request(body, headers(right.replace('v1,', 'v2,'))), now)).toBe('SIGNATURE_MISSING');
    const { 'webhook-id': _, ...withoutId } = headers(right);
    expect(outcome(scheme('standard'), [secret], request(body, withoutId), now)).toBe('SIGNATURE_MISSING');
    expect(checkSignature(scheme('standard'), [secret], request(body, headers(right)), now)).toMatchObject({
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    });
  });

  test('Stripe: one of several signatures, and only with its own time', () => {
    const sign = (time: string, body: string): string => createHmac('sha256', 'whsec_x').update(`${time}.${body}`).digest('hex');
    const now = 1_700_000_000_000;
    const given = (header: string) => request('{"id":"evt"}', { 'stripe-signature': header });
    const right = sign('1700000000', '{"id":"evt"}');
    expect(outcome(scheme('stripe'), ['whsec_x'], given(`t=1700000000,v1=${'0'.repeat(64)},v1=${right}`), now)).toBe('ok');
    expect(outcome(scheme('stripe'), ['whsec_x'], given(`t=1700000001,v1=${right}`), now)).toBe('SIGNATURE_INVALID');
    expect(outcome(scheme('stripe'), ['whsec_x'], given(`t=1700000000,v0=${right}`), now)).toBe('SIGNATURE_MISSING');
    expect(outcome(scheme('stripe'), ['whsec_x'], given(`v1=${right}`), now)).toBe('SIGNATURE_MISSING');
  });

  test('Shopify: base64 over the body', () => {
    const headers = { 'x-shopify-hmac-sha256': createHmac('sha256', 'hush').update('{"id":1}').digest('base64') };
    expect(outcome(scheme('shopify'), ['hush'], request('{"id":1}', headers))).toBe('ok');
    expect(outcome(scheme('shopify'), ['hush'], request('{"id":2}', headers))).toBe('SIGNATURE_INVALID');
  });
});

describe('a sender of one’s own', () => {
  const hex = (text: string, algorithm = 'sha256'): string => createHmac(algorithm, 'k').update(text).digest('hex');

  test.each<[string, SignatureScheme, Record<string, string>]>([
    ['the body alone', generic(), { 'x-signature': hex('body') }],
    ['with a prefix', generic({ prefix: 'sha256=' }), { 'x-signature': `sha256=${hex('body')}` }],
    ['in another hash', generic({ algorithm: 'sha512' }), { 'x-signature': hex('body', 'sha512') }],
    ['in capitals', generic(), { 'x-signature': hex('body').toUpperCase() }],
    ['with its time', generic({ timestampHeader: 'X-Time' }), { 'x-time': '1000', 'x-signature': hex('1000.body') }],
  ])('%s', (_, which, headers) => {
    expect(outcome(which, ['k'], request('body', headers), 1_000_000)).toBe('ok');
    expect(outcome(which, ['other'], request('body', headers), 1_000_000)).toBe('SIGNATURE_INVALID');
  });

  test.each<[string, SignatureScheme, Record<string, string>, string]>([
    ['no header', generic(), {}, 'SIGNATURE_MISSING'],
    ['an empty one', generic(), { 'x-signature': '' }, 'SIGNATURE_MISSING'],
    ['one of another encoding', generic(), { 'x-signature': 'zz' }, 'SIGNATURE_MISSING'],
    ['half of one', generic(), { 'x-signature': hex('body').slice(0, 32) }, 'SIGNATURE_INVALID'],
    ['one without its prefix', generic({ prefix: 'v1=' }), { 'x-signature': hex('body') }, 'SIGNATURE_MISSING'],
    ['one longer than any', generic(), { 'x-signature': 'a'.repeat(5000) }, 'SIGNATURE_MISSING'],
    [
      'base64 with rubbish in it',
      generic({ encoding: 'base64' }),
      { 'x-signature': `!${createHmac('sha256', 'k').update('body').digest('base64')}` },
      'SIGNATURE_MISSING',
    ],
    ['no time', generic({ timestampHeader: 'X-Time' }), { 'x-signature': hex('body') }, 'SIGNATURE_MISSING'],
    [
      'a time that is none',
      generic({ timestampHeader: 'X-Time' }),
      { 'x-time': '1e3', 'x-signature': hex('1e3.body') },
      'SIGNATURE_EXPIRED',
    ],
    [
      'a time below nothing',
      generic({ timestampHeader: 'X-Time' }),
      { 'x-time': '-1', 'x-signature': hex('-1.body') },
      'SIGNATURE_EXPIRED',
    ],
  ])('%s is refused', (_, which, headers, code) => {
    expect(outcome(which, ['k'], request('body', headers), 1_000_000)).toBe(code);
  });

  test('without a secret nothing fits, not even what is signed with nothing', () => {
    expect(outcome(generic(), [], request('body', { 'x-signature': createHmac('sha256', '').update('body').digest('hex') }))).toBe(
      'SIGNATURE_INVALID',
    );
  });
});
