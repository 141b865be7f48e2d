/** Credentials with their secrets opened, for whoever sends something with them. What is opened stays in the function that asked for it. */
import {
  type Credential,
  type Database,
  type WorkspaceTransaction,
  addCredentialSecret,
  findCredential,
  findCredentialSecret,
  inWorkspace,
} from '@plugboard/persistence';
import type { CredentialTypeIR, JsonObject } from '@plugboard/sdk';
import type { Vault } from '../vault/vault.ts';
import { type CredentialTypes, type SecretContent, secretFields, valuesOf } from './credential-types.ts';

export interface OpenedCredential {
  readonly workspaceId: string;
  readonly row: Credential;
  readonly type: CredentialTypeIR;
  /** Of the secret; 0 while there is none. */
  readonly version: number;
  readonly content: SecretContent;
  /** By field, secret ones too. */
  readonly values: JsonObject;
}

export interface CredentialStore {
  readonly types: CredentialTypes;
  /** Undefined when there is no such credential, or its type is of a plugin that is gone. @throws SealBrokenError */
  open(tx: WorkspaceTransaction, credentialId: string): Promise<OpenedCredential | undefined>;
  /** The same in a transaction of its own. */
  read(workspaceId: string, credentialId: string): Promise<OpenedCredential | undefined>;
  /** A further version; undefined when `follows` is not the newest, or the credential is gone. */
  write(tx: WorkspaceTransaction, credentialId: string, content: SecretContent, follows?: number): Promise<number | undefined>;
  /** In the name of the server. */
  inWorkspace<Result>(workspaceId: string, use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result>;
}

export interface CredentialStoreOptions {
  readonly database: Database;
  readonly vault: Vault;
  readonly types: CredentialTypes;
  readonly systemPrincipalId: string;
}

export function createCredentialStore({ database, vault, types, systemPrincipalId }: CredentialStoreOptions): CredentialStore {
  const inside: CredentialStore['inWorkspace'] = (workspaceId, use) =>
    inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, use);

  const open: CredentialStore['open'] = async (tx, credentialId) => {
    const row = await findCredential(tx, credentialId);
    const type = row && types.find(row.type);
    if (!type) return undefined;
    const secret = await findCredentialSecret(tx, credentialId);
    const plain = secret && (await vault.open(tx, { credentialId, version: secret.version }, secret));
    const content = plain ? (JSON.parse(plain.toString('utf8')) as SecretContent) : { fields: {} };
    return {
      workspaceId: tx.context.workspaceId,
      row,
      type,
      version: secret?.version ?? 0,
      content,
      values: valuesOf(type, row.publicData, content.fields),
    };
  };

  return {
    types,
    open,
    read: (workspaceId, credentialId) => inside(workspaceId, (tx) => open(tx, credentialId)),
    async write(tx, credentialId, content, follows) {
      const sealer = await vault.sealer(tx);
      const plain = Buffer.from(JSON.stringify(content));
      return addCredentialSecret(tx, credentialId, {
        ciphertext: (version) => sealer.seal({ credentialId, version }, plain),
        keyId: sealer.keyId,
        ...(follows === undefined ? {} : { follows }),
      });
    },
    inWorkspace: inside,
  };
}

/** Secret fields that are filled in. */
export function secretsSet({ type, content }: OpenedCredential): string[] {
  return secretFields(type).filter((name) => Object.hasOwn(content.fields, name));
}

/** Everything of it that must not be seen, as texts. */
export function secretTexts({ content }: Pick<OpenedCredential, 'content'>): string[] {
  const { accessToken, refreshToken } = content.tokens ?? { accessToken: '' };
  return [...Object.values(content.fields), accessToken, refreshToken].filter(
    (value): value is string => typeof value === 'string' && value !== '',
  );
}
