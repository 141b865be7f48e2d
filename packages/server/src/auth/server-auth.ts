/** How people sign in to this server: passwords, sessions, tokens, and the sign-ins elsewhere, from its settings and keys. */
import type { Database, seedDefaults } from '@plugboard/persistence';
import type { createCallerOf } from '../edge/client-address.ts';
import type { Config } from '../config.ts';
import type { Keys } from '../keys.ts';
import type { Logger } from '../log.ts';
import type { Settings } from '../settings/settings.ts';
import { type AuthService, createAuthService } from './auth-service.ts';
import { newToken } from './opaque-token.ts';
import { createOpenid } from './openid.ts';
import { createPasswords } from './passwords.ts';
import { type CookiePolicy, cookiePolicy } from './session-cookie.ts';
import type { SessionLimits } from './session-limits.ts';
import { type SignInElsewhere, createSignInElsewhere } from './sign-in-elsewhere.ts';
import { type Tokens, createTokens } from './tokens.ts';

export interface ServerAuthOptions {
  readonly database: Database;
  readonly defaults: Awaited<ReturnType<typeof seedDefaults>>;
  readonly config: Config;
  readonly settings: Settings;
  readonly keys: Keys;
  readonly fetch: Parameters<typeof createOpenid>[0]['fetch'];
  readonly callerOf: ReturnType<typeof createCallerOf>;
  readonly pageUrl: () => string;
  readonly log: Logger;
}

export interface ServerAuth {
  readonly auth: AuthService;
  /** The one-time token the owner is made with. */
  readonly setUpToken: string;
  readonly tokens: Tokens;
  readonly cookies: CookiePolicy;
  readonly elsewhere: SignInElsewhere;
  /** Seals what is kept of providers. */
  readonly sealKey: Uint8Array;
}

export async function openServerAuth({
  database,
  defaults,
  config,
  settings,
  keys,
  fetch,
  callerOf,
  pageUrl,
  log,
}: ServerAuthOptions): Promise<ServerAuth> {
  const setUpToken = newToken().token;
  const sessionLasts = (): SessionLimits => ({
    idleMs: settings.value('sessions.idleHours') * 60 * 60_000,
    longestMs: settings.value('sessions.longestDays') * 24 * 60 * 60_000,
  });
  const auth = createAuthService({
    database,
    defaults,
    passwords: createPasswords(),
    setUpToken,
    totpKey: keys.derive('totp'),
    sessionLasts,
    shortestPassword: () => settings.value('passwords.minLength'),
  });
  if (config.owner && (await auth.setUpFromSettings(config.owner)))
    log.info({ email: config.owner.email }, 'the owner was made from the settings');

  const tokens = createTokens({ key: keys.derive('token') });
  const cookies = cookiePolicy({
    publicUrl: config.publicUrl,
    allowsInsecureHttp: config.insecureHttp,
    isLocal: (req) => callerOf(req).isLocal,
    lasts: sessionLasts,
  });
  const sealKey = keys.derive('sign-in');
  const elsewhere = createSignInElsewhere({
    database,
    auth,
    openid: createOpenid({ fetch, log }),
    key: sealKey,
    fixed: config.oidc,
    pageUrl,
  });
  return { auth, setUpToken, tokens, cookies, elsewhere, sealKey };
}
