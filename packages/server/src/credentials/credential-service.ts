/** The parts that work with credentials, put together once. */
import type { Database } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import type { StepCredentials } from '@plugboard/runner';
import type { GuardedFetch } from '../egress/guarded-fetch.ts';
import type { Vault } from '../vault/vault.ts';
import { type CredentialSender, createCredentialSender } from './credential-sender.ts';
import { type CredentialStore, createCredentialStore } from './credential-store.ts';
import { type CredentialTester, createCredentialTester } from './credential-tester.ts';
import { createCredentialTypes } from './credential-types.ts';
import { createStepCredentials } from './step-credentials.ts';
import { type TokenKeeper, createTokenKeeper } from './token-keeper.ts';

export interface CredentialService {
  readonly store: CredentialStore;
  readonly tokens: TokenKeeper;
  readonly sender: CredentialSender;
  readonly tester: CredentialTester;
  /** What steps send requests with. */
  readonly ofSteps: StepCredentials;
  /** The guarded way out. */
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
}

export interface CredentialServiceOptions {
  readonly database: Database;
  readonly vault: Vault;
  readonly catalog: Pick<Catalog, 'plugins'>;
  readonly egress: GuardedFetch;
  readonly systemPrincipalId: string;
  readonly log: { warn(fields: object, message: string): void };
  /** @default the clock of this process */
  readonly now?: () => number;
}

export function createCredentialService(options: CredentialServiceOptions): CredentialService {
  const { database, vault, catalog, egress, systemPrincipalId, log, now = Date.now } = options;
  const store = createCredentialStore({ database, vault, types: createCredentialTypes(catalog), systemPrincipalId });
  const tokens = createTokenKeeper({ store, fetch: egress.fetch, now });
  const sender = createCredentialSender({ store, tokens, egress, now, log });
  return {
    store,
    tokens,
    sender,
    tester: createCredentialTester({ store, sender, tokens, now }),
    ofSteps: createStepCredentials({ database, store, sender, systemPrincipalId }),
    fetch: egress.fetch,
    now,
  };
}
