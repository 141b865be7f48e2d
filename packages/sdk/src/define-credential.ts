/** `defineCredential`: a kind of credential, with its authentication as data. */
import type { AuthIR } from './credential-ir.ts';
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
  /** Hosts the credential may be sent to: `api.example.com`, `*.example.com`; `{field}` stands for a field's value. */
  readonly hosts: readonly string[];
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
