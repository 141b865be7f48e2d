/** All operations of the server, from the parts they act on. */
import type { BlobStore } from '@plugboard/engine';
import type { Database, LeasedOwnership } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import type { Runner } from '@plugboard/runner';
import { authOperations } from '../auth/auth-operations.ts';
import type { AuthService } from '../auth/auth-service.ts';
import { passwordResetOperations } from '../auth/password-reset-operations.ts';
import { providerOperations } from '../auth/provider-operations.ts';
import type { CookiePolicy } from '../auth/session-cookie.ts';
import type { SignInElsewhere } from '../auth/sign-in-elsewhere.ts';
import { tokenOperations } from '../auth/token-operations.ts';
import type { Tokens } from '../auth/tokens.ts';
import { type ServerHealth, instanceOperations } from '../operations/instance-operations.ts';
import { apiKeyOperations } from '../people/api-key-operations.ts';
import { auditOperations } from '../people/audit-operations.ts';
import { memberOperations } from '../people/member-operations.ts';
import { personOperations } from '../people/person-operations.ts';
import { profileOperations } from '../people/profile-operations.ts';
import { serviceOperations } from '../people/service-operations.ts';
import { teamOperations } from '../people/team-operations.ts';
import { workspaceOperations } from '../people/workspace-operations.ts';
import { grantOperations } from '../projects/grant-operations.ts';
import { moveOperations } from '../projects/move-operations.ts';
import { projectOperations } from '../projects/project-operations.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import { createRunErasure } from '../runs/run-erasure.ts';
import { runKeepingOperations } from '../runs/run-keeping-operations.ts';
import { runOperations } from '../runs/run-operations.ts';
import { runStatisticsOperations } from '../runs/run-statistics-operations.ts';
import { savedViewOperations } from '../runs/saved-view-operations.ts';
import { createStoredRuns } from '../runs/stored-runs.ts';
import { folderOperations } from '../folders/folder-operations.ts';
import { tagOperations } from '../folders/tag-operations.ts';
import { exportOperations } from '../jobs/export-operations.ts';
import { jobOperations } from '../jobs/job-operations.ts';
import { pinOperations } from '../drafts/pin-operations.ts';
import { draftRunOperations } from '../drafts/draft-run-operations.ts';
import { draftOperations } from '../drafts/draft-operations.ts';
import { createBind, createCheckCredentials } from '../credentials/bind-credentials.ts';
import { createCheckCalls } from '../runs/check-calls.ts';
import { credentialOperations } from '../credentials/credential-operations.ts';
import type { CredentialService } from '../credentials/credential-service.ts';
import { variableOperations } from '../credentials/variable-operations.ts';
import type { RunVariables } from '../credentials/variables.ts';
import { createDefinitions } from '../workflows/definitions.ts';
import { backupOperations } from '../backup/backup-operations.ts';
import type { Backups } from '../backup/backups.ts';
import { settingOperations } from '../settings/setting-operations.ts';
import type { Settings } from '../settings/settings.ts';
import { mailOperations } from '../notifications/mail-operations.ts';
import { notificationOperations } from '../notifications/notification-operations.ts';
import type { ServerMail } from '../notifications/server-mail.ts';
import { callableOperations } from '../workflows/callable-operations.ts';
import { nodeOperations } from '../workflows/node-operations.ts';
import { workflowOperations } from '../workflows/workflow-operations.ts';
import { testOperations } from '../workflow-tests/test-operations.ts';
import type { Patience } from '../edge/patience.ts';
import { fileOperations } from '../files/file-operations.ts';
import type { FileService } from '../files/file-service.ts';
import { hookOperations } from '../hooks/hook-operations.ts';
import { type PollOperationsOptions, pollOperations } from '../polling/poll-operations.ts';
import { scheduleOperations } from '../schedules/schedule-operations.ts';
import type { SlotStarter } from '../schedules/slot-starter.ts';
import type { Operation } from './operation.ts';
import { type Registry, createRegistry } from './registry.ts';

/** Ways in besides password and key. */
export interface SignInParts {
  readonly elsewhere: SignInElsewhere;
  readonly tokens: Tokens;
  readonly cookies: CookiePolicy;
  /** Seals the secrets of OpenID clients. */
  readonly sealKey: Uint8Array;
}

