/** All operations of the server, from the parts they act on. */
import type { BlobStore } from '@plugboard/engine';
import type { Database, LeasedOwnership } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import type { Runner } from '@plugboard/runner';
import { authOperations } from '../auth/auth-operations.ts';
import type { AuthService } from '../auth/auth-service.ts';
import { type ServerHealth, instanceOperations } from '../operations/instance-operations.ts';
import { apiKeyOperations } from '../people/api-key-operations.ts';
import { auditOperations } from '../people/audit-operations.ts';
import { memberOperations } from '../people/member-operations.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import { runOperations } from '../runs/run-operations.ts';
import { createStoredRuns } from '../runs/stored-runs.ts';
import { createDefinitions } from '../workflows/definitions.ts';
import { workflowOperations } from '../workflows/workflow-operations.ts';
import { type Registry, createRegistry } from './registry.ts';

export interface ServerOperationsOptions {
  readonly database: Database;
  readonly auth: AuthService;
  readonly catalog: Catalog;
  readonly runner: Runner;
  readonly plans: PlanStore;
  readonly blobs: BlobStore;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly reloadRoutes: () => Promise<void>;
  readonly health: () => Promise<ServerHealth>;
  readonly version: string;
  /** Key of the hashes of the audit log. */
  readonly auditKey: Uint8Array;
  /** The address people open the editor at. */
  readonly pageUrl: () => string;
  readonly log: { warn(fields: object, message: string): void };
}

export function serverOperations(options: ServerOperationsOptions): Registry {
  const { database, auth, catalog, runner, plans, blobs, ownership, log } = options;
  const definitions = createDefinitions(catalog);
  const stored = createStoredRuns({ database, blobs, plans });
  return createRegistry([
    ...authOperations({ auth, database }),
    ...workflowOperations({ definitions, reloadRoutes: options.reloadRoutes, log }),
    ...runOperations({ runner, plans, stored, ownership, definitions }),
    ...memberOperations({ linkOf: (token) => `${options.pageUrl()}/invitation?token=${token}` }),
    ...apiKeyOperations(),
    ...auditOperations({ database, key: options.auditKey }),
    ...instanceOperations({ catalog, health: options.health, version: options.version }),
  ]);
}
