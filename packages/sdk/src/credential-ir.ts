/** How a credential signs requests, as data: the server carries it out, a plugin's code never sees the secret. */
import type { ParamsIR } from './param-ir.ts';

/**
 * Members ending in `Field` name a field of the credential. Where a member stands with and without `Field`, the field's value counts and the
 * other is what holds while the field is empty.
 */
export type AuthIR =
  | {
      readonly scheme: 'header';
      readonly name?: string;
      readonly nameField?: string;
      readonly valueField: string;
      readonly prefix?: string;
      readonly prefixField?: string;
    }
  | { readonly scheme: 'query'; readonly name?: string; readonly nameField?: string; readonly valueField: string }
  | { readonly scheme: 'basic'; readonly usernameField: string; readonly passwordField: string }
  | { readonly scheme: 'bearer'; readonly tokenField: string }
  | OauthIR
  | JwtIR
  | {
      readonly scheme: 'sigv4';
      readonly accessKeyField: string;
      readonly secretKeyField: string;
      readonly sessionTokenField?: string;
      /** Of the request's address when neither is there. */
      readonly region?: string;
      readonly regionField?: string;
      readonly service?: string;
      readonly serviceField?: string;
    }
  | HmacIR
  | {
      readonly scheme: 'mtls';
      /** PEM texts: certificate with its chain, and key. */
      readonly certificateField?: string;
      readonly keyField?: string;
      /** A PKCS #12 file in base64, instead of the two. */
      readonly pfxField?: string;
      readonly passphraseField?: string;
      /** PEM texts of authorities the server's certificate may be of, besides the well-known ones. */
      readonly authorityField?: string;
    }
  | {
      readonly scheme: 'session';
      readonly loginUrl: string;
      readonly bodyFields: readonly string[];
      readonly tokenPath: string;
      readonly header: string;
    };

/** Tokens of an authorization server; the server fetches and renews them. */
export interface OauthIR {
  readonly scheme: 'oauth2';
  readonly grant: 'authorizationCode' | 'clientCredentials';
  readonly authorizeUrl?: string;
  readonly authorizeUrlField?: string;
  readonly tokenUrl?: string;
  readonly tokenUrlField?: string;
  /** What the parameter `iss` of the answer must be, where the service sends one. */
  readonly issuer?: string;
  readonly issuerField?: string;
  readonly scopes: readonly string[];
  /** Separated by spaces; replace `scopes`. */
  readonly scopesField?: string;
  readonly audienceField?: string;
  readonly clientIdField: string;
  readonly clientSecretField?: string;
  /** How the client proves who it is: the header of HTTP Basic, or fields of the form. @default 'basic' */
  readonly clientAuth?: 'basic' | 'body';
  readonly clientAuthField?: string;
  /** Further parameters of the page where the person agrees. */
  readonly authorizeParams?: { readonly [name: string]: string };
}

/** A signed token (RFC 7523): sent as it is, or exchanged for an access token. */
export interface JwtIR {
  readonly scheme: 'jwtBearer';
  /** `assertion` exchanges the token at `tokenUrl`; `direct` sends it as a bearer token. @default 'assertion' */
  readonly mode?: 'assertion' | 'direct';
  readonly modeField?: string;
  readonly tokenUrl?: string;
  readonly tokenUrlField?: string;
  readonly issuerField: string;
  /** @default the issuer */
  readonly subjectField?: string;
  /** @default `tokenUrl` */
  readonly audienceField?: string;
  /** A private key as PEM text, or a shared secret for HS256. */
  readonly keyField: string;
  readonly keyIdField?: string;
  /** @default 'RS256' */
  readonly algorithm?: 'RS256' | 'ES256' | 'HS256';
  readonly algorithmField?: string;
  readonly scopes: readonly string[];
  readonly scopesField?: string;
  /** @default 300 */
  readonly lifetimeSeconds?: number;
}

/** A keyed hash over parts of the request. */
export interface HmacIR {
  readonly scheme: 'hmac';
  readonly header?: string;
  readonly headerField?: string;
  readonly keyField: string;
  readonly algorithm?: 'sha256' | 'sha512' | 'sha1';
  readonly algorithmField?: string;
  /** @default 'hex' */
  readonly encoding?: 'hex' | 'base64';
  readonly encodingField?: string;
  /** What is signed: text with `{method}`, `{path}`, `{query}`, `{host}`, `{timestamp}`, `{body}`, `{bodyHash}`. @default '{body}' */
  readonly template?: string;
  readonly templateField?: string;
  /** In front of the signature, such as `sha256=`. */
  readonly prefix?: string;
  readonly prefixField?: string;
  /** The header that carries the timestamp, in seconds since 1970. */
  readonly timestampHeader?: string;
  readonly timestampHeaderField?: string;
}

/** How a person finds out whether a credential works: a GET that must not be refused. */
export interface CredentialTestIR {
  readonly url?: string;
  readonly urlField?: string;
}

/** A credential type's static description. */
export interface CredentialTypeIR {
  /** `<plugin id>/<name>`. */
  readonly type: string;
  readonly title: string;
  readonly help?: string;
  readonly fields: ParamsIR;
  readonly auth?: AuthIR;
  readonly test?: CredentialTestIR;
  /**
   * Hosts the credential may be sent to: `api.example.com`, `*.example.com`; `{field}` stands for a field's value. Empty when whoever makes
   * the credential names them.
   */
  readonly hosts: readonly string[];
  /**
   * The steps' own code gets the fields, the secret ones too, by `ctx.credential(slot)`: for protocols that the server cannot sign for, such as
   * that of a database. Shown to whoever agrees to the plugin. @default false
   */
  readonly exposed?: boolean;
}
