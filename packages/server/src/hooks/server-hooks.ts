/** The webhooks put onto the server: their tests, checks and limits from the parts the server has. */
import type { Database } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import type { Settings } from '../settings/settings.ts';
import { createDefinitions } from '../workflows/definitions.ts';
import { createHookAuth } from './hook-auth.ts';
import { createHookCredentials } from './hook-credentials.ts';
import { type HookHandler, type HookHandlerOptions, createHookHandler } from './hook-handler.ts';
import { createHookLimits } from './hook-limits.ts';
import { createTestHooks } from './test-hooks.ts';

type Parts = Pick<HookHandlerOptions, 'routes' | 'runner' | 'deliveries' | 'files' | 'takesWork' | 'callerOf' | 'publicUrl'>;

export interface ServerHooksOptions extends Parts {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly plans: Parameters<typeof createTestHooks>[0]['plans'];
  readonly credentials: Parameters<typeof createHookCredentials>[0]['store'];
  readonly fetch: Parameters<typeof createHookAuth>[0]['fetch'];
  readonly settings: Settings;
  readonly systemPrincipalId: string;
  readonly log: Parameters<typeof createTestHooks>[0]['log'] & HookHandlerOptions['log'];
}

export function createServerHooks({
  database,
  routes,
  catalog,
  plans,
  runner,
  credentials,
  fetch,
  deliveries,
  files,
  settings,
  takesWork,
  callerOf,
  publicUrl,
  systemPrincipalId,
  log,
}: ServerHooksOptions): HookHandler {
  return createHookHandler({
    routes,
    tests: createTestHooks({ database, definitions: createDefinitions(catalog), plans, systemPrincipalId, log }),
    runner,
    auth: createHookAuth({
      credentials: createHookCredentials({ database, store: credentials, systemPrincipalId }),
      fetch,
      log,
    }),
    deliveries,
    files,
    limits: createHookLimits({
      perCaller: settings.value('webhooks.requestsPerSecond'),
      perWorkspace: (workspaceId) => settings.value('webhooks.workspaceRequestsPerSecond', workspaceId),
    }),
    bodyLimit: (workspaceId, projectId) => settings.value('webhooks.bodyLimit', workspaceId, projectId),
    replyTimeoutMs: settings.value('webhooks.replyTimeoutMs'),
    takesWork,
    callerOf,
    publicUrl,
    log,
  });
}