export interface ServerOperationsOptions {
  readonly database: Database;
  readonly auth: AuthService;
  readonly signIn: SignInParts;
  readonly catalog: Catalog;
  readonly runner: Runner;
  readonly plans: PlanStore;
  readonly blobs: BlobStore;
  readonly files: FileService;
  /** Lets uploads take their time; absent where nothing limits them. */
  readonly patience?: Pick<Patience, 'grant'>;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly reloadRoutes: () => Promise<void>;
  readonly health: () => Promise<ServerHealth>;
  readonly version: string;
  readonly credentials: CredentialService;
  readonly variables: RunVariables;
  /** Those of parts that need more than is here: signing in for credentials, keys of the instance. */
  readonly further: readonly Operation[];
  readonly settings: Settings;
  readonly mail: ServerMail;
  readonly backups: Backups;
  /** A job was asked for. */
  readonly onJobStarted: () => void;
  readonly slots: SlotStarter;
  readonly polling: Pick<PollOperationsOptions, 'host' | 'reach' | 'onHastened'>;
  /** Key of the hashes of the audit log. */
  readonly auditKey: Uint8Array;
  /** The address people open the editor at. */
  readonly pageUrl: () => string;
  /** The address webhooks are reached at. @default that of the editor */
  readonly hooksUrl?: () => string;
  readonly log: { warn(fields: object, message: string): void };
}

export function serverOperations(options: ServerOperationsOptions): Registry {
  const { database, auth, catalog, runner, plans, blobs, ownership, log } = options;
  const definitions = createDefinitions(catalog);
  const stored = createStoredRuns({ database, blobs, plans });
  const registry: Registry = createRegistry([
    ...jobOperations({
      actionOf(name) {
        const permission = registry.all.find((one) => one.name === name)?.permission;
        return permission && 'action' in permission ? permission.action : undefined;
      },
      onStarted: options.onJobStarted,
    }),
    ...credentialOperations({ credentials: options.credentials }),
    ...variableOperations({ changed: (place) => options.variables.changed(place) }),
    ...options.further,
    ...authOperations({ auth, database, elsewhere: options.signIn.elsewhere, resets: options.mail.resets }),
    ...providerOperations(options.signIn),
    ...tokenOperations(options.signIn),
    ...profileOperations(),
    ...passwordResetOperations({ auth, byMail: options.mail.resets }),
    ...notificationOperations({ settings: options.settings }),
    ...mailOperations({ server: options.mail.server }),
    ...personOperations({ linkOf: (token) => `${options.pageUrl()}/reset#token=${token}` }),
    ...workspaceOperations({ reloadRoutes: options.reloadRoutes, graceDays: () => options.settings.value('workspaces.graceDays') }),
    ...teamOperations(),
    ...serviceOperations(),
    ...projectOperations(),
    ...grantOperations(),
    ...moveOperations(),
    ...workflowOperations({
      database,
      definitions,
      bind: async (ctx, tx, request) => {
        await createCheckCalls(catalog)(ctx, tx, request);
        await createBind(catalog)(ctx, tx, request);
      },
      timezoneOf: (workspaceId) => options.settings.value('schedules.timezone', workspaceId),
      checkCredentials: createCheckCredentials(catalog),
      reloadRoutes: options.reloadRoutes,
      log,
    }),
    ...callableOperations({ catalog }),
    ...nodeOperations({ definitions }),
    ...draftOperations({ definitions }),
    ...pinOperations({ files: options.files }),
    ...testOperations({ runner, ownership, plans, stored, definitions }),
    ...draftRunOperations({ runner, plans, stored, definitions, files: options.files }),
    ...folderOperations(),
    ...tagOperations(),
    ...runOperations({ runner, plans, stored, ownership, definitions }),
    ...hookOperations({ definitions, stored, runner, plans, hooksUrl: options.hooksUrl ?? options.pageUrl }),
    ...pollOperations({ ...options.polling, plans, definitions }),
    ...scheduleOperations({
      slots: options.slots,
      timetableOf: (definition, nodeId, workspaceId) =>
        definitions.timetable(definition, nodeId, options.settings.value('schedules.timezone', workspaceId)),
      timezoneOf: (workspaceId) => options.settings.value('schedules.timezone', workspaceId),
      mostBackfilled: (workspaceId) => options.settings.value('schedules.backfillRuns', workspaceId),
      onJobStarted: options.onJobStarted,
    }),
    ...runKeepingOperations({ database, stored, runner, ownership, erasure: createRunErasure({ database, blobs }) }),
    ...runStatisticsOperations(),
    ...savedViewOperations(),
    ...exportOperations({ files: options.files, onStarted: options.onJobStarted }),
    ...memberOperations({ linkOf: (token) => `${options.pageUrl()}/invite#token=${token}`, database, post: options.mail.post }),
    ...backupOperations({ database, backups: options.backups }),
    ...settingOperations({ database, settings: options.settings }),
    ...fileOperations({ files: options.files, ...(options.patience && { patience: options.patience }) }),
    ...apiKeyOperations(),
    ...auditOperations({ database, key: options.auditKey }),
    ...instanceOperations({ catalog, health: options.health, version: options.version }),
  ]);
  return registry;
}
