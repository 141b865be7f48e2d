/**
 * Starts a run for each request to an address of this server. The item is `{ body, headers, query, params, method, path }`, with `auth` where
 * the caller proved who it is, and the files of the request beside it. All parameters describe the route, which is served before any run.
 */
import { defineTrigger, p, when } from '@plugboard/sdk';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
const isJwt = when.eq('auth', 'jwt');
const isSignature = when.eq('auth', 'signature');
const isGeneric = when.is({ auth: 'signature', signature: 'generic' });
const hasSecretJwt = when.is({ auth: 'jwt', jwtAlgorithm: ['HS256', 'HS384', 'HS512'] });
const hasKeyJwt = when.all(isJwt, when.not(when.in('jwtAlgorithm', ['HS256', 'HS384', 'HS512'])));
const HEADER = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}";

export const webhook = defineTrigger({
  id: 'webhook',
  version: 1,
  kind: 'webhook',
  title: 'Webhook',
  help: 'Starts for each request to /hooks/<path>. The item holds body, headers, query, params, method and path; authorization and cookie headers are left out.',
  icon: 'webhook',
  group: 'Triggers',
  params: {
    path: p
      .text()
      .title('Path')
      .help(
        'The part of the address after /hooks/. A segment such as :id takes any text and is found in params.id; a last one such as *rest takes all that follows.',
      )
      .placeholder('orders/new')
      .expr('deny')
      .max(200)
      .required(),
    method: p.choice(METHODS).title('Method').help('Requests with another method get the answer 405.').expr('deny').default('POST'),
    moreMethods: p
      .choice(METHODS)
      .multiple()
      .title('Further methods')
      .help('Answered in the same way. The method of a request is in the field method.')
      .expr('deny'),
    reply: p
      .choice([
        { value: 'immediate', title: 'At once', help: 'Answers 202 with the id of the run as soon as the run is stored.' },
        {
          value: 'last-step',
          title: 'When the last step ends',
          help: 'Answers 200 with the items of the last step: one item as an object, several as a list.',
        },
        { value: 'respond', title: 'By a Respond step', help: 'Answers with what a Respond step sends.' },
      ])
      .title('Answer')
      .help('When the caller gets its answer. A run that takes longer than the reply timeout is answered 202 and goes on.')
      .expr('deny')
      .default('immediate'),
    timeoutSeconds: p
      .number()
      .title('Longest wait')
      .help('Seconds until a caller is answered 202 and the run goes on alone. Left empty: as the server is set, usually 30.')
      .placeholder('30')
      .expr('deny')
      .min(1)
      .max(600)
      .when(when.in('reply', ['last-step', 'respond'])),

    auth: p
      .choice([
        { value: 'none', title: 'Anybody', help: 'Whoever knows the address can start runs.' },
        { value: 'basic', title: 'User name and password', help: 'HTTP Basic authentication.' },
        { value: 'header', title: 'Secret header', help: 'A header with a value only the sender knows, such as X-API-Key.' },
        { value: 'jwt', title: 'Signed token (JWT)', help: 'Authorization: Bearer, with a token of an issuer you name.' },
        { value: 'signature', title: 'Signature of the body', help: 'What GitHub, Stripe, Slack, Shopify, Twilio and many others send.' },
      ])
      .title('Who may call')
      .help('Others get the answer 401, and no run is started.')
      .expr('deny')
      .default('none'),
    basicCredential: p
      .credential('core/basic')
      .title('User name and password')
      .help('What callers must send.')
      .required()
      .when(when.eq('auth', 'basic')),
    headerCredential: p
      .credential('core/header')
      .title('Header')
      .help('What callers must send.')
      .required()
      .when(when.eq('auth', 'header')),
    signature: p
      .choice([
        { value: 'github', title: 'GitHub', help: 'X-Hub-Signature-256' },
        { value: 'stripe', title: 'Stripe', help: 'Stripe-Signature, with its time' },
        { value: 'slack', title: 'Slack', help: 'X-Slack-Signature, with its time' },
        { value: 'shopify', title: 'Shopify', help: 'X-Shopify-Hmac-Sha256' },
        { value: 'twilio', title: 'Twilio', help: 'X-Twilio-Signature, over the address and the form' },
        { value: 'standard', title: 'Standard Webhooks', help: 'webhook-signature, with its time and id' },
        { value: 'generic', title: 'Another sender', help: 'An HMAC over the body, in a header you name.' },
      ])
      .title('Sender')
      .help('How the signature is written.')
      .expr('deny')
      .default('generic')
      .when(isSignature),
    jwtAlgorithm: p
      .choice(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'HS256', 'HS384', 'HS512'])
      .title('Algorithm')
      .help('The only one that is taken. HS… is for a secret both sides know, all others for a key pair.')
      .expr('deny')
      .default('RS256')
      .when(isJwt),
    secretCredential: p
      .credential('core/webhook-secret')
      .title('Secret')
      .help('What the sender signs with.')
      .required()
      .when(when.any(isSignature, hasSecretJwt)),
    signatureHeader: p
      .text()
      .title('Header of the signature')
      .help('Where the sender puts it.')
      .placeholder('X-Signature')
      .expr('deny')
      .pattern(HEADER)
      .default('X-Signature')
      .when(isGeneric),
    signatureAlgorithm: p
      .choice([
        { value: 'sha256', title: 'SHA-256' },
        { value: 'sha512', title: 'SHA-512' },
        { value: 'sha1', title: 'SHA-1', help: 'Only where the sender knows no other.' },
      ])
      .title('Hash')
      .help('Which function the sender uses.')
      .expr('deny')
      .default('sha256')
      .when(isGeneric),
    signatureEncoding: p
      .choice({ hex: 'Hexadecimal', base64: 'Base64' })
      .title('Written as')
      .help('How the bytes of the signature become text.')
      .expr('deny')
      .default('hex')
      .when(isGeneric),
    signaturePrefix: p
      .text()
      .title('In front of the signature')
      .help('What the header holds before it: sha256= for example.')
      .expr('deny')
      .max(100)
      .when(isGeneric),
    signatureTimestampHeader: p
      .text()
      .title('Header of the time')
      .help('Seconds since 1970. When it is named, time, a dot and the body are what is signed. Left empty: the body alone.')
      .placeholder('X-Timestamp')
      .expr('deny')
      .pattern(HEADER)
      .when(isGeneric),
    signatureToleranceSeconds: p
      .number()
      .title('Time may differ by')
      .help('Seconds between the sender’s clock and this one, for senders that sign the time. Older requests are refused.')
      .expr('deny')
      .integer()
      .min(1)
      .max(86_400)
      .default(300)
      .when(isSignature),
    signatureRefuseRepeats: p
      .boolean()
      .title('Take each signature once')
      .help(
        'A request that is sent again word for word gets the answer 409. Senders that repeat a delivery with the old signature are refused too.',
      )
      .expr('deny')
      .default(false)
      .when(isSignature),
    jwtKeyFrom: p
      .choice([
        { value: 'jwks', title: 'The issuer’s key set', help: 'Fetched from its address and kept for ten minutes.' },
        { value: 'public-key', title: 'A public key', help: 'Pasted here.' },
      ])
      .title('Key')
      .help('Where the key that checks the token comes from.')
      .expr('deny')
      .default('jwks')
      .when(hasKeyJwt),
    jwksUrl: p
      .text()
      .title('Address of the key set')
      .help('The issuer’s documents name it as jwks_uri.')
      .placeholder('https://login.example.com/.well-known/jwks.json')
      .expr('deny')
      .format('url')
      .max(2000)
      .required()
      .when(when.all(hasKeyJwt, when.eq('jwtKeyFrom', 'jwks'))),
    jwtPublicKey: p
      .text()
      .title('Public key')
      .help('PEM text.')
      .placeholder('-----BEGIN PUBLIC KEY-----')
      .expr('deny')
      .multiline()
      .max(10_000)
      .required()
      .when(when.all(hasKeyJwt, when.eq('jwtKeyFrom', 'public-key'))),
    jwtIssuer: p.text().title('Issuer').help('What the claim iss must be. Left empty: not looked at.').expr('deny').max(500).when(isJwt),
    jwtAudience: p
      .text()
      .title('Audience')
      .help('What the claim aud must name. Left empty: tokens made for others are taken too.')
      .expr('deny')
      .max(500)
      .when(isJwt),
    jwtLeewaySeconds: p
      .number()
      .title('Clocks may differ by')
      .help('Seconds, for exp and nbf.')
      .expr('deny')
      .integer()
      .min(0)
      .max(300)
      .default(30)
      .when(isJwt),

    readBody: p
      .choice([
        { value: 'auto', title: 'By its type', help: 'JSON, forms and text as data; files of forms and other types as files.' },
        { value: 'text', title: 'As text', help: 'Always a text, JSON and forms too.' },
        { value: 'file', title: 'As a file', help: 'Always a file, found as file.' },
      ])
      .title('Body')
      .help('How the body of a request is read.')
      .expr('deny')
      .default('auto'),
    maxFileMiB: p
      .number()
      .title('Largest upload')
      .help('MiB of all files of one request together, within what the server takes.')
      .expr('deny')
      .min(0.001)
      .max(1024)
      .default(16),
    dedupe: p
      .choice([
        { value: 'none', title: 'No', help: 'Each request starts a run.' },
        { value: 'header', title: 'By a header', help: 'Such as Idempotency-Key or X-GitHub-Delivery.' },
        { value: 'field', title: 'By a field', help: 'Such as body.event.id.' },
      ])
      .title('Know deliveries again')
      .help('A delivery that comes twice starts one run, and gets the earlier answer. One without the header or field always starts a run.')
      .expr('deny')
      .default('none'),
    dedupeHeader: p
      .text()
      .title('Header')
      .help('Whose value is different for each delivery.')
      .expr('deny')
      .pattern(HEADER)
      .default('Idempotency-Key')
      .when(when.eq('dedupe', 'header')),
    dedupeField: p
      .text()
      .title('Field')
      .help('Whose value is different for each delivery: a path that begins with body, headers, query or params.')
      .placeholder('body.event.id')
      .expr('deny')
      .max(500)
      .required()
      .when(when.eq('dedupe', 'field')),
    dedupeHours: p
      .number()
      .title('For')
      .help('Hours after which the same delivery would start a run again.')
      .expr('deny')
      .min(1)
      .max(720)
      .default(24)
      .when(when.in('dedupe', ['header', 'field'])),
    perMinute: p
      .number()
      .title('Requests a minute')
      .help('Of all callers together, on each server process. More get the answer 429. Left empty: no limit beside the server’s own.')
      .expr('deny')
      .integer()
      .min(1)
      .max(1_000_000),

    cors: p
      .choice([
        { value: 'none', title: 'No page', help: 'Browsers keep pages of other origins from reading answers.' },
        { value: 'origins', title: 'Pages of these origins' },
      ])
      .title('Calls from web pages')
      .help('For pages that call this webhook from a browser (CORS). Other programs are not concerned.')
      .expr('deny')
      .default('none'),
    corsOrigins: p
      .list(p.text().title('Origin').expr('deny').max(300))
      .title('Origins')
      .help('Such as https://shop.example, without a path; * alone for all.')
      .expr('deny')
      .min(1)
      .max(100)
      .required()
      .when(when.eq('cors', 'origins')),
    corsCredentials: p
      .boolean()
      .title('With cookies and logins')
      .help('Pages may send what the browser knows of its person. Not together with *.')
      .expr('deny')
      .default(false)
      .when(when.eq('cors', 'origins')),
    corsMaxAgeSeconds: p
      .number()
      .title('Remember for')
      .help('Seconds a browser need not ask again.')
      .expr('deny')
      .integer()
      .min(0)
      .max(86_400)
      .default(600)
      .when(when.eq('cors', 'origins')),
  },
});
