/** `defineCredential`: a kind of credential, with its authentication as data. */
import type { AuthIR, CredentialTestIR } from './credential-ir.ts';
import type { Shape } from './param-builder.ts';

export const CREDENTIAL_MARK: unique symbol = Symbol.for('plugboard.credential');

export interface CredentialInput {
  /** Unique in the plugin; `[A-Za-z0-9_-]{1,64}`. */
  readonly id: string;
  readonly title: string;
  readonly help?: string;
  /** Secret ones carry `.secret()`. */
  readonly fields: Shape;
  readonly auth?: AuthIR;
  /** How a person finds out whether it works. */
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

export interface CredentialDefinition extends CredentialInput {
  readonly [CREDENTIAL_MARK]: 1;
}

/**
 * @example
 * defineCredential({
 *   id: 'token', title: 'API token', hosts: ['api.example.com'],
 *   fields: { token: p.text().title('Token').secret().required() },
 *   auth: { scheme: 'bearer', tokenField: 'token' },
 * })
 */
export function defineCredential(credential: CredentialInput): CredentialDefinition {
  return { ...credential, [CREDENTIAL_MARK]: 1 };
}
