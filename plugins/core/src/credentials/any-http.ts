/** The slot of nodes that call whatever address a person gives: every general kind of credential fits. */
import { p } from '@plugboard/sdk';

/** Types, as slots name them. */
export const HTTP_CREDENTIALS = [
  'core/bearer',
  'core/header',
  'core/query',
  'core/basic',
  'core/oauth2',
  'core/oauth2-client',
  'core/jwt',
  'core/aws',
  'core/hmac',
  'core/client-certificate',
] as const;

export const httpCredential = p
  .credential(...HTTP_CREDENTIALS)
  .title('Credential')
  .help('Signs the request. It goes only to the hosts it names, also after redirects, and nobody can read it back.');
