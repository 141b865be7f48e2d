/** How a credential signs requests, as data: the server carries it out, a plugin's code never sees the secret. */
import type { ParamsIR } from './param-ir.ts';

/** Members ending in `Field` name a field of the credential. */
export type AuthIR =
  | { readonly scheme: 'header'; readonly name: string; readonly valueField: string; readonly prefix?: string }
  | { readonly scheme: 'query'; readonly name: string; readonly valueField: string }
  | { readonly scheme: 'basic'; readonly usernameField: string; readonly passwordField: string }
  | { readonly scheme: 'bearer'; readonly tokenField: string }
  | {
      readonly scheme: 'oauth2';
      readonly grant: 'authorizationCode' | 'clientCredentials';
      readonly authorizeUrl?: string;
      readonly tokenUrl: string;
      readonly scopes: readonly string[];
      readonly clientIdField: string;
      readonly clientSecretField?: string;
    }
  | {
      readonly scheme: 'jwtBearer';
      readonly tokenUrl: string;
      readonly issuerField: string;
      readonly keyField: string;
      readonly scopes: readonly string[];
    }
  | {
      readonly scheme: 'sigv4';
      readonly accessKeyField: string;
      readonly secretKeyField: string;
      readonly regionField: string;
      readonly service: string;
    }
  | { readonly scheme: 'hmac'; readonly header: string; readonly keyField: string; readonly algorithm: 'sha256' | 'sha512' }
  | { readonly scheme: 'mtls'; readonly certificateField: string; readonly keyField: string; readonly passphraseField?: string }
  | {
      readonly scheme: 'session';
      readonly loginUrl: string;
      readonly bodyFields: readonly string[];
      readonly tokenPath: string;
      readonly header: string;
    };

/** A credential type's static description. */
export interface CredentialTypeIR {
  /** `<plugin id>/<name>`. */
  readonly type: string;
  readonly title: string;
  readonly help?: string;
  readonly fields: ParamsIR;
  readonly auth?: AuthIR;
  /** Hosts the credential may be sent to: `api.example.com`, `*.example.com`; `{field}` stands for a field's value. */
  readonly hosts: readonly string[];
}
