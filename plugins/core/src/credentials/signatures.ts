/** Credentials that never travel: requests are signed with them, or the connection is. */
import { defineCredential, p } from '@plugboard/sdk';
import { testUrl } from './test-address.ts';

const HEADER_NAME = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}";

export const aws = defineCredential({
  id: 'aws',
  title: 'AWS',
  help: 'Signs requests with Signature Version 4.',
  fields: {
    accessKeyId: p.text().title('Access key ID').max(200).required(),
    secretAccessKey: p.text().title('Secret access key').secret().max(1000).required(),
    sessionToken: p.text().title('Session token').help('Only with temporary keys.').secret().max(8000),
    region: p.text().title('Region').help('Left empty: as the address says.').placeholder('eu-central-1').max(100),
    service: p.text().title('Service').help('Such as s3 or execute-api. Left empty: as the address says.').max(100),
    testUrl,
  },
  auth: {
    scheme: 'sigv4',
    accessKeyField: 'accessKeyId',
    secretKeyField: 'secretAccessKey',
    sessionTokenField: 'sessionToken',
    regionField: 'region',
    serviceField: 'service',
  },
  test: { urlField: 'testUrl' },
  hosts: ['*.amazonaws.com'],
});

export const hmac = defineCredential({
  id: 'hmac',
  title: 'HMAC signature',
  help: 'Signs each request with a secret both sides know.',
  fields: {
    secret: p.text().title('Secret').secret().max(8000).required(),
    header: p.text().title('Header of the signature').pattern(HEADER_NAME).default('X-Signature'),
    algorithm: p
      .choice([
        { value: 'sha256', title: 'SHA-256' },
        { value: 'sha512', title: 'SHA-512' },
        { value: 'sha1', title: 'SHA-1', help: 'Only where a service asks for it.' },
      ])
      .title('Hash')
      .default('sha256'),
    encoding: p.choice({ hex: 'Hexadecimal', base64: 'Base64' }).title('Written as').default('hex'),
    template: p
      .text()
      .title('What is signed')
      .help('{method}, {path}, {query}, {host}, {timestamp}, {body} and {bodyHash} stand for parts of the request; \\n for a new line.')
      .max(1000)
      .default('{timestamp}.{body}'),
    prefix: p.text().title('In front of the signature').help('Such as sha256=').max(100),
    timestampHeader: p.text().title('Header of the timestamp').help('Seconds since 1970. Left empty: not sent.').pattern(HEADER_NAME),
    testUrl,
  },
  auth: {
    scheme: 'hmac',
    keyField: 'secret',
    headerField: 'header',
    algorithmField: 'algorithm',
    encodingField: 'encoding',
    templateField: 'template',
    prefixField: 'prefix',
    timestampHeaderField: 'timestampHeader',
  },
  test: { urlField: 'testUrl' },
  hosts: [],
});

export const clientCertificate = defineCredential({
  id: 'client-certificate',
  title: 'Client certificate',
  help: 'Proves who calls while the connection is made (mutual TLS).',
  fields: {
    certificate: p.text().title('Certificate').help('PEM text, with its chain.').multiline().max(100_000),
    key: p.text().title('Key').help('PEM text.').secret().multiline().max(100_000),
    pfx: p
      .text()
      .title('PKCS #12 file')
      .help('A .pfx or .p12 file in base64, instead of certificate and key.')
      .secret()
      .multiline()
      .max(200_000),
    passphrase: p.text().title('Passphrase').help('Of the key or the file, where it has one.').secret().max(1000),
    authority: p
      .text()
      .title('Authorities')
      .help('PEM texts of authorities the service has its certificate from, where they are not well known.')
      .multiline()
      .max(200_000),
    testUrl,
  },
  auth: {
    scheme: 'mtls',
    certificateField: 'certificate',
    keyField: 'key',
    pfxField: 'pfx',
    passphraseField: 'passphrase',
    authorityField: 'authority',
  },
  test: { urlField: 'testUrl' },
  hosts: [],
});
