/** The API put onto the server: who calls, how much he may ask, GraphQL once somebody asks in it. */
import { createApiLimit } from '../auth/api-limit.ts';
import { bearerToken, createIdentify } from '../auth/callers.ts';
import { sessionToken } from '../auth/session-cookie.ts';
import type { Config } from '../config.ts';
import type { createCallerOf } from '../edge/client-address.ts';
import { createLazyGraphql } from '../graphql/lazy-graphql.ts';
import type { Execute } from '../operation/execute.ts';
import type { Registry } from '../operation/registry.ts';
import type { readPageOperations } from '../pages/page-operations.ts';
import type { Settings } from '../settings/settings.ts';
import { VERSION } from '../version.ts';
import type { AppOptions } from './app.ts';

type Identifying = Parameters<typeof createIdentify>[0];

export interface ServerApiOptions {
  readonly registry: Registry;
  readonly execute: Execute;
  readonly credentials: Pick<Identifying, 'database' | 'tokens' | 'isLocalToken' | 'cookies'>;
  readonly systemPrincipalId: string;
  readonly config: Config;
  readonly settings: Settings;
  readonly callerOf: ReturnType<typeof createCallerOf>;
  /** What the pages ask, where they are built: only that is answered without counting its cost. */
  readonly pageOperations: Awaited<ReturnType<typeof readPageOperations>> | undefined;
  readonly pageUrl: () => string;
}

/** Largest body of a request, in bytes. */
const API_BODY_LIMIT = 4 * 1024 * 1024;

export function createServerApi({
  registry,
  execute,
  credentials,
  systemPrincipalId,
  config,
  settings,
  callerOf,
  pageOperations,
  pageUrl,
}: ServerApiOptions): AppOptions['api'] {
  return {
    registry,
    execute,
    identify: createIdentify({
      ...credentials,
      systemPrincipalId,
      publicUrl: config.publicUrl,
      addressOf: (req) => callerOf(req).address,
    }),
    limit: createApiLimit({
      perSecond: () => settings.value('api.requestsPerSecond'),
      credentialOf: (req) => req.headers.authorization ?? sessionToken(req, credentials.cookies),
      isExempt: (req) => credentials.isLocalToken(bearerToken(req.headers.authorization) ?? ''),
      addressOf: (req) => callerOf(req).address,
    }),
    graphql: createLazyGraphql(async () => {
      const [{ createGraphqlEndpoint }, { graphqlSchema }] = await Promise.all([
        import('../graphql/graphql-endpoint.ts'),
        import('../graphql/schema.ts'),
      ]);
      return createGraphqlEndpoint({ schema: graphqlSchema(registry, execute), ...(pageOperations && { persisted: pageOperations }) });
    }),
    bodyLimit: Math.max(API_BODY_LIMIT, config.bodyLimit),
    publicUrl: pageUrl,
    version: VERSION,
  };
}
