/** Tokens of an authorization server: with a person who agrees once, for a program of its own, or for a signed statement. */
import { defineCredential, p, when } from '@plugboard/sdk';
import { testUrl } from './test-address.ts';

const clientId = p.text().title('Client ID').max(2000).required();
const tokenUrl = p.text().title('Token address').placeholder('https://login.example.com/oauth/token').format('url').max(2000).required();
const scopes = p.text().title('Scopes').help('Separated by spaces. Left empty: what the service gives by itself.').max(4000);
const audience = p.text().title('Audience').help('Only where the service asks for one.').max(2000);
const clientAuth = p
  .choice([
    { value: 'basic', title: 'In the header' },
    { value: 'body', title: 'In the form' },
  ])
  .title('Send client ID and secret')
  .default('basic');

export const oauth2 = defineCredential({
  id: 'oauth2',
  title: 'OAuth 2: sign in',
  help: 'A person signs in at the service once; tokens are renewed without them.',
  fields: {
    authorizeUrl: p
      .text()
      .title('Sign-in address')
      .placeholder('https://login.example.com/oauth/authorize')
      .format('url')
      .max(2000)
      .required(),
    tokenUrl,
    clientId,
    clientSecret: p.text().title('Client secret').help('Left empty for a public client.').secret().max(8000),
    clientAuth,
    scopes,
    audience,
    issuer: p.text().title('Issuer').help('Where the service says who answers, it must be this one.').format('url').max(2000),
    testUrl,
  },
  auth: {
    scheme: 'oauth2',
    grant: 'authorizationCode',
    authorizeUrlField: 'authorizeUrl',
    tokenUrlField: 'tokenUrl',
    clientIdField: 'clientId',
    clientSecretField: 'clientSecret',
    clientAuthField: 'clientAuth',
    scopes: [],
    scopesField: 'scopes',
    audienceField: 'audience',
    issuerField: 'issuer',
  },
  test: { urlField: 'testUrl' },
  hosts: [],
});

export const oauth2Client = defineCredential({
  id: 'oauth2-client',
  title: 'OAuth 2: client credentials',
  help: 'The server gets tokens with an ID and a secret of its own.',
  fields: {
    tokenUrl,
    clientId,
    clientSecret: p.text().title('Client secret').secret().max(8000).required(),
    clientAuth,
    scopes,
    audience,
    testUrl,
  },
  auth: {
    scheme: 'oauth2',
    grant: 'clientCredentials',
    tokenUrlField: 'tokenUrl',
    clientIdField: 'clientId',
    clientSecretField: 'clientSecret',
    clientAuthField: 'clientAuth',
    scopes: [],
    scopesField: 'scopes',
    audienceField: 'audience',
  },
  test: { urlField: 'testUrl' },
  hosts: [],
});

export const jwt = defineCredential({
  id: 'jwt',
  title: 'Signed token (JWT)',
  help: 'Signs a statement with a key. It is sent as it is, or exchanged for an access token.',
  fields: {
    mode: p
      .choice([
        { value: 'assertion', title: 'Exchange it', help: 'As service accounts do (RFC 7523).' },
        { value: 'direct', title: 'Send it', help: 'As a bearer token.' },
      ])
      .title('What to do with it')
      .default('assertion'),
    tokenUrl: p
      .text()
      .title('Token address')
      .placeholder('https://login.example.com/oauth/token')
      .format('url')
      .max(2000)
      .required()
      .when(when.eq('mode', 'assertion')),
    algorithm: p
      .choice([
        { value: 'RS256', title: 'RS256', help: 'An RSA key.' },
        { value: 'ES256', title: 'ES256', help: 'A key on the curve P-256.' },
        { value: 'HS256', title: 'HS256', help: 'A secret both sides know.' },
      ])
      .title('Algorithm')
      .default('RS256'),
    key: p.text().title('Key').help('A private key as PEM text; for HS256 the shared secret.').secret().multiline().max(16_000).required(),
    keyId: p.text().title('Key ID').help('Sent as kid, where the service asks for it.').max(500),
    issuer: p.text().title('Issuer').help('Who signs, such as the address of a service account.').max(500).required(),
    subject: p.text().title('Subject').help('For whom. Left empty: the issuer.').max(500),
    audience: p.text().title('Audience').help('Whom it is for. Left empty: the token address.').max(2000),
    scopes,
    testUrl,
  },
  auth: {
    scheme: 'jwtBearer',
    modeField: 'mode',
    tokenUrlField: 'tokenUrl',
    algorithmField: 'algorithm',
    keyField: 'key',
    keyIdField: 'keyId',
    issuerField: 'issuer',
    subjectField: 'subject',
    audienceField: 'audience',
    scopes: [],
    scopesField: 'scopes',
  },
  test: { urlField: 'testUrl' },
  hosts: [],
});
